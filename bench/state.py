"""What the state store gives: requests per second on the paths that every request takes, on both engines.

Usage: state.py [FOLDER]. Each figure of SQLite is printed as a ratio to the same statements through bare ``sqlite3``,
each figure of PostgreSQL as a ratio to the same statements through bare asyncpg, measured in the same run. PostgreSQL
is a private one on a Unix socket of this machine, with its commits synced. Takes about twenty seconds.
"""

import asyncio
import importlib
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from _figures import Figure, tell
from cloudstead.core.shadows.model import Shadow
from cloudstead.core.unit import Unit
from cloudstead.storage.sql import Database
from cloudstead.storage.sql.statements import Statement
from cloudstead.storage.sql.stores import api_keys, audit, shadows, things
from cloudstead.storage.sql.stores.audit import _values as audit_values

# The tests know how to make rows and how to start a server.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
rows: Any = importlib.import_module("factories.rows")
postgres: Any = importlib.import_module("factories.postgres")

THINGS = 10_000
CALLERS = 32
SECONDS = 1.0
BATCH = 500
SNAPSHOT: dict[str, Any] = {"isolation": "repeatable_read", "readonly": True}
STATE = {"temperature": 21.5, "humidity": 40, "led": {"on": True, "colour": "red"}, "uptime": 123456, "version": "1.2"}
STAMPS = {"temperature": {"timestamp": 1_700_000_000}, "led": {"on": {"timestamp": 1_700_000_000}}}

# What the two paths ask of the engine, for the references.
GET_KEY, GET_THING, GET_SHADOW = api_keys._GET, things._GET, shadows._LOAD  # noqa: SLF001
REPLACE_THING, ADD_ENTRY = things._REPLACE, audit._ADD  # noqa: SLF001


def full_shadow(number: int, version: int) -> Shadow:
    made: Shadow = rows.shadow(
        f"u{number:05}", version=version, offset=version, reported=STATE, reported_metadata=STAMPS
    )
    return made


def fill(unit: Unit) -> None:
    rows.add_tenant(unit)
    for number in range(50):
        unit.domains.add(rows.domain(f"d{number}", parent_id="root"))
    unit.api_keys.add(rows.api_key("key", rows.ROOT_READ))
    for number in range(THINGS):
        unit.things.add(rows.thing(f"u{number:05}", name=f"{number:08}", domain_id=f"d{number % 50}"))
    unit.shadows.save([full_shadow(number, 1) for number in range(THINGS)])


async def per_second(call: Callable[[int], Awaitable[object]], callers: int) -> tuple[float, float]:
    """Return calls per second and the 99th percentile of their time in ms, with so many callers at once."""
    times: list[float] = []
    end = time.perf_counter() + SECONDS

    async def caller(number: int) -> None:
        while (start := time.perf_counter()) < end:
            await call(number)
            times.append(time.perf_counter() - start)
            number += callers
            await asyncio.sleep(0)  # a server's loop turns between two requests

    await asyncio.gather(*(caller(number) for number in range(callers)))
    return len(times) / SECONDS, 1e3 * statistics.quantiles(times, n=100)[98]


class Paths:
    """The paths through the store."""

    def __init__(self, database: Database, run: str) -> None:
        self._database = database
        self._run = run
        self._written = 0

    async def read(self, number: int) -> None:
        """Answer a GET: who asks, which thing, what does it say."""
        name = f"{number % THINGS:08}"

        def work(unit: Unit) -> object:
            key = unit.api_keys.get("key")  # type: ignore[arg-type]
            found = unit.things.get(key.account_id, name)  # type: ignore[union-attr,arg-type]
            return unit.shadows.load([found.uid])  # type: ignore[union-attr]

        await self._database.read(work)

    async def tree(self, _: int) -> None:
        """Look at the domain tree, as every check of a grant does."""
        await self._database.read(lambda unit: unit.domains.tree("a1"))  # type: ignore[arg-type]

    async def write(self, number: int) -> None:
        """Answer a change: read a thing, write it, add an audit entry."""
        number %= THINGS
        self._written += 1
        entry = rows.audit_entry(f"{self._run}{self._written:08}", before={"label": "x"}, after={"label": "y"})

        def work(unit: Unit) -> None:
            found = unit.things.get("a1", f"{number:08}")  # type: ignore[arg-type]
            unit.things.replace(found)  # type: ignore[arg-type]
            unit.audit.add(entry)

        await self._database.write(work)

    async def save(self, number: int) -> None:
        """Save a batch of shadows."""
        batch = [full_shadow(each % THINGS, number + 2) for each in range(number, number + BATCH)]
        await self._database.write(lambda unit: unit.shadows.save(batch))


class BareSQLite:
    """The same statements, one connection, nothing between; 32 writes to a commit, as there are callers."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("PRAGMA foreign_keys=ON")

    def _run(self, statement: Statement, *values: object) -> Sequence[Any] | None:
        row: Sequence[Any] | None = self._connection.execute(
            statement.sqlite.text, statement.sqlite.arrange(values)
        ).fetchone()
        return row

    def reads(self) -> float:
        """Return reads per second."""
        end, count = time.perf_counter() + SECONDS, 0
        while time.perf_counter() < end:
            self._run(GET_KEY, "key")
            row = self._run(GET_THING, "a1", f"{count % THINGS:08}")
            self._run(GET_SHADOW, [row[0] if row else None])
            count += 1
        return count / SECONDS

    def writes(self) -> float:
        """Return writes per second."""
        end, count = time.perf_counter() + SECONDS, 0
        while time.perf_counter() < end:
            self._connection.execute("BEGIN IMMEDIATE")
            for _ in range(CALLERS):
                row = self._run(GET_THING, "a1", f"{count % THINGS:08}")
                self._run(REPLACE_THING, *(row or ()))
                entry = rows.audit_entry(f"bare{count:08}", before={"label": "x"}, after={"label": "y"})
                self._run(ADD_ENTRY, *audit_values(entry))
                count += 1
            self._connection.execute("COMMIT")
        return count / SECONDS

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class BareAsyncpg:
    """The same statements in transactions of the same kind, straight through asyncpg's own pool."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._written = 0

    async def read(self, number: int) -> None:
        """Do what ``Paths.read`` does."""
        async with self._pool.acquire() as connection, connection.transaction(**SNAPSHOT):
            await connection.fetch(GET_KEY.postgresql.text, "key")
            row = await connection.fetchrow(GET_THING.postgresql.text, "a1", f"{number % THINGS:08}")
            await connection.fetch(GET_SHADOW.postgresql.text, [row[0]])

    async def write(self, number: int) -> None:
        """Do what ``Paths.write`` does."""
        self._written += 1
        entry = rows.audit_entry(f"bare{self._written:08}", before={"label": "x"}, after={"label": "y"})
        async with self._pool.acquire() as connection, connection.transaction(isolation="read_committed"):
            row = await connection.fetchrow(GET_THING.postgresql.text, "a1", f"{number % THINGS:08}")
            await connection.execute(REPLACE_THING.postgresql.text, *REPLACE_THING.postgresql.arrange(row))
            await connection.execute(ADD_ENTRY.postgresql.text, *audit_values(entry))


def told(title: str, found: tuple[float, float], reference: float | None = None) -> None:
    tell(
        Figure(
            name=title,
            value=f"{found[0]:,.0f}/s, p99 {found[1]:.2f} ms",
            reference=f"the bare driver ({reference:,.0f}/s)" if reference else "",
            ratio=found[0] / reference if reference else None,
        )
    )


async def measure(engine: str, database: Database, bare_reads: float, bare_writes: float) -> None:
    paths = Paths(database, database.schema.version)
    told(f"{engine}, key + thing + shadow, 1 caller", await per_second(paths.read, 1), bare_reads)
    told(f"{engine}, key + thing + shadow, {CALLERS} callers", await per_second(paths.read, CALLERS), bare_reads)
    told(f"{engine}, domain tree, unchanged", await per_second(paths.tree, 1))
    told(f"{engine}, thing + audit entry, 1 caller", await per_second(paths.write, 1), bare_writes)
    told(f"{engine}, thing + audit entry, {CALLERS} callers", await per_second(paths.write, CALLERS), bare_writes)
    saves, _ = await per_second(paths.save, 1)
    tell(Figure(name=f"{engine}, {BATCH} shadows saved", value=f"{1e3 / saves:.1f} ms, commit included"))


async def on_sqlite(path: Path) -> None:
    database = await Database.open(f"sqlite:///{path}", on_events=print)
    await database.write(fill)
    with closing(BareSQLite(path)) as bare:
        bare_reads, bare_writes = bare.reads(), bare.writes()
    await measure("SQLite", database, bare_reads, bare_writes)
    await database.close()


async def on_postgresql(url: str) -> None:
    database = await Database.open(url, on_events=print)
    await database.write(fill)
    async with asyncpg.create_pool(url, min_size=8, max_size=8) as pool:
        await pool.execute("ANALYZE")
        bare = BareAsyncpg(pool)
        (bare_reads, _), (bare_writes, _) = await per_second(bare.read, CALLERS), await per_second(bare.write, CALLERS)
    await measure("PostgreSQL", database, bare_reads, bare_writes)
    await database.close()


def main() -> None:
    sys.setswitchinterval(0.0005)  # what the application does when it starts
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        uvloop.run(on_sqlite(Path(folder) / "state.db"))
    with postgres.private_postgresql(durable=True) as server:
        uvloop.run(on_postgresql(server.new_database()))


if __name__ == "__main__":
    main()
