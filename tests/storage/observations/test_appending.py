"""Batches: durable once and never twice, whatever is in them."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from cloudstead.core.clock import SystemClock
from cloudstead.core.observations.errors import IndexUnavailable
from cloudstead.core.observations.model import IndexBatch
from cloudstead.storage.observations import open_observations
from cloudstead.storage.observations.rows import observation_lines, rows_of

EVER = {"range": {"timestamp": {"gte": 0}}}


async def test_a_batch_that_comes_twice_is_stored_once(ledger):
    observations = [ledger.seen({"n": number}, at=f"2016-04-{10 + number}T00:00:00Z") for number in range(5)]
    await ledger.put(*observations)
    before = ledger.index.counts.rows
    await ledger.put(*observations)
    assert await ledger.offsets({"match_all": {}}) == [seen.offset for seen in observations]
    assert ledger.index.counts.rows == before + 5


async def test_a_restarted_index_completes_what_was_stored_in_part(ledger, place):
    first, second, third = (ledger.seen({"n": number}) for number in range(3))
    change = ledger.change(offset=second.offset)
    await ledger.put(first, second)
    again = await open_observations(place, clock=SystemClock())
    try:
        assert await again.last_offset() >= second.offset
        await again.append(IndexBatch(observations=(first, second, third), changes=(change,)))
        assert again.counts.skipped == 2
    finally:
        await again.close()
    assert await ledger.offsets({"match_all": {}}) == [first.offset, second.offset, third.offset]
    assert len(await ledger.index.shadow_history(ledger.account, "u1", before_offset=None, limit=9)) == 1


async def test_an_empty_batch_stores_nothing(ledger):
    await ledger.put()


async def test_batches_of_several_weeks_and_accounts_are_stored_whole(ledger, make_ledger):
    other = make_ledger()
    mine = [ledger.seen({}, at=f"2016-0{month}-01T00:00:00Z") for month in range(1, 6)]
    theirs = [other.seen({"only": "theirs"}, at=f"2016-0{month}-01T00:00:00Z") for month in range(1, 6)]
    await ledger.put(*itertools.chain(*zip(mine, theirs, strict=True)))
    assert await ledger.offsets({"match_all": {}}) == [seen.offset for seen in mine]
    assert await other.offsets({"exists": {"field": "state.only"}}) == [seen.offset for seen in theirs]


DEEP = b'{"a":' * 60 + b"1" + b"}" * 60
POISON = {
    "not JSON": b"{",
    "NaN": b'{"v": NaN}',
    "a lone surrogate": b'{"v": "\\ud800"}',
    "no UTF-8": b'{"v": "\xff"}',
    "no object": b"[1]",
    "too deep": DEEP,
    "too many paths": json.dumps({f"k{number}": 1 for number in range(2000)}).encode(),
    "a long path": json.dumps({"k" * 600: 1}).encode(),
}


async def test_a_state_that_cannot_be_indexed_is_kept_and_counted_and_harms_no_other(ledger):
    before = ledger.index.counts.unindexed
    good, last = ledger.seen({"v": 1}), ledger.seen({"v": 2})
    poison = [ledger.seen(text) for text in POISON.values()]
    await ledger.put(good, *poison, last)
    assert ledger.index.counts.unindexed == before + len(POISON)
    assert len(await ledger.offsets({"match_all": {}})) == len(POISON) + 2
    assert await ledger.offsets({"exists": {"field": "state"}}) == [good.offset, last.offset]


ODD = {
    "duplicate keys": (b'{"a": 1, "a": 2}', {"term": {"state.a": 2}}),
    "a dotted key beside a nested one": (b'{"a.b": 1, "a": {"b": 2}}', {"terms": {"state.a.b": [1]}}),
    "a value beside an object": (b'{"a.b": 1, "a": 5}', {"term": {"state.a": 5}}),
    "a huge integer": (b'{"a": 123456789012345678901234567890}', {"range": {"state.a": {"gt": 1e29}}}),
    "a huge number": (b'{"a": 1e308}', {"range": {"state.a": {"gte": 1e308}}}),
    "a large exact integer": (b'{"a": 9007199254740993}', {"term": {"state.a": 9007199254740993}}),
    "an empty key": (b'{"": 1, "a": 2}', {"term": {"state.a": 2}}),
    "dots at the ends": (b'{".a.": 1}', {"term": {"state..a.": 1}}),
    "objects in a list": (b'{"a": [{"b": 1}, {"b": 2, "c": null}, 7]}', {"term": {"state.a.b": 2}}),
    "lists in a list": (b'{"a": [[1], [2, [3]]]}', {"term": {"state.a": 3}}),
    "a text that looks like a date": (b'{"a": "2016-01-01"}', {"prefix": {"state.a": "2016-01"}}),
    "a text that looks like a number": (b'{"a": "007"}', {"term": {"state.a": "007"}}),
}


async def test_an_odd_state_is_found_by_its_values_and_comes_back_as_it_was_sent(ledger):
    observations = {name: ledger.seen(text, thing=f"t{place}") for place, (name, (text, _)) in enumerate(ODD.items())}
    await ledger.put(*observations.values())
    for place, (name, (text, query)) in enumerate(ODD.items()):
        search = {"query": {"bool": {"must": [query, {"term": {"thingName": f"t{place}"}}, EVER]}}}
        (hit,) = (await ledger.find(search))["hits"]["hits"]
        assert hit["_id"] == str(observations[name].offset), name
        assert hit["_source"]["state"] == json.loads(text), name


async def test_an_account_that_invents_ever_new_paths_stops_growing(embedded_ledger):
    ledger = embedded_ledger
    for batch in range(11):
        await ledger.put(ledger.seen({f"k{batch}_{number}": 1 for number in range(1000)}))
    assert ledger.index.counts.crowded_paths > 0
    assert len(await ledger.offsets({"exists": {"field": "state.k0_1"}})) == 1
    assert await ledger.offsets({"exists": {"field": "state.k10_999"}}) == []
    assert len(await ledger.offsets({"match_all": {}})) == 11


async def test_a_history_is_paged_newest_first(ledger):
    changes = [ledger.change(version=number, request=b'{"state": {"n": %d}}' % number) for number in range(5)]
    await ledger.put_changes(*changes, ledger.change(uid="other"))
    history = ledger.index.shadow_history
    newest = await history(ledger.account, "u1", before_offset=None, limit=2)
    assert list(newest) == [changes[4], changes[3]]
    assert list(await history(ledger.account, "u1", before_offset=newest[-1].offset, limit=9)) == changes[2::-1]
    assert list(await history("0" * 32, "u1", before_offset=None, limit=9)) == []


async def test_what_is_older_than_retention_is_forgotten(ledger, make_ledger):
    other = make_ledger()
    old, new = ledger.seen({}, at="2016-04-14T23:59:59.999Z"), ledger.seen({}, at="2016-04-15T00:00:00Z")
    theirs = other.seen({}, at="2016-01-01T00:00:00Z")
    await ledger.put(old, new, theirs)
    await ledger.put_changes(ledger.change(at="2016-01-01T00:00:00Z"), ledger.change())
    await ledger.index.drop_before(ledger.account, datetime(2016, 4, 15, tzinfo=UTC))
    assert await ledger.offsets({"match_all": {}}) == [new.offset]
    assert len(await ledger.index.shadow_history(ledger.account, "u1", before_offset=None, limit=9)) == 1
    assert await other.offsets({"match_all": {}}) == [theirs.offset]


async def test_a_dropped_account_leaves_nothing(ledger, make_ledger):
    other = make_ledger()
    for each in (ledger, other):
        await each.put(each.seen({"v": 1}))
        await each.put_changes(each.change())
        await each.index.put_things([each.thing("a")])
    await ledger.index.drop_account(ledger.account)
    assert await ledger.offsets({"match_all": {}}) == []
    assert (await ledger.find_things({}))["hits"]["total"] == 0
    assert list(await ledger.index.shadow_history(ledger.account, "u1", before_offset=None, limit=9)) == []
    assert len(await other.offsets({"match_all": {}})) == 1
    await ledger.put(ledger.seen({"v": "text now"}))
    assert len(await ledger.offsets({"term": {"state.v": "text now"}})) == 1


async def test_a_store_that_answers_is_pinged(ledger):
    await ledger.index.ping()


async def test_a_server_that_is_not_there_is_an_index_that_is_unavailable():
    with pytest.raises(IndexUnavailable):
        await open_observations("http://127.0.0.1:9", clock=SystemClock())


KILLED = """
import asyncio, sys
from pathlib import Path
from cloudstead.core.observations.model import IndexBatch, Observation
from cloudstead.storage.observations import open_observations
from cloudstead.storage.observations.rows import observation_lines, rows_of

async def main():
    index = await open_observations(Path(sys.argv[1]))
    if sys.argv[2] == "look":
        from cloudstead.core.observations.find import parse_observation_search
        from cloudstead.search import SearchScope
        ever = {"range": {"timestamp": {"gte": 0}}}
        search = parse_observation_search({"size": 10000, "query": ever, "_source": False})
        found = await index.search_observations(SearchScope("a"), search)
        print(*(hit["_id"] for hit in found.response["hits"]["hits"]))
        await index.close()
        return
    for first in range(1, 10_000, 20):
        seen = tuple(
            Observation(n, "a", "u", "t", "1", "root", 1460714400000 + n * 86400000 * 3, b'{"v": 1}')
            for n in range(first, first + 20)
        )
        await index.append(IndexBatch(observations=seen, changes=()))
        print(first + 19, flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
def test_what_was_appended_survives_a_kill(tmp_path):
    folder = tmp_path / "store"
    running = subprocess.Popen([sys.executable, "-c", KILLED, folder, "append"], stdout=subprocess.PIPE, text=True)
    acknowledged = 0
    for _ in range(5):
        acknowledged = int(running.stdout.readline())
    running.send_signal(signal.SIGKILL)
    running.wait()
    running.stdout.close()
    looked = subprocess.run([sys.executable, "-c", KILLED, folder, "look"], capture_output=True, text=True, check=True)
    found = sorted(map(int, looked.stdout.split()))
    assert found[:acknowledged] == list(range(1, acknowledged + 1))
    assert len(found) == len(set(found))


async def test_a_history_ends_at_a_time(ledger):
    old = ledger.change(version=1, at="2016-04-15T00:00:00Z")
    new = ledger.change(version=2, at="2016-04-15T00:00:00.001Z")
    await ledger.put_changes(old, new)
    history = ledger.index.shadow_history

    for until_ms, expected in ((old.timestamp_ms - 1, []), (old.timestamp_ms, [old]), (new.timestamp_ms, [new])):
        found = await history(ledger.account, "u1", before_offset=None, until_ms=until_ms, limit=1)
        assert list(found) == expected


async def test_an_observation_is_there_under_its_account_offset_and_time(ledger, make_ledger):
    seen = ledger.seen({"v": 1}, at="2016-04-14T23:59:59.999Z")
    await ledger.put(seen)
    has = ledger.index.has_observation

    assert await has(ledger.account, seen.offset, at_ms=seen.timestamp_ms)
    assert not await has(ledger.account, seen.offset, at_ms=seen.timestamp_ms + 1)
    assert not await has(ledger.account, seen.offset + 1, at_ms=seen.timestamp_ms)
    assert not await has(make_ledger().account, seen.offset, at_ms=seen.timestamp_ms)


async def test_a_large_batch_leaves_the_loop_to_others_in_between(ledger):
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    seen = [ledger.seen({"n": number}) for number in range(2_000)]
    written = await observation_lines(seen)
    counting.cancel()
    assert turns >= 8
    (lines,) = written.by_week.values()
    assert [row[0] for row in rows_of(lines.text())] == [each.offset for each in seen]


async def test_batches_that_come_at_once_are_stored_whole_and_once(ledger):
    batches = [[ledger.seen({"n": number}) for number in range(600)] for _ in range(3)]
    before = ledger.index.counts.rows
    await asyncio.gather(*(ledger.put(*batch) for batch in batches))
    assert ledger.index.counts.rows == before + 1_800
    offsets = [seen.offset for batch in batches for seen in batch]
    assert await ledger.offsets({"match_all": {}}) == offsets
