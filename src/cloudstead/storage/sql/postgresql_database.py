"""The state store in PostgreSQL, which many processes may share.

Writes are SERIALIZABLE: what ``core`` reads and then decides stays true until the commit, as on SQLite, where writes
really do run one after the other. Row locks were the alternative; they cannot lock what is not there ("no thing at
this domain"), so each feature would need its own proof. The price is that a transaction may have to give way: it is
undone and run again; the third time it has the store to itself, among all processes, and so succeeds. Reads are
REPEATABLE READ, READ ONLY: a snapshot that waits for nobody and is never undone.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import asyncpg
from sqlalchemy.util import greenlet_spawn

from cloudstead.storage.sql.database import Database
from cloudstead.storage.sql.errors import (
    StoreClosed,
    StoreContended,
    StoreNotUsable,
    StoreUnreachable,
    StoreWriteFailed,
)
from cloudstead.storage.sql.migrations import Migrations
from cloudstead.storage.sql.postgresql_schema import migrate_database
from cloudstead.storage.sql.postgresql_transaction import PostgreSQLTransaction
from cloudstead.storage.sql.trees import TreeCache
from cloudstead.storage.sql.unit import SqlUnit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from cloudstead.core.unit import Unit
    from cloudstead.storage.sql.schema import Schema

T = TypeVar("T")

_POOL_SIZE: Final = 8
_OLDEST: Final = 15
_INTEGRITY_ATTEMPTS: Final = 3
_LOOKED_AT_AFTER: Final = 1_000
"""Writes after which the server looks at its tables: its own turn comes within a minute, and until then it plans for
tables of another size. No earlier: of a table seen empty it expects nothing, of an unknown one ten pages."""

_SNAPSHOT: Final = {"isolation": "repeatable_read", "readonly": True}
# Any table that no unit touches would do as the gate. LOCK takes no snapshot: that begins behind the gate.
_BESIDE_OTHERS: Final = "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE alembic_version IN ROW SHARE MODE"
_ALONE: Final = "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE alembic_version IN EXCLUSIVE MODE"
# 32 callers who all move the same counter: 1.7 to 2.9 attempts each, whatever comes before the gate is closed.
_ATTEMPTS: Final = (_BESIDE_OTHERS, _BESIDE_OTHERS, _ALONE, _ALONE)

_GAVE_WAY: Final = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    # Under SERIALIZABLE these, too, may tell of another transaction that came first: PostgreSQL manual, section 13.5.
    asyncpg.UniqueViolationError,
    asyncpg.ForeignKeyViolationError,
)
_LOST: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it is starting, stopping, or somebody ended our connection
    asyncpg.TooManyConnectionsError,
    OSError,
)
_SETTINGS: Final = {
    "application_name": "cloudstead",
    "jit": "off",  # compiling takes longer than any of our statements
    # A scan of a small table would conflict with every write to it; an index look-up only with its neighbours.
    "enable_seqscan": "off",
}


class PostgreSQLDatabase(Database):
    """A database on a PostgreSQL server of version 15 or later."""

    def __init__(self, pool: Any, where: str, schema: Schema, *, on_events: Callable[[Sequence[object]], None]) -> None:
        self.schema = schema
        self._pool = pool
        # The pool lets a newcomer overtake those who wait. With 32 callers, a queue in front of it brings the 99th
        # percentile of a read from 47 ms to 19 ms.
        self._turn = asyncio.Semaphore(_POOL_SIZE)
        self._where = where
        self._on_events = on_events
        self._trees = TreeCache()
        self._writes: set[asyncio.Task[Any]] = set()
        self._written = 0
        self._looking: asyncio.Task[None] | None = None
        self._is_closed = False

    @classmethod
    async def connect(
        cls, url: str, *, on_events: Callable[[Sequence[object]], None], migrations: Migrations | None = None
    ) -> PostgreSQLDatabase:
        """Connect, and bring the schema up to date."""
        parts = urlsplit(url)
        where = f"{parts.hostname or 'its socket'}{parts.path}"  # without the password

        async def connect() -> Any:
            return await asyncpg.connect(url, server_settings=_SETTINGS)

        try:
            schema = await migrate_database(connect, migrations or Migrations())
            pool = await asyncpg.create_pool(
                url,
                min_size=0,  # it connects when asked, and says so when it cannot
                max_size=_POOL_SIZE,
                max_queries=2**62,  # a connection does not wear out
                statement_cache_size=512,
                max_cached_statement_lifetime=0,
                reset=_keep_as_it_is,
                server_settings=_SETTINGS,
            )
        except (*_LOST, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StoreUnreachable(where, str(error) or type(error).__name__) from error
        async with pool.acquire() as connection:
            server = connection.get_server_version()
        if server.major < _OLDEST:
            await pool.close()
            raise StoreNotUsable(f"PostgreSQL {server.major} at {where}", f"use version {_OLDEST} or later")
        return cls(pool, where, schema, on_events=on_events)

    async def read(self, work: Callable[[Unit], T]) -> T:
        """Run ``work`` on a consistent snapshot."""
        async with self._connection() as connection, connection.transaction(**_SNAPSHOT):
            return await greenlet_spawn(work, SqlUnit(PostgreSQLTransaction(connection), self._trees))

    async def scan(self, work: Callable[[Unit], T]) -> T:
        """Run a slow ``work`` on a consistent snapshot: the server's processes keep it away from everybody else."""
        return await self.read(work)

    async def write(self, work: Callable[[Unit], T]) -> T:
        """Run ``work`` in a transaction, again when it had to give way, and return after it is on disk."""
        if self._is_closed:
            raise StoreClosed
        # In a task of its own, because a caller who is cancelled between the commit and the events would lose those.
        task = asyncio.create_task(self._write(work))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        return await asyncio.shield(task)

    async def health(self) -> None:
        """Read something."""
        await self.read(lambda unit: unit.shadows.checkpoint())

    async def close(self) -> None:
        """Finish the writes under way, then let go of the connections."""
        self._is_closed = True
        await asyncio.gather(*self._writes, return_exceptions=True)
        if self._looking is not None:
            await self._looking
        await self._pool.close()

    async def _write(self, work: Callable[[Unit], T]) -> T:
        for attempt, begin in enumerate(_ATTEMPTS, start=1):
            try:
                return await self._attempt(begin, work)
            except asyncpg.IntegrityConstraintViolationError:
                if attempt == _INTEGRITY_ATTEMPTS:
                    raise  # nobody else's doing
            except _GAVE_WAY:
                continue
        raise StoreContended(len(_ATTEMPTS))

    async def _attempt(self, begin: str, work: Callable[[Unit], T]) -> T:
        async with self._connection() as connection:
            try:
                await connection.execute(begin)
                unit = SqlUnit(PostgreSQLTransaction(connection), self._trees)
                result = await greenlet_spawn(work, unit)
                await connection.execute("COMMIT")
            except BaseException:
                if connection.is_in_transaction():
                    await connection.execute("ROLLBACK")
                raise
        if unit.events:
            self._on_events(unit.events)
        self._written += 1
        if self._written == _LOOKED_AT_AFTER:
            self._looking = asyncio.create_task(self._look())
        return result

    async def _look(self) -> None:
        """Have the server look at its tables, so that it plans for what is in them."""
        # Whatever hinders it, units of work meet it too; and the server looks by itself in a while.
        with suppress(*_LOST, asyncpg.PostgresError, asyncpg.InterfaceError):
            async with self._pool.acquire() as connection:
                await connection.execute("ANALYZE")

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        if self._is_closed and not self._writes:
            raise StoreClosed
        try:
            async with self._turn, self._pool.acquire() as connection:
                yield connection
        except _LOST as error:
            raise StoreUnreachable(self._where, str(error) or type(error).__name__) from error
        except asyncpg.InterfaceError as error:
            if isinstance(error, ValueError):
                raise  # a value that no column can hold, not the connection's doing
            raise StoreUnreachable(self._where, str(error)) from error
        except asyncpg.InsufficientResourcesError as error:
            raise StoreWriteFailed(str(error)) from error


async def _keep_as_it_is(_: Any) -> None:
    """Spare a round trip: every transaction ended with its unit, and units change nothing about the session."""
