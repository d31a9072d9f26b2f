"""The two groups that every account has from its opening."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.ids import PolicyGroupId
from cloudstead.core.policygroups.model import BUILT_IN, PolicyGroup

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.ids import IdSource
    from cloudstead.core.unit import Unit


def add_built_in_groups(unit: Unit, account: Account, ids: IdSource) -> None:
    """Give a new account its groups; its root domain has to be there, and nobody may be in it yet."""
    for kind, (name, grants) in BUILT_IN.items():
        unit.policy_groups.add(
            PolicyGroup(
                id=PolicyGroupId(ids.new()),
                account_id=account.id,
                name=name,
                kind=kind,
                grants=grants,
                created_at_ms=account.created_at_ms,
                updated_at_ms=account.created_at_ms,
            )
        )
