"""What the audit trail needs from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudstead.core.audit.model import AuditEntry, AuditFilter
    from cloudstead.core.ids import AccountId
    from cloudstead.core.paging import Page, PageRequest


class AuditStore(Protocol):
    """The audit trail of one account at a time; entries are only ever added."""

    def add(self, entry: AuditEntry) -> None:
        """Insert an entry."""
        ...

    def add_each(self, entries: Sequence[AuditEntry]) -> None:
        """Insert several entries with one statement."""
        ...

    def page(self, account_id: AccountId, request: PageRequest, wanted: AuditFilter | None = None) -> Page[AuditEntry]:
        """Return entries in the order of their ids (that is, of time), with the number of all that match."""
        ...

    def user_names(self, account_ids: Collection[AccountId], principals: Collection[str]) -> Mapping[str, str]:
        """Return the user name behind each principal that is a person or a key of one of the accounts.

        A key goes by the user name of its owner, or by its own name where it has none.
        """
        ...
