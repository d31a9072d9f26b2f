"""The rooms behind account management, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudstead.app.people import people_parts
from cloudstead.core.accounts.ends import AccountEnds
from cloudstead.core.accounts.registry import Accounts
from cloudstead.core.accounts.tenants import Tenants
from cloudstead.core.credentials.api_key_registry import ApiKeys
from cloudstead.core.notifications.tidings import Tidings
from cloudstead.core.policygroups.members import GroupMembers
from cloudstead.core.policygroups.registry import PolicyGroups

if TYPE_CHECKING:
    from collections.abc import Collection

    from cloudstead.app.cloud import Cloud
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.key_uses import KeyUses
    from cloudstead.core.ids import IdSource
    from cloudstead.core.people.mails import Mails


@dataclass(frozen=True, slots=True)
class AccountRooms:
    """Accounts and what gives rights in them."""

    accounts: Accounts
    tenants: Tenants
    api_keys: ApiKeys
    policy_groups: PolicyGroups


def account_ends(cloud: Cloud, public_url: str) -> AccountEnds:
    """Return what warns accounts of their ends, by mails in their looks; ``public_url`` leads to our pages."""
    letters = people_parts(cloud, public_url).letters
    return AccountEnds(cloud.clock, cloud.ids, Tidings(cloud.clock, cloud.ids, letters))


def account_rooms(
    clock: Clock, ids: IdSource, *, mails: Mails, key_uses: KeyUses, reserved_hosts: Collection[str] = ()
) -> AccountRooms:
    """Return the rooms; ``reserved_hosts`` are the installation's own names, which no account may take."""
    accounts = Accounts(clock, ids, reserved_hosts=reserved_hosts)
    policy_groups = PolicyGroups(clock, ids, GroupMembers(clock))
    api_keys = ApiKeys(clock, ids, policy_groups, key_uses)
    tenants = Tenants(clock, ids, accounts=accounts, keys=api_keys, mails=mails)
    return AccountRooms(accounts, tenants, api_keys, policy_groups)
