"""People as administrators of a whole account see and change them (account management, version 3).

They are the people whom Cloud Connect knows as well. Beyond it, a person may be a guest of further accounts; what makes
up the person (name, address, password) is then changed at home, or by the person alone.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.whole_account import holds_at_root, require_at_root
from cloudstead.core.accounts.acting import require_open
from cloudstead.core.accounts.errors import AccountNotFound
from cloudstead.core.accounts.limits import PEOPLE, require_room
from cloudstead.core.audit.record import Trail
from cloudstead.core.credentials.events import ApiKeyWithdrawn
from cloudstead.core.custom_fields import require_custom_fields
from cloudstead.core.errors import InvalidField, NotPermitted
from cloudstead.core.identityproviders.profiles import bind, profiles_of
from cloudstead.core.ids import PersonId
from cloudstead.core.paging import Page, PageRequest
from cloudstead.core.patch import ABSENT, Patched, patched
from cloudstead.core.people.credentials import shut_out, withdraw_password
from cloudstead.core.people.errors import EmailTaken, PersonIsActive, PersonNotFound, UserNameTaken
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.people.full_name import called, full_name
from cloudstead.core.people.links import Purpose
from cloudstead.core.people.model import Member, Membership, Person, Stage
from cloudstead.core.people.password_rules import shortest_password
from cloudstead.core.people.powers import require_own_hand
from cloudstead.core.people.profile import require_email
from cloudstead.core.people.standing import Resident, ResidentFilter, Standing, Status
from cloudstead.core.policygroups.members import require_administrator_left
from cloudstead.core.policygroups.model import DEVELOPER_GRANT, GroupKind
from cloudstead.core.texts import require_line
from cloudstead.core.versions import touched

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    from cloudstead.core.accounts.acting import Acting
    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.identityproviders.model import IdentityProvider
    from cloudstead.core.ids import AccountId, IdSource, PolicyGroupId
    from cloudstead.core.people.links import Links
    from cloudstead.core.people.mails import Mails
    from cloudstead.core.people.second_factor import SecondFactors
    from cloudstead.core.people.sessions import LoginAttempt
    from cloudstead.core.policygroups.model import CountedGroup
    from cloudstead.core.policygroups.registry import PolicyGroups
    from cloudstead.core.unit import Unit

READ: Final = Permission("person:read-all")
ADMINISTER: Final = Permission("person:administer")

MAX_TEXT: Final = 100
_USER_NAME: Final = re.compile(r"[\w\-,._@+=]{4,30}")
_PASSWORD_BYTES: Final = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """Somebody to be made. Without ``password_hash`` a password is generated, which has to be changed at once."""

    email: str
    user_name: str | None = None
    full_name: str = ""
    phone: str = ""
    address: str = ""
    accepts_terms: bool = False
    accepts_marketing: bool = False
    groups: tuple[PolicyGroupId, ...] = ()
    provider_ids: tuple[str, ...] | None = None
    custom_fields: Mapping[str, str] = field(default_factory=dict)
    password_hash: str
    must_set_password: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """What to change of somebody."""

    email: Patched[str] = ABSENT
    user_name: Patched[str] = ABSENT
    full_name: Patched[str] = ABSENT
    phone: Patched[str] = ABSENT
    address: Patched[str] = ABSENT
    accepts_terms: Patched[bool] = ABSENT
    accepts_marketing: Patched[bool] = ABSENT
    groups: Patched[tuple[PolicyGroupId, ...]] = ABSENT
    provider_ids: Patched[tuple[str, ...]] = ABSENT
    custom_fields: Patched[Mapping[str, str]] = ABSENT
    is_totp_on: Patched[bool] = ABSENT
    status: Patched[Status] = ABSENT


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with everything that is shown. ``scratch_codes`` are there when they were made this moment."""

    resident: Resident
    groups: Sequence[PolicyGroupId] = ()
    is_totp_on: bool = False
    attempts: Sequence[LoginAttempt] = ()
    providers: Sequence[IdentityProvider] = ()
    scratch_codes: Sequence[str] | None = None


def generated_password() -> str:
    """Return a password that nobody could guess; it is shown once."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


class Users:
    """The people of accounts, for administrators, and for everybody about oneself."""

    def __init__(
        self,
        clock: Clock,
        ids: IdSource,
        *,
        links: Links,
        mails: Mails,
        factors: SecondFactors,
        groups: PolicyGroups,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._links = links
        self._mails = mails
        self._factors = factors
        self._groups = groups
        self._trail = Trail[User](
            clock, ids, object_type="person", name_of=lambda each: each.resident.person.user_name, fields_of=audited
        )

    def shortest_password(self, unit: Unit, acting: Acting) -> int:
        """Return how many characters a password has to have that the caller gives somebody."""
        require_at_root(acting.caller, ADMINISTER)
        return shortest_password(unit, acting.account.id)

    def get(self, unit: Unit, acting: Acting, person_id: PersonId) -> User:
        """Return somebody; raise ``PersonNotFound``."""
        require_at_root(acting.caller, READ)
        return self._described(unit, self._found(unit, acting.account.id, person_id))

    def page(self, unit: Unit, acting: Acting, request: PageRequest, wanted: ResidentFilter) -> Page[User]:
        """Return one page of the account's people; for ``Database.scan``, because filters may walk over all of them."""
        require_at_root(acting.caller, READ)
        found = unit.members.page(acting.account.id, request, wanted)
        return Page(tuple(described(unit, acting.account.id, found.items)), found.after, found.total)

    def create(self, unit: Unit, acting: Acting, new: NewUser) -> User:
        """Add somebody; nobody is written to.

        Raise ``EmailTaken``, ``UserNameTaken``, ``InvalidField`` and ``GroupGivesTooMuch``.
        """
        caller = acting.caller
        require_at_root(caller, ADMINISTER)
        person_id = PersonId(self._ids.new())
        user_name = new.user_name or _name_for(unit, new.email, person_id)
        if new.user_name is not None:
            require_user_name(new.user_name)
        _require_profile(new.email, full_name=new.full_name, phone=new.phone, address=new.address)
        require_custom_fields(new.custom_fields)
        require_free_email(unit, acting.account.id, new.email)
        require_free_user_name(unit, user_name)
        require_room(unit, acting.account.id, PEOPLE, used=count_people(unit, acting.account.id))
        groups = self._groups.find_named(unit, caller, new.groups)
        person = called(
            Person(
                id=person_id,
                home_account_id=acting.account.id,
                user_name=user_name,
                password_hash=new.password_hash,
                email=new.email,
                phone=new.phone,
                address=new.address,
                created_at_ms=self._clock.millis(),
                must_set_password=new.must_set_password,
                accepts_terms=new.accepts_terms,
                accepts_marketing=new.accepts_marketing,
                password_changed_at_ms=self._clock.millis(),
            ),
            new.full_name,
        )
        unit.people.add(person)
        add_membership(unit, acting.account.id, person.id, Stage.OPEN, now_ms=person.created_at_ms)
        if groups:
            self._groups.members.let_people_in(unit, caller, groups, [person.id])
        if new.provider_ids is not None:
            bind(unit, acting.account, person.id, new.provider_ids)
        if new.custom_fields:
            standing = self._found(unit, acting.account.id, person.id).standing
            unit.members.put(replace(standing, custom_fields=new.custom_fields))
        user = self._described(unit, self._found(unit, acting.account.id, person.id))
        self._trail.made(unit, caller, "user.create", user)
        return user

    def update(self, unit: Unit, acting: Acting, person_id: PersonId, change: UserChange) -> User:
        """Change somebody; raise ``NotPermitted`` for what the caller may not change, and what ``create`` raises."""
        caller = acting.caller
        is_oneself = caller.person_id == person_id
        if not is_oneself:
            require_at_root(caller, ADMINISTER)
        before = self._described(unit, self._found(unit, acting.account.id, person_id))
        _require_rights(acting, before, change, is_oneself=is_oneself)
        if is_oneself and _opens_doors(before, change):
            require_own_hand(unit, caller, self._member(unit, before.resident))
        person = self._changed_person(unit, before.resident, change)
        is_changed = person != before.resident.person
        if is_changed:
            unit.people.replace(person)
        if person.email != before.resident.person.email:
            self._links.end_all(unit, person.id)
            self._mails.send(unit, acting.account.id, person, Purpose.CONFIRM)
        if change.custom_fields is not ABSENT and change.custom_fields != before.resident.standing.custom_fields:
            require_custom_fields(change.custom_fields)
            unit.members.put(replace(before.resident.standing, custom_fields=change.custom_fields))
            is_changed = True
        if change.provider_ids is not ABSENT:
            is_changed |= bind(unit, acting.account, person.id, change.provider_ids)
        if change.status is not ABSENT and change.status is not before.resident.status:
            self._set_status(unit, acting, self._found(unit, acting.account.id, person_id), change.status)
            is_changed = True
        codes = None
        if change.is_totp_on is not ABSENT and change.is_totp_on != before.is_totp_on:
            codes = self._switch_totp(unit, person, is_on=change.is_totp_on)
            is_changed = True
        if is_changed:
            unit.members.touch(acting.account.id, (person_id,), self._clock.millis())
            unit.emit(PersonChanged(acting.account.id, person_id))
        if change.groups is not ABSENT:
            is_changed |= self._set_groups(unit, caller, before, change.groups)
        if not is_changed:
            return before
        after = self._described(unit, self._found(unit, acting.account.id, person_id))
        self._trail.changed(unit, caller, "user.update", before, after)
        return replace(after, scratch_codes=codes)

    def remove(self, unit: Unit, acting: Acting, person_id: PersonId) -> None:
        """Take somebody out of the account; whoever is a member nowhere else is gone.

        Raise ``PersonIsActive`` and ``AdministratorStays``.
        """
        caller = acting.caller
        require_at_root(caller, ADMINISTER)
        before = self._described(unit, self._found(unit, acting.account.id, person_id))
        if caller.person_id == person_id:
            raise InvalidField("user_id", "is yourself; somebody else has to remove you")
        if before.resident.status is Status.ACTIVE:
            raise PersonIsActive
        administrators = unit.policy_groups.of_kind(acting.account.id, GroupKind.ADMINISTRATORS)
        if administrators is not None and administrators.id in before.groups:
            require_administrator_left(unit, caller, administrators, [person_id])
        self._trail.removed(unit, caller, "user.remove", before)
        take_out(unit, acting.account.id, before.resident.person)

    def validate_email(self, unit: Unit, acting: Acting, person_id: PersonId) -> None:
        """Mail somebody a link that confirms the address; raise ``PersonNotFound``."""
        require_at_root(acting.caller, ADMINISTER)
        person = self._found(unit, acting.account.id, person_id).person
        self._mails.send(unit, acting.account.id, person, Purpose.CONFIRM)

    def groups_of(self, unit: Unit, acting: Acting, person_id: PersonId, request: PageRequest) -> Page[CountedGroup]:
        """Return one page of the groups that somebody is in."""
        require_at_root(acting.caller, READ)
        self._found(unit, acting.account.id, person_id)
        return unit.policy_groups.page_of_person(acting.account.id, person_id, request)

    def join(self, unit: Unit, acting: Acting, person_id: PersonId, group_ids: Sequence[PolicyGroupId]) -> None:
        """Put somebody into groups, all or none; raise ``PolicyGroupNotFound`` and ``AlreadyMember``."""
        caller = acting.caller
        require_at_root(caller, ADMINISTER)
        before = self._described(unit, self._found(unit, acting.account.id, person_id))
        groups = self._groups.find_each(unit, caller, group_ids)
        self._groups.members.let_people_in(unit, caller, groups, [person_id])
        self._record_move(unit, acting, "user.join-groups", before)

    def leave(self, unit: Unit, acting: Acting, person_id: PersonId, group_ids: Sequence[PolicyGroupId]) -> None:
        """Take somebody out of groups; raise ``PolicyGroupNotFound`` and ``AdministratorStays``."""
        caller = acting.caller
        require_at_root(caller, ADMINISTER)
        before = self._described(unit, self._found(unit, acting.account.id, person_id))
        groups = self._groups.find_each(unit, caller, group_ids)
        self._groups.members.take_people_out(unit, caller, groups, [person_id])
        self._record_move(unit, acting, "user.leave-groups", before)

    def oneself(self, unit: Unit, acting: Acting) -> User:
        """Return the caller; raise ``NotPermitted`` for a key that belongs to nobody."""
        caller = acting.caller
        resident = None if caller.person_id is None else unit.members.get(acting.account.id, caller.person_id)
        if resident is None:
            raise NotPermitted("be asked who it is, for nobody owns it")
        return self._described(unit, resident)

    def renew_scratch_codes(self, unit: Unit, acting: Acting) -> User:
        """Replace the caller's scratch codes, where the second factor is on.

        Raise ``AccountNotUsable`` where the account's status lets nobody change anything.
        """
        require_open(acting.account, only_reads=False)
        user = self.oneself(unit, acting)
        require_own_hand(unit, acting.caller, self._member(unit, user.resident))
        if not user.is_totp_on:
            return user
        codes = self._factors.renew_scratch_codes(unit, user.resident.person.id)
        self._trail.changed(unit, acting.caller, "user.renew-scratch-codes", user, user)
        return replace(user, scratch_codes=codes)

    def _record_move(self, unit: Unit, acting: Acting, operation: str, before: User) -> None:
        person_id = before.resident.person.id
        after = self._described(unit, self._found(unit, acting.account.id, person_id))
        if after.groups != before.groups:
            self._trail.changed(unit, acting.caller, operation, before, after)

    def _changed_person(self, unit: Unit, before: Resident, change: UserChange) -> Person:
        person = before.person
        name = patched(change.full_name, full_name(person))
        email = patched(change.email, person.email)
        after = replace(
            person if name == full_name(person) else called(person, name),
            email=email,
            user_name=patched(change.user_name, person.user_name),
            phone=patched(change.phone, person.phone),
            address=patched(change.address, person.address),
            accepts_terms=patched(change.accepts_terms, person.accepts_terms),
            accepts_marketing=patched(change.accepts_marketing, person.accepts_marketing),
            is_email_verified=person.is_email_verified and email == person.email,
        )
        if after == person:
            return person
        _require_profile(email, full_name=name, phone=after.phone, address=after.address)
        if email.lower() != person.email.lower():
            for account_id in unit.members.accounts_of(person.id):
                require_free_email(unit, account_id, email)
        if after.user_name != person.user_name:
            require_user_name(after.user_name)
            require_free_user_name(unit, after.user_name)
        return after

    def _set_groups(self, unit: Unit, caller: Caller, before: User, wanted: Collection[PolicyGroupId]) -> bool:
        groups = {group.id: group for group in self._groups.find_named(unit, caller, tuple(wanted))}
        entered = [group for group_id, group in groups.items() if group_id not in before.groups]
        left = self._groups.find_named(unit, caller, [each for each in before.groups if each not in groups])
        person_ids = [before.resident.person.id]
        if entered:
            self._groups.members.let_people_in(unit, caller, entered, person_ids)
        if left:
            self._groups.members.take_people_out(unit, caller, left, person_ids)
        return bool(entered or left)

    def _set_status(self, unit: Unit, acting: Acting, resident: Resident, status: Status) -> None:
        """Lock somebody out, let somebody in again, or ask for a new password; the rest happens by mailed links.

        People at home are locked out and let in by the switch that Cloud Connect knows as ``enabled``.
        """
        person, standing, now_ms = resident.person, resident.standing, self._clock.millis()
        if status is Status.INACTIVE:
            administrators = unit.policy_groups.of_kind(acting.account.id, GroupKind.ADMINISTRATORS)
            held = unit.policy_groups.ids_of_people(acting.account.id, (person.id,))[person.id]
            if administrators is not None and administrators.id in held:
                require_administrator_left(unit, acting.caller, administrators, [person.id])
        if status is Status.RESET:
            if not resident.is_at_home or resident.status is not Status.ACTIVE:
                raise InvalidField("status", "can be 'RESET' only for an active user who is at home in this account")
            reset = withdraw_password(unit, person, links=self._links)
            self._mails.send(unit, acting.account.id, reset, Purpose.SET_PASSWORD)
        elif status is Status.INACTIVE or (status is Status.ACTIVE and resident.status is Status.INACTIVE):
            is_in = status is Status.ACTIVE
            if resident.is_at_home and is_in:
                unit.people.replace(replace(person, is_enabled=True))
            elif resident.is_at_home:
                shut_out(unit, person, links=self._links)
            elif standing.stage in {Stage.OPEN, Stage.SHUT}:
                stage = Stage.OPEN if is_in else Stage.SHUT
                unit.members.put(touched(replace(standing, stage=stage), now_ms=now_ms))
                for session in unit.sessions.of_person(acting.account.id, person.id):
                    unit.sessions.remove(acting.account.id, person.id, session.id)
            else:
                raise InvalidField("status", "can be changed only after the invitation was accepted")
            if is_in and standing.stage is Stage.SHUT:
                unit.members.put(touched(replace(standing, stage=Stage.OPEN), now_ms=now_ms))
        else:
            raise InvalidField("status", "comes about by the link that was mailed to the user, and in no other way")

    def _switch_totp(self, unit: Unit, person: Person, *, is_on: bool) -> list[str] | None:
        if is_on:
            return self._factors.demand(unit, person.id)
        self._factors.turn_off(unit, person.id)
        return None

    def _described(self, unit: Unit, resident: Resident) -> User:
        return described(unit, resident.standing.account_id, (resident,))[0]

    def _member(self, unit: Unit, resident: Resident) -> Member:
        account_id, person_id = resident.standing.account_id, resident.person.id
        membership = unit.people.membership(account_id, person_id)
        by_groups = unit.policy_groups.grants_of_people(account_id, (person_id,))[person_id]
        return Member(resident.person, () if membership is None else membership.grants, tuple(by_groups))

    def _found(self, unit: Unit, account_id: AccountId, person_id: PersonId) -> Resident:
        resident = unit.members.get(account_id, person_id)
        if resident is None:
            raise PersonNotFound
        return resident


def described(unit: Unit, account_id: AccountId, residents: Sequence[Resident]) -> list[User]:
    """Return people with what is shown of them; a handful of queries, however many they are."""
    person_ids = [each.person.id for each in residents]
    groups: Mapping[PersonId, Sequence[PolicyGroupId]] = unit.policy_groups.ids_of_people(account_id, person_ids)
    with_totp = unit.second_factors.of_people(person_ids)
    attempts = unit.sessions.attempts(account_id, person_ids)
    account = unit.accounts.get(account_id)
    if account is None:
        raise AccountNotFound
    providers = profiles_of(unit, account, person_ids)
    return [
        User(
            each,
            groups[each.person.id],
            each.person.id in with_totp,
            attempts.get(each.person.id, ()),
            providers[each.person.id],
        )
        for each in residents
    ]


def count_people(unit: Unit, account_id: AccountId) -> int:
    """Return how many people the account has."""
    return unit.members.page(account_id, PageRequest(limit=1), ResidentFilter()).total or 0


def add_membership(unit: Unit, account_id: AccountId, person_id: PersonId, stage: Stage, *, now_ms: int) -> None:
    """Give somebody a place in the account: a developer's rights, once it is open."""
    grants = (DEVELOPER_GRANT,) if stage is Stage.OPEN else ()
    unit.people.put_membership(Membership(account_id, person_id, grants, stage))
    unit.members.put(
        Standing(account_id=account_id, person_id=person_id, stage=stage, created_at_ms=now_ms, updated_at_ms=now_ms)
    )


def take_out(unit: Unit, account_id: AccountId, person: Person) -> None:
    """End a membership; whoever has no other is removed, and who was at home there moves to the oldest other one."""
    keys = unit.api_keys.ids_of([person.id])
    others = [each for each in unit.members.accounts_of(person.id) if each != account_id]
    if not others:
        unit.people.remove([person.id])
    else:
        keys = [each for each in keys if (key := unit.api_keys.get(each)) is None or key.account_id == account_id]
        if person.home_account_id == account_id:
            unit.people.replace(replace(person, home_account_id=others[0]))
        unit.members.remove(account_id, person.id)
    unit.emit(PersonChanged(account_id, person.id))
    for key_id in keys:
        unit.emit(ApiKeyWithdrawn(key_id))


def _name_for(unit: Unit, email: str, person_id: PersonId) -> str:
    """Return a name for somebody who was given none: the address or, where another account has used it, a new one."""
    return f"user-{person_id[-20:]}" if unit.members.any_called(email) else email


def require_user_name(user_name: str) -> None:
    """Raise ``InvalidField`` unless that is a user name (account management, version 3, ``username``)."""
    if not _USER_NAME.fullmatch(user_name) or not unicodedata.is_normalized("NFC", user_name):
        raise InvalidField("username", "must have 4 to 30 letters, digits or characters of '-,._@+='")


def is_user_name(user_name: str) -> bool:
    """Tell whether a user name, wherever it was given, is one that account management may show."""
    return _USER_NAME.fullmatch(user_name) is not None


def require_free_user_name(unit: Unit, user_name: str) -> None:
    """Raise ``UserNameTaken`` when anybody of any account has that name.

    Cloud Connect's own names are free in their account only; a name chosen here is free everywhere on its day.
    """
    if unit.members.any_called(user_name):
        raise UserNameTaken(user_name)


def require_free_email(unit: Unit, account_id: AccountId, email: str) -> None:
    """Raise ``EmailTaken`` when somebody of the account has that address."""
    if unit.members.with_email(account_id, email) is not None:
        raise EmailTaken


def _require_profile(email: str, *, full_name: str, phone: str, address: str) -> None:
    require_email(email)
    for name, text in (("full_name", full_name), ("phone_number", phone), ("address", address)):
        if text:
            require_line(text, field=name, max_chars=MAX_TEXT)


def _opens_doors(before: User, change: UserChange) -> bool:
    """Tell whether the change touches what a login, or the way to another password, depends on."""
    is_other_email = change.email is not ABSENT and change.email != before.resident.person.email
    return is_other_email or (change.is_totp_on is not ABSENT and change.is_totp_on != before.is_totp_on)


def _require_rights(acting: Acting, before: User, change: UserChange, *, is_oneself: bool) -> None:
    """Raise ``NotPermitted`` for what this caller may not change of this person."""
    caller, resident = acting.caller, before.resident
    if change.status is not ABSENT and change.status is not resident.status:
        if not acting.as_parent:
            raise NotPermitted("change the status of a user")
        if is_oneself:
            raise InvalidField("status", "cannot be changed for yourself")
    is_membership = change.groups is not ABSENT or change.provider_ids is not ABSENT
    if is_membership and not holds_at_root(caller, ADMINISTER):
        raise NotPermitted("change groups or login profiles")
    if is_oneself:
        return
    if change.email is not ABSENT and change.email != resident.person.email:
        raise NotPermitted("change the e-mail address of another user")
    if change.is_totp_on is True and not before.is_totp_on:
        raise NotPermitted("switch the second factor on for another user")
    of_person = (
        change.user_name,
        change.full_name,
        change.phone,
        change.address,
        change.accepts_terms,
        change.accepts_marketing,
        change.is_totp_on,
    )
    if not resident.is_at_home and any(each is not ABSENT for each in of_person):
        raise NotPermitted("change a user who is at home in another account")


def audited(user: User) -> dict[str, Any]:
    """Return what the trail shows: no secret."""
    person = user.resident.person
    return {
        "id": person.id,
        "user_name": person.user_name,
        "email": person.email,
        "is_email_verified": person.is_email_verified,
        "full_name": full_name(person),
        "phone": person.phone,
        "address": person.address,
        "accepts_terms": person.accepts_terms,
        "accepts_marketing": person.accepts_marketing,
        "status": user.resident.status.value,
        "groups": list(user.groups),
        "login_profiles": [each.id for each in user.providers],
        "second_factor": user.is_totp_on,
        "custom_fields": dict(user.resident.standing.custom_fields),
    }
