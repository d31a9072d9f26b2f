"""Signing in on our own pages: password, then second factor or another password where they are due, then a session.

Between the steps the browser carries a ticket: sealed, good for ten minutes, and worth nothing without the next step.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.accounts.profile import MfaStatus
from cloudstead.core.credentials.errors import SealBroken
from cloudstead.core.identityproviders.profiles import may_use_password
from cloudstead.core.ids import AccountId, PersonId
from cloudstead.core.people.credentials import set_password
from cloudstead.core.people.errors import CodeRefused, LoginLocked, LoginRefused, TicketOver
from cloudstead.core.people.lock_out import Failures
from cloudstead.core.people.password_rules import shortest_password
from cloudstead.core.people.profile import require_password
from cloudstead.core.people.sign_in import count_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.passwords import PasswordHasher
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.people.links import Links
    from cloudstead.core.people.model import Person
    from cloudstead.core.people.second_factor import Enrolment, SecondFactors
    from cloudstead.core.people.sessions import Client, NewSession, Sessions
    from cloudstead.core.people.sign_in import SignIn
    from cloudstead.core.unit import Database, Unit

_TICKET_LIFE_MS: Final = 10 * 60_000
_PURPOSE: Final = "people/sign-in-ticket"
_LONGEST_TICKET: Final = 2048


class Step(StrEnum):
    """What is due before somebody is in."""

    CODE = "code"
    SET_UP = "set-up"
    PASSWORD = "password"  # noqa: S105 - a word, not a password


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The next step. ``enrolment`` is there when a second factor is to be set up."""

    step: Step
    ticket: str = field(repr=False)
    user_name: str
    shortest_password: int = 0
    enrolment: Enrolment | None = None


@dataclass(frozen=True, slots=True)
class Entered:
    """Somebody is in. The scratch codes, where some were made, are shown here and never again."""

    person: Person
    session: NewSession
    scratch_codes: Sequence[str] = ()


class _Ticket(msgspec.Struct, frozen=True):
    account_id: str
    person_id: str
    epoch: int
    expires_at_ms: int
    attempt_id: str
    step: str


class FrontDoor:
    """Lets people in, step by step. Wrong codes count like wrong passwords, one at a time."""

    def __init__(
        self,
        database: Database,
        hasher: PasswordHasher,
        *,
        sign_in: SignIn,
        sessions: Sessions,
        factors: SecondFactors,
        links: Links,
        sealer: Sealer,
        clock: Clock,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._sign_in = sign_in
        self._sessions = sessions
        self._factors = factors
        self._links = links
        self._sealer = sealer
        self._clock = clock
        self._turn = asyncio.Lock()

    async def begin(self, account: Account, user_name: str, *, password: str, client: Client) -> Due | Entered:
        """Check a password; raise ``LoginRefused``, ``LoginLocked`` or ``AccountNotUsable``."""
        proof = await self._sign_in.prove_person(account, user_name, password=password, client=client)

        def write(unit: Unit) -> Due | Entered:
            person = proof.current(unit)
            membership = unit.people.membership(account.id, person.id)
            if membership is None or not membership.is_open or not may_use_password(unit, account.id, person.id):
                raise LoginRefused
            if person.must_set_password:
                ticket = self._ticket(account.id, person, Step.PASSWORD, proof.attempt_id)
                shortest = shortest_password(unit, account.id)
                return Due(step=Step.PASSWORD, ticket=ticket, user_name=person.user_name, shortest_password=shortest)
            if proof.new_hash != person.password_hash:
                unit.people.replace(replace(person, password_hash=proof.new_hash))
            return self._onward(unit, account, person, proof.attempt_id, client)

        return await self._database.write(write)

    async def set_password(self, token: str, password: str, *, client: Client) -> Due | Entered:
        """Change a password that was given for one time; raise ``TicketOver`` or ``InvalidField``."""
        ticket = self._opened(token, Step.PASSWORD)
        shortest = await self._database.read(lambda unit: shortest_password(unit, self._holder(unit, ticket)[0].id))
        require_password(password, shortest=shortest)
        password_hash = await self._hasher.hash(password)

        def write(unit: Unit) -> Due | Entered:
            account, person = self._holder(unit, ticket)
            person = set_password(unit, person, password_hash, links=self._links, now_ms=self._clock.millis())
            unit.members.touch(account.id, (person.id,), self._clock.millis())
            return self._onward(unit, account, person, ticket.attempt_id, client)

        return await self._database.write(write)

    async def enter_code(self, token: str, code: str, *, client: Client) -> Entered:
        """Check the code of a second factor; raise ``TicketOver``, ``CodeRefused`` or ``LoginLocked``."""
        ticket = self._opened(token, Step.CODE)
        return await self._with_code(ticket, client, lambda unit, person: self._accept(unit, person, code))

    async def set_up(self, token: str, code: str, *, client: Client) -> Entered:
        """Switch a second factor on with its first code; raises what ``enter_code`` raises."""
        ticket = self._opened(token, Step.SET_UP)
        return await self._with_code(ticket, client, lambda unit, person: self._factors.turn_on(unit, person, code))

    async def show_again(self, token: str) -> Due:
        """Return what the ticket is for, after a code that was wrong; raise ``TicketOver``."""
        ticket = self._opened(token, None)

        def read(unit: Unit) -> Due:
            account, person = self._holder(unit, ticket)
            step = Step(ticket.step)
            enrolment = self._factors.begin(unit, person, issuer=account.name) if step is Step.SET_UP else None
            return Due(
                step=step,
                ticket=token,
                user_name=person.user_name,
                shortest_password=shortest_password(unit, account.id),
                enrolment=enrolment,
            )

        return await self._database.write(read)

    async def sign_out(self, session_token: str) -> None:
        """End the session of a token."""
        await self._database.write(lambda unit: self._sessions.end_by_token(unit, session_token))

    async def _with_code(
        self, ticket: _Ticket, client: Client, use: Callable[[Unit, Person], Sequence[str]]
    ) -> Entered:
        async with self._turn:
            await self._database.write(lambda unit: self._count(unit, ticket))

            def write(unit: Unit) -> Entered:
                account, person = self._holder(unit, ticket)
                codes = use(unit, person)
                return self._enter(unit, account, person, ticket.attempt_id, client, scratch_codes=codes)

            try:
                return await self._database.write(write)
            except CodeRefused:
                await self._database.write(lambda unit: self._note_refusal(unit, ticket, client))
                raise

    def _accept(self, unit: Unit, person: Person, code: str) -> Sequence[str]:
        self._factors.accept(unit, person.id, code)
        return ()

    def _count(self, unit: Unit, ticket: _Ticket) -> None:
        _, person = self._holder(unit, ticket)
        now_ms = self._clock.millis()
        wait_s = Failures(person.failed_logins, person.locked_until_ms).wait_s(now_ms)
        if wait_s > 0:
            raise LoginLocked(wait_s)
        count_failure(unit, person.id, now_ms)

    def _note_refusal(self, unit: Unit, ticket: _Ticket, client: Client) -> None:
        account, person = self._holder(unit, ticket)
        self._sessions.note_attempt(unit, account.id, person.id, client)

    def _onward(self, unit: Unit, account: Account, person: Person, attempt_id: str, client: Client) -> Due | Entered:
        is_on = self._factors.is_on(unit, person.id)
        is_enforced = unit.accounts.profile(account.id).mfa_status is MfaStatus.ENFORCED
        if not is_on and not is_enforced:
            return self._enter(unit, account, person, attempt_id, client)
        if is_on and not self._factors.wants_set_up(unit, person.id):
            ticket = self._ticket(account.id, person, Step.CODE, attempt_id)
            return Due(step=Step.CODE, ticket=ticket, user_name=person.user_name)
        return Due(
            step=Step.SET_UP,
            ticket=self._ticket(account.id, person, Step.SET_UP, attempt_id),
            user_name=person.user_name,
            enrolment=self._factors.begin(unit, person, issuer=account.name),
        )

    def _enter(
        self,
        unit: Unit,
        account: Account,
        person: Person,
        attempt_id: str,
        client: Client,
        *,
        scratch_codes: Sequence[str] = (),
    ) -> Entered:
        current = unit.people.get(person.id) or person
        entered = replace(current, failed_logins=0, locked_until_ms=0, last_login_at_ms=self._clock.millis())
        unit.people.replace(entered)
        unit.sessions.mark_success(account.id, person.id, attempt_id)
        return Entered(entered, self._sessions.open(unit, account.id, entered, client), scratch_codes)

    def _ticket(self, account_id: AccountId, person: Person, step: Step, attempt_id: str) -> str:
        ends_at_ms = self._clock.millis() + _TICKET_LIFE_MS
        ticket = _Ticket(account_id, person.id, person.credential_epoch, ends_at_ms, attempt_id, step.value)
        return base64.urlsafe_b64encode(self._sealer.seal(msgspec.json.encode(ticket), _PURPOSE)).decode()

    def _opened(self, token: str, step: Step | None) -> _Ticket:
        if len(token) > _LONGEST_TICKET or not token.isascii():
            raise TicketOver
        try:
            plain = self._sealer.open(base64.urlsafe_b64decode(token), _PURPOSE)
        except (SealBroken, binascii.Error):
            raise TicketOver from None
        ticket = msgspec.json.decode(plain, type=_Ticket)
        if ticket.expires_at_ms <= self._clock.millis() or (step is not None and ticket.step != step):
            raise TicketOver
        return ticket

    def _holder(self, unit: Unit, ticket: _Ticket) -> tuple[Account, Person]:
        """Return account and person as of now; raise ``TicketOver`` when the ticket does not fit them any more."""
        account_id, person_id = _ids(ticket)
        account = unit.accounts.get(account_id)
        person = unit.people.get(person_id)
        membership = unit.people.membership(account_id, person_id)
        if account is None or person is None or membership is None or not membership.is_open:
            raise TicketOver
        if not account.is_usable:
            raise AccountNotUsable(account.status)
        if person.credential_epoch != ticket.epoch or not person.is_enabled or not person.is_confirmed:
            raise TicketOver
        return account, person


def _ids(ticket: _Ticket) -> tuple[AccountId, PersonId]:
    return AccountId(ticket.account_id), PersonId(ticket.person_id)
