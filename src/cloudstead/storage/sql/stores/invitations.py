"""Invitations that are open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from cloudstead.core.invitations.model import Invitation
from cloudstead.storage.sql.json_text import from_text, to_text
from cloudstead.storage.sql.statements import Statement, adding
from cloudstead.storage.sql.stores.login_profiles import comes_by
from cloudstead.storage.sql.stores.paging import Pages
from cloudstead.storage.sql.tables_people import invitations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select

    from cloudstead.core.ids import AccountId, PersonId
    from cloudstead.core.invitations.model import InvitationId
    from cloudstead.core.paging import Page, PageRequest
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding(invitations)
_GET = Statement(lambda _: select(invitations).where(invitations.c.id == bindparam("id")), "id")
_OF_PERSON = Statement(
    lambda _: (
        select(invitations)
        .where(invitations.c.account_id == bindparam("account_id"))
        .where(invitations.c.person_id == bindparam("person_id"))
        .order_by(invitations.c.id.desc())
        .limit(1)
    ),
    "account_id",
    "person_id",
)
_REMOVE = Statement(lambda _: invitations.delete().where(invitations.c.id == bindparam("id")), "id")
_REMOVE_OF = Statement(
    lambda _: (
        invitations.delete()
        .where(invitations.c.account_id == bindparam("account_id"))
        .where(invitations.c.person_id == bindparam("person_id"))
    ),
    "account_id",
    "person_id",
)
_EXPIRED = Statement(
    lambda _: (
        select(invitations)
        .where(invitations.c.expires_at_ms <= bindparam("now_ms"))
        .order_by(invitations.c.expires_at_ms)
        .limit(bindparam("limit_"))
    ),
    "now_ms",
    "limit_",
)


def _open() -> Select[Any]:
    return (
        select(invitations)
        .where(invitations.c.account_id == bindparam("account_id"))
        .where(invitations.c.expires_at_ms > bindparam("now_ms"))
    )


_PAGES = Pages.of(lambda _: _open(), invitations.c.id, "account_id", "now_ms")
_PAGES_BY_PROVIDER = Pages.of(
    lambda _: _open().where(comes_by(invitations.c.person_id)),
    invitations.c.id,
    "account_id",
    "now_ms",
    "provider_id",
)


class SqlInvitations:
    """Invitations (``core.invitations.ports.InvitationStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, invitation: Invitation) -> None:
        """Insert an invitation."""
        self._transaction.change(
            _ADD,
            invitation.id,
            invitation.account_id,
            invitation.person_id,
            invitation.email,
            to_text(invitation.groups),
            invitation.secret_hash,
            invitation.created_at_ms,
            invitation.expires_at_ms,
            invitation.version,
            invitation.updated_at_ms,
            invitation.into_account,
        )

    def get(self, invitation_id: InvitationId) -> Invitation | None:
        """Return the invitation with that id, expired or not."""
        row = self._transaction.row(_GET, invitation_id)
        return None if row is None else _invitation(row)

    def page(
        self,
        account_id: AccountId,
        request: PageRequest,
        *,
        now_ms: int,
        provider_id: str | None = None,
    ) -> Page[Invitation]:
        """Return one page of the open invitations, or of those to people who come by a provider, with the total."""
        pages = _PAGES if provider_id is None else _PAGES_BY_PROVIDER
        values = (account_id, now_ms) if provider_id is None else (account_id, now_ms, provider_id)
        return pages.read(
            self._transaction,
            request,
            lambda rows: [_invitation(row) for row in rows],
            *values,
            id_of=lambda each: each.id,
        )

    def of_person(self, account_id: AccountId, person_id: PersonId) -> Invitation | None:
        """Return the newest that the account has sent to the person, expired or not."""
        row = self._transaction.row(_OF_PERSON, account_id, person_id)
        return None if row is None else _invitation(row)

    def remove(self, invitation_id: InvitationId) -> bool:
        """Delete an invitation; return whether this call did it."""
        return self._transaction.change(_REMOVE, invitation_id) == 1

    def remove_of(self, account_id: AccountId, person_id: PersonId) -> int:
        """Delete what the account has sent to the person; return how many."""
        return self._transaction.change(_REMOVE_OF, account_id, person_id)

    def expired(self, now_ms: int, *, limit: int) -> Sequence[Invitation]:
        """Return invitations that are no longer open, the oldest first."""
        return [_invitation(row) for row in self._transaction.rows(_EXPIRED, now_ms, limit)]


def _invitation(row: Sequence[Any]) -> Invitation:
    read = dict(zip(invitations.c.keys(), row, strict=True))
    groups, into_account = tuple(from_text(read["groups"])), bool(read["into_account"])
    return Invitation(**{**read, "groups": groups, "into_account": into_account})
