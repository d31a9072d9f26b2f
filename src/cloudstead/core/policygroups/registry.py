"""Policy groups, as callers see and change them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cloudstead.core.access.permissions import BUILT_IN_ROLES, Permission
from cloudstead.core.access.whole_account import holds_at_root, require_at_root
from cloudstead.core.accounts.limits import POLICY_GROUPS, require_room
from cloudstead.core.audit.record import Trail
from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import ApiKeyId, PersonId, PolicyGroupId
from cloudstead.core.paging import PageRequest
from cloudstead.core.patch import ABSENT, Patched, patched
from cloudstead.core.people.standing import ResidentFilter
from cloudstead.core.policygroups.errors import PolicyGroupIsBuiltIn, PolicyGroupNotFound
from cloudstead.core.policygroups.events import PolicyGroupChanged
from cloudstead.core.policygroups.members import require_may_give
from cloudstead.core.policygroups.model import PolicyGroup
from cloudstead.core.texts import require_line
from cloudstead.core.versions import changed

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

    from cloudstead.core.accounts.acting import Acting
    from cloudstead.core.caller import Caller, Grant
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.model import ApiKey
    from cloudstead.core.ids import IdSource
    from cloudstead.core.paging import Page
    from cloudstead.core.people.standing import Resident, Status
    from cloudstead.core.policygroups.members import GroupMembers
    from cloudstead.core.policygroups.model import CountedGroup
    from cloudstead.core.unit import Unit

MOST_GRANTS: Final = 100
MAX_NAME_CHARS: Final = 100

READ: Final = Permission("policy-group:read")
READ_MEMBERS: Final = Permission("policy-group:read-members")
ADMINISTER: Final = Permission("policy-group:administer")


@dataclass(frozen=True, slots=True)
class Subjects:
    """People and keys by id."""

    person_ids: tuple[PersonId, ...] = ()
    key_ids: tuple[ApiKeyId, ...] = ()


class PolicyGroups:
    """The policy groups of accounts. A group of another account is one that is not there."""

    def __init__(self, clock: Clock, ids: IdSource, members: GroupMembers) -> None:
        self._clock = clock
        self._ids = ids
        self.members = members
        self._trail = Trail[PolicyGroup](
            clock, ids, object_type="policy-group", name_of=lambda each: each.id, fields_of=audited
        )

    def get(self, unit: Unit, acting: Acting, group_id: PolicyGroupId) -> CountedGroup:
        """Return a group; raise ``PolicyGroupNotFound``."""
        acting.caller.require(READ)
        return unit.policy_groups.counted(self.find(unit, acting.caller, group_id))

    def page(self, unit: Unit, acting: Acting, request: PageRequest, *, name: str | None = None) -> Page[CountedGroup]:
        """Return one page of the groups."""
        acting.caller.require(READ)
        return unit.policy_groups.page(acting.account.id, request, name=name)

    def create(
        self, unit: Unit, acting: Acting, *, name: str, grants: tuple[Grant, ...] = (), members: Subjects | None = None
    ) -> CountedGroup:
        """Make a group, with members if any are given.

        Raise ``PolicyGroupNameTaken``, ``GroupGivesTooMuch``, ``AccountLimitExceeded`` and ``InvalidField``.
        """
        caller = acting.caller
        require_at_root(caller, ADMINISTER)
        require_line(name, field="name", max_chars=MAX_NAME_CHARS)
        _require_grants(unit, caller, grants)
        used = unit.policy_groups.page(caller.account_id, PageRequest(limit=1)).total or 0
        require_room(unit, caller.account_id, POLICY_GROUPS, used=used)
        now_ms = self._clock.millis()
        group = PolicyGroup(
            id=PolicyGroupId(self._ids.new()),
            account_id=caller.account_id,
            name=name,
            grants=grants,
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
        )
        unit.policy_groups.add(group)
        self._trail.made(unit, caller, "policy-group.create", group)
        if members is not None:
            people, keys = _known(unit, caller, members)
            unit.policy_groups.put_people([group], people)
            unit.policy_groups.put_keys([group], [key.id for key in keys])
            self._told_members(unit, caller)
        return unit.policy_groups.counted(group)

    def update(
        self,
        unit: Unit,
        acting: Acting,
        group_id: PolicyGroupId,
        *,
        name: Patched[str] = ABSENT,
        grants: Patched[tuple[Grant, ...]] = ABSENT,
    ) -> PolicyGroup:
        """Rename a group, or give its members something else; raise ``PolicyGroupIsBuiltIn`` too."""
        caller = acting.caller
        require_at_root(caller, ADMINISTER)
        before = self.find(unit, caller, group_id)
        if before.is_built_in:
            raise PolicyGroupIsBuiltIn
        if name is not ABSENT:
            require_line(name, field="name", max_chars=MAX_NAME_CHARS)
        if grants is not ABSENT:
            _require_grants(unit, caller, grants)
        after = replace(before, name=patched(name, before.name), grants=patched(grants, before.grants))
        after = changed(before, after, now_ms=self._clock.millis())
        if after is not before:
            unit.policy_groups.replace(after)
            self._trail.changed(unit, caller, "policy-group.update", before, after)
            if after.grants != before.grants:
                self._told_members(unit, caller)
        return after

    def remove(self, unit: Unit, acting: Acting, group_id: PolicyGroupId) -> None:
        """Remove a group; its members stay in the account."""
        caller = acting.caller
        require_at_root(caller, ADMINISTER)
        group = self.find(unit, caller, group_id)
        if group.is_built_in:
            raise PolicyGroupIsBuiltIn
        unit.policy_groups.remove(caller.account_id, group.id)
        self._trail.removed(unit, caller, "policy-group.remove", group)
        self._told_members(unit, caller)

    def keys_in(self, unit: Unit, acting: Acting, group_id: PolicyGroupId, request: PageRequest) -> Page[ApiKey]:
        """Return one page of the keys in a group."""
        acting.caller.require(READ)
        return unit.policy_groups.keys_in(self.find(unit, acting.caller, group_id).id, request)

    def people_in(
        self,
        unit: Unit,
        acting: Acting,
        group_id: PolicyGroupId,
        request: PageRequest,
        *,
        statuses: Collection[Status] | None = None,
    ) -> Page[Resident]:
        """Return one page of the people in a group, those of these statuses where any are given."""
        require_at_root(acting.caller, READ_MEMBERS)
        group = self.find(unit, acting.caller, group_id)
        wanted = ResidentFilter(statuses=statuses, group_id=group.id)
        return unit.members.page(acting.account.id, request, wanted)

    def add_subjects(self, unit: Unit, acting: Acting, group_id: PolicyGroupId, subjects: Subjects) -> PolicyGroup:
        """Put people and keys into a group, all or none; raise ``AlreadyMember``, for unknown ones ``InvalidField``."""
        caller = acting.caller
        require_at_root(caller, ADMINISTER)
        group = self.find(unit, caller, group_id)
        people, keys = _known(unit, caller, subjects)
        self.members.let_in(unit, caller, group, people, keys)
        self.record_move(unit, caller, "policy-group.add-members", group)
        return group

    def take_people(
        self, unit: Unit, acting: Acting, group_id: PolicyGroupId, person_ids: Sequence[PersonId]
    ) -> PolicyGroup:
        """Take people out of a group; raise ``AdministratorStays``."""
        caller = acting.caller
        require_at_root(caller, ADMINISTER)
        group = self.find(unit, caller, group_id)
        self.members.take_people_out(unit, caller, [group], list(dict.fromkeys(person_ids)))
        self.record_move(unit, caller, "policy-group.remove-people", group)
        return group

    def take_keys(
        self, unit: Unit, acting: Acting, group_id: PolicyGroupId, key_ids: Sequence[ApiKeyId]
    ) -> PolicyGroup:
        """Take keys out of a group: one's own out of any, others out of those that the caller could let them into."""
        caller = acting.caller
        caller.require(READ)
        group = self.find(unit, caller, group_id)
        keys = unit.api_keys.named(caller.account_id, key_ids)
        if not holds_at_root(caller, ADMINISTER) and not all(is_own(caller, key) for key in keys):
            require_may_give(unit, caller, [group])
        self.members.take_keys_out(unit, [group], keys)
        self.record_move(unit, caller, "policy-group.remove-keys", group)
        return group

    def find(self, unit: Unit, caller: Caller, group_id: PolicyGroupId) -> PolicyGroup:
        """Return a group of the caller's account; raise ``PolicyGroupNotFound``."""
        group = unit.policy_groups.get(caller.account_id, group_id)
        if group is None:
            raise PolicyGroupNotFound
        return group

    def find_each(self, unit: Unit, caller: Caller, group_ids: Sequence[PolicyGroupId]) -> list[PolicyGroup]:
        """Return the groups; raise ``PolicyGroupNotFound`` when the account does not have all of them."""
        wanted = list(dict.fromkeys(group_ids))
        found = list(unit.policy_groups.named(caller.account_id, wanted))
        if len(found) < len(wanted):
            raise PolicyGroupNotFound
        return found

    def find_named(self, unit: Unit, caller: Caller, group_ids: Sequence[PolicyGroupId]) -> list[PolicyGroup]:
        """Return the groups that an input names; raise ``InvalidField`` when the account does not have all of them."""
        try:
            return self.find_each(unit, caller, group_ids)
        except PolicyGroupNotFound:
            raise InvalidField("groups", "names a group that is not in this account") from None

    def record_move(self, unit: Unit, caller: Caller, operation: str, group: PolicyGroup) -> None:
        """Put a change of who is in a group into the trail, where there was one."""
        after = unit.policy_groups.get(caller.account_id, group.id)
        if after is not None and after.version != group.version:
            self._trail.changed(unit, caller, operation, group, after)

    def _told_members(self, unit: Unit, caller: Caller) -> None:
        unit.emit(PolicyGroupChanged(caller.account_id))


def is_own(caller: Caller, key: ApiKey) -> bool:
    """Tell whether a key is the caller's: the calling one itself, or one of the same owner."""
    owns = caller.person_id is not None and key.owner_id == caller.person_id
    return owns or caller.principal == f"key:{key.id}"


def audited(group: PolicyGroup) -> dict[str, Any]:
    """Return what the trail shows of a group."""
    return {
        "name": group.name,
        "grants": [f"{grant.role}@{grant.domain_id}" for grant in group.grants],
        "version": group.version,
    }


def _known(unit: Unit, caller: Caller, subjects: Subjects) -> tuple[list[PersonId], Sequence[ApiKey]]:
    """Return the people and keys that an input names; raise ``InvalidField`` for any that the account does not have."""
    people = list(dict.fromkeys(subjects.person_ids))
    if unit.policy_groups.count_known(caller.account_id, people) < len(people):
        raise InvalidField("users", "names a user who is not in this account")
    wanted = list(dict.fromkeys(subjects.key_ids))
    keys = unit.api_keys.named(caller.account_id, wanted)
    if len(keys) < len(wanted):
        raise InvalidField("apikeys", "names an API key that is not in this account")
    return people, keys


def _require_grants(unit: Unit, caller: Caller, grants: tuple[Grant, ...]) -> None:
    if len(grants) > MOST_GRANTS:
        raise InvalidField("grants", f"holds more than {MOST_GRANTS}")
    tree = unit.domains.tree(caller.account_id)
    for grant in grants:
        if grant.role not in BUILT_IN_ROLES:
            raise InvalidField("grants", f"there is no role {grant.role!r}")
        if grant.domain_id not in tree.nodes:
            raise InvalidField("grants", f"there is no domain {grant.domain_id!r}")
    if len(set(grants)) < len(grants):
        raise InvalidField("grants", "names the same grant twice")
