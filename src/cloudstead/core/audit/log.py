"""Reading the audit trail: administrators see their account's, and those of its tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.whole_account import require_at_root
from cloudstead.core.audit.model import NamedEntry
from cloudstead.core.paging import Page

if TYPE_CHECKING:
    from cloudstead.core.accounts.acting import Acting
    from cloudstead.core.audit.model import AuditFilter
    from cloudstead.core.paging import PageRequest
    from cloudstead.core.unit import Unit

READ: Final = Permission("audit:read")


class AuditLog:
    """The audit trail of an account, as its administrators and those of its parent see it."""

    def page(self, unit: Unit, acting: Acting, request: PageRequest, wanted: AuditFilter) -> Page[NamedEntry]:
        """Return one page in the order of time, with the number of all entries that the filter leaves.

        People of the parent are named to the parent only; a tenant sees their principals.
        """
        require_at_root(acting.caller, READ)
        account = acting.account
        page = unit.audit.page(account.id, request, wanted)
        known = [account.id]
        if acting.as_parent and account.parent_id is not None:
            known.append(account.parent_id)
        names = unit.audit.user_names(known, {each.principal for each in page.items})
        items = tuple(NamedEntry(each, names.get(each.principal)) for each in page.items)
        return Page(items, after=page.after, total=page.total)
