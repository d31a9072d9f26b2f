"""What shadows need from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.ids import ThingUid
    from cloudstead.core.shadows.model import Shadow


class ShadowStore(Protocol):
    """Shadows, and the offset of the log up to which they hold everything."""

    def load(self, uids: Collection[ThingUid]) -> Sequence[Shadow]:
        """Return the stored shadows of these things, in any order; those that have none are left out. One query."""
        ...

    def save(self, shadows: Collection[Shadow]) -> None:
        """Insert or replace shadows; those whose thing is gone are passed over. One statement."""
        ...

    def checkpoint(self) -> int:
        """Return the offset up to which every record is reflected in the stored shadows; 0 at the beginning."""
        ...

    def set_checkpoint(self, offset: int) -> None:
        """Move the checkpoint on, in the same transaction as the shadows that it speaks of."""
        ...
