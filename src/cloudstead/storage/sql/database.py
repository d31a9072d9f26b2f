"""The state store, opened by its address."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cloudstead.storage.sql.errors import StoreNotUsable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.core.unit import Unit
    from cloudstead.storage.sql.schema import Schema

T = TypeVar("T")

_SQLITE = "sqlite:///"
_POSTGRESQL = ("postgresql://", "postgres://")


class Database(ABC):
    """Runs functions inside a unit of work (``core.unit.Database``); lives on the event loop that opened it."""

    schema: Schema

    @staticmethod
    async def open(url: str, *, on_events: Callable[[Sequence[object]], None]) -> Database:
        """Open ``sqlite:///path`` (made when it is not there) or ``postgresql://...`` and bring its schema up to date.

        ``on_events`` is called on the loop after a commit, before the result of ``write`` is there, with the
        events that the unit emitted. Raises what ``errors`` lists.
        """
        if url.startswith(_SQLITE):
            from cloudstead.storage.sql.sqlite_database import SQLiteDatabase  # noqa: PLC0415 (one engine is loaded)

            return SQLiteDatabase(Path(url.removeprefix(_SQLITE)), on_events=on_events)
        if url.startswith(_POSTGRESQL):
            from cloudstead.storage.sql.postgresql_database import PostgreSQLDatabase  # noqa: PLC0415

            return await PostgreSQLDatabase.connect(url, on_events=on_events)
        kind = url.partition(":")[0]
        raise StoreNotUsable(f"A store of kind {kind!r}", "name sqlite:///PATH or postgresql://USER@HOST/NAME")

    @abstractmethod
    async def read(self, work: Callable[[Unit], T]) -> T:
        """Run ``work`` on a consistent snapshot; it must not write, and it should be short (under a millisecond)."""

    @abstractmethod
    async def scan(self, work: Callable[[Unit], T]) -> T:
        """Run a slow ``work`` on a consistent snapshot, away from everybody else; it must not write."""

    @abstractmethod
    async def write(self, work: Callable[[Unit], T]) -> T:
        """Run ``work`` in a transaction and return after it is on disk; an exception undoes all of it.

        Units never see one another's half-done work: it is as if they ran one after the other. ``work`` may be run
        again when a transaction had to give way, so it must not keep what it did outside of its unit.
        """

    @abstractmethod
    async def health(self) -> None:
        """Read something; raise a ``StoreError`` when that fails."""

    @abstractmethod
    async def close(self) -> None:
        """Finish the writes under way, then let go of the store. Further calls raise ``StoreClosed``."""
