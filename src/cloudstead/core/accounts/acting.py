"""Acting in an account: one's own, or a tenant of it.

Accounts form a tree of depth two. An administrator of the upper account acts in a tenant as one of its administrators
would, and may do a little more there; nobody else sees any account but the own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.whole_account import holds_at_root, require_at_root
from cloudstead.core.accounts.errors import AccountNotFound, AccountNotUsable
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.caller import Grant
from cloudstead.core.domains.model import ROOT_ID
from cloudstead.core.errors import NotPermitted
from cloudstead.core.ids import AccountId, DomainId, is_id

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.caller import Caller
    from cloudstead.core.unit import Unit

READ_TENANTS: Final = Permission("tenant:read")
CHANGE_TENANTS: Final = Permission("tenant:administer")


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, and where.

    ``caller`` belongs to ``account``: in a tenant it is the caller with an administrator's grants there. ``as_parent``
    says that the account was named from above, by its parent's administrator or by the own one of an account at the
    top: then no default is taken from the caller.
    """

    caller: Caller
    account: Account
    as_parent: bool = False


def acting_in(unit: Unit, caller: Caller, account_id: str | None = None, *, only_reads: bool = False) -> Acting:
    """Return the caller as acting in the own account, or in the one that is named.

    ``only_reads`` asks for the smaller right. Raise ``AccountNotFound`` for an account that the caller cannot see, and
    ``NotPermitted`` for one that the caller sees without having the right.
    """
    own = unit.accounts.get(caller.account_id)
    if own is None:
        raise AccountNotFound
    if account_id is None:
        return Acting(caller, own)
    if account_id == own.id:
        _require_top(own)
        require_at_root(caller, READ_TENANTS if only_reads else CHANGE_TENANTS)
        return Acting(caller, own, as_parent=True)
    tenant = unit.accounts.get(AccountId(account_id)) if is_id(account_id) else None
    if tenant is None or tenant.parent_id != own.id:
        raise AccountNotFound
    require_at_root(caller, READ_TENANTS if only_reads else CHANGE_TENANTS)
    grants = (Grant(DomainId(ROOT_ID), "Administrator", only_reads=only_reads),)
    return Acting(replace(caller, account_id=tenant.id, grants=grants), tenant, as_parent=True)


def require_open(account: Account, *, only_reads: bool) -> None:
    """Raise ``AccountNotUsable`` where the account's status does not let its own people do this."""
    if not account.is_usable or (account.status is AccountStatus.RESTRICTED and not only_reads):
        raise AccountNotUsable(account.status)


def may_have_tenants(caller: Caller, account: Account) -> bool:
    """Tell whether the caller may look at tenants of the account, whether it has any or not."""
    return account.parent_id is None and holds_at_root(caller, READ_TENANTS)


def _require_top(account: Account) -> None:
    if account.parent_id is not None:
        raise NotPermitted(CHANGE_TENANTS)
