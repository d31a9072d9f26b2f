"""The index both ways: a test that takes `index` runs embedded and over HTTP, on one engine, in accounts of its own."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from cloudstead.core.clock import ManualClock
from cloudstead.core.observations.find import parse_observation_search, parse_thing_search
from cloudstead.core.observations.model import IndexBatch, Observation, ShadowChange, ThingDocument
from cloudstead.search import SearchScope
from cloudstead.storage.observations import open_observations
from factories.clickhouse_front import ClickHouseFront

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cloudstead.storage.observations import ClickHouseIndex

NOW = datetime(2016, 4, 15, 12, tzinfo=UTC)
_offsets = itertools.count(1)


def millis(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("observations")


@pytest.fixture(scope="session")
def embedded(folder: Path) -> Iterator[ClickHouseIndex]:
    index = asyncio.run(open_observations(folder, clock=ManualClock(NOW)))
    yield index
    asyncio.run(index.close())


@pytest.fixture(scope="session")
def front(folder: Path, embedded: ClickHouseIndex) -> Iterator[ClickHouseFront]:
    front = ClickHouseFront(folder)
    yield front
    front.stop()


@pytest.fixture(scope="session")
def over_http(front: ClickHouseFront) -> Iterator[ClickHouseIndex]:
    index = asyncio.run(open_observations(front.url, clock=ManualClock(NOW)))
    yield index
    asyncio.run(index.close())


@pytest.fixture(params=["embedded", "over_http"])
def index(request: pytest.FixtureRequest) -> ClickHouseIndex:
    return request.getfixturevalue(request.param)


@dataclass
class Ledger:
    """One account in an index, and short ways to fill and to search it."""

    index: ClickHouseIndex
    account: str = field(default_factory=lambda: uuid.uuid4().hex)

    def seen(self, state: Any, at: str = "2016-04-15T10:00:00Z", **named: Any) -> Observation:
        name = named.get("thing", "t1")
        return Observation(
            named.get("offset") or next(_offsets),
            self.account,
            named.get("uid", f"{name:0>32}"),
            name,
            named.get("type", "1"),
            named.get("domain", "root"),
            at if isinstance(at, int) else millis(at),
            state if isinstance(state, bytes) else json.dumps(state).encode(),
        )

    def change(self, **named: Any) -> ShadowChange:
        return ShadowChange(
            named.get("offset") or next(_offsets),
            self.account,
            named.get("uid", "u1"),
            "t1",
            named.get("verb", "update"),
            named.get("version", 1),
            named.get("author", "thing:t1"),
            millis(named.get("at", "2016-04-15T10:00:00Z")),
            named.get("request", b'{"state":{}}'),
            named.get("outcome", 0),
        )

    def thing(self, name: str, state: Any = None, **named: Any) -> ThingDocument:
        return ThingDocument(
            self.account,
            f"{name:0>32}",
            name,
            named.get("type", "1"),
            named.get("label", name.upper()),
            named.get("domain", "root"),
            named.get("description"),
            millis(named.get("created", "2016-01-01T00:00:00Z")),
            named.get("by", "demo"),
            json.dumps(state or {}).encode(),
            named.get("version", 1),
        )

    async def put(self, *observations: Observation) -> None:
        await self.index.append(IndexBatch(observations=observations, changes=()))

    async def put_changes(self, *changes: ShadowChange) -> None:
        await self.index.append(IndexBatch(observations=(), changes=changes))

    async def find(self, body: Any, **scope: Any) -> Any:
        search = parse_observation_search(body)
        return await self._answered(self.index.search_observations(self._scope(scope), search))

    async def find_things(self, body: Any, **scope: Any) -> Any:
        return await self._answered(self.index.search_things(self._scope(scope), parse_thing_search(body)))

    async def _answered(self, searching: Any) -> Any:
        return json.loads(msgspec.json.encode((await searching).response))

    def _scope(self, scope: dict[str, Any]) -> SearchScope:
        domains = scope.get("domains")
        return SearchScope(self.account, None if domains is None else frozenset(domains), scope.get("subtrees", {}))

    async def offsets(self, query: Any, **scope: Any) -> list[int]:
        """Return the offsets of what a query finds."""
        body = {"size": 10000, "query": {"bool": {"must": [query, EVER]}}, "_source": False}
        return sorted(int(hit["_id"]) for hit in (await self.find(body, **scope))["hits"]["hits"])

    async def aggregate(self, aggs: Any, query: Any = None, **scope: Any) -> Any:
        must = [EVER] if query is None else [EVER, query]
        body = {"size": 0, "query": {"bool": {"must": must}}, "aggs": aggs}
        return (await self.find(body, **scope))["aggregations"]


EVER = {"range": {"timestamp": {"gte": 0}}}


@pytest.fixture
def place(
    index: ClickHouseIndex, embedded: ClickHouseIndex, folder: Path, request: pytest.FixtureRequest
) -> Path | str:
    return folder if index is embedded else request.getfixturevalue("front").url


@pytest.fixture
def ledger(index: ClickHouseIndex) -> Ledger:
    return Ledger(index)


@pytest.fixture
def embedded_ledger(embedded: ClickHouseIndex) -> Ledger:
    return Ledger(embedded)


@pytest.fixture
def make_ledger(index: ClickHouseIndex) -> type[Ledger]:
    return lambda: Ledger(index)


@pytest.fixture
def make_over_http(over_http: ClickHouseIndex) -> type[Ledger]:
    return lambda: Ledger(over_http)


@pytest.fixture(scope="session")
def ledger_of() -> type[Ledger]:
    return Ledger
