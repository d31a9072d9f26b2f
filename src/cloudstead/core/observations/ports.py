"""What core needs from the store of the index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from cloudstead.core.ids import AccountId, ThingName, ThingUid
    from cloudstead.core.observations.model import IndexBatch, SearchResult, ShadowChange, ThingDocument
    from cloudstead.search import ParsedSearch, SearchScope


class ObservationIndex(Protocol):
    """A searchable index that follows the log; it owns its threads and never blocks the event loop.

    Every method may raise `IndexUnavailable`; the searches also raise `SearchRefused`.
    """

    async def append(self, batch: IndexBatch) -> None:
        """Store a batch of the log durably.

        A batch whose offsets are stored already, wholly or in part, is completed and never doubled.
        """
        ...

    async def put_things(self, documents: Collection[ThingDocument]) -> None:
        """Store or replace documents of things."""
        ...

    async def drop_things(self, account_id: AccountId, names: Collection[ThingName]) -> None:
        """Forget things; their observations stay."""
        ...

    async def drop_account(self, account_id: AccountId) -> None:
        """Forget everything of an account."""
        ...

    async def search_observations(self, scope: SearchScope, search: ParsedSearch) -> SearchResult:
        """Answer a search over observations within a scope."""
        ...

    async def search_things(self, scope: SearchScope, search: ParsedSearch) -> SearchResult:
        """Answer a search over things within a scope."""
        ...

    async def shadow_history(
        self,
        account_id: AccountId,
        thing_uid: ThingUid,
        *,
        before_offset: int | None,
        until_ms: int | None = None,
        limit: int,
    ) -> Sequence[ShadowChange]:
        """Return the changes of a shadow, newest first; those before an offset and up to a time, where given."""
        ...

    async def has_observation(self, account_id: AccountId, offset: int, *, at_ms: int) -> bool:
        """Tell whether the request with this offset, received at that time, is among the observations."""
        ...

    async def last_offset(self) -> int:
        """Return the highest offset that is stored, 0 when none is."""
        ...

    async def drop_before(self, account_id: AccountId, time: datetime) -> None:
        """Forget the observations and shadow changes of an account from before a time."""
        ...

    async def ping(self) -> None:
        """Return when the store answers."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let the store go."""
        ...
