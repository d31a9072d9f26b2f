"""Accounts above, below and beside one another, each with keys: who may do what in account management."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cloudstead.core.accounts.opening import open_account
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.credentials.api_keys import make_api_key, withdraw

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from factories.tenants import Tenant


@dataclass(frozen=True)
class AccountKeys:
    """The tenant's own account stands above ``below``; ``other`` has nothing to do with either.

    ``keys`` are ``top``, ``developer``, ``reader``, ``inactive`` and ``deleted`` of the upper account, ``below`` and
    ``tenant_developer`` of the lower one, ``stranger`` of the other.
    """

    below: Account
    other: Account
    keys: dict[str, str]


async def account_keys(tenant: Tenant) -> AccountKeys:
    def opened(unit, name, parent_id=None):
        hosts = [f"{name}.cloud.example"]
        return open_account(unit, tenant.ids, tenant.clock, name=name, stack="prod", hosts=hosts, parent_id=parent_id)

    def key(unit, account, role):
        maker = Caller(account.id, "test", "test", None, (Grant("root", "Administrator"),))
        grants = (Grant("root", role),)
        return make_api_key(unit, maker, clock=tenant.clock, ids=tenant.ids, name="k", grants=grants)

    def write(unit):
        below, other = opened(unit, "below", tenant.account.id), opened(unit, "other")
        keys = {
            name: key(unit, account, role)
            for name, account, role in (
                ("top", tenant.account, "Administrator"),
                ("developer", tenant.account, "ReadWrite"),
                ("reader", tenant.account, "Read"),
                ("below", below, "Administrator"),
                ("tenant_developer", below, "ReadWrite"),
                ("stranger", other, "Administrator"),
                ("inactive", tenant.account, "Administrator"),
                ("deleted", tenant.account, "Administrator"),
            )
        }
        unit.api_keys.replace(replace(keys["inactive"].key, is_active=False))
        withdraw(unit, tenant.caller, keys["deleted"].key.id, clock=tenant.clock, ids=tenant.ids)
        return AccountKeys(below, other, {name: made.text for name, made in keys.items()})

    return await tenant.database.write(write)
