"""The four roles that every group has, as people are told of them, and the others' names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.access.permissions import (
    BUILT_IN_ROLES,
    GROUP_ADMINISTRATOR,
    INSTALLER,
    SUBSCRIBER,
    VIEWER,
)
from cloudstead.core.roles.model import GroupRole, ShownRole
from cloudstead.core.roles.words import spoken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.caller import Grant

_TOLD: Final = (
    (SUBSCRIBER, "Subscriber", "Holds the contract of the group: may do everything, and cannot be removed."),
    (GROUP_ADMINISTRATOR, "Administrator", "May do everything but what concerns the contract."),
    (INSTALLER, "Installer", "Sets devices up: registers, changes, configures and removes them."),
    (VIEWER, "Viewer", "Sees everything, changes nothing."),
)
_ELSEWHERE: Final = "Given outside of groups, where it can be changed."

SHOWN: Final = {
    name: ShownRole(name, printed, told, spoken(BUILT_IN_ROLES[name].permissions)) for name, printed, told in _TOLD
}
"""The four, by id, in the order of what they may do."""


def shown_role(grant: Grant, made: Mapping[str, GroupRole]) -> ShownRole:
    """Return the role of a grant as it is shown; ``made`` holds the account's own by id."""
    own = made.get(grant.role)
    if own is not None:
        return own_role(own)
    return SHOWN.get(grant.role) or ShownRole(grant.role, grant.role, _ELSEWHERE, spoken(grant.held or ()))


def own_role(role: GroupRole) -> ShownRole:
    """Return a role that a group has made, as it is shown."""
    return ShownRole(role.id, role.name, role.description, role.words, is_removable=True)
