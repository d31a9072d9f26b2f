"""Feature policies: what an account's people, keys and groups may not do, whatever their roles.

A feature is the first half of a permission, such as ``rule`` in ``rule:create``, its actions are the second halves.
What a parent switches off is off in its tenants too, and no tenant switches it on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.access.permissions import ALL_PERMISSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudstead.core.access.permissions import Permission
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.accounts.profile import FeaturePolicy
    from cloudstead.core.unit import Unit


def denied_by(policies: Iterable[FeaturePolicy]) -> frozenset[Permission]:
    """Return the permissions that these policies take away; of two that contradict each other the later one wins."""
    denied: set[Permission] = set()
    for policy in policies:
        actions = {part.strip() for part in policy.action.split(",") if part.strip()}
        for permission in ALL_PERMISSIONS:
            feature, _, action = permission.partition(":")
            if feature == policy.feature and (not actions or action in actions):
                (denied.discard if policy.allow else denied.add)(permission)
    return frozenset(denied)


def denied_in(unit: Unit, account: Account) -> frozenset[Permission]:
    """Return the permissions that nobody has in the account, because of its own policies or its parent's."""
    own = denied_by(unit.accounts.profile(account.id).policies)
    if account.parent_id is None:
        return own
    return own | denied_by(unit.accounts.profile(account.parent_id).policies)
