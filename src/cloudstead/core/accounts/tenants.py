"""Making a tenant: the account, its groups and its first administrator, with a key that may do everything there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cloudstead.core.access.whole_account import require_at_root
from cloudstead.core.accounts.acting import CHANGE_TENANTS, Acting
from cloudstead.core.accounts.enrolling import finish_enrolling
from cloudstead.core.accounts.limits import TENANTS, require_room
from cloudstead.core.accounts.listing import Described
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.accounts.opening import open_account
from cloudstead.core.accounts.profile import Tier
from cloudstead.core.accounts.registry import audited, is_commercial
from cloudstead.core.audit.record import record
from cloudstead.core.errors import InvalidField, NotPermitted
from cloudstead.core.ids import PersonId
from cloudstead.core.people.links import Purpose
from cloudstead.core.people.model import Membership, Person, Stage
from cloudstead.core.people.profile import require_email, require_user_name
from cloudstead.core.policygroups.model import ADMINISTRATOR_GRANT, GroupKind
from cloudstead.core.texts import require_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.accounts.registry import Accounts, ProfileChange
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.api_key_registry import ApiKeys
    from cloudstead.core.ids import IdSource
    from cloudstead.core.people.mails import Mails
    from cloudstead.core.unit import Unit

MAX_NAME_CHARS: Final = 100
_FIRST_KEY: Final = "first key"
_LONGEST_NAME: Final = 30
_MOST_PROVEN: Final = 100  # people who have proved the same address, each in an account of its own


class Mode(StrEnum):
    """How a tenant begins: usable at once, or once its administrator has followed a mailed link."""

    CREATE = "create"
    ENROLL = "enroll"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAdministrator:
    """Who is to administer a new account. ``password_hash`` is that of ``password``; both are for a new person only.

    ``is_generated``: nobody chose the password, so it has to be changed at the first login.
    """

    user_name: str | None = None
    full_name: str | None = None
    email: str | None = None
    password: str = field(repr=False)
    password_hash: str = field(repr=False)
    is_generated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTenant:
    """A new account; both secrets are shown here once. ``password`` is ``None`` for somebody who had one before."""

    described: Described
    parent: Described
    person: Person
    password: str | None = field(repr=False)
    key: str = field(repr=False)


class Tenants:
    """Makes tenants."""

    def __init__(self, clock: Clock, ids: IdSource, *, accounts: Accounts, keys: ApiKeys, mails: Mails) -> None:
        self._clock = clock
        self._ids = ids
        self._accounts = accounts
        self._keys = keys
        self._mails = mails

    def create(
        self, unit: Unit, acting: Acting, change: ProfileChange, administrator: FirstAdministrator, *, mode: Mode
    ) -> NewTenant:
        """Make a tenant of the caller's account, which has to be one at the top.

        Without a word about the administrator the caller becomes it. Raise ``InvalidField``, ``NotPermitted``,
        ``HostNameTaken`` and ``AccountLimitExceeded``.
        """
        caller, parent = acting.caller, acting.account
        if parent.parent_id is not None:
            raise NotPermitted(CHANGE_TENANTS)
        require_at_root(caller, CHANGE_TENANTS)
        require_room(unit, parent.id, TENANTS, used=unit.accounts.count_tenants(parent.id))
        change.check()
        if change.end_market == "":
            raise InvalidField("end_market", "is needed")
        account = self._open(unit, parent, change, is_open=mode is Mode.CREATE)
        above = Acting(replace(caller, account_id=account.id, grants=(ADMINISTRATOR_GRANT,)), account, as_parent=True)
        person, is_new = self._person(unit, acting, account, administrator, mode=mode)
        stage = Stage.ENROLLING if mode is Mode.ENROLL and is_new else Stage.OPEN
        unit.people.put_membership(Membership(account.id, person.id, (ADMINISTRATOR_GRANT,), stage))
        group = unit.policy_groups.of_kind(account.id, GroupKind.ADMINISTRATORS)
        key = self._keys.create(
            unit, above, name=_FIRST_KEY, owner_id=person.id, group_ids=() if group is None else (group.id,)
        )
        profile = replace(unit.accounts.profile(account.id), admin_id=person.id)
        unit.accounts.put_profile(profile)
        if mode is Mode.ENROLL and is_new:
            self._mails.send(unit, account.id, person, Purpose.SET_PASSWORD)
        elif mode is Mode.ENROLL:
            finish_enrolling(unit, account.id)
            self._mails.tell_of_account(unit, account.id, person)
            account = replace(account, status=AccountStatus.ACTIVE)
        described = Described(account, profile)
        self._record(unit, acting, described)
        return NewTenant(
            described=described,
            parent=Described(parent, unit.accounts.profile(parent.id)),
            person=person,
            password=administrator.password if is_new else None,
            key=key.text,
        )

    def _open(self, unit: Unit, parent: Account, change: ProfileChange, *, is_open: bool) -> Account:
        name = change.given().get("display_name") or change.given().get("company") or change.given()["end_market"]
        account = open_account(
            unit,
            self._ids,
            self._clock,
            name=name,
            stack=parent.stack,
            hosts=(),
            parent_id=parent.id,
            mqtt_profile=parent.mqtt_profile,
        )
        if not is_open:
            account = replace(account, status=AccountStatus.ENROLLING)
            unit.accounts.replace(account)
        profile = change.applied_to(unit.accounts.profile(account.id))
        is_paid = is_commercial(profile)
        profile = replace(
            profile,
            tier=Tier.COMMERCIAL if is_paid else Tier.FREE,
            upgraded_at_ms=account.created_at_ms if is_paid else None,
        )
        self._accounts.move_hosts(unit, account, (), profile.aliases)
        unit.accounts.put_profile(profile)
        return account

    def _person(
        self, unit: Unit, acting: Acting, account: Account, wanted: FirstAdministrator, *, mode: Mode
    ) -> tuple[Person, bool]:
        """Return the administrator, and whether that is somebody new."""
        known = self._known(unit, acting, wanted)
        if known is not None:
            return known, False
        if wanted.email is None:
            raise InvalidField("admin_email", "is needed")
        user_name = wanted.user_name or _name_for(unit, wanted.email, account)
        _require("admin_name", lambda: require_user_name(user_name))
        if unit.members.any_called(user_name):
            raise InvalidField("admin_name", "is taken")
        if wanted.full_name:
            require_line(wanted.full_name, field="admin_full_name", max_chars=MAX_NAME_CHARS)
        first_name, _, last_name = (wanted.full_name or "").strip().partition(" ")
        person = Person(
            id=PersonId(self._ids.new()),
            home_account_id=account.id,
            user_name=user_name,
            password_hash=wanted.password_hash,
            email=wanted.email,
            first_name=first_name,
            last_name=last_name.strip(),
            created_at_ms=self._clock.millis(),
            must_set_password=wanted.is_generated or mode is Mode.ENROLL,
            is_confirmed=mode is Mode.CREATE,
        )
        unit.people.add(person)
        return person, True

    def _known(self, unit: Unit, acting: Acting, wanted: FirstAdministrator) -> Person | None:
        """Return the person who is meant, when it is somebody whom the parent or one of its tenants has already.

        An address that a tenant has typed, or that somebody has signed up with, proves nothing before a link that was
        mailed there was used: anybody could wait with it for the account of somebody else.
        """
        if wanted.email is None:
            oneself = acting.caller.person_id
            if wanted.user_name is None and wanted.full_name is None and oneself is not None:
                return unit.people.get(oneself)
            return None
        email = wanted.email
        _require("admin_email", lambda: require_email(email))
        person = unit.members.with_email(acting.account.id, email)
        if person is not None and person.home_account_id == acting.account.id and person.is_confirmed:
            return person
        for proven in unit.members.proven(email, limit=_MOST_PROVEN):
            home = unit.accounts.get(proven.home_account_id)
            if home is not None and acting.account.id in {home.id, home.parent_id}:
                return proven
        return None

    def _record(self, unit: Unit, acting: Acting, described: Described) -> None:
        for account_id in (acting.account.id, described.account.id):
            record(
                unit,
                replace(acting.caller, account_id=account_id),
                clock=self._clock,
                ids=self._ids,
                operation="account.create",
                object_type="account",
                object_id=described.account.id,
                after=audited(described),
            )


def _name_for(unit: Unit, email: str, account: Account) -> str:
    is_free = len(email) <= _LONGEST_NAME and not unit.members.any_called(email)
    return email if is_free else f"admin-{account.number}"


def _require(name: str, check: Callable[[], None]) -> None:
    """Run a check, and blame the input of that name for what it raises."""
    try:
        check()
    except InvalidField as invalid:
        raise InvalidField(name, invalid.reason) from None
