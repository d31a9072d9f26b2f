"""What batches need from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.batches.model import Batch
    from cloudstead.core.ids import AccountId, BatchId, DomainId, ThingUid


class BatchStore(Protocol):
    """Batches of one account at a time, and which things each has made."""

    def add(self, batch: Batch) -> None:
        """Insert a batch."""
        ...

    def replace(self, batch: Batch) -> None:
        """Write all columns of a batch."""
        ...

    def get(self, account_id: AccountId, batch_id: BatchId) -> Batch | None:
        """Return the batch with that id."""
        ...

    def add_things(self, batch: Batch, uids: Sequence[ThingUid]) -> None:
        """Note that the batch has made these things, the first of them as number ``batch.current_size + 1``."""
        ...

    def things(self, account_id: AccountId, batch_id: BatchId) -> Sequence[ThingUid]:
        """Return the things that the batch has made and that are still there, in the order of their making."""
        ...

    def count_unfinished(self, account_id: AccountId) -> int:
        """Return how many batches of the account are not finished."""
        ...

    def first_by_key(
        self, account_id: AccountId, *, prefix: str, domain_ids: Collection[DomainId] | None, limit: int
    ) -> Sequence[Batch]:
        """Return batches whose key begins with ``prefix``, in the order of their keys, at most ``limit``.

        ``domain_ids`` of ``None`` means those of the whole account, of domains that are gone too.
        """
        ...
