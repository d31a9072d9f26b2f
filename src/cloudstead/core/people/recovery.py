"""What people do for themselves before they are let in: sign up, confirm the address, set a forgotten password.

Anybody may ask for a mail. Whether there is somebody of that name is not told, not even by the time of the answer:
asking is answered at once, and the looking and writing is done behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.accounts.enrolling import finish_enrolling
from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.audit.record import record
from cloudstead.core.caller import Caller
from cloudstead.core.credentials.recent import Recent
from cloudstead.core.ids import PersonId
from cloudstead.core.patch import ABSENT
from cloudstead.core.people.credentials import set_password
from cloudstead.core.people.errors import LinkNotUsable, SignUpClosed, TooManySignUps, UserNameTaken
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.people.links import LinkState, Purpose
from cloudstead.core.people.lock_out import neighbourhood
from cloudstead.core.people.model import Member, Membership, Person, Stage
from cloudstead.core.people.password_rules import shortest_in_cloud_connect, shortest_password
from cloudstead.core.people.profile import (
    MAX_USER_NAME_CHARS,
    require_password,
    require_phone,
    require_user_name,
)
from cloudstead.core.people.registry import audited
from cloudstead.core.versions import touched

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.passwords import PasswordHasher
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.people.links import Link, Links
    from cloudstead.core.people.mails import Mails
    from cloudstead.core.people.profile import ProfileChange
    from cloudstead.core.unit import Database, Unit

PASSWORD_PURPOSES: Final = (Purpose.FORGOT_PASSWORD, Purpose.SET_PASSWORD)

_HOUR_MS: Final = 3_600_000
_ASKS_AN_HOUR: Final = 100  # from one address, which may be a whole office's; each can cause a mail
_ADDRESSES_KEPT: Final = 10_000
_MOST_UNDER_WAY: Final = 100


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """What a page tells about a link: its state at this moment, and whom and what it is for."""

    purpose: Purpose
    state: LinkState
    user_name: str
    is_confirmed: bool
    account_id: AccountId
    shortest_password: int


class Recovery:
    """For the event loop's thread. ``spawn`` runs what is done behind an answer, and reports what fails."""

    def __init__(
        self,
        database: Database,
        hasher: PasswordHasher,
        *,
        links: Links,
        mails: Mails,
        clock: Clock,
        ids: IdSource,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        is_sign_up_open: bool = True,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._links = links
        self._mails = mails
        self._clock = clock
        self._ids = ids
        self._spawn = spawn
        self._is_sign_up_open = is_sign_up_open
        self._asked = Asks()
        self._under_way = 0

    async def sign_up(
        self,
        account: Account,
        *,
        user_name: str,
        password: str,
        profile: ProfileChange,
        source_address: str | None = None,
    ) -> Person:
        """Add somebody who is nobody yet, and mail a link that confirms the address.

        Raises ``AccountNotUsable``, ``InvalidField``, ``UserNameTaken``, ``SignUpClosed`` and
        ``TooManySignUps``.
        """
        if not account.is_usable:
            raise AccountNotUsable(account.status)
        if not self._is_sign_up_open:
            raise SignUpClosed
        require_user_name(user_name)
        profile.check()
        if profile.phone is not ABSENT:
            require_phone(profile.phone)
        if not self._asked.has_room(source_address, self._clock.millis()):
            raise TooManySignUps

        def read(unit: Unit) -> None:
            require_password(password, shortest=shortest_in_cloud_connect(unit, account.id))
            if unit.people.by_user_name(account.id, user_name) is not None:
                raise UserNameTaken(user_name)

        await self._database.read(read)
        person = profile.applied_to(
            Person(
                id=PersonId(self._ids.new()),
                home_account_id=account.id,
                user_name=user_name,
                password_hash=await self._hasher.hash(password),
                email="",
                created_at_ms=self._clock.millis(),
                is_confirmed=False,
            )
        )

        def write(unit: Unit) -> None:
            unit.people.add(person)
            unit.people.put_membership(Membership(account.id, person.id, ()))
            self._record(unit, account.id, person, "person.sign-up", source_address, before=None)
            self._mails.send_if_quiet(unit, account.id, person, Purpose.CONFIRM)

        await self._database.write(write)
        return person

    def ask_for_confirmation(self, account: Account, user_name: str, *, source_address: str | None = None) -> None:
        """Mail the link that confirms the address again, where there is somebody whom it could help."""
        self._ask(account, user_name, source_address, _confirmation_for)

    def ask_for_password(self, account: Account, user_name: str, *, source_address: str | None = None) -> None:
        """Mail a link that sets another password; the old one works until that is used."""
        self._ask(account, user_name, source_address, _password_link_for)

    def ask_again(self, account: Account, user_name: str, *, source_address: str | None = None) -> None:
        """Mail whichever link helps the person on."""
        self._ask(account, user_name, source_address, _next_link_for)

    async def ask_with(self, token: str, *, source_address: str | None = None) -> bool:
        """Mail the owner of a link, whatever its state, the one that helps on now; return whether it is a link at all.

        Whoever has the link has read the mail, so there is nothing to hide from them.
        """
        link = await self._database.read(lambda unit: self._links.find(unit, token))
        if link is None:
            return False
        if self._asked.has_room(source_address, self._clock.millis()):
            await self._send(lambda unit: unit.people.get(link.person_id), link.account_id, _next_link_for)
        return True

    async def look(self, token: str) -> OpenedLink | None:
        """Return what to tell about a link, without using it; ``None`` for what is no link of ours."""
        return await self._database.read(lambda unit: self._look(unit, token))

    async def confirm(self, token: str, *, source_address: str | None = None) -> Member:
        """Use a link to confirm the address of its owner; raise ``LinkNotUsable``."""

        def write(unit: Unit) -> Member:
            link = self._links.use(unit, token, Purpose.CONFIRM)
            before = _owner(unit, link)
            person = replace(before.person, is_confirmed=True, is_email_verified=True)
            unit.people.replace(person)
            self._record(unit, link.account_id, person, "person.confirm", source_address, before=before)
            unit.emit(PersonChanged(link.account_id, person.id))
            return Member(person, before.grants)

        return await self._database.write(write)

    async def set_password(self, token: str, password: str, *, source_address: str | None = None) -> Member:
        """Use a link to set a password; raise ``InvalidField`` or ``LinkNotUsable``.

        Whoever reads the mail has the address, so it is confirmed as well.
        """
        opened = await self.look(token)
        if opened is None or opened.purpose not in PASSWORD_PURPOSES:
            raise LinkNotUsable(None)
        if opened.state is not LinkState.FRESH:
            raise LinkNotUsable(opened.state.value)  # before the hasher, which takes the time of one at a time
        require_password(password, shortest=opened.shortest_password)
        password_hash = await self._hasher.hash(password)

        def write(unit: Unit) -> Member:
            link = self._links.use(unit, token, *PASSWORD_PURPOSES)
            before = _owner(unit, link)
            confirmed = replace(before.person, is_confirmed=True, is_email_verified=True)
            person = set_password(unit, confirmed, password_hash, links=self._links, now_ms=self._clock.millis())
            self._open_membership(unit, link.account_id, person.id)
            self._record(unit, link.account_id, person, "person.set-password", source_address, before=before)
            self._mails.tell_of_change(unit, link.account_id, person)
            return Member(person, before.grants)

        return await self._database.write(write)

    def _open_membership(self, unit: Unit, account_id: AccountId, person_id: PersonId) -> None:
        """Finish the enrolment of an account's first administrator, where the link was for that."""
        resident = unit.members.get(account_id, person_id)
        if resident is not None and resident.standing.stage is Stage.ENROLLING:
            opened = replace(resident.standing, stage=Stage.OPEN)
            unit.members.put(touched(opened, now_ms=self._clock.millis()))
            finish_enrolling(unit, account_id)

    def _look(self, unit: Unit, token: str) -> OpenedLink | None:
        link = self._links.find(unit, token)
        person = None if link is None else unit.people.get(link.person_id)
        if link is None or person is None:
            return None
        state = self._links.state(link)
        shortest = shortest_password(unit, link.account_id)
        return OpenedLink(link.purpose, state, person.user_name, person.is_confirmed, link.account_id, shortest)

    def _ask(
        self,
        account: Account,
        user_name: str,
        source_address: str | None,
        choose: Callable[[Person], Purpose | None],
    ) -> None:
        if not account.is_usable or len(user_name) > MAX_USER_NAME_CHARS or self._under_way >= _MOST_UNDER_WAY:
            return
        if not self._asked.has_room(source_address, self._clock.millis()):
            return
        self._under_way += 1
        self._spawn(self._answer(lambda unit: unit.people.by_user_name(account.id, user_name), account.id, choose))

    async def _answer(
        self,
        find: Callable[[Unit], Person | None],
        account_id: AccountId,
        choose: Callable[[Person], Purpose | None],
    ) -> None:
        try:
            await self._send(find, account_id, choose)
        finally:
            self._under_way -= 1

    async def _send(
        self,
        find: Callable[[Unit], Person | None],
        account_id: AccountId,
        choose: Callable[[Person], Purpose | None],
    ) -> None:
        def write(unit: Unit) -> None:
            person = find(unit)
            purpose = None if person is None else choose(person)
            if person is not None and purpose is not None:
                self._mails.send_if_quiet(unit, account_id, person, purpose)

        await self._database.write(write)

    def _record(
        self,
        unit: Unit,
        account_id: AccountId,
        person: Person,
        operation: str,
        source_address: str | None,
        *,
        before: Member | None,
    ) -> None:
        """Record what somebody did to oneself with a link, or by signing up."""
        grants = () if before is None else before.grants
        record(
            unit,
            Caller(account_id, f"person:{person.id}", person.user_name, person.id, grants, source_address),
            clock=self._clock,
            ids=self._ids,
            operation=operation,
            object_type="person",
            object_id=person.user_name,
            before=None if before is None else audited(before),
            after=audited(Member(person, grants)),
        )


class Asks:
    """How often each address has asked within its hour; the address that was quiet longest is forgotten first."""

    def __init__(self) -> None:
        self._hours: Recent[str, tuple[int, int]] = Recent(_ADDRESSES_KEPT)

    def has_room(self, source_address: str | None, now_ms: int) -> bool:
        """Count one more, and tell whether it is within the limit; who has no address is one of us."""
        if source_address is None:
            return True
        key = neighbourhood(source_address)
        began_ms, count = self._hours.get(key) or (now_ms, 0)
        if now_ms - began_ms >= _HOUR_MS:
            began_ms, count = now_ms, 0
        self._hours.put(key, (began_ms, count + 1))
        return count < _ASKS_AN_HOUR


def _confirmation_for(person: Person) -> Purpose | None:
    return None if person.is_confirmed or not person.is_enabled else Purpose.CONFIRM


def _password_link_for(person: Person) -> Purpose | None:
    """Return the link for a forgotten password; somebody who was disabled could do nothing with one."""
    if not person.is_enabled:
        return None
    return Purpose.SET_PASSWORD if person.must_set_password else Purpose.FORGOT_PASSWORD


def _next_link_for(person: Person) -> Purpose | None:
    return _confirmation_for(person) or _password_link_for(person)


def _owner(unit: Unit, link: Link) -> Member:
    person = unit.people.get(link.person_id)
    membership = unit.people.membership(link.account_id, link.person_id)
    if person is None or membership is None or not person.is_enabled:
        raise LinkNotUsable(LinkState.REPLACED.value)
    return Member(person, membership.grants)
