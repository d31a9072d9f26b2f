"""The rows of the audit log, which are ours: the source has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.dialects.account_management.handlers.audit_log import AuditLogHandlers
from cloudstead.dialects.account_management.rows import both
from cloudstead.dialects.account_management.shapes.answers import ListOf
from cloudstead.dialects.account_management.shapes.audit_log import AuditLogEntry, AuditLogQuery
from cloudstead.web.table import op

if TYPE_CHECKING:
    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.web.table import Operation


def rows(backend: Backend) -> tuple[Operation, ...]:
    """Return the rows."""
    log = AuditLogHandlers(backend)
    return both(
        op(
            "GET",
            "/v3/audit-log",
            name="list_audit_log",
            run=log.list_all,
            query=AuditLogQuery,
            gives=ListOf[AuditLogEntry],
        ),
        "list_account_audit_log",
    )
