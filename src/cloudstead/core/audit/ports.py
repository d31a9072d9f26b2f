"""What the audit trail needs from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cloudstead.core.audit.model import AuditEntry
    from cloudstead.core.ids import AccountId
    from cloudstead.core.paging import Page, PageRequest


class AuditStore(Protocol):
    """The audit trail of one account at a time; entries are only ever added."""

    def add(self, entry: AuditEntry) -> None:
        """Insert an entry."""
        ...

    def page(self, account_id: AccountId, request: PageRequest) -> Page[AuditEntry]:
        """Return entries in the order of their ids (that is, of time)."""
        ...
