"""An invitation that is open: one that was accepted, withdrawn or replaced is gone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NewType

from cloudstead.core.versions import Versioned

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId, PersonId, PolicyGroupId

InvitationId = NewType("InvitationId", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation(Versioned):
    """An invitation. ``groups`` are what the person joins by accepting; ``email`` is where the link was sent to.

    ``into_account`` is false for somebody who was asked into domains alone: accepting gives a developer's rights in
    the account to everybody else, beside what the membership promises already.

    Only the SHA-256 of the link's secret is kept.
    """

    id: InvitationId
    account_id: AccountId
    person_id: PersonId
    email: str
    groups: tuple[PolicyGroupId, ...] = ()
    secret_hash: bytes = field(repr=False)
    created_at_ms: int
    expires_at_ms: int
    into_account: bool = True
