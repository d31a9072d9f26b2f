"""An index in memory that keeps to the port, and that can be told to fail, to stall or to break off half-way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from cloudstead.core.observations.errors import IndexUnavailable
from cloudstead.core.observations.model import SearchResult

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from cloudstead.core.ids import AccountId, ThingName, ThingUid
    from cloudstead.core.observations.model import IndexBatch, Observation, ShadowChange, ThingDocument
    from cloudstead.search import ParsedSearch, SearchScope


@dataclass
class MemoryIndex:
    """The port ``ObservationIndex`` without an engine: a search finds everything of its account.

    ``offered`` counts how often each offset came in ``append``, also when it was held already.
    """

    observations: dict[int, Observation] = field(default_factory=dict)
    changes: dict[int, ShadowChange] = field(default_factory=dict)
    things: dict[tuple[AccountId, ThingName], ThingDocument] = field(default_factory=dict)
    batches: list[IndexBatch] = field(default_factory=list)
    offered: dict[int, int] = field(default_factory=dict)
    is_down: bool = False
    # Of the next batch, so many changes are stored before it fails; ``None`` lets it through.
    breaks_after: int | None = None
    # While cleared, ``append`` waits; ``reached`` is set as soon as one does.
    may_append: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_append.set()

    async def append(self, batch: IndexBatch) -> None:
        self._answer("appending")
        for change in batch.changes:
            self.offered[change.offset] = self.offered.get(change.offset, 0) + 1
        self.reached.set()
        await self.may_append.wait()
        self.batches.append(batch)
        limit, self.breaks_after = self.breaks_after, None
        through = batch.changes[-1].offset if limit is None else ([0, *(c.offset for c in batch.changes)][limit])
        self.observations |= {seen.offset: seen for seen in batch.observations if seen.offset <= through}
        self.changes |= {change.offset: change for change in batch.changes if change.offset <= through}
        if limit is not None:
            raise IndexUnavailable("appending")

    async def put_things(self, documents: Collection[ThingDocument]) -> None:
        self._answer("indexing things")
        for document in documents:
            key = document.account_id, document.thing_name
            held = self.things.get(key)
            if held is None or held.version <= document.version:
                self.things[key] = document

    async def drop_things(self, account_id: AccountId, names: Collection[ThingName]) -> None:
        self._answer("dropping things")
        for name in names:
            self.things.pop((account_id, name), None)

    async def drop_account(self, account_id: AccountId) -> None:
        self._answer("dropping an account")
        for held in (self.observations, self.changes, self.things):
            for key in [key for key, row in held.items() if row.account_id == account_id]:
                del held[key]

    async def search_observations(self, scope: SearchScope, search: ParsedSearch) -> SearchResult:
        self._answer("searching")
        return _found(self.observations.values(), scope)

    async def search_things(self, scope: SearchScope, search: ParsedSearch) -> SearchResult:
        self._answer("searching")
        return _found(self.things.values(), scope)

    async def shadow_history(
        self,
        account_id: AccountId,
        thing_uid: ThingUid,
        *,
        before_offset: int | None,
        until_ms: int | None = None,
        limit: int,
    ) -> Sequence[ShadowChange]:
        self._answer("reading a history")
        own = [
            change
            for _, change in sorted(self.changes.items(), reverse=True)
            if (change.account_id, change.thing_uid) == (account_id, thing_uid)
            and (before_offset is None or change.offset < before_offset)
            and (until_ms is None or change.timestamp_ms <= until_ms)
        ]
        return own[:limit]

    async def has_observation(self, account_id: AccountId, offset: int, *, at_ms: int) -> bool:
        self._answer("looking for an observation")
        seen = self.observations.get(offset)
        return seen is not None and (seen.account_id, seen.timestamp_ms) == (account_id, at_ms)

    async def last_offset(self) -> int:
        self._answer("reading the last offset")
        return max((*self.observations, *self.changes), default=0)

    async def drop_before(self, account_id: AccountId, time: datetime) -> None:
        self._answer("dropping old observations")
        millis = int(time.timestamp() * 1000)
        for held in (self.observations, self.changes):
            for offset in [
                offset for offset, row in held.items() if row.account_id == account_id and row.timestamp_ms < millis
            ]:
                del held[offset]

    async def ping(self) -> None:
        self._answer("answering a ping")

    async def close(self) -> None:
        pass

    def _answer(self, doing: str) -> None:
        if self.is_down:
            raise IndexUnavailable(doing)


def _found(rows: Collection[Any], scope: SearchScope) -> SearchResult:
    hits = [{"_source": msgspec.to_builtins(row)} for row in rows if row.account_id == scope.account_id]
    return SearchResult({"hits": {"total": len(hits), "hits": hits}})
