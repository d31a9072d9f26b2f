"""Roles, as members of groups see, make and change them.

Nobody makes or changes a role that holds, before or after, what the maker does not hold in that group.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.permissions import GROUP_ROLES
from cloudstead.core.audit.record import Trail
from cloudstead.core.caller import Grant
from cloudstead.core.errors import InvalidField
from cloudstead.core.groups.access import require
from cloudstead.core.ids import is_id
from cloudstead.core.patch import ABSENT, Patched, patched
from cloudstead.core.people.errors import RoleTooHigh
from cloudstead.core.people.powers import holds
from cloudstead.core.roles.built_in import SHOWN, own_role
from cloudstead.core.roles.errors import RoleInUse, RoleIsBuiltIn, RoleNotFound
from cloudstead.core.roles.events import RoleChanged
from cloudstead.core.roles.model import GroupRole, RoleId
from cloudstead.core.roles.words import BY_ID, spoken
from cloudstead.core.texts import require_line, require_prose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.domains.model import Domain, DomainTree
    from cloudstead.core.ids import DomainId, IdSource
    from cloudstead.core.roles.model import ShownRole
    from cloudstead.core.unit import Unit

MAX_NAME_CHARS: Final = 100
MOST_ROLES: Final = 100
"""How many roles one group may make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChange:
    """What to change of a role; ``words`` replaces all that it holds."""

    name: Patched[str] = ABSENT
    description: Patched[str] = ABSENT
    words: Patched[tuple[str, ...]] = ABSENT

    def check(self) -> None:
        """Raise ``InvalidField`` when a value given can be no role's."""
        if self.name is not ABSENT:
            require_line(self.name, field="name", max_chars=MAX_NAME_CHARS)
        if self.description is not ABSENT:
            require_prose(self.description, field="description")
        if self.words is not ABSENT:
            for word in self.words:
                if word not in BY_ID:
                    raise InvalidField("permissions", f"there is no permission {word!r}; GET /permission lists all")


class Roles:
    """The roles of all groups. A role of a group that the caller is not in is one that is not there."""

    def __init__(self, clock: Clock, ids: IdSource) -> None:
        self._clock = clock
        self._ids = ids
        self._trail = Trail[GroupRole](clock, ids, object_type="role", name_of=lambda each: each.id, fields_of=_audited)

    def of_group(self, unit: Unit, caller: Caller, group_id: str) -> list[ShownRole]:
        """Return the roles that can be given in a group: those of every group, the own ones, those from above."""
        tree = unit.domains.tree(caller.account_id)
        domain = require(caller, tree, group_id, "role:view")
        made = unit.roles.at(caller.account_id, tree.path(domain.id))
        return [*SHOWN.values(), *map(own_role, made)]

    def of_caller(self, unit: Unit, caller: Caller) -> list[ShownRole]:
        """Return the roles of every group, and those of the groups that the caller belongs to and sees roles of."""
        tree = unit.domains.tree(caller.account_id)
        own = {grant.domain_id for grant in caller.grants if "role:view" in (grant.held or ())}
        places = sorted({above for each in own & tree.nodes.keys() for above in tree.path(each)})
        return [*SHOWN.values(), *map(own_role, unit.roles.at(caller.account_id, places))]

    def create(
        self, unit: Unit, caller: Caller, group_id: str, *, name: str, description: str, words: Sequence[str]
    ) -> ShownRole:
        """Make a role of a group's own.

        Raise ``GroupNotFound``, ``NotPermitted``, ``RoleTooHigh``, ``RoleNameTaken`` and ``InvalidField``.
        """
        tree = unit.domains.tree(caller.account_id)
        domain = require(caller, tree, group_id, "role:create")
        RoleChange(name=name, description=description, words=tuple(words)).check()
        if len(unit.roles.at(caller.account_id, (domain.id,))) >= MOST_ROLES:
            raise InvalidField("groupId", f"the group has {MOST_ROLES} roles already")
        now_ms = self._clock.millis()
        role = GroupRole(
            id=RoleId(self._ids.new()),
            account_id=caller.account_id,
            domain_id=domain.id,
            name=name,
            description=description,
            words=spoken(words),
            created_at_ms=now_ms,
            created_by=caller.person_id,
            updated_at_ms=now_ms,
        )
        _require_held(caller, tree, domain, role)
        unit.roles.add(role)
        self._trail.made(unit, caller, "role.create", role)
        return own_role(role)

    def update(self, unit: Unit, caller: Caller, group_id: str, role_id: str, change: RoleChange) -> ShownRole:
        """Change a role of the group's own; whoever holds it may do what it says from then on."""
        tree = unit.domains.tree(caller.account_id)
        domain = require(caller, tree, group_id, "role:edit")
        before = self._own(unit, caller, domain, role_id)
        change.check()
        _require_held(caller, tree, domain, before)
        after = replace(
            before,
            name=patched(change.name, before.name),
            description=patched(change.description, before.description),
            words=spoken(patched(change.words, before.words)),
        )
        _require_held(caller, tree, domain, after)
        if after != before:
            after = replace(after, updated_at_ms=self._clock.millis())
            unit.roles.replace(after)
            self._trail.changed(unit, caller, "role.update", before, after)
            unit.emit(RoleChanged(caller.account_id))
        return own_role(after)

    def remove(self, unit: Unit, caller: Caller, group_id: str, role_id: str) -> ShownRole:
        """Remove a role of the group's own that nobody holds; raise ``RoleInUse``."""
        tree = unit.domains.tree(caller.account_id)
        domain = require(caller, tree, group_id, "role:delete")
        role = self._own(unit, caller, domain, role_id)
        _require_held(caller, tree, domain, role)
        if unit.roles.is_used(caller.account_id, role.id):
            raise RoleInUse
        unit.roles.remove(caller.account_id, role.id)
        self._trail.removed(unit, caller, "role.remove", role)
        unit.emit(RoleChanged(caller.account_id))
        return own_role(role)

    def require_known(self, unit: Unit, tree: DomainTree, domain_id: DomainId, role_id: str) -> Grant:
        """Return the grant of a role that can be given in a group; raise ``RoleNotFound``."""
        if role_id in GROUP_ROLES:
            return Grant(domain_id, role_id)
        account_id = tree.nodes[domain_id].account_id
        for role in unit.roles.named(account_id, (role_id,)) if is_id(role_id) else ():
            if tree.is_within(domain_id, role.domain_id):
                return Grant(domain_id, role.id, permissions=role.permissions)
        raise RoleNotFound

    def _own(self, unit: Unit, caller: Caller, domain: Domain, role_id: str) -> GroupRole:
        if role_id in GROUP_ROLES:
            raise RoleIsBuiltIn
        for role in unit.roles.named(caller.account_id, (role_id,)) if is_id(role_id) else ():
            if role.domain_id == domain.id:
                return role
        raise RoleNotFound


def _require_held(caller: Caller, tree: DomainTree, domain: Domain, role: GroupRole) -> None:
    if not holds(caller, tree, Grant(domain.id, role.id, permissions=role.permissions)):
        raise RoleTooHigh


def _audited(role: GroupRole) -> dict[str, Any]:
    return {
        "group": role.domain_id,
        "name": role.name,
        "description": role.description,
        "permissions": list(role.words),
    }
