"""What invitations need from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.ids import AccountId, PersonId
    from cloudstead.core.invitations.model import Invitation, InvitationId
    from cloudstead.core.paging import Page, PageRequest


class InvitationStore(Protocol):
    """Invitations that are neither accepted nor withdrawn; they die with the membership that they offer."""

    def add(self, invitation: Invitation) -> None:
        """Insert an invitation."""
        ...

    def get(self, invitation_id: InvitationId) -> Invitation | None:
        """Return the invitation with that id, expired or not."""
        ...

    def page(
        self,
        account_id: AccountId,
        request: PageRequest,
        *,
        now_ms: int,
        provider_id: str | None = None,
    ) -> Page[Invitation]:
        """Return one page of the open invitations, or of those to people who come by a provider, with the total."""
        ...

    def of_person(self, account_id: AccountId, person_id: PersonId) -> Invitation | None:
        """Return the newest that the account has sent to the person, expired or not."""
        ...

    def remove(self, invitation_id: InvitationId) -> bool:
        """Delete an invitation; return whether this call did it."""
        ...

    def remove_of(self, account_id: AccountId, person_id: PersonId) -> int:
        """Delete what the account has sent to the person; return how many."""
        ...

    def expired(self, now_ms: int, *, limit: int) -> Sequence[Invitation]:
        """Return invitations that are no longer open, the oldest first."""
        ...
