"""What the archive needs from the rooms around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudstead.core.archive.model import ArchivedObject
    from cloudstead.core.ids import AccountId


class ArchiveStore(Protocol):
    """The rows of the archive's objects, and how far the archive has come."""

    def checkpoint(self) -> int:
        """Return the offset up to which every update message is in an object; 0 at the beginning."""
        ...

    def set_checkpoint(self, offset: int) -> None:
        """Move it on, in the same transaction as the rows that it speaks of."""
        ...

    def put(self, objects: Sequence[ArchivedObject]) -> None:
        """Insert rows, or replace those of the same account and first offset."""
        ...

    def floors(self, offset: int) -> Mapping[AccountId, int]:
        """Return the last archived offset of each account that has come further than ``offset``."""
        ...

    def holding(self, account_id: AccountId, offset: int) -> ArchivedObject | None:
        """Return the object that a message with this offset is in, or was left out of."""
        ...

    def by_key(self, account_id: AccountId, key: str) -> ArchivedObject | None:
        """Return the object of that key."""
        ...

    def span(
        self, account_id: AccountId, first_offset: int, last_offset: int, *, limit: int
    ) -> Sequence[ArchivedObject]:
        """Return objects that hold anything from ``first_offset`` to ``last_offset``, in the order of the log."""
        ...

    def older_than(self, before_ms: int, *, limit: int) -> Sequence[ArchivedObject]:
        """Return objects of any account whose last message came before a time; none beyond the checkpoint."""
        ...

    def remove(self, objects: Sequence[ArchivedObject]) -> None:
        """Delete rows."""
        ...


class ObjectReader(Protocol):
    """As much of a store of objects as reading them takes."""

    async def get(self, path: str) -> bytes | None:
        """Return a whole object, ``None`` when there is none."""
        ...


class ArchivedLog(Protocol):
    """The log, read back; see ``cloudstead.log``."""

    @property
    def first_offset(self) -> int:
        """The oldest offset that can be read."""
        ...

    @property
    def next_offset(self) -> int:
        """The offset that the next record will get."""
        ...

    def read(self, offset: int, *, max_records: int, max_bytes: int) -> Sequence[tuple[int, bytes]]:
        """Return records from ``offset`` on; blocks."""
        ...
