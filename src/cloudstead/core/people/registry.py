"""People, as callers see and administer them (Cloud Connect 2.11, section 13)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.permissions import BUILT_IN_ROLES, Permission
from cloudstead.core.access.reach import Reach
from cloudstead.core.audit.record import Trail
from cloudstead.core.caller import Grant
from cloudstead.core.credentials.events import ApiKeyWithdrawn
from cloudstead.core.errors import InvalidField, OutOfReach
from cloudstead.core.free_json import require_bounded
from cloudstead.core.ids import PersonId
from cloudstead.core.patch import ABSENT, Patched, patched
from cloudstead.core.people.credentials import set_password, shut_out, withdraw_password
from cloudstead.core.people.errors import DemoPersonStays, NotOneself, PersonNotFound, RoleTooHigh, UserNameTaken
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.people.links import Purpose
from cloudstead.core.people.listing import LARGEST_PAGE, LONGEST_FREE_TEXT, PeoplePage, PeopleScope
from cloudstead.core.people.model import Member, Membership, Person
from cloudstead.core.people.powers import (
    holds,
    require_no_stake_elsewhere,
    require_own_hand,
    require_power_over,
    require_sight,
)
from cloudstead.core.people.profile import DEMO_USER_NAME, ProfileChange, require_phone, require_user_name
from cloudstead.core.people.users import take_out
from cloudstead.core.policygroups.members import require_administrator_left
from cloudstead.core.policygroups.model import ADMINISTRATOR_GRANT, GroupKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.domains.model import DomainTree
    from cloudstead.core.ids import DomainId, IdSource
    from cloudstead.core.people.links import Links
    from cloudstead.core.people.listing import PeopleQuery
    from cloudstead.core.people.mails import Mails
    from cloudstead.core.unit import Unit

MOST_AT_ONCE: Final = 1000
"""How many people one call may remove."""

RESERVED_DATA: Final = "tcxn"
"""The key of user data that belongs to the platform (Cloud Connect 2.11, section 13.1.8)."""

_UNSPEAKABLE: Final = "errorMessage"  # an answer with this key is a failure to whoever reads it
_MAX_PAGE: Final = 1_000_000

_READ: Final = Permission("person:read")
_CREATE: Final = Permission("person:create")
_UPDATE: Final = Permission("person:update")
_REMOVE: Final = Permission("person:remove")
_RESET: Final = Permission("person:reset-password")
_UPDATE_PROFILE: Final = Permission("person:update-profile")
_READ_DATA: Final = Permission("user-data:read")
_WRITE_DATA: Final = Permission("user-data:write")


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonChange:
    """What to change of a person. ``password_hash`` is that of a password which the caller chose.

    Whose role is ``shown_alike`` keeps it: a dialect that cannot tell it from ``role`` sends back what it was shown.
    """

    profile: ProfileChange = field(default_factory=ProfileChange)
    role: Patched[str] = ABSENT
    shown_alike: Callable[[Grant], bool] = lambda _: False
    domain_id: Patched[DomainId] = ABSENT
    is_enabled: Patched[bool] = ABSENT
    password_hash: Patched[str] = ABSENT


class People:
    """The people of all accounts, as callers may see and change them."""

    def __init__(self, clock: Clock, ids: IdSource, *, links: Links, mails: Mails) -> None:
        self._clock = clock
        self._ids = ids
        self._links = links
        self._mails = mails
        self._trail = Trail(
            clock, ids, object_type="person", name_of=lambda each: each.person.user_name, fields_of=audited
        )

    def get(self, unit: Unit, caller: Caller, *, user_name: str) -> Member:
        """Return somebody; raise ``PersonNotFound`` or ``OutOfReach``."""
        return self._seen(unit, caller, user_name, _READ)

    def page(self, unit: Unit, caller: Caller, query: PeopleQuery) -> PeoplePage:
        """Return one page of the people whom the caller sees, with the counts; for ``Database.scan``."""
        reach = Reach.of(caller, _READ, unit.domains.tree(caller.account_id))
        _check_query(query)
        scope = PeopleScope(None if reach.is_whole_account else reach.domain_ids())
        counts = unit.people.count(caller.account_id, scope, query)
        members = unit.people.page(caller.account_id, scope, query)
        total_pages = max(1, -(-counts.of(query.category) // query.size))
        return PeoplePage(members, counts, query.page, total_pages)

    def create(
        self,
        unit: Unit,
        caller: Caller,
        *,
        user_name: str,
        password_hash: str,
        profile: ProfileChange,
        role: str,
        domain_id: DomainId,
    ) -> Member:
        """Add somebody who can log in at once, whose mail address nobody has checked but the caller."""
        tree = unit.domains.tree(caller.account_id)
        reach = Reach.of(caller, _CREATE, tree)
        require_user_name(user_name)
        profile.check()
        if profile.phone is not ABSENT:
            require_phone(profile.phone)
        grant = Grant(domain_id, _known_role(role))
        reach.require(domain_id, field="domain_name")
        _require_grantable(caller, tree, grant)
        person = profile.applied_to(
            Person(
                id=PersonId(self._ids.new()),
                home_account_id=caller.account_id,
                user_name=user_name,
                password_hash=password_hash,
                email="",
                created_at_ms=self._clock.millis(),
                is_demo=user_name == DEMO_USER_NAME,
            )
        )
        if unit.people.by_user_name(caller.account_id, user_name) is not None:
            raise UserNameTaken(user_name)
        unit.people.add(person)
        unit.people.put_membership(Membership(caller.account_id, person.id, (grant,)))
        member = Member(person, (grant,))
        self._trail.made(unit, caller, "person.create", member)
        return member

    def update(self, unit: Unit, caller: Caller, *, user_name: str, change: PersonChange) -> Member:
        """Change what is given of somebody; giving a role and a domain lets a pending person in.

        Raises ``PersonNotFound``, ``OutOfReach``, ``RoleTooHigh``, ``AdministratorStays`` and ``InvalidField``.
        """
        caller.require(_UPDATE)
        change.profile.check()
        role = patched(change.role, "")
        if role:
            _known_role(role)
        before = self._seen(unit, caller, user_name, _UPDATE)
        grants = self._changed_grants(unit, caller, before, change)
        _require_not_locked_out(caller, before, grants, change)
        person = change.profile.applied_to(before.person)
        is_shut_out = person.is_enabled and change.is_enabled is False
        if is_shut_out or ADMINISTRATOR_GRANT not in grants:
            _require_administrator_left(unit, caller, [before])
        person = replace(person, is_enabled=patched(change.is_enabled, person.is_enabled))
        is_oneself = person.id == caller.person_id and not caller.is_key  # a key may be in other hands than its owner's
        opens_doors = change.password_hash is not ABSENT or person.email != before.person.email
        if opens_doors and not is_oneself:
            require_no_stake_elsewhere(unit, caller, person)
        if change.password_hash is not ABSENT:
            person = set_password(unit, person, change.password_hash, links=self._links, now_ms=self._clock.millis())
        elif is_shut_out:
            person = shut_out(unit, person, links=self._links)
        else:
            unit.people.replace(person)
        if person.email != before.person.email or not person.is_enabled:
            # A link opens the door for whoever reads the mail: neither an address given up nor somebody shut out may.
            self._links.end_all(unit, person.id)
        if grants != before.grants:
            unit.people.put_membership(Membership(caller.account_id, person.id, grants))
        unit.members.touch(caller.account_id, (person.id,), self._clock.millis())
        after = Member(person, grants)
        self._trail.changed(unit, caller, "person.update", before, after)
        unit.emit(PersonChanged(caller.account_id, person.id))
        return after

    def remove(self, unit: Unit, caller: Caller, *, user_names: Sequence[str]) -> None:
        """Remove people with all that is theirs, all of them or none.

        Raises ``InvalidField`` (oneself), ``PersonNotFound``, ``OutOfReach``, ``RoleTooHigh``, ``DemoPersonStays`` and
        ``AdministratorStays``.
        """
        tree = unit.domains.tree(caller.account_id)
        reach = Reach.of(caller, _REMOVE, tree)
        wanted = list(dict.fromkeys(user_names))
        if len(wanted) > MOST_AT_ONCE:
            raise InvalidField("user_name", f"names more than {MOST_AT_ONCE} users")
        members = unit.people.members(caller.account_id, wanted)
        if any(each.person.id == caller.person_id for each in members):
            raise InvalidField("user_name", "names yourself; somebody else has to remove you")
        if len(members) < len(wanted):
            raise PersonNotFound
        for each in members:
            require_sight(reach, each)
            require_power_over(caller, tree, each)
        if any(each.person.is_demo for each in members):
            raise DemoPersonStays
        _require_administrator_left(unit, caller, members)
        person_ids = [each.person.id for each in members]
        elsewhere = unit.members.also_elsewhere(caller.account_id, person_ids)
        gone = [each for each in person_ids if each not in elsewhere]
        keys = unit.api_keys.ids_of(gone)
        unit.people.remove(gone)
        for each in members:
            self._trail.removed(unit, caller, "person.remove", each)
            if each.person.id in elsewhere:
                take_out(unit, caller.account_id, each.person)
            unit.emit(PersonChanged(caller.account_id, each.person.id))
        for key_id in keys:
            unit.emit(ApiKeyWithdrawn(key_id))

    def reset_password(self, unit: Unit, caller: Caller, *, user_name: str) -> None:
        """Shut somebody out until a new password is set, and mail the link that sets it."""
        before = self._seen(unit, caller, user_name, _RESET)
        require_power_over(caller, unit.domains.tree(caller.account_id), before)
        if before.person.id == caller.person_id:
            raise InvalidField("user_name", "is yourself, who would be shut out; use FORGOT_PASSWORD instead")
        person = withdraw_password(unit, before.person, links=self._links)
        self._mails.send(unit, caller.account_id, person, Purpose.SET_PASSWORD)
        self._trail.changed(unit, caller, "person.reset-password", before, Member(person, before.grants))

    def update_profile(self, unit: Unit, caller: Caller, *, user_name: str, profile: ProfileChange) -> Member:
        """Change the caller's own profile; raise ``NotOneself`` for anybody else's."""
        caller.require(_UPDATE_PROFILE)
        if caller.person_id is None or user_name != caller.user_name:
            raise NotOneself
        profile.check()
        before = self._oneself(unit, caller)
        after = replace(before, person=profile.applied_to(before.person))
        if after.person.email != before.person.email:
            require_own_hand(unit, caller, before)
        unit.people.replace(after.person)
        unit.members.touch(caller.account_id, (after.person.id,), self._clock.millis())
        if after.person.email != before.person.email:
            self._links.end_all(unit, after.person.id)
        self._trail.changed(unit, caller, "person.update-profile", before, after)
        unit.emit(PersonChanged(caller.account_id, after.person.id))
        return after

    def user_data(self, unit: Unit, caller: Caller) -> dict[str, Any]:
        """Return what the caller has stored, with the platform's own key, which stands first."""
        caller.require(_READ_DATA)
        stored = unit.people.user_data(self._oneself(unit, caller).person.id) or {}
        return {RESERVED_DATA: {}, **stored}

    def put_user_data(self, unit: Unit, caller: Caller, data: dict[str, Any]) -> dict[str, Any]:
        """Store it in place of everything but the platform's own key, which is passed over."""
        caller.require(_WRITE_DATA)
        if _UNSPEAKABLE in data:
            raise InvalidField(_UNSPEAKABLE, "is no key that can be stored")
        own = {key: value for key, value in data.items() if key != RESERVED_DATA}
        require_bounded(own, field="attributes")
        oneself = self._oneself(unit, caller)
        reserved = self.user_data(unit, caller)[RESERVED_DATA]
        stored = {RESERVED_DATA: reserved, **own}
        unit.people.put_user_data(oneself.person.id, stored)
        self._trail.changed(unit, caller, "user-data.update", oneself, oneself)
        return stored

    def _seen(self, unit: Unit, caller: Caller, user_name: str, permission: Permission) -> Member:
        reach = Reach.of(caller, permission, unit.domains.tree(caller.account_id))
        found = unit.people.members(caller.account_id, (user_name,))
        if not found:
            raise PersonNotFound
        require_sight(reach, found[0])
        return found[0]

    def _oneself(self, unit: Unit, caller: Caller) -> Member:
        """Return the person who asks; a key without an owner is nobody."""
        person = None if caller.person_id is None else unit.people.get(caller.person_id)
        membership = None if person is None else unit.people.membership(caller.account_id, person.id)
        if person is None or membership is None:
            raise PersonNotFound
        by_groups = unit.policy_groups.grants_of_people(caller.account_id, (person.id,))[person.id]
        return Member(person, membership.grants, tuple(by_groups))

    def _changed_grants(self, unit: Unit, caller: Caller, before: Member, change: PersonChange) -> tuple[Grant, ...]:
        """Return the grants with another home, after asking whether the caller may decide about old and new."""
        tree = unit.domains.tree(caller.account_id)
        if change.domain_id is not ABSENT:
            Reach.of(caller, _UPDATE, tree).require(change.domain_id, field="domain_name")
        require_power_over(caller, tree, before)
        if change.role is ABSENT and change.domain_id is ABSENT:
            return before.grants
        grant = _new_home(before.home, change)
        _require_grantable(caller, tree, grant)
        return (grant, *before.grants[1:])


def audited(member: Member) -> dict[str, Any]:
    """Return what the trail shows of a person: no secret, and of the password only whether it has to be set."""
    person = member.person
    return {
        "id": person.id,
        "email": person.email,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "phone": person.phone,
        "company": person.company,
        "address": person.address,
        "zip": person.zip,
        "city": person.city,
        "country": person.country,
        "is_enabled": person.is_enabled,
        "is_confirmed": person.is_confirmed,
        "shut_out_until_set_anew": person.must_set_password,
        "credential_epoch": person.credential_epoch,
        "grants": [f"{grant.role}@{grant.domain_id}" for grant in member.grants],
    }


def _known_role(role: str) -> str:
    if role not in BUILT_IN_ROLES:
        raise InvalidField("role_name", "is no role")
    return role


def _new_home(home: Grant | None, change: PersonChange) -> Grant:
    role, domain_id = change.role, change.domain_id
    if home is not None:
        place = patched(domain_id, home.domain_id)
        return replace(home, domain_id=place) if role is ABSENT or change.shown_alike(home) else Grant(place, role)
    if role is ABSENT:
        raise InvalidField("role_name", "is needed too, for the user has no role yet")
    if domain_id is ABSENT:
        raise InvalidField("domain_name", "is needed too, for the user has no domain yet")
    return Grant(domain_id, role)


def _require_grantable(caller: Caller, tree: DomainTree, grant: Grant) -> None:
    if grant.domain_id not in tree.nodes:
        raise OutOfReach("domain_name")
    if not holds(caller, tree, grant):
        raise RoleTooHigh


def _require_not_locked_out(caller: Caller, before: Member, grants: tuple[Grant, ...], change: PersonChange) -> None:
    """Keep people from shutting themselves out by mistake: nobody could undo it for the last one who may."""
    if before.person.id != caller.person_id:
        return
    if change.is_enabled is False:
        raise InvalidField("enabled", "cannot be 'false' for yourself; somebody else has to disable you")
    if before.home is None:  # who asks with a key of his own, which may hold grants that he does not
        return
    old, new = before.home, grants[0]
    if new.role != old.role:
        raise InvalidField("role_name", "cannot be changed for yourself; somebody else has to do it")
    if new.domain_id != old.domain_id:
        raise InvalidField("domain_name", "cannot be changed for yourself; somebody else has to do it")


def _require_administrator_left(unit: Unit, caller: Caller, leaving: Sequence[Member]) -> None:
    """Raise ``AdministratorStays`` when nobody could administer the account any more."""
    person_ids = [each.person.id for each in leaving if ADMINISTRATOR_GRANT in each.grants]
    administrators = unit.policy_groups.of_kind(caller.account_id, GroupKind.ADMINISTRATORS) if person_ids else None
    if administrators is not None:
        require_administrator_left(unit, caller, administrators, person_ids)


def _check_query(query: PeopleQuery) -> None:
    if not 1 <= query.page <= _MAX_PAGE:
        raise InvalidField("page", f"must be a number from 1 to {_MAX_PAGE}")
    if not 1 <= query.size <= LARGEST_PAGE:
        raise InvalidField("size", f"must be a number from 1 to {LARGEST_PAGE}")
    if len(query.free_text) > LONGEST_FREE_TEXT:
        raise InvalidField("filter", f"freeText is longer than {LONGEST_FREE_TEXT} characters")
    if "\0" in query.free_text:
        raise InvalidField("filter", "freeText holds a NUL character")
