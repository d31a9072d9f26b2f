"""Search: what the four searches of the README cost on millions of observations.

`python bench/search.py --rows 10000000` loads the rows once (a thousand things of ten types in twenty domains, one
reading each per interval, over a hundred days) into the folder of a cloud, then prints the median time of each search,
warm: through the port of the index, and as a user of ObservationLambda has it, over HTTP from the server process.
Loading stops after `--load-seconds`, and the figures name the rows that were there. With `--folder` the rows are used
again next time.
"""

import argparse
import asyncio
import http.client
import importlib
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from _figures import Figure, tell
from cloudstead.core.ids import AccountId, DomainId, ThingName, ThingTypeId, ThingUid
from cloudstead.core.observations.find import parse_observation_search
from cloudstead.core.observations.model import IndexBatch, Observation
from cloudstead.search import SearchScope
from cloudstead.storage.observations import ClickHouseIndex, EmbeddedEngine, open_observations
from cloudstead.storage.observations.schema import OBSERVATION_COLUMNS, READER_SETTINGS, WRITER_SETTINGS

# The tests know how to run a cloud.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
running: Any = importlib.import_module("factories.running")

THINGS = 1_000
DAY_MS = 86_400_000
DAYS = 100
START_MS = 1_451_606_400_000  # 2016-01-01
BATCH = 20_000
THROUGH_THE_PORT = 200_000
PROMISED_ROWS = 10_000_000


def reading(account: AccountId, offset: int, step_ms: int) -> Observation:
    round_, thing = divmod(offset, THINGS)
    state = {
        "temperature": round(15 + (offset * 7919 % 2000) / 100, 2) + 0.001,
        "humidity": offset * 31 % 100,
        "battery": {"level": 100 - offset % 100, "charging": offset % 7 == 0},
        "mode": ("off", "eco", "comfort")[offset % 3],
    }
    return Observation(
        offset + 1,
        account,
        ThingUid(f"{thing:032x}"),
        ThingName(f"{thing:08}"),
        ThingTypeId(str(thing % 10)),
        DomainId(f"domain{thing % 20}"),
        START_MS + round_ * step_ms + thing,
        json.dumps(state).encode(),
    )


async def load(index: ClickHouseIndex, folder: Path, account: AccountId, rows: int, seconds: float) -> int:
    """Bring the first rows in through the port, and the rest by SQL, which writes the same rows much faster."""
    step_ms = DAYS * DAY_MS * THINGS // rows
    client = EmbeddedEngine(folder).connect(WRITER_SETTINGS)
    offset = int((await asyncio.to_thread(client.query, "SELECT count() FROM observations")).result_rows[0][0])
    started, first = time.perf_counter(), offset
    while offset < min(rows, THROUGH_THE_PORT):
        batch = [reading(account, number, step_ms) for number in range(offset, offset + BATCH)]
        await index.append(IndexBatch(observations=tuple(batch), changes=()))
        offset += len(batch)
    if offset > first:
        spent = time.perf_counter() - started
        print(f"through the port: {(offset - first) / spent:,.0f} rows/s, generator included")
    started, first = time.perf_counter(), offset
    while offset < rows and time.perf_counter() - started < seconds:
        count = min(250_000, rows - offset)
        await asyncio.to_thread(client.command, written_by_sql(account, offset, count, step_ms))
        offset += count
    if offset > first:
        print(f"by SQL: {offset - first:,} rows in {time.perf_counter() - started:.0f} s")
        # The log of the cloud knows none of these rows, and a store that is ahead of its log is not opened.
        await asyncio.to_thread(client.command, "ALTER TABLE observations UPDATE offset = 0 WHERE offset > 0")
    client.close()
    return min(offset, rows)  # the thing of the demo has reported too


def written_by_sql(account: AccountId, first: int, count: int, step_ms: int) -> str:
    """Write the statement that inserts what `reading` makes."""
    return f"""
        INSERT INTO observations ({", ".join(OBSERVATION_COLUMNS)})
        WITH number % {THINGS} AS thing, concat(
            '{{"temperature": ', toString(round(15 + (number * 7919 % 2000) / 100, 2) + 0.001),
            ', "humidity": ', toString(number * 31 % 100),
            ', "battery": {{"level": ', toString(100 - number % 100),
            ', "charging": ', if(number % 7 = 0, 'true', 'false'),
            '}}, "mode": "', ['off', 'eco', 'comfort'][number % 3 + 1], '"}}') AS text
        SELECT number + 1, '{account}', leftPad(lower(hex(thing)), 32, '0'), leftPad(toString(thing), 8, '0'),
            toString(thing % 10), concat('domain', toString(thing % 20)),
            fromUnixTimestamp64Milli(toInt64({START_MS} + intDiv(number, {THINGS}) * {step_ms} + thing), 'UTC'),
            text, text
        FROM numbers({first}, {count})"""


def searches(account: AccountId, last_ms: int) -> dict[str, tuple[float, dict[str, Any], str]]:
    """Return each search with the milliseconds to stay under and a statement that asks ClickHouse for the same."""

    def since(millis: int) -> dict[str, Any]:
        return {"range": {"timestamp": {"gte": millis, "lte": last_ms}}}

    def where(millis: int) -> str:
        ends = f"fromUnixTimestamp64Milli({millis}, 'UTC') AND fromUnixTimestamp64Milli({last_ms}, 'UTC')"
        return f"FROM observations WHERE account_id = '{account}' AND ts BETWEEN {ends}"

    levels = "0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99"
    value = "state.temperature.:Float64"
    temperature = {"field": "state.temperature"}
    day_ms, week_ms = last_ms - DAY_MS, last_ms - 7 * DAY_MS
    one_thing = {"bool": {"filter": [since(day_ms), {"term": {"thingName": "00000042"}}]}}
    a_week = {"bool": {"filter": [since(week_ms), {"term": {"domain": "domain2"}}]}}
    by_type = {"avg": {"avg": temperature}, "p": {"percentiles": temperature}}
    histogram = {"date_histogram": {"field": "timestamp", "interval": "30m", "time_zone": "Europe/Oslo"}}
    return {
        "histogram, one thing, one day": (
            15,
            {"size": 0, "query": one_thing, "aggs": {"h": histogram | {"aggs": {"t": {"avg": temperature}}}}},
            (
                f"SELECT toStartOfInterval(ts, INTERVAL 30 MINUTE, 'Europe/Oslo') AS k, count(), avg({value})"
                f" {where(day_ms)} AND thing_name = '00000042' GROUP BY k"
            ),
        ),
        "terms + avg + percentiles, domain, week": (
            40,
            {"size": 0, "query": a_week, "aggs": {"t": {"terms": {"field": "thingName"}, "aggs": by_type}}},
            (
                f"SELECT thing_name, count() AS c, avg({value}), quantilesExactInclusive({levels})({value})"
                f" {where(week_ms)} AND domain = 'domain2' GROUP BY thing_name ORDER BY c DESC, thing_name LIMIT 10"
            ),
        ),
        "newest ten": (
            30,
            {"size": 10, "query": since(START_MS), "sort": [{"timestamp": "desc"}]},
            f"SELECT thing_name, ts, source {where(START_MS)} ORDER BY ts DESC LIMIT 10",
        ),
        "everything, by type, percentiles": (
            500,
            {"size": 0, "query": since(START_MS), "aggs": {"t": {"terms": {"field": "thingType"}, "aggs": by_type}}},
            (
                f"SELECT thing_type, count(), avg({value}), quantiles({levels})({value})"
                f" {where(START_MS)} GROUP BY thing_type"
            ),
        ),
    }


def make_site(site: Path) -> AccountId:
    """Let a cloud make its folder, and return the account of its administrator."""
    if not (site / "data" / "state.sqlite").exists():
        with running.running_cloud(site):
            pass
    with closing(sqlite3.connect(site / "data" / "state.sqlite")) as state:
        ((account,),) = state.execute("SELECT id FROM accounts").fetchall()
    return AccountId(account)


async def measure_port(
    site: Path, account: AccountId, rows: int, seconds: float, rounds: int
) -> tuple[int, dict[str, float]]:
    """Load what is not there and print each search through the port; return the rows and the medians in ms."""
    folder = site / "data" / "observations"
    started = time.perf_counter()
    index = await open_observations(folder)
    print(f"opened in {time.perf_counter() - started:.2f} s")
    medians: dict[str, float] = {}
    try:
        there = await load(index, folder, account, rows, seconds)
        scope = SearchScope(account)  # as for a caller with a grant at the root
        reference = EmbeddedEngine(folder).connect(READER_SETTINGS)
        print(f"median of {rounds}, warm; the figures to reach are for {PROMISED_ROWS:,} rows")
        for name, (goal_ms, body, statement) in searches(account, last_ms_of(account, there, rows)).items():
            times: list[float] = []
            bare: list[float] = []
            for _ in range(rounds + 1):
                began = time.perf_counter()
                found = await index.search_observations(scope, parse_observation_search(body))
                msgspec.json.encode(found.response)
                times.append((time.perf_counter() - began) * 1000)
                began = time.perf_counter()
                await asyncio.to_thread(reference.raw_query, statement, fmt="JSONCompactEachRow")
                bare.append((time.perf_counter() - began) * 1000)
            medians[name] = statistics.median(times[1:])
            tell_search(name, there, times, goal_ms, "a bare statement by hand", statistics.median(bare[1:]))
        reference.close()
    finally:
        await index.close()
    return there, medians


def measure_function(
    site: Path,
    asked: dict[str, tuple[float, dict[str, Any], str]],
    there: int,
    rounds: int,
    medians: dict[str, float],
) -> None:
    """Print each search as a user of ObservationLambda has it, against the medians through the port."""
    with running.running_cloud(site) as cloud:
        address = urlsplit(cloud.ready["http"])
        headers = {"Authorization": f"Bearer {cloud.ready['api_key']}", "Content-Type": "application/json"}
        client = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        for name, (goal_ms, body, _) in asked.items():
            payload = json.dumps({"action": "FIND", "attributes": {}, "query": body})
            times: list[float] = []
            for _ in range(rounds + 1):
                began = time.perf_counter()
                client.request("POST", "/functions/ObservationLambda", payload, headers)
                answer = client.getresponse().read()
                times.append((time.perf_counter() - began) * 1000)
                found = json.loads(answer)
                if not found.get("hits", {}).get("total"):
                    raise RuntimeError(f"{name} found nothing: {answer[:400]!r}")
            tell_search(f"ObservationLambda: {name}", there, times, goal_ms, "the port of the index", medians[name])
        client.close()


def last_ms_of(account: AccountId, there: int, rows: int) -> int:
    return reading(account, there - 1, DAYS * DAY_MS * THINGS // rows).timestamp_ms


def tell_search(name: str, there: int, times: list[float], goal_ms: float, reference: str, reference_ms: float) -> None:
    """Print one search; the first of its times was to warm up."""
    median, least = statistics.median(times[1:]), min(times[1:])
    is_promised = there >= PROMISED_ROWS
    tell(
        Figure(
            name=f"{name}, {there:,} rows",
            value=f"{median:.1f} ms, least {least:.1f} ms",
            reference=reference,
            ratio=median / reference_ms,
            target=f"under {goal_ms:g} ms" if is_promised else "",
            is_met=median < goal_ms if is_promised else None,
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--load-seconds", type=float, default=600)
    parser.add_argument("--folder", type=Path, help="keep the rows here and use them again next time")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        site = chosen.folder or Path(temporary)
        site.mkdir(parents=True, exist_ok=True)
        account = make_site(site)
        there, medians = asyncio.run(measure_port(site, account, chosen.rows, chosen.load_seconds, chosen.rounds))
        last_ms = last_ms_of(account, there, chosen.rows)
        measure_function(site, searches(account, last_ms), there, chosen.rounds, medians)


if __name__ == "__main__":
    main()
