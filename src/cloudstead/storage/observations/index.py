"""The port `ObservationIndex` over ClickHouse: one writing thread, a few reading ones."""

# ruff: noqa: S608 (all outside text goes through cloudstead.search.sql)
from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from cloudstead.core.clock import SystemClock
from cloudstead.core.observations.errors import IndexUnavailable, SearchRefused, SearchTooSlow
from cloudstead.core.observations.model import SearchResult, ShadowChange
from cloudstead.search import OBSERVATIONS, THINGS, Index, SearchInvalid, answer
from cloudstead.search.sql import number, text, texts
from cloudstead.storage.observations.catalogue import Catalogue
from cloudstead.storage.observations.engine import EmbeddedEngine, Engine, ServerEngine, Sessions, step_back
from cloudstead.storage.observations.rows import (
    Lines,
    Row,
    Written,
    change_lines,
    instant_text,
    lines_of,
    observation_lines,
    rows_of,
    thing_lines,
)
from cloudstead.storage.observations.schema import (
    CHANGE_COLUMNS,
    OBSERVATION_COLUMNS,
    PATH_COLUMNS,
    READER_SETTINGS,
    TABLES,
    THING_COLUMNS,
    WRITER_SETTINGS,
)
from cloudstead.storage.observations.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from clickhouse_connect.driver.client import Client

    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import AccountId, ThingName, ThingUid
    from cloudstead.core.observations.model import IndexBatch, Observation, ThingDocument
    from cloudstead.search import ParsedSearch, SearchScope

_T = TypeVar("_T")

SEARCH_LIMIT_MS = 5_000
MEMORY_BYTES = 1024**3  # of one statement
SEARCHES_AT_ONCE = 3
SEARCHES_OF_AN_ACCOUNT = 2  # at once: one thread is left for everybody else
WAITING_SEARCHES_OF_AN_ACCOUNT = 32  # a page of widgets asks for some ten at once

_TIMED_OUT = frozenset({159, 160})  # TIMEOUT_EXCEEDED, TOO_SLOW
_TOO_MUCH = {
    241: "it needs more memory than a search may use",  # MEMORY_LIMIT_EXCEEDED
    396: "it brings more rows than a search may",  # TOO_MANY_ROWS_OR_BYTES
    427: "a regular expression in it cannot be read",  # CANNOT_COMPILE_REGEXP
    62: "it is too long",  # SYNTAX_ERROR: statements are generated, only max_query_size can break one
    167: "it is too deep",  # TOO_DEEP_AST
    168: "it is too long",  # TOO_BIG_AST
    306: "it is too deep",  # TOO_DEEP_RECURSION
}
# What ClickHouse says about the content of a row, as opposed to its own condition.
_BAD_ROW = frozenset({6, 26, 27, 38, 41, 53, 72, 117, 130, 131, 306, 691})


@dataclass(slots=True)
class IndexCounts:
    """What happened since the index was opened, for the metrics."""

    rows: int = 0
    skipped: int = 0  # offsets that were stored already
    unindexed: int = 0  # states that are kept but cannot be searched
    crowded_paths: int = 0  # paths beyond what the catalogue of an account holds


class ClickHouseIndex:
    """The index of observations and things; open it with `open`."""

    def __init__(self, engine: Engine, *, clock: Clock, memory_bytes: int = MEMORY_BYTES) -> None:
        self._clock = clock
        memory = {"max_memory_usage": memory_bytes}
        self._writer = Sessions(engine, WRITER_SETTINGS | memory, threads=1, name="index-writer", prepare=step_back)
        self._readers = Sessions(engine, READER_SETTINGS | memory, threads=SEARCHES_AT_ONCE + 1, name="index-reader")
        # One thread more than turns: what no account asked for, such as a ping, waits for nobody's search.
        self.turns = Turns(
            SEARCHES_AT_ONCE,
            per_account=SEARCHES_OF_AN_ACCOUNT,
            waiting_per_account=WAITING_SEARCHES_OF_AN_ACCOUNT,
        )
        self._catalogues = {
            index.name: Catalogue(index.name, is_shared=engine.is_shared) for index in (OBSERVATIONS, THINGS)
        }
        # Offsets up to here may be stored in part: by an earlier process, or by a batch that failed half-way.
        self._doubtful_through = 0
        self._appending = asyncio.Lock()
        self.counts = IndexCounts()
        self.detached_parts = 0

    @classmethod
    async def open(cls, engine: Engine, *, clock: Clock, memory_bytes: int = MEMORY_BYTES) -> ClickHouseIndex:
        """Connect, make the tables, and look at what is there; `detached_parts` above 0 deserves an alarm."""
        index = cls(engine, clock=clock, memory_bytes=memory_bytes)
        try:
            await index._write("opening", index._prepare)
        except BaseException:
            await index.close()
            raise
        return index

    def _prepare(self, client: Client) -> None:
        for statement in TABLES:
            client.command(statement)
        self._doubtful_through = _last_offset(client)
        detached = "SELECT count() FROM system.detached_parts WHERE database = currentDatabase()"
        self.detached_parts = int(_rows(client, detached)[0][0])

    async def close(self) -> None:
        """Finish what was begun and let the store go."""
        await self._writer.close()
        await self._readers.close()

    async def ping(self) -> None:
        """Return when the store answers."""
        await self._read("answering a ping", lambda client: _rows(client, "SELECT 1"))

    async def append(self, batch: IndexBatch) -> None:
        """Store a batch of the log durably; what is stored already is left alone."""
        if batch.observations or batch.changes:
            async with self._appending:
                await self._append(batch)

    async def put_things(self, documents: Collection[ThingDocument]) -> None:
        """Store or replace documents of things."""
        if documents:
            await self._store(THINGS, "things", THING_COLUMNS, await thing_lines(documents))

    async def drop_things(self, account_id: AccountId, names: Collection[ThingName]) -> None:
        """Forget things; their observations stay."""
        if names:
            condition = f"account_id = {text(account_id)} AND thing_name IN {texts(names)}"
            await self._write("dropping things", lambda client: client.command(f"DELETE FROM things WHERE {condition}"))

    async def drop_account(self, account_id: AccountId) -> None:
        """Forget everything of an account."""

        def drop(client: Client) -> None:
            for table in ("observations", "shadow_changes", "things", "state_paths"):
                client.command(f"DELETE FROM {table} WHERE account_id = {text(account_id)}")
            for catalogue in self._catalogues.values():
                catalogue.forget(account_id)

        async with self._appending:  # or its paths could go from under rows that are being stored
            await self._write("dropping an account", drop)

    async def drop_before(self, account_id: AccountId, time: datetime) -> None:
        """Forget the observations and shadow changes of an account from before a time."""
        millis = int(time.timestamp() * 1000)
        condition = f"account_id = {text(account_id)} AND ts < {_instant(millis)}"

        def drop(client: Client) -> None:
            for table in ("observations", "shadow_changes"):
                client.command(f"DELETE FROM {table} WHERE {condition}")

        await self._write("dropping old observations", drop)

    async def last_offset(self) -> int:
        """Return the highest offset that is stored, 0 when none is."""
        return await self._read("reading the last offset", _last_offset)

    async def search_observations(self, scope: SearchScope, search: ParsedSearch) -> SearchResult:
        """Answer a search over observations within a scope."""
        return await self._search(OBSERVATIONS, scope, search)

    async def search_things(self, scope: SearchScope, search: ParsedSearch) -> SearchResult:
        """Answer a search over things within a scope."""
        return await self._search(THINGS, scope, search)

    async def shadow_history(
        self,
        account_id: AccountId,
        thing_uid: ThingUid,
        *,
        before_offset: int | None,
        until_ms: int | None = None,
        limit: int,
    ) -> Sequence[ShadowChange]:
        """Return the changes of a shadow, newest first; those before an offset and up to a time, where given."""
        before = "" if before_offset is None else f" AND offset < {number(before_offset)}"
        if until_ms is not None:
            before += f" AND ts <= {_instant(until_ms)}"
        statement = (
            "SELECT offset, thing_name, verb, version, author, toUnixTimestamp64Milli(ts), request, outcome"
            f" FROM shadow_changes WHERE account_id = {text(account_id)} AND thing_uid = {text(thing_uid)}{before}"
            f" ORDER BY offset DESC LIMIT {number(limit)}"
        )
        rows = await self._read_for(account_id, "reading a history", lambda client: _rows(client, statement))
        return [
            ShadowChange(offset, account_id, thing_uid, name, verb, version, author, millis, request.encode(), outcome)
            for offset, name, verb, version, author, millis, request, outcome in rows
        ]

    async def has_observation(self, account_id: AccountId, offset: int, *, at_ms: int) -> bool:
        """Tell whether the request with this offset, received at that time, is among the observations."""
        # The time leads to one week of the store, and there to a few of its marks.
        statement = (
            f"SELECT count() FROM observations WHERE account_id = {text(account_id)} AND ts = {_instant(at_ms)}"
            f" AND offset = {number(offset)}"
        )
        rows = await self._read_for(account_id, "looking for an observation", lambda client: _rows(client, statement))
        return bool(rows[0][0])

    async def _search(self, index: Index, scope: SearchScope, search: ParsedSearch) -> SearchResult:
        return await self._read_for(
            scope.account_id, "searching", lambda client: self._converse(client, index, scope, search)
        )

    def _converse(self, client: Client, index: Index, scope: SearchScope, search: ParsedSearch) -> SearchResult:
        """Drive the conversation of a search; its statements share one time limit."""
        started = time.perf_counter()
        limit_ms = min(search.timeout_ms or SEARCH_LIMIT_MS, SEARCH_LIMIT_MS)
        paths = self._catalogues[index.name].paths(scope.account_id, client)
        conversation = answer(search, index=index, scope=scope, paths=paths, now_ms=self._clock.millis())
        try:
            statement = next(conversation)
            while True:
                left = limit_ms / 1000 - (time.perf_counter() - started)
                if left <= 0:
                    raise SearchTooSlow(limit_ms)
                statement = conversation.send(_rows(client, f"{statement} SETTINGS max_execution_time = {left:.3f}"))
        except StopIteration as finished:
            found: dict[str, object] = finished.value
        except SearchInvalid as invalid:
            raise SearchRefused(invalid.reason) from invalid
        except DatabaseError as error:
            if error.code in _TIMED_OUT:
                raise SearchTooSlow(limit_ms) from error
            if error.code in _TOO_MUCH:
                raise SearchRefused(f"The search cannot be answered: {_TOO_MUCH[error.code]}.") from error
            raise
        found["took"] = round((time.perf_counter() - started) * 1000)
        return SearchResult(found)

    async def _append(self, batch: IndexBatch) -> None:
        observations: Sequence[Observation] = batch.observations
        changes: Sequence[ShadowChange] = batch.changes
        ends = [items[end].offset for items in (observations, changes) if items for end in (0, -1)]
        first, last = min(ends), max(ends)
        certain = self._doubtful_through
        if first <= certain:
            held = await self._write("appending", lambda client: _offsets(client, "observations", first, last))
            observations = [seen for seen in observations if seen.offset not in held]
            self.counts.skipped += len(held)
            held = await self._write("appending", lambda client: _offsets(client, "shadow_changes", first, last))
            changes = [change for change in changes if change.offset not in held]
        self._doubtful_through = max(certain, last)
        written = await observation_lines(observations)
        await self._store(OBSERVATIONS, "observations", OBSERVATION_COLUMNS, written)
        for week, lines in (await change_lines(changes)).by_week.items():
            await self._insert("shadow_changes", CHANGE_COLUMNS, lines.text(), token=_token(lines, week))
        self.counts.rows += len(observations)
        # The batch came through as a whole: what was doubtful before it is all that still is.
        self._doubtful_through = certain

    async def _store(self, index: Index, table: str, columns: Sequence[str], written: Written) -> None:
        """Store rows with states, and before them what a search has to know of these."""
        self.counts.unindexed += written.refused
        crowded = await self._write("learning paths", lambda client: self._learn(client, index, written))
        for week, lines in written.by_week.items():
            token = _token(lines, week) if index is OBSERVATIONS else None
            text_ = lines.text()
            if crowded:
                text_ = self._without(text_, crowded, account=columns.index("account_id"))
            await self._insert(table, columns, text_, token=token)

    def _learn(self, client: Client, index: Index, written: Written) -> dict[str, set[str]]:
        """Bring the catalogue up to date before rows are stored; return the paths of accounts that have no room."""

        def store(rows: Sequence[Row]) -> None:
            self._insert_lines(client, "state_paths", PATH_COLUMNS, lines_of(rows), token=None)

        return self._catalogues[index.name].learn(written.kinds, client, store)

    def _without(self, lines: bytes, crowded: Mapping[str, Collection[str]], *, account: int) -> bytes:
        """Take paths for which there was no room out of states."""
        rows = rows_of(lines)
        for row in rows:
            state = row[-1]
            if isinstance(state, dict):
                for path in crowded.get(str(row[account]), ()):
                    self.counts.crowded_paths += state.pop(path, None) is not None
        return lines_of(rows)

    async def _insert(self, table: str, columns: Sequence[str], lines: bytes, *, token: str | None) -> None:
        await self._write(
            f"storing {table}", lambda client: self._insert_lines(client, table, columns, lines, token=token)
        )

    def _insert_lines(
        self, client: Client, table: str, columns: Sequence[str], lines: bytes, *, token: str | None
    ) -> None:
        settings = {} if token is None else {"insert_deduplication_token": token}
        try:
            client.raw_insert(table, columns, lines, settings, fmt="JSONCompactEachRow")
        except DatabaseError as error:
            if error.code not in _BAD_ROW:
                raise
            self._insert_halves(client, table, columns, rows_of(lines), token=token, error=error)

    def _insert_halves(
        self,
        client: Client,
        table: str,
        columns: Sequence[str],
        rows: Sequence[Row],
        *,
        token: str | None,
        error: DatabaseError,
    ) -> None:
        """Find the row that ClickHouse refuses and store it without its searchable form."""
        if len(rows) > 1:
            middle = len(rows) // 2
            for number_, half in enumerate((rows[:middle], rows[middle:])):
                part = None if token is None else f"{token}/{number_}"
                self._insert_lines(client, table, columns, lines_of(half), token=part)
            return
        (row,) = rows
        if not isinstance(row[-1], dict) or not row[-1]:
            raise error
        self.counts.unindexed += 1
        part = None if token is None else f"{token}/bare"
        self._insert_lines(client, table, columns, lines_of([[*row[:-1], {}]]), token=part)

    async def _write(self, doing: str, work: Callable[[Client], _T]) -> _T:
        try:
            return await self._writer.run(work)
        except ClickHouseError as error:
            raise IndexUnavailable(doing) from error

    async def _read_for(self, account_id: str, doing: str, work: Callable[[Client], _T]) -> _T:
        """Read when it is the account's turn; raise ``TooManySearches`` when too much of it waits."""
        return await self.turns.run(account_id, lambda: self._read(doing, work))

    async def _read(self, doing: str, work: Callable[[Client], _T]) -> _T:
        try:
            return await self._readers.run(work)
        except ClickHouseError as error:
            raise IndexUnavailable(doing) from error


def _instant(millis: int) -> str:
    return f"toDateTime64({text(instant_text(millis))}, 3, 'UTC')"


def _rows(client: Client, statement: str) -> list[list[Any]]:
    return msgspec.json.Decoder(list[Any]).decode_lines(client.raw_query(statement, fmt="JSONCompactEachRow"))


def _last_offset(client: Client) -> int:
    statement = "SELECT greatest((SELECT max(offset) FROM observations), (SELECT max(offset) FROM shadow_changes))"
    return int(_rows(client, statement)[0][0] or 0)


def _offsets(client: Client, table: str, first: int, last: int) -> set[int]:
    statement = f"SELECT offset FROM {table} WHERE offset BETWEEN {number(first)} AND {number(last)}"
    return {int(row[0]) for row in _rows(client, statement)}


def _token(lines: Lines, week: int) -> str:
    return f"{lines.first}-{lines.last}-{lines.count}-{week}"


async def open_observations(
    place: str | Path,
    *,
    memory_bytes: int = MEMORY_BYTES,
    clock: Clock | None = None,
) -> ClickHouseIndex:
    """Open the index in a local folder, or at a server named by a URL; no statement uses more memory than given."""
    engine: Engine = (
        ServerEngine.of_url(place) if isinstance(place, str) and "://" in place else EmbeddedEngine(Path(place))
    )
    return await ClickHouseIndex.open(engine, clock=clock or SystemClock(), memory_bytes=memory_bytes)
