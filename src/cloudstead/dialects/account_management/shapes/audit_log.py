"""The audit log on the wire: an addition of ours, beyond the source."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from cloudstead.core.audit.model import AuditFilter
from cloudstead.dialects.account_management.paging import ListQuery
from cloudstead.dialects.account_management.shapes.words import utc_text_ms

if TYPE_CHECKING:
    from cloudstead.core.audit.model import NamedEntry

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)

Word = Annotated[str, Meta(max_length=300)]
Time = Annotated[datetime, Meta(tz=True)]


class AuditLogQuery(ListQuery, kw_only=True):
    """The query of an audit log."""

    operation__eq: Word | None = None
    object_type__eq: Word | None = None
    object_id__eq: Word | None = None
    principal__eq: Word | None = None
    at__gte: Time | None = None
    at__lte: Time | None = None

    @property
    def wanted(self) -> AuditFilter:
        """The entries that are asked for."""
        return AuditFilter(
            operation=self.operation__eq,
            object_type=self.object_type__eq,
            object_id=self.object_id__eq,
            principal=self.principal__eq,
            since_ms=None if self.at__gte is None else -((_EPOCH - self.at__gte) // _MS),
            until_ms=None if self.at__lte is None else (self.at__lte - _EPOCH) // _MS,
        )


class AuditLogEntry(Struct, kw_only=True):
    """Who changed what, when, from where. ``before`` and ``after`` hold what differs, and never secrets."""

    id: str
    account_id: str
    at: str
    principal: str
    user_name: str | None
    source_address: str | None
    operation: str
    object_type: str
    object_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    object: Literal["audit-log-entry"] = "audit-log-entry"


def audit_log_entry(named: NamedEntry) -> AuditLogEntry:
    """Write an entry."""
    entry = named.entry
    return AuditLogEntry(
        id=entry.id,
        account_id=entry.account_id,
        at=utc_text_ms(entry.at_ms),
        principal=entry.principal,
        user_name=named.user_name,
        source_address=entry.source_address,
        operation=entry.operation,
        object_type=entry.object_type,
        object_id=entry.object_id,
        before=entry.before,
        after=entry.after,
    )
