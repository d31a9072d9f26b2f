"""Letting people and keys into groups and taking them out: who may, what has to stay, and who hears of it.

The Administrators are those who hold the Administrator role at the root, so joining them is getting that grant and
leaving is losing it. Every other group has members of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cloudstead.core.credentials.events import ApiKeyChanged
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.people.powers import holds
from cloudstead.core.policygroups.errors import AdministratorStays, AlreadyMember, GroupGivesTooMuch
from cloudstead.core.policygroups.model import ADMINISTRATOR_GRANT, DEVELOPER_GRANT, GroupKind
from cloudstead.core.versions import touched

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudstead.core.caller import Caller, Grant
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.model import ApiKey
    from cloudstead.core.ids import PersonId, PolicyGroupId
    from cloudstead.core.policygroups.model import PolicyGroup
    from cloudstead.core.unit import Unit


def require_may_give(unit: Unit, caller: Caller, groups: Collection[PolicyGroup]) -> None:
    """Raise ``GroupGivesTooMuch`` when a group gives anything that the caller does not hold."""
    tree = unit.domains.tree(caller.account_id)
    if not all(holds(caller, tree, grant) for group in groups for grant in group.given):
        raise GroupGivesTooMuch


class GroupMembers:
    """Changes who is in which group; the caller's right to change that person or key is asked before."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def let_people_in(
        self, unit: Unit, caller: Caller, groups: Sequence[PolicyGroup], person_ids: Sequence[PersonId]
    ) -> None:
        """Add people of the account, all of them to all groups or nobody.

        Raise ``AlreadyMember`` and ``GroupGivesTooMuch``.
        """
        require_may_give(unit, caller, groups)
        _require_new(unit.policy_groups.ids_of_people(caller.account_id, person_ids), groups)
        for group in groups:
            if group.kind is GroupKind.ADMINISTRATORS:
                for person_id in person_ids:
                    self._put_grants(unit, caller, person_id, adding=True)
            else:
                unit.policy_groups.put_people(group, person_ids)
            self._touch(unit, group)
        self._tell_people(unit, caller, person_ids)

    def take_people_out(
        self, unit: Unit, caller: Caller, groups: Sequence[PolicyGroup], person_ids: Sequence[PersonId]
    ) -> None:
        """Take people out of groups; those who are not in stay as they are.

        Raise ``AdministratorStays`` when somebody would leave the administrators by their own hand, or the last one.
        """
        held = unit.policy_groups.ids_of_people(caller.account_id, person_ids)
        for group in groups:
            leaving = [person_id for person_id in person_ids if group.id in held[person_id]]
            if not leaving:
                continue
            if group.kind is GroupKind.ADMINISTRATORS:
                require_administrator_left(unit, caller, group, leaving)
                for person_id in leaving:
                    self._put_grants(unit, caller, person_id, adding=False)
            else:
                unit.policy_groups.take_people(group.id, leaving)
            self._touch(unit, group)
            self._tell_people(unit, caller, leaving)

    def let_keys_in(self, unit: Unit, caller: Caller, groups: Sequence[PolicyGroup], keys: Sequence[ApiKey]) -> None:
        """Add keys of the account, all of them to all groups or none.

        Raise ``AlreadyMember`` and ``GroupGivesTooMuch``.
        """
        require_may_give(unit, caller, groups)
        _require_new(unit.policy_groups.ids_of_keys([key.id for key in keys]), groups)
        for key in keys:
            is_administrator = any(group.kind is GroupKind.ADMINISTRATORS for group in groups)
            grants = (*key.grants, ADMINISTRATOR_GRANT) if is_administrator else key.grants
            unit.api_keys.replace(touched(replace(key, grants=grants), now_ms=self._clock.millis()))
            unit.emit(ApiKeyChanged(key.id))
        for group in groups:
            if group.kind is not GroupKind.ADMINISTRATORS:
                unit.policy_groups.put_keys(group, [key.id for key in keys])
            self._touch(unit, group)

    def take_keys_out(self, unit: Unit, groups: Sequence[PolicyGroup], keys: Sequence[ApiKey]) -> None:
        """Take keys out of groups; those that are not in stay as they are."""
        held = unit.policy_groups.ids_of_keys([key.id for key in keys])
        for key in keys:
            left = [group for group in groups if group.id in held[key.id]]
            if left:
                is_administrator = any(group.kind is GroupKind.ADMINISTRATORS for group in left)
                grants = without_administration(key.grants) if is_administrator else key.grants
                unit.api_keys.replace(touched(replace(key, grants=grants), now_ms=self._clock.millis()))
                unit.emit(ApiKeyChanged(key.id))
        for group in groups:
            leaving = [key.id for key in keys if group.id in held[key.id]]
            if leaving and group.kind is not GroupKind.ADMINISTRATORS:
                unit.policy_groups.take_keys(group.id, leaving)
            if leaving:
                self._touch(unit, group)

    def _put_grants(self, unit: Unit, caller: Caller, person_id: PersonId, *, adding: bool) -> None:
        membership = unit.people.membership(caller.account_id, person_id)
        if membership is None:
            return
        grants = membership.grants
        changed = (*grants, ADMINISTRATOR_GRANT) if adding else without_administration(grants)
        unit.people.put_membership(replace(membership, grants=changed))

    def _tell_people(self, unit: Unit, caller: Caller, person_ids: Collection[PersonId]) -> None:
        unit.members.touch(caller.account_id, person_ids, self._clock.millis())
        for person_id in person_ids:
            unit.emit(PersonChanged(caller.account_id, person_id))

    def _touch(self, unit: Unit, group: PolicyGroup) -> None:
        current = unit.policy_groups.get(group.account_id, group.id)
        if current is not None:
            unit.policy_groups.replace(touched(current, now_ms=self._clock.millis()))


def require_administrator_left(
    unit: Unit, caller: Caller, administrators: PolicyGroup, leaving: Collection[PersonId]
) -> None:
    """Raise ``AdministratorStays`` when the caller is among ``leaving``, or nobody would be left.

    For whoever takes away what makes an administrator in another way, too: by removal, or by another role.
    """
    if caller.person_id is not None and caller.person_id in leaving:
        raise AdministratorStays("Nobody can remove themselves from the administrators.")
    # Whoever is locked out is an administrator still, and yet nobody who could let the others in again.
    if leaving and not unit.policy_groups.count_able(administrators.id, without=leaving):
        raise AdministratorStays("The last administrator cannot be removed from the administrators.")


def without_administration(grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
    """Return what is left to somebody who ceases to be an administrator: a developer's rights at least."""
    return tuple(grant for grant in grants if grant != ADMINISTRATOR_GRANT) or (DEVELOPER_GRANT,)


def _require_new(held: Mapping[Any, Sequence[PolicyGroupId]], groups: Sequence[PolicyGroup]) -> None:
    wanted = {group.id for group in groups}
    for member_id, group_ids in held.items():
        if not wanted.isdisjoint(group_ids):
            raise AlreadyMember(member_id)
