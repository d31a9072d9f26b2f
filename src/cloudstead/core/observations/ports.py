"""What observations need from the index. Every method may wait for threads or a network; none blocks the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.ids import AccountId, ThingName, ThingUid
    from cloudstead.core.observations.model import IndexBatch, ShadowChange, ThingDocument


class ObservationIndex(Protocol):
    """Observations, shadow changes and things, written in batches and searched."""

    async def append(self, batch: IndexBatch) -> None:
        """Store a batch durably. Offsets that are held already are passed over, so a batch may come twice."""
        ...

    async def put_things(self, documents: Collection[ThingDocument]) -> None:
        """Insert or replace things."""
        ...

    async def drop_things(self, account_id: AccountId, names: Collection[ThingName]) -> None:
        """Forget things; their observations stay."""
        ...

    async def shadow_history(
        self, account_id: AccountId, thing_uid: ThingUid, *, before_offset: int | None, limit: int
    ) -> Sequence[ShadowChange]:
        """Return a thing's changes, newest first, below ``before_offset``."""
        ...
