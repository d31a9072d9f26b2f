"""Search: what the four searches of the README cost on millions of observations, through the port of the index.

`python bench/search.py --rows 10000000` loads the rows once (a thousand things of ten types in twenty domains, one
reading each per interval, over a hundred days), then prints the median time of each search, warm. Loading stops after
`--load-seconds`, and the figures name the rows that were there.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from cloudstead.core.ids import AccountId, DomainId, ThingName, ThingTypeId, ThingUid
from cloudstead.core.observations.find import parse_observation_search
from cloudstead.core.observations.model import IndexBatch, Observation
from cloudstead.search import SearchScope
from cloudstead.storage.observations import ClickHouseIndex, open_observations

ACCOUNT = AccountId("0" * 32)
THINGS = 1_000
DAY_MS = 86_400_000
DAYS = 100
START_MS = 1_451_606_400_000  # 2016-01-01
BATCH = 20_000


def reading(offset: int, step_ms: int) -> Observation:
    round_, thing = divmod(offset, THINGS)
    state = {
        "temperature": round(15 + (offset * 7919 % 2000) / 100, 2),
        "humidity": offset * 31 % 100,
        "battery": {"level": 100 - offset % 100, "charging": offset % 7 == 0},
        "mode": ("off", "eco", "comfort")[offset % 3],
    }
    return Observation(
        offset + 1,
        ACCOUNT,
        ThingUid(f"{thing:032x}"),
        ThingName(f"{thing:08}"),
        ThingTypeId(str(thing % 10)),
        DomainId(f"domain{thing % 20}"),
        START_MS + round_ * step_ms + thing,
        json.dumps(state).encode(),
    )


async def load(index: ClickHouseIndex, rows: int, seconds: float) -> int:
    step_ms = DAYS * DAY_MS * THINGS // rows
    offset = await index.last_offset()
    started, first = time.perf_counter(), offset
    while offset < rows and time.perf_counter() - started < seconds:
        batch = [reading(number, step_ms) for number in range(offset, min(rows, offset + BATCH))]
        await index.append(IndexBatch(observations=tuple(batch), changes=()))
        offset += len(batch)
    spent = time.perf_counter() - started
    if offset > first:
        print(
            f"loaded {offset - first:,} rows in {spent:.0f} s, generator included:"
            f" {(offset - first) / spent:,.0f} rows/s",
        )
    return offset


def searches(last_ms: int) -> dict[str, tuple[float, dict[str, Any]]]:
    def since(millis: int) -> dict[str, Any]:
        return {"range": {"timestamp": {"gte": millis, "lte": last_ms}}}

    temperature = {"field": "state.temperature"}
    one_thing = {"bool": {"filter": [since(last_ms - DAY_MS), {"term": {"thingName": "00000042"}}]}}
    a_week = {"bool": {"filter": [since(last_ms - 7 * DAY_MS), {"term": {"domain": "domain2"}}]}}
    by_type = {"avg": {"avg": temperature}, "p": {"percentiles": temperature}}
    histogram = {"field": "timestamp", "interval": "30m", "time_zone": "Europe/Oslo"}
    return {
        "histogram, one thing, one day": (
            15,
            {
                "size": 0,
                "query": one_thing,
                "aggs": {"h": {"date_histogram": histogram, "aggs": {"t": {"avg": temperature}}}},
            },
        ),
        "terms + avg + percentiles, domain, week": (
            40,
            {"size": 0, "query": a_week, "aggs": {"t": {"terms": {"field": "thingName"}, "aggs": by_type}}},
        ),
        "newest ten": (30, {"size": 10, "query": since(START_MS), "sort": [{"timestamp": "desc"}]}),
        "everything, by type, percentiles": (
            500,
            {"size": 0, "query": since(START_MS), "aggs": {"t": {"terms": {"field": "thingType"}, "aggs": by_type}}},
        ),
    }


async def measure(folder: Path, rows: int, seconds: float, rounds: int) -> None:
    started = time.perf_counter()
    index = await open_observations(folder)
    print(f"opened in {time.perf_counter() - started:.2f} s")
    try:
        there = await load(index, rows, seconds)
        scope = SearchScope(ACCOUNT)  # as for a caller with a grant at the root
        last_ms = reading(there - 1, DAYS * DAY_MS * THINGS // rows).timestamp_ms
        print(f"{there:,} rows, median of {rounds}, warm")
        for name, (goal_ms, body) in searches(last_ms).items():
            times: list[float] = []
            for _ in range(rounds + 1):
                began = time.perf_counter()
                found = await index.search_observations(scope, parse_observation_search(body))
                msgspec.json.encode(found.response)
                times.append((time.perf_counter() - began) * 1000)
            median = statistics.median(times[1:])
            print(f"{name:42} {median:8.1f} ms   (goal {goal_ms:g} ms, worst {max(times[1:]):.1f})")
    finally:
        await index.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--load-seconds", type=float, default=600)
    parser.add_argument("--folder", type=Path, help="keep the rows here and use them again next time")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary) / "observations"
        asyncio.run(measure(folder, chosen.rows, chosen.load_seconds, chosen.rounds))


if __name__ == "__main__":
    main()
