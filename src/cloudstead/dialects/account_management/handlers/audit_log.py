"""The audit log of the own account, and of tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.dialects.account_management.paging import envelope, list_query
from cloudstead.dialects.account_management.place import acting
from cloudstead.dialects.account_management.shapes.audit_log import AuditLogEntry, AuditLogQuery, audit_log_entry

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.dialects.account_management.shapes.answers import ListOf
    from cloudstead.web.call import Call


class AuditLogHandlers:
    """What the rows of the audit log run."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._log = backend.audit_log

    async def list_all(self, call: Call[Caller]) -> ListOf[AuditLogEntry]:
        """List who changed what, oldest first; an addition of ours, beyond the source."""
        query = list_query(call, AuditLogQuery)
        page = await self._database.read(
            lambda unit: self._log.page(unit, acting(unit, call), query.page, query.wanted)
        )
        return envelope(query, page, audit_log_entry)
