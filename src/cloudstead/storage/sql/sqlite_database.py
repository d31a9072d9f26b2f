"""The state store in one SQLite file.

Reads run at once on the loop's thread: a page of a list takes less than a hand-over to a thread would. All writes go
through one writer thread with group commit, slow reads through a thread of their own; WAL lets the three go on side
by side.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from cloudstead.storage.sql.database import Database
from cloudstead.storage.sql.errors import StoreClosed, StoreNotUsable
from cloudstead.storage.sql.migrations import Migrations
from cloudstead.storage.sql.ownership import Ownership
from cloudstead.storage.sql.sqlite_schema import migrate_file
from cloudstead.storage.sql.sqlite_transaction import SQLiteTransaction
from cloudstead.storage.sql.sqlite_writer import SQLiteWriter
from cloudstead.storage.sql.trees import TreeCache
from cloudstead.storage.sql.unit import SqlUnit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cloudstead.core.unit import Unit

T = TypeVar("T")


class SQLiteDatabase(Database):
    """One SQLite file, owned by this process."""

    def __init__(
        self, path: Path, *, on_events: Callable[[Sequence[object]], None], migrations: Migrations | None = None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        path = _usable(path)
        self._ownership = Ownership(path)
        try:
            self.schema = migrate_file(path, migrations or Migrations())
            self._trees = TreeCache()
            self._reader = _connect(path, read_only=True)
            self._scan_connection = _connect(path, read_only=True)
            self._write_connection = _connect(path, read_only=False)
            self._writer = SQLiteWriter(self._write_connection, self._trees, deliver=self._deliver, on_events=on_events)
        except BaseException:
            self._ownership.release()
            raise
        self._scanner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="state-scan")
        self._is_closed = False

    async def read(self, work: Callable[[Unit], T]) -> T:
        """Run ``work`` on a consistent snapshot, on the loop's thread."""
        if self._is_closed:
            raise StoreClosed
        return self._on_snapshot(self._reader, work)

    async def scan(self, work: Callable[[Unit], T]) -> T:
        """Run a slow ``work`` on a consistent snapshot, in a thread of its own."""
        if self._is_closed:
            raise StoreClosed
        return await self._loop.run_in_executor(self._scanner, self._on_snapshot, self._scan_connection, work)

    async def write(self, work: Callable[[Unit], T]) -> T:
        """Run ``work`` in the writer's thread and return after the group that it belongs to is on disk."""
        if self._is_closed:
            raise StoreClosed
        result: asyncio.Future[T] = self._loop.create_future()
        self._writer.submit(work, result)
        return await result

    async def health(self) -> None:
        """Read something."""
        await self.read(lambda unit: unit.shadows.checkpoint())

    async def close(self) -> None:
        """Finish the writes under way, then let go of the file."""
        if self._is_closed:
            return
        self._is_closed = True
        await self._loop.run_in_executor(self._scanner, self._writer.close)
        self._scanner.shutdown()
        self._reader.close()
        self._scan_connection.close()
        self._write_connection.close()  # the last to close folds the WAL back, which a reader could not
        self._ownership.release()

    def _on_snapshot(self, connection: sqlite3.Connection, work: Callable[[Unit], T]) -> T:
        connection.execute("BEGIN")
        try:
            return work(SqlUnit(SQLiteTransaction(connection), self._trees))
        finally:
            connection.execute("ROLLBACK")

    def _deliver(self, callback: Callable[..., None], *arguments: Any) -> None:
        self._loop.call_soon_threadsafe(callback, *arguments)


def _usable(path: Path) -> Path:
    path = path.absolute()
    if not path.parent.is_dir():
        raise StoreNotUsable(str(path), "the folder is not there: make it, or name another")
    return path


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    # Threads take turns on a connection, never share it: opened here, used in the writer's or the scanner's thread.
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={'ro' if read_only else 'rw'}",
        uri=True,
        isolation_level=None,  # otherwise the driver begins and commits where it thinks best
        check_same_thread=False,
        cached_statements=512,
        timeout=5.0,  # somebody may look at the file with another tool
    )
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=FULL")  # with group commit 13 to 21 % dearer than NORMAL, which may forget
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection
