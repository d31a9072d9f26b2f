"""Who may decide about whom: nobody gives, takes or breaks into what goes beyond the own powers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.reach import Reach
from cloudstead.core.errors import OutOfReach
from cloudstead.core.people.errors import RoleTooHigh

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller, Grant
    from cloudstead.core.domains.model import DomainTree
    from cloudstead.core.people.model import Member, Person
    from cloudstead.core.unit import Unit


def require_sight(reach: Reach, member: Member) -> None:
    """Raise ``OutOfReach`` unless the person is at home within reach; whoever has no home is the root's affair."""
    home = member.home
    if home is None and not reach.is_whole_account:
        raise OutOfReach
    if home is not None:
        reach.require(home.domain_id)


def require_power_over(caller: Caller, tree: DomainTree, member: Member) -> None:
    """Raise ``RoleTooHigh`` when the person holds anything, anywhere, that the caller does not hold there.

    Without this, whoever may change people could give an administrator another mail address, and with it become one.
    """
    if any(not holds(caller, tree, grant) for grant in (*member.grants, *member.group_grants)):
        raise RoleTooHigh


def require_no_stake_elsewhere(unit: Unit, caller: Caller, person: Person) -> None:
    """Raise ``RoleTooHigh`` for a member of another account, one below the caller's aside.

    Whoever gives such a person another password or mail address could come into that account in the person's name.
    """
    for account_id in unit.members.accounts_of(person.id):
        account = None if account_id == caller.account_id else unit.accounts.get(account_id)
        if account is not None and account.parent_id != caller.account_id:
            raise RoleTooHigh


def require_own_hand(unit: Unit, caller: Caller, member: Member) -> None:
    """Raise ``RoleTooHigh`` where the person's mail address or second factor is out of the caller's hands.

    For whoever bears the person's name. A key may do less than its owner, and be in other hands; whoever came by an
    identity provider came by the word of somebody whom the account has chosen itself. With the address, either could
    become the owner, at home and everywhere. The sessions of a provider end with it, so none outlives this question.
    """
    if caller.is_key:
        require_power_over(caller, unit.domains.tree(caller.account_id), member)
    is_at_home = member.person.home_account_id == caller.account_id
    if caller.is_key or not is_at_home or unit.identity_providers.all_of(caller.account_id):
        require_no_stake_elsewhere(unit, caller, member.person)


def holds(caller: Caller, tree: DomainTree, grant: Grant) -> bool:
    """Tell whether the caller holds every permission of the grant's role at the grant's domain.

    What the policies of the account take away nobody of the account holds, so it is not asked for.
    """
    held = grant.held
    if held is None:
        return False
    denied = frozenset[Permission]().union(*(each.denied for each in caller.grants))
    return all(_covers(caller, permission, tree, grant) for permission in held - denied)


def _covers(caller: Caller, permission: Permission, tree: DomainTree, grant: Grant) -> bool:
    return caller.may(permission) and Reach.of(caller, permission, tree).covers(grant.domain_id)
