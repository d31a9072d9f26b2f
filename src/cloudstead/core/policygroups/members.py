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
    from collections.abc import Callable, Collection, Mapping, Sequence

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

    def let_in(
        self,
        unit: Unit,
        caller: Caller,
        group: PolicyGroup,
        person_ids: Sequence[PersonId],
        keys: Sequence[ApiKey],
    ) -> None:
        """Add people and keys of the account to a group: one change of it, all of them or nobody.

        Raise ``AlreadyMember`` and ``GroupGivesTooMuch``.
        """
        self._add_people(unit, caller, [group], person_ids)
        self._add_keys(unit, caller, [group], keys)
        unit.policy_groups.touch([group], self._clock.millis())

    def let_people_in(
        self, unit: Unit, caller: Caller, groups: Sequence[PolicyGroup], person_ids: Sequence[PersonId]
    ) -> None:
        """Add people of the account, all of them to all groups or nobody.

        Raise ``AlreadyMember`` and ``GroupGivesTooMuch``.
        """
        self._add_people(unit, caller, groups, person_ids)
        unit.policy_groups.touch(groups, self._clock.millis())

    def take_people_out(
        self, unit: Unit, caller: Caller, groups: Sequence[PolicyGroup], person_ids: Sequence[PersonId]
    ) -> None:
        """Take people out of groups; those who are not in stay as they are.

        Raise ``AdministratorStays`` when somebody would leave the administrators by their own hand, or the last one.
        """
        held = unit.policy_groups.ids_of_people(caller.account_id, person_ids)
        left = [group for group in groups if any(group.id in ids for ids in held.values())]
        for group in left:
            if group.kind is GroupKind.ADMINISTRATORS:
                leaving = [person_id for person_id in person_ids if group.id in held[person_id]]
                require_administrator_left(unit, caller, group, leaving)
                self._regrant(unit, caller, leaving, without_administration)
        plain = [group.id for group in left if group.kind is not GroupKind.ADMINISTRATORS]
        unit.policy_groups.take_people(plain, person_ids)
        unit.policy_groups.touch(left, self._clock.millis())
        left_ids = {group.id for group in left}
        self._tell_people(unit, caller, [each for each in person_ids if not left_ids.isdisjoint(held[each])])

    def let_keys_in(self, unit: Unit, caller: Caller, groups: Sequence[PolicyGroup], keys: Sequence[ApiKey]) -> None:
        """Add keys of the account, all of them to all groups or none.

        Raise ``AlreadyMember`` and ``GroupGivesTooMuch``.
        """
        self._add_keys(unit, caller, groups, keys)
        unit.policy_groups.touch(groups, self._clock.millis())

    def take_keys_out(self, unit: Unit, groups: Sequence[PolicyGroup], keys: Sequence[ApiKey]) -> None:
        """Take keys out of groups; those that are not in stay as they are."""
        held = unit.policy_groups.ids_of_keys([key.id for key in keys])
        left = [group for group in groups if any(group.id in ids for ids in held.values())]
        administrators = {group.id for group in left if group.kind is GroupKind.ADMINISTRATORS}
        left_ids = {group.id for group in left}
        self._put_keys(
            unit,
            [
                key
                if administrators.isdisjoint(held[key.id])
                else replace(key, grants=without_administration(key.grants))
                for key in keys
                if not left_ids.isdisjoint(held[key.id])
            ],
        )
        unit.policy_groups.take_keys(left_ids - administrators, [key.id for key in keys])
        unit.policy_groups.touch(left, self._clock.millis())

    def _add_people(
        self, unit: Unit, caller: Caller, groups: Sequence[PolicyGroup], person_ids: Sequence[PersonId]
    ) -> None:
        require_may_give(unit, caller, groups)
        _require_new(unit.policy_groups.ids_of_people(caller.account_id, person_ids), groups)
        plain = [group for group in groups if group.kind is not GroupKind.ADMINISTRATORS]
        if len(plain) < len(groups):
            self._regrant(unit, caller, person_ids, lambda grants: (*grants, ADMINISTRATOR_GRANT))
        unit.policy_groups.put_people(plain, person_ids)
        self._tell_people(unit, caller, person_ids)

    def _add_keys(self, unit: Unit, caller: Caller, groups: Sequence[PolicyGroup], keys: Sequence[ApiKey]) -> None:
        require_may_give(unit, caller, groups)
        _require_new(unit.policy_groups.ids_of_keys([key.id for key in keys]), groups)
        plain = [group for group in groups if group.kind is not GroupKind.ADMINISTRATORS]
        more = () if len(plain) == len(groups) else (ADMINISTRATOR_GRANT,)
        self._put_keys(unit, [replace(key, grants=(*key.grants, *more)) for key in keys])
        unit.policy_groups.put_keys(plain, [key.id for key in keys])

    def _put_keys(self, unit: Unit, keys: Sequence[ApiKey]) -> None:
        unit.api_keys.replace(*(touched(key, now_ms=self._clock.millis()) for key in keys))
        for key in keys:
            unit.emit(ApiKeyChanged(key.id))

    def _regrant(
        self,
        unit: Unit,
        caller: Caller,
        person_ids: Collection[PersonId],
        regranted: Callable[[tuple[Grant, ...]], tuple[Grant, ...]],
    ) -> None:
        found = unit.people.memberships(caller.account_id, person_ids)
        unit.people.put_grants([replace(each, grants=regranted(each.grants)) for each in found])

    def _tell_people(self, unit: Unit, caller: Caller, person_ids: Collection[PersonId]) -> None:
        unit.members.touch(caller.account_id, person_ids, self._clock.millis())
        for person_id in person_ids:
            unit.emit(PersonChanged(caller.account_id, person_id))


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
