"""Which account somebody comes in to, who types a user name at one of our hosts.

A tenant answers to no host name before it is given an alias, and its people have to come in all the same: they use
the door of the account above.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.unit import Unit


def account_behind(unit: Unit, host: str, user_name: str) -> Account | None:
    """Return the host's account or, where nobody there has the name, the one tenant of it in which somebody has.

    A name that people of several tenants have leads to the host's account, where it opens nothing. ``None`` when no
    account answers to the host.
    """
    account = unit.accounts.by_host(host)
    if account is None or account.parent_id is not None or unit.people.by_user_name(account.id, user_name) is not None:
        return account
    tenants = unit.members.tenants_with(account.id, user_name, limit=2)
    tenant = unit.accounts.get(tenants[0]) if len(tenants) == 1 else None
    # One that lets nobody in would be told apart before a password is looked at, and with it that there is such a name.
    return tenant if tenant is not None and tenant.is_usable else account
