from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.core.archive import reading
from cloudstead.core.archive.errors import LogBegunAnew
from cloudstead.core.archive.reading import read_object
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.errors import LogBehindStore
from factories.tenants import open_tenant

from .conftest import Workshop, values_of

SLOT = timedelta(minutes=5)


def payload(number: int, *, pad: int = 0) -> bytes:
    return json.dumps({"state": {"reported": {"n": number}}, "pad": "x" * pad}).encode()


def deliver(workshop, archive, *records):
    archive.committed(*workshop.append(*records))


async def until(is_so):
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - there is no event for each thing that a test may wait for
            await asyncio.sleep(0)


async def end_slot(workshop, archive):
    workshop.tenant.clock.advance(SLOT + timedelta(seconds=3))
    await archive.step()


async def test_messages_of_a_slot_become_one_object_named_and_filled_as_the_document_says(workshop):
    archive = await workshop.live()
    workshop.tenant.clock.advance(timedelta(hours=13, minutes=7, seconds=8))
    deliver(workshop, archive, workshop.record(payload(1)), workshop.record(payload(2)))

    await end_slot(workshop, archive)

    ((key, content),) = workshop.objects_of(workshop.tenant.account.id).items()
    assert re.fullmatch(r"2026/01/01/13/prod-firehose-1-2026-01-01-13-07-08-[0-9a-f-]{36}", key)
    assert content == payload(1) + payload(2)


async def test_a_file_is_open_until_its_slot_is_over(workshop):
    archive = await workshop.live()
    deliver(workshop, archive, workshop.record(payload(1)))
    workshop.tenant.clock.advance(SLOT - timedelta(milliseconds=1))
    await archive.step()

    assert workshop.objects_of(workshop.tenant.account.id) == {}
    open_file = archive.open_file(workshop.tenant.account.id)
    assert (open_file.first_offset, open_file.ends_ms - open_file.first_ms) == (1, 300_000)


async def test_a_full_file_is_written_before_its_slot_is_over(workshop):
    archive = await workshop.live()
    deliver(workshop, archive, *(workshop.record(payload(number, pad=400)) for number in range(10)))
    await archive.step()

    sizes = [len(content) for content in workshop.objects_of(workshop.tenant.account.id).values()]
    assert len(sizes) == 2
    assert all(1_500 < size <= 2_000 for size in sizes)


async def test_no_object_has_messages_of_two_hours(workshop):
    archive = await workshop.live()
    workshop.tenant.clock.advance(timedelta(minutes=59, seconds=59))
    deliver(workshop, archive, workshop.record(payload(1)))
    workshop.tenant.clock.advance(timedelta(seconds=1))
    deliver(workshop, archive, workshop.record(payload(2)))
    await end_slot(workshop, archive)

    folders = sorted(key[:13] for key in workshop.objects_of(workshop.tenant.account.id))
    assert folders == ["2026/01/01/00", "2026/01/01/01"]


async def test_accounts_have_objects_of_their_own(workshop):
    archive = await workshop.live()
    deliver(workshop, archive, workshop.record(payload(1)), workshop.record(payload(2), account_id=workshop.other.id))
    await end_slot(workshop, archive)

    assert [*workshop.objects_of(workshop.tenant.account.id).values()] == [payload(1)]
    assert [*workshop.objects_of(workshop.other.id).values()] == [payload(2)]


@pytest.mark.parametrize(
    "bad",
    [b"", b"no JSON", b"12", b'"text"', b"[1]", b'{"a":1', b'{"a":1}{', b'{"a":"\xff"}', b'{"a":NaN}', b"{" * 1500],
)
async def test_what_would_make_an_object_unreadable_is_left_out_and_counted(workshop, bad):
    archive = await workshop.live()
    deliver(workshop, archive, workshop.record(payload(1)), workshop.record(bad), workshop.record(payload(3)))
    await end_slot(workshop, archive)

    account_id = workshop.tenant.account.id
    ((key, content),) = workshop.objects_of(account_id).items()
    assert [value["state"]["reported"]["n"] for value in values_of(content.decode())] == [1, 3]
    row = await workshop.tenant.database.read(lambda unit: unit.archive.holding(account_id, 2))
    assert (row.key, row.count, row.left_out) == (key, 2, 1)


async def test_white_space_around_a_message_stays_outside(workshop):
    archive = await workshop.live()
    deliver(workshop, archive, workshop.record(b' {"a": 1}\r\n'), workshop.record(b'\t{"a": 2}'))
    await end_slot(workshop, archive)

    assert [*workshop.objects_of(workshop.tenant.account.id).values()] == [b'{"a": 1}{"a": 2}']


async def test_where_all_was_left_out_there_is_a_row_and_no_object(workshop):
    archive = await workshop.live()
    deliver(workshop, archive, workshop.record(b"no JSON"))
    await end_slot(workshop, archive)

    account_id = workshop.tenant.account.id
    assert workshop.objects_of(account_id) == {}
    row = await workshop.tenant.database.read(lambda unit: unit.archive.holding(account_id, 1))
    assert (row.count, row.left_out, row.size) == (0, 1, 0)
    assert archive.stored_offset == 1


async def test_a_delete_is_no_update_message(workshop):
    archive = await workshop.live()
    deliver(workshop, archive, workshop.record(b"", verb=Verb.DELETE), workshop.record(payload(2)))
    await end_slot(workshop, archive)

    row = await workshop.tenant.database.read(lambda unit: unit.archive.holding(workshop.tenant.account.id, 2))
    assert (row.first_offset, row.count) == (2, 1)


async def test_messages_come_out_of_an_object_with_all_that_the_log_knew_of_them(workshop):
    archive = await workshop.live()
    records = [workshop.record(payload(1)), workshop.record(b"no JSON"), workshop.record(payload(3))]
    deliver(workshop, archive, *records)
    await end_slot(workshop, archive)

    account_id = workshop.tenant.account.id
    (key,) = workshop.objects_of(account_id)
    assert await read_object(workshop.objects, account_id, key) == [(1, records[0]), (3, records[2])]


async def test_an_object_is_taken_apart_beside_the_event_loop(workshop, monkeypatch):
    archive = await workshop.live()
    deliver(workshop, archive, workshop.record(payload(1)))
    await end_slot(workshop, archive)
    threads = []
    for name in ("read_contents", "records_of"):
        real = getattr(reading, name)

        def noted(*given, real=real):
            threads.append(threading.current_thread())
            return real(*given)

        monkeypatch.setattr(reading, name, noted)

    account_id = workshop.tenant.account.id
    (key,) = workshop.objects_of(account_id)
    await read_object(workshop.objects, account_id, key)

    assert len(threads) == 2
    assert threading.main_thread() not in threads


async def test_what_was_not_taken_in_time_is_read_from_the_log(workshop):
    workshop.append(workshop.record(payload(1)))
    archive = await workshop.live(max_held_bytes=1)
    batch = workshop.append(workshop.record(payload(2)), workshop.record(payload(3)))
    archive.committed(*batch)
    archive.committed(*workshop.append(workshop.record(payload(4))))
    await end_slot(workshop, archive)

    (content,) = workshop.objects_of(workshop.tenant.account.id).values()
    assert content == b"".join(payload(number) for number in range(1, 5))


async def test_little_is_held_in_memory_however_many_accounts_there_are(workshop):
    workshop.max_bytes = 1 << 20
    archive = await workshop.live(max_held_bytes=8_000)
    most = 0
    for number in range(60):
        account_id = workshop.tenant.account.id if number % 2 else workshop.other.id
        deliver(workshop, archive, workshop.record(payload(number, pad=500), account_id=account_id))
        most = max(most, archive.held_bytes)
        if number % 5 == 4:
            await archive.step()
    assert most < 10_000
    await end_slot(workshop, archive)

    assert sorted(value["state"]["reported"]["n"] for _, value in workshop.archived()) == list(range(60))
    assert not [path for path in workshop.objects.held if "ArchiveParts" in path]
    for account_id in (workshop.tenant.account.id, workshop.other.id):
        (key,) = workshop.objects_of(account_id)
        offsets = [offset for offset, _ in await read_object(workshop.objects, account_id, key)]
        assert offsets == [offset for owner, offset in workshop.acknowledged if owner == account_id]


async def test_a_part_that_could_not_be_put_aside_is_not_lost(workshop):
    archive = await workshop.live(max_held_bytes=1_000)
    deliver(workshop, archive, workshop.record(payload(1, pad=300)), workshop.record(payload(2, pad=300)))
    workshop.objects.failures = 1
    with pytest.raises(OSError, match="no room"):
        await archive.step()
    await end_slot(workshop, archive)

    assert sorted(value["state"]["reported"]["n"] for _, value in workshop.archived()) == [1, 2]


async def test_what_a_former_life_put_aside_is_tidied_up(workshop):
    workshop.objects.held[f"{workshop.other.id}/ArchiveParts/1-0"] = b"old"
    archive = await workshop.live()
    running = asyncio.ensure_future(archive.run())
    await until(lambda: not workshop.objects.held)
    archive.stop()
    await running


async def test_while_objects_cannot_be_stored_nothing_is_lost_and_the_trouble_is_known(workshop):
    archive = await workshop.live()
    deliver(workshop, archive, workshop.record(payload(1)))
    workshop.tenant.clock.advance(SLOT * 2)
    workshop.objects.failures = 1
    running = asyncio.ensure_future(archive.run())
    await until(lambda: archive.last_failure is not None)
    assert archive.stored_offset == 0
    await until(lambda: archive.stored_offset)
    archive.stop()
    await running

    assert [what for what, _ in workshop.reports] == ["archive"]
    assert workshop.archived() == [(workshop.tenant.account.id, json.loads(payload(1)))]


async def test_a_log_that_ends_before_the_archive_is_refused(workshop):
    await workshop.tenant.database.write(lambda unit: unit.archive.set_checkpoint(7))
    with pytest.raises(LogBehindStore, match="archive store holds everything up to 7"):
        await workshop.live()


async def test_a_gap_in_the_log_is_told_and_passed_over(workshop):
    workshop.append(workshop.record(payload(1)))
    workshop.append(workshop.record(payload(2)))
    workshop.log.truncate_before(2, keep_from=2)
    archive = await workshop.live()
    await end_slot(workshop, archive)

    ((what, gap),) = workshop.reports
    assert (what, type(gap), gap.first_offset, gap.last_offset) == ("archive", LogBegunAnew, 1, 1)
    assert [*workshop.objects_of(workshop.tenant.account.id).values()] == [payload(2)]


async def test_old_objects_go_with_their_lists_and_rows(workshop):
    archive = await workshop.live()
    deliver(workshop, archive, workshop.record(payload(1)))
    await end_slot(workshop, archive)
    deliver(workshop, archive, workshop.record(payload(2)))
    between_ms = workshop.tenant.clock.millis()
    await end_slot(workshop, archive)

    assert await archive.drop_before(between_ms) == 1
    assert [*workshop.objects_of(workshop.tenant.account.id).values()] == [payload(2)]
    assert len(workshop.objects.held) == 2
    assert await workshop.tenant.database.read(lambda unit: unit.archive.holding(workshop.tenant.account.id, 1)) is None


async def test_the_log_may_be_tidied_up_where_there_is_nothing_to_archive(workshop):
    archive = await workshop.live()
    deliver(workshop, archive, workshop.record(b"", verb=Verb.DELETE))
    workshop.tenant.clock.advance(timedelta(seconds=31))
    await archive.step()

    assert archive.stored_offset == 1


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(st.tuples(st.booleans(), st.integers(0, 700)), min_size=1, max_size=6)),
        st.tuples(
            st.just("append unheard"), st.lists(st.tuples(st.booleans(), st.integers(0, 700)), min_size=1, max_size=3)
        ),
        st.tuples(st.just("wait"), st.integers(1, 400)),
        st.tuples(st.just("step"), st.none()),
        st.tuples(st.just("fail"), st.integers(1, 3)),
        st.tuples(st.just("fail after"), st.integers(1, 3)),
        st.tuples(st.just("crash"), st.none()),
    ),
    max_size=25,
)


async def live_through(steps, folder: Path) -> None:
    tenant = await open_tenant(folder)
    workshop = Workshop(tenant, await tenant.open_another_account())
    archive = await workshop.live(max_held_bytes=3_000)
    number = 0
    for what, argument in steps:
        if what.startswith("append"):
            records = []
            for is_other, pad in argument:
                number += 1
                account_id = workshop.other.id if is_other else tenant.account.id
                records.append(workshop.record(payload(number, pad=pad), account_id=account_id))
            told = workshop.append(*records)
            if what == "append":
                archive.committed(*told)
        elif what == "wait":
            tenant.clock.advance(timedelta(seconds=argument))
        elif what == "fail":
            workshop.objects.failures = argument
        elif what == "fail after":
            workshop.objects.failures_after = argument
        elif what == "crash":
            archive = await workshop.live(max_held_bytes=3_000)
        else:
            with suppress(OSError):  # which the store of objects raises as it was told to
                await archive.step()
    workshop.objects.failures = workshop.objects.failures_after = 0
    # A record whose commit was never heard of is one of a life that ended.
    archive = await workshop.live(max_held_bytes=3_000)
    await end_slot(workshop, archive)
    found = Counter(value["state"]["reported"]["n"] for _, value in workshop.archived())
    assert found == Counter(range(1, number + 1))
    for (account_id, offset), sent in workshop.acknowledged.items():
        row = await tenant.database.read(lambda unit, a=account_id, o=offset: unit.archive.holding(a, o))
        records = dict(await read_object(workshop.objects, account_id, row.key))
        assert records[offset].payload == sent
    assert archive.stored_offset == workshop.log.next_offset - 1
    await tenant.database.close()


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_however_it_crashes_each_acknowledged_message_is_in_exactly_one_object(steps):
    with TemporaryDirectory() as folder:
        asyncio.run(live_through(steps, Path(folder)))
