"""What has to be asked to follow a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cloudstead.core.archive.cutting import OpenFile
    from cloudstead.core.ids import AccountId, ThingUid
    from cloudstead.core.shadows.model import Shadow


class TracedLog(Protocol):
    """The log; reading blocks."""

    @property
    def first_offset(self) -> int:
        """The oldest offset that can be read."""
        ...

    def read(self, offset: int, *, max_records: int, max_bytes: int) -> Sequence[tuple[int, bytes]]:
        """Return records from ``offset`` on."""
        ...

    def segment_of(self, offset: int) -> Path | None:
        """Return the file that holds an offset."""
        ...


class TracedArchive(Protocol):
    """How far the archive is with what it has not yet written."""

    @property
    def next_offset(self) -> int:
        """The offset behind the last one that was taken into a file, open or closed."""
        ...

    @property
    def stored_offset(self) -> int:
        """The offset up to which everything is written."""
        ...

    def open_file(self, account_id: AccountId) -> OpenFile | None:
        """Return the file that is open for an account."""
        ...


class TracedSpine(Protocol):
    """How far shadows and index are."""

    @property
    def applied_offset(self) -> int:
        """The last offset that was applied to a shadow."""
        ...

    @property
    def indexed_offset(self) -> int:
        """The last offset that can be searched."""
        ...

    async def settle(self) -> None:
        """Return once everything acknowledged before the call can be found among the observations."""
        ...

    async def current(self, account_id: AccountId, uid: ThingUid, /) -> Shadow:
        """Return the thing's shadow as applied so far."""
        ...
