from __future__ import annotations

import pytest

from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.errors import ShadowUnavailable
from cloudstead.core.spine.intake import MAX_WAITING, MAX_WAITING_BYTES
from cloudstead.core.spine.requests import Origin
from cloudstead.log import LogWriteFailed, RecordTooLarge

DISK_FULL = LogWriteFailed(None, "No space left on device")


async def test_nothing_is_acknowledged_before_it_is_on_disk(life):
    acknowledged = []
    await life.update("lamp", on_stored=acknowledged.append)
    life.writer.store()
    before = list(acknowledged)
    life.writer.tell()

    assert (before, len(acknowledged)) == ([], 1)


async def test_what_could_not_be_stored_is_refused_and_changes_nothing(life):
    acknowledged, refused = [], []
    await life.update("lamp", on_stored=acknowledged.append, on_failed=lambda _, error: refused.append(error))
    life.writer.refuse(DISK_FULL)

    assert (acknowledged, refused, life.audience.heard) == ([], [DISK_FULL], [])
    assert not (await life.shadow("lamp")).exists


async def test_a_failure_of_the_log_is_known_until_something_is_stored_again(life):
    await life.update("lamp")
    life.writer.refuse(DISK_FULL)
    while_failing = life.spine.intake.last_failure, life.spine.intake.last_failure_ms
    await life.update("lamp")
    await life.commit()

    assert while_failing == (DISK_FULL, life.world.tenant.clock.millis())
    assert life.spine.intake.last_failure is None


async def test_a_get_waits_for_what_was_sent_before_it(life):
    await life.update("lamp", {"a": 1})
    await life.submit("lamp", Verb.GET, b"")
    before = list(life.audience.topics)
    await life.commit()

    assert before == []
    assert life.audience.topics[-1] == "$aws/things/lamp/shadow/get/accepted"
    assert b'"reported":{"a":1}' in life.audience.heard[-1][1]


async def test_a_get_between_two_updates_sees_the_first_alone(life):
    await life.update("lamp", {"a": 1})
    await life.submit("lamp", Verb.GET, b"")
    await life.update("lamp", {"a": 2})
    await life.commit()

    replies = dict(life.audience.heard)
    assert b'"reported":{"a":1}' in replies["$aws/things/lamp/shadow/get/accepted"]


async def test_a_get_waits_for_the_last_update_also_when_those_before_it_are_on_disk(life):
    await life.update("lamp", {"a": 1})
    life.writer.store()
    await life.update("lamp", {"a": 2})
    life.writer.tell()
    await life.submit("lamp", Verb.GET, b"")
    await life.commit()

    assert b'"reported":{"a":2}' in dict(life.audience.heard)["$aws/things/lamp/shadow/get/accepted"]


async def test_a_get_behind_a_refused_update_is_answered_all_the_same(life):
    await life.update("lamp")
    await life.submit("lamp", Verb.GET, b"")
    life.writer.refuse(DISK_FULL)

    await life.until(lambda: "$aws/things/lamp/shadow/get/rejected" in life.audience.topics)


async def test_a_get_is_answered_after_the_log_took_no_more(life):
    """An update that was never taken leaves nothing behind that others would wait for."""
    await life.update("pump")
    await life.commit()
    life.writer.is_closed = True
    await life.update("pump")
    await life.submit("pump", Verb.GET, b"")

    assert life.audience.topics[-1] == "$aws/things/pump/shadow/get/accepted"


async def test_a_record_that_no_log_takes_is_refused_and_is_no_fault_of_the_log(life):
    refused = []

    def too_large(*_):
        raise RecordTooLarge(2, 1)

    life.writer.submit = too_large
    await life.update("lamp", on_failed=lambda _, error: refused.append(error))

    assert [type(error) for error in refused] == [RecordTooLarge]
    assert life.spine.intake.last_failure is None


async def test_a_door_that_fails_keeps_nobody_elses_update_from_the_shadows(life):
    def fail(_):
        raise RuntimeError("the connection is gone")

    await life.update("lamp", {"a": 1}, on_stored=fail)
    await life.update("pump", {"b": 1})
    await life.commit()
    await life.spine.settle()

    assert (await life.shadow("lamp")).reported == {"a": 1}
    assert (await life.shadow("pump")).reported == {"b": 1}
    assert [what for what, _ in life.reports] == ["acknowledgement"]


async def test_a_full_intake_asks_to_stop_reading_and_tells_of_room(life):
    told = []
    life.spine.intake.when_room(lambda: told.append(life.spine.is_full))
    entry = await life.entry("lamp")
    for _ in range(MAX_WAITING):
        await life.update(entry.name)
    was_full = life.spine.is_full
    await life.commit()

    assert (was_full, told[-1]) == (True, False)


@pytest.mark.parametrize(
    ("verb", "size", "count"),
    [
        (Verb.UPDATE, MAX_WAITING_BYTES // 64, 64),
        (Verb.GET, MAX_WAITING_BYTES // 64, 64),
        (Verb.GET, 0, MAX_WAITING - 1),
    ],
)
async def test_neither_large_requests_nor_gets_fill_the_memory(life, verb, size, count):
    payload = b"x" * size
    await life.update("lamp")
    for _ in range(count - 1):
        await life.submit("lamp", verb, payload)
    before = life.spine.is_full
    await life.submit("lamp", verb, payload)
    was_full = life.spine.is_full
    await life.commit()

    assert (before, was_full, life.spine.intake.is_full) == (False, True, False)


async def test_a_caller_who_cannot_wait_is_turned_away_while_it_is_full(life):
    entry = await life.entry("lamp")
    for _ in range(MAX_WAITING):
        await life.update(entry.name)

    with pytest.raises(ShadowUnavailable):
        await life.spine.ask(entry, Verb.UPDATE, b'{"state":{}}', principal="person:ada")


async def test_a_rest_caller_hears_that_nothing_could_be_stored(life):
    entry = await life.entry("lamp")
    asking = life.begin(life.spine.ask(entry, Verb.UPDATE, b'{"state":{}}', principal="person:ada"))
    await life.until(lambda: life.writer.taken)
    life.writer.refuse(DISK_FULL)

    with pytest.raises(ShadowUnavailable):
        await asking


async def test_the_time_of_an_update_is_that_of_its_receipt(life):
    request = await life.update("lamp")

    assert request.received_ms == life.world.tenant.clock.millis()


async def test_the_numbers_of_origins_stand_in_the_log_for_ever():
    assert {origin.name: origin.value for origin in Origin} == {"DEVICE": 1, "PERSON": 2, "REST": 3}


async def test_a_long_batch_is_passed_on_in_slices_that_let_others_have_the_loop(life):
    acknowledged = []
    for number in range(100):
        await life.update("lamp", {"n": number}, on_stored=acknowledged.append)
    await life.submit("lamp", Verb.GET, b"")
    life.writer.store()
    life.writer.tell()
    at_first, was_idle = len(acknowledged), life.spine.intake.is_idle
    await life.until(lambda: life.spine.intake.is_idle)

    assert 0 < at_first < 100
    assert not was_idle
    assert [request.offset for request in acknowledged] == list(range(1, 101))
    assert b'"reported":{"n":99}' in life.audience.heard[-1][1]


async def test_a_batch_waits_for_the_slices_of_the_one_before(life):
    for number in range(40):
        await life.update("lamp", {"n": number})
    life.writer.store()
    life.writer.tell()
    await life.update("lamp", {"n": 40})
    life.writer.store()
    life.writer.tell()
    before = life.spine.applier.applied_offset
    await life.spine.settle()

    assert before < 40
    assert b'"reported":{"n":40}' in dict(life.audience.heard)["$aws/things/lamp/shadow/update/documents"]


async def test_what_is_stored_and_not_applied_yet_counts_for_a_full_intake(life):
    entry = await life.entry("lamp")
    for _ in range(MAX_WAITING):
        await life.update(entry.name)
    life.writer.store()
    life.writer.tell()
    for _ in range(MAX_WAITING // 2):
        await life.update(entry.name)

    assert life.spine.intake.is_full
