"""Where roles count: in the group that has made them and in all below it, and nowhere else.

Whoever changes a role decides about its holders, and has power over that group alone. So a group cannot be moved away
from a role that is held or named in it: those above it would go on deciding who may do what there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.errors import InvalidField

if TYPE_CHECKING:
    from cloudstead.core.domains.model import DomainTree
    from cloudstead.core.ids import DomainId
    from cloudstead.core.unit import Unit


def require_roles_still_count(
    unit: Unit, tree: DomainTree, domain_id: DomainId, parent_id: DomainId, *, field: str
) -> None:
    """Raise ``InvalidField`` where a group is about to leave a role that somebody holds, or a group names, in it."""
    left = [each for each in tree.path(domain_id)[:-1] if not tree.is_within(parent_id, each)]
    account_id = tree.nodes[domain_id].account_id
    roles = {each.id: each for each in unit.roles.at(account_id, left)} if left else {}
    if not roles:
        return
    for role_id, place in unit.roles.places(account_id, roles):
        if tree.is_within(place, domain_id):
            name = roles[role_id].name
            reason = f"the role {name!r} of a group above is held or named there; give another one first"
            raise InvalidField(field, reason)
