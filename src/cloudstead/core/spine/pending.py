"""What was applied and is not yet written anywhere but into the log."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from cloudstead.core.observations.model import IndexBatch

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId, ThingTypeId
    from cloudstead.core.observations.model import Observation, ShadowChange
    from cloudstead.core.shadows.model import Shadow
    from cloudstead.core.spine.resources import Resources

_offset = attrgetter("offset")


@dataclass(slots=True)
class Pending:
    """Everything up to and including ``offset``, as of one moment; the lists are in the order of offsets."""

    offset: int
    shadows: list[Shadow]
    observations: list[Observation]
    changes: list[ShadowChange]
    resources: dict[tuple[AccountId, ThingTypeId], Resources]

    def next_batch(self, max_changes: int) -> IndexBatch | None:
        """Return the first changes with their observations, ``None`` when all are indexed."""
        changes = self.changes[:max_changes]
        if not changes:
            return None
        seen = bisect_right(self.observations, changes[-1].offset, key=_offset)
        return IndexBatch(observations=tuple(self.observations[:seen]), changes=tuple(changes))

    def put_off(self) -> None:
        """Strike off what is kept elsewhere until the index takes it."""
        self.observations.clear()
        self.changes.clear()

    def indexed(self, batch: IndexBatch) -> None:
        """Strike off the batch that ``next_batch`` has returned."""
        del self.observations[: len(batch.observations)]
        del self.changes[: len(batch.changes)]
