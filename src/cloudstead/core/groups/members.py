"""Who is in a group: invited, given another role, taken out.

Nobody gives a role that holds what the giver does not hold in that group, nor decides about a member whose role does.
A group always keeps somebody who can govern it, its owner until it was handed over, and its Subscriber.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.permissions import BUILT_IN_ROLES, SUBSCRIBER, Permission
from cloudstead.core.audit.record import record
from cloudstead.core.caller import Grant
from cloudstead.core.groups.access import may, require, standing
from cloudstead.core.groups.errors import GroupNotFound, MemberNotFound, MemberStays
from cloudstead.core.groups.registry import give, made_roles, person_of
from cloudstead.core.ids import DomainId, is_id
from cloudstead.core.people.errors import PersonNotFound, RoleTooHigh
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.people.model import Stage
from cloudstead.core.people.powers import holds
from cloudstead.core.people.profile import require_email
from cloudstead.core.roles.built_in import shown_role
from cloudstead.core.roles.model import is_of_group
from cloudstead.core.roles.words import GOVERNING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.domains.model import Domain, DomainTree
    from cloudstead.core.groups.model import GroupMember
    from cloudstead.core.ids import IdSource, PersonId
    from cloudstead.core.invitations.registry import Invitations
    from cloudstead.core.people.model import Membership, Person
    from cloudstead.core.people.standing import Resident
    from cloudstead.core.roles.model import GroupRole, ShownRole
    from cloudstead.core.roles.registry import Roles
    from cloudstead.core.unit import Unit

_GOVERNS: Final = frozenset(Permission(word) for word in GOVERNING)


@dataclass(frozen=True, slots=True)
class ShownMember:
    """A member of a group with the role as it is shown."""

    member: GroupMember
    role: ShownRole


@dataclass(frozen=True, slots=True)
class Placed:
    """What has become of somebody's place in a group, in words too."""

    domain: Domain
    person_id: PersonId
    role: ShownRole
    message: str


class Members:
    """The members of all groups, as callers may see and change them."""

    def __init__(self, clock: Clock, ids: IdSource, *, roles: Roles, invitations: Invitations) -> None:
        self._clock = clock
        self._ids = ids
        self._roles = roles
        self._invitations = invitations

    def page(self, unit: Unit, caller: Caller, group_id: str, *, after: str, limit: int) -> list[ShownMember]:
        """Return those who are in a group by a role of their own, pending ones too, in the order of their ids."""
        domain = require(caller, unit.domains.tree(caller.account_id), group_id, "user:view")
        members = unit.groups.members(caller.account_id, domain.id, after=after, limit=limit)
        made = made_roles(unit, caller, (each.role for each in members if each.role not in BUILT_IN_ROLES))
        return [ShownMember(each, shown_role(Grant(domain.id, each.role), made)) for each in members]

    def person(self, unit: Unit, caller: Caller, person_id: PersonId) -> Resident:
        """Return somebody whom the caller sees in some group, or oneself; raise ``PersonNotFound``."""
        resident = unit.members.get(caller.account_id, person_id) if is_id(person_id) else None
        if resident is None:
            raise PersonNotFound
        if person_id != caller.person_id:
            tree = unit.domains.tree(caller.account_id)
            places = self._membership(unit, caller, person_id).grants
            if not any(may(caller, tree, grant.domain_id, "user:view") for grant in places):
                raise PersonNotFound
        return resident

    def invite(self, unit: Unit, caller: Caller, group_id: str, *, email: str, role_id: str) -> Placed:
        """Let somebody into a group: at once who is known in the account, by a mailed link anybody else.

        Who is a member stays as before, and who has yet to follow the link is mailed again.
        """
        tree = unit.domains.tree(caller.account_id)
        domain = require(caller, tree, group_id, "user:add")
        require_email(email)
        grant = self._givable(unit, caller, tree, domain, role_id)
        known = unit.members.with_email(caller.account_id, email)
        there = None if known is None else unit.groups.member(caller.account_id, domain.id, known.id)
        if there is not None and there.stage is not Stage.INVITED:
            made = made_roles(unit, caller, () if there.role in BUILT_IN_ROLES else (there.role,))
            role = shown_role(Grant(domain.id, there.role), made)
            return Placed(domain, there.person.id, role, "The user is a member of the group already.")
        if known is not None and self._membership(unit, caller, known.id).stage is not Stage.INVITED:
            give(unit, caller, known.id, grant, now_ms=self._clock.millis())
            person_id, message = known.id, "The user is a member of the group now."
        else:
            promised = grant if there is None else self._own_grant(unit, caller, domain, there.person.id)
            person_id = self._invitations.ask_into(unit, caller, email=email, grant=promised)
            grant, message = promised, "The user was invited by mail."
        self._record(unit, caller, "group.invite", domain, person_id, after=grant)
        return Placed(domain, person_id, self._shown(unit, caller, grant), message)

    def change(self, unit: Unit, caller: Caller, group_id: str, person_id: PersonId, *, role_id: str) -> Placed:
        """Give a member another role; raise ``MemberNotFound``, ``RoleNotFound``, ``RoleTooHigh``, ``MemberStays``."""
        tree = unit.domains.tree(caller.account_id)
        domain = require(caller, tree, group_id, "user:edit")
        before = self._own_grant(unit, caller, domain, person_id)
        after = self._givable(unit, caller, tree, domain, role_id)
        _require_power(caller, tree, before)
        if after != before:
            if before.role == SUBSCRIBER:
                raise MemberStays("userId: the Subscriber of a group cannot be given another role")
            if not _governs(after):
                self._require_governed_without(unit, caller, tree, before, person_id=person_id)
            self._put(unit, caller, person_id, before, after)
            self._record(unit, caller, "group.change-member", domain, person_id, before=before, after=after)
        return Placed(domain, person_id, self._shown(unit, caller, after), "The role of the user was changed.")

    def remove(self, unit: Unit, caller: Caller, group_id: str, person_id: PersonId | None) -> Domain:
        """Take a member out of a group, or let the caller leave it where nobody is named.

        Raise ``MemberNotFound``, ``RoleTooHigh``, and ``MemberStays`` for the owner, the Subscriber and the last who
        can govern the group.
        """
        tree = unit.domains.tree(caller.account_id)
        leaver = person_of(caller)
        if person_id in {None, leaver}:
            domain = _seen(caller, tree, group_id)
            person_id = leaver
            before = self._own_grant(unit, caller, domain, person_id)
        else:
            domain = require(caller, tree, group_id, "user:delete")
            before = self._own_grant(unit, caller, domain, person_id)
            _require_power(caller, tree, before)
        facts = unit.groups.named(caller.account_id, (domain.id,)).get(domain.id)
        if facts is not None and facts.owner_id == person_id:
            raise MemberStays("userId: the owner of a group has to hand it over first")
        if before.role == SUBSCRIBER:
            raise MemberStays("userId: the Subscriber of a group cannot be removed")
        self._require_governed_without(unit, caller, tree, before, person_id=person_id)
        self._put(unit, caller, person_id, before, None)
        self._record(unit, caller, "group.remove-member", domain, person_id, before=before)
        return domain

    def _givable(self, unit: Unit, caller: Caller, tree: DomainTree, domain: Domain, role_id: str) -> Grant:
        grant = self._roles.require_known(unit, tree, domain.id, role_id)
        if not holds(caller, tree, grant):
            raise RoleTooHigh
        return grant

    def _own_grant(self, unit: Unit, caller: Caller, domain: Domain, person_id: PersonId) -> Grant:
        """Return what a member holds in the group itself, by a role that groups give."""
        membership = unit.people.membership(caller.account_id, person_id) if is_id(person_id) else None
        here = [] if membership is None else [each for each in membership.grants if each.domain_id == domain.id]
        if not here:
            raise MemberNotFound
        own = [each for each in here if is_of_group(each)]
        if not own:
            raise MemberStays(f"userId: the user is there as {here[-1].role}, which is not given or taken in groups")
        return own[-1]

    def _require_governed_without(
        self, unit: Unit, caller: Caller, tree: DomainTree, losing: Grant, *, person_id: PersonId
    ) -> None:
        """Raise ``MemberStays`` where nobody would be left, in the group or above it, who can govern it.

        Whoever administers the whole account does not count: no group is to depend on that.
        """
        if not _governs(losing):
            return
        place = losing.domain_id
        places = [each for each in tree.path(place) if each != tree.root_id] or [place]
        holders = [
            each
            for each in unit.groups.holders(caller.account_id, places)
            if (each.person_id, each.domain_id) != (person_id, place)
        ]
        made = made_roles(unit, caller, (each.role for each in holders if each.role not in BUILT_IN_ROLES))
        if not any(_governs(_grant(each.domain_id, each.role, made)) for each in holders):
            raise MemberStays("userId: the last administrator of a group can neither go nor be given a lesser role")

    def _put(self, unit: Unit, caller: Caller, person_id: PersonId, before: Grant, after: Grant | None) -> None:
        membership = self._membership(unit, caller, person_id)
        grants = tuple(
            kept
            for each in membership.grants
            if (kept := after if each == before else each) is not None  # the same role may be held twice
        )
        unit.people.put_membership(replace(membership, grants=tuple(dict.fromkeys(grants))))
        person = unit.people.get(person_id)
        if not grants and membership.stage is Stage.INVITED and person is not None:
            self._drop_if_nothing_else(unit, caller, person)
        unit.members.touch(caller.account_id, (person_id,), self._clock.millis())
        unit.emit(PersonChanged(caller.account_id, person_id))

    def _drop_if_nothing_else(self, unit: Unit, caller: Caller, person: Person) -> None:
        """Take an invitation back that leads nowhere any more."""
        invitation = unit.invitations.of_person(caller.account_id, person.id)
        if invitation is None or not invitation.into_account:
            self._invitations.drop(unit, caller, person)

    def _membership(self, unit: Unit, caller: Caller, person_id: PersonId) -> Membership:
        membership = unit.people.membership(caller.account_id, person_id)
        if membership is None:
            raise MemberNotFound
        return membership

    def _shown(self, unit: Unit, caller: Caller, grant: Grant) -> ShownRole:
        return shown_role(grant, made_roles(unit, caller, () if grant.permissions is None else (grant.role,)))

    def _record(
        self,
        unit: Unit,
        caller: Caller,
        operation: str,
        domain: Domain,
        person_id: PersonId,
        *,
        before: Grant | None = None,
        after: Grant | None = None,
    ) -> None:
        def told(grant: Grant | None) -> dict[str, Any] | None:
            return None if grant is None else {"role": grant.role}

        record(
            unit,
            caller,
            clock=self._clock,
            ids=self._ids,
            operation=operation,
            object_type="group-member",
            object_id=f"{domain.id}/{person_id}",
            before=told(before),
            after=told(after),
        )


def _seen(caller: Caller, tree: DomainTree, group_id: str) -> Domain:
    if not standing(caller, tree, group_id):
        raise GroupNotFound
    return tree.nodes[DomainId(group_id)]


def _require_power(caller: Caller, tree: DomainTree, held: Grant) -> None:
    if not holds(caller, tree, held):
        raise RoleTooHigh


def _governs(grant: Grant) -> bool:
    return (grant.held or frozenset()) >= _GOVERNS


def _grant(domain_id: DomainId, role: str, made: Mapping[str, GroupRole]) -> Grant:
    own = made.get(role)
    return Grant(domain_id, role, permissions=None if own is None else own.permissions)
