"""Signing in: with a user name and a password, and again with a refresh token.

From outside, an unknown name, a wrong password and a disabled person are the same: the same answer after equal work.

Cloud Connect's LOGIN has no field for the code of a second factor: whoever has one types its six digits right behind
the password. In an account that enforces second factors, whoever has none yet sets one up on our page first.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.accounts.profile import MfaStatus
from cloudstead.core.credentials.model import RefreshToken
from cloudstead.core.credentials.passwords import prepared
from cloudstead.core.errors import InvalidField
from cloudstead.core.identityproviders.profiles import may_use_password
from cloudstead.core.people.errors import CodeRefused, LoginLocked, LoginRefused
from cloudstead.core.people.lock_out import ADDRESS_RULE, NAME_RULE, Failures, RememberedFailures, neighbourhood
from cloudstead.core.people.model import Login
from cloudstead.core.people.sessions import Client
from cloudstead.core.texts import MAX_LINE_CHARS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.identities import Identities
    from cloudstead.core.credentials.passwords import PasswordHasher
    from cloudstead.core.credentials.tokens import Tokens
    from cloudstead.core.ids import AccountId, PersonId
    from cloudstead.core.people.model import Membership, Person
    from cloudstead.core.people.second_factor import SecondFactors
    from cloudstead.core.people.sessions import Sessions
    from cloudstead.core.unit import Database, Unit

REFRESH_TOKEN_LIFE_MS: Final = 30 * 24 * 3_600_000
"""Cloud Connect 2.11, REFRESH: the refresh token lives 30 days."""

_REFRESH_TOKEN_BYTES: Final = 48
_LONGEST_REFRESH_TOKEN: Final = 256
_FACTOR_DUE: Final = "This account asks for a second factor. Set one up first, by signing in at /people/sign-in."
_WITH_CODE: Final = re.compile(r"(.+)([0-9]{6})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Proof:
    """Whose password it was, and what is left to do when everything else was right as well."""

    person: Person
    new_hash: str = field(repr=False)
    attempt_id: str
    code: str | None = field(default=None, repr=False)

    def current(self, unit: Unit) -> Person:
        """Return the person as of now; raise ``LoginRefused`` when the password was changed while it was verified."""
        current = unit.people.get(self.person.id)
        if current is None or current.password_hash != self.person.password_hash:
            raise LoginRefused
        return current

    def forgive(self, unit: Unit, account_id: AccountId, current: Person, *, now_ms: int) -> Person:
        """Take the failure that was counted for ``current`` back, and note the login."""
        person = replace(
            current, password_hash=self.new_hash, failed_logins=0, locked_until_ms=0, last_login_at_ms=now_ms
        )
        unit.people.note_sign_in(person)
        unit.sessions.mark_success(account_id, person.id, self.attempt_id)
        return person


class SignInListener(Protocol):
    """Hears what is refused."""

    async def refused(
        self,
        account: Account,
        user_name: str | None,
        error: LoginRefused | LoginLocked,
        *,
        source_address: str | None,
    ) -> None:
        """Hear whose door stayed shut, as it was typed, and why; ``None`` where it was a refresh token's."""
        ...


class SignIn:
    """Logs people in, one at a time: hashing a password keeps the only hashing thread busy anyway."""

    def __init__(
        self,
        database: Database,
        hasher: PasswordHasher,
        *,
        tokens: Tokens,
        identities: Identities,
        clock: Clock,
        factors: SecondFactors,
        sessions: Sessions,
        listener: SignInListener | None = None,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._tokens = tokens
        self._identities = identities
        self._clock = clock
        self._factors = factors
        self._sessions = sessions
        self._listener = listener
        self._addresses = RememberedFailures(ADDRESS_RULE)
        self._unknown_names = RememberedFailures(NAME_RULE)
        # Without turns, a thousand guesses sent at once would all pass the lock before the first of them is counted.
        self._turn = asyncio.Lock()

    async def login(
        self, account: Account, user_name: str, *, password: str, source_address: str | None = None
    ) -> Login:
        """Check a password; raise ``LoginRefused``, ``LoginLocked`` (without looking at it) or ``AccountNotUsable``."""
        async with self._telling(account, user_name, source_address):
            return await self._login_with(account, user_name, password, source_address=source_address)

    async def prove(
        self, account: Account, user_name: str, *, password: str, source_address: str | None = None
    ) -> None:
        """Check a password without logging in: counted, locked and refused as a login is."""
        async with self._telling(account, user_name, source_address):
            await self._prove(account, user_name, password, source_address=source_address)

    async def refresh(self, account: Account, refresh_token: str) -> Login:
        """Log in again with a refresh token, which stays as it is; raise ``LoginRefused`` or ``AccountNotUsable``."""
        async with self._telling(account, None, None):
            return await self._refresh(account, refresh_token)

    @asynccontextmanager
    async def _telling(
        self, account: Account, user_name: str | None, source_address: str | None
    ) -> AsyncIterator[None]:
        try:
            yield
        except (LoginRefused, LoginLocked) as error:
            if self._listener is not None:
                await self._listener.refused(account, user_name, error, source_address=source_address)
            raise

    async def _login_with(
        self, account: Account, user_name: str, password: str, *, source_address: str | None
    ) -> Login:
        _require_usable(account)
        try:
            prepared(password)
        except InvalidField:
            # Nobody can have such a password, whoever exists.
            raise LoginRefused from None
        if len(user_name) > MAX_LINE_CHARS:
            raise LoginRefused
        address = None if source_address is None else neighbourhood(source_address)
        self._require_open(self._addresses, address)
        async with self._turn:
            self._require_open(self._addresses, address)
            proof = await self._attempt(account, user_name, password, client=Client(source_address))
            person, membership, refresh_token = await self._admit(account, proof)
        return await self._login(account, person, membership, refresh_token)

    async def _prove(self, account: Account, user_name: str, password: str, *, source_address: str | None) -> None:
        _require_usable(account)
        try:
            prepared(password)
        except InvalidField:
            raise LoginRefused from None
        address = None if source_address is None else neighbourhood(source_address)
        async with self._turn:
            self._require_open(self._addresses, address)
            proof = await self._attempt(account, user_name, password, client=Client(source_address), admits=_may_enter)
            await self._database.write(lambda unit: _forget_failures(unit, account.id, proof))

    async def _refresh(self, account: Account, refresh_token: str) -> Login:
        _require_usable(account)
        if len(refresh_token) > _LONGEST_REFRESH_TOKEN:
            raise LoginRefused
        token_hash = _hash(refresh_token)
        now_ms = self._clock.millis()

        def read(unit: Unit) -> tuple[Person, Membership]:
            kept = unit.refresh_tokens.get(token_hash)
            if kept is None or kept.account_id != account.id or kept.expires_at_ms <= now_ms:
                raise LoginRefused
            person, membership = _welcome(unit.people.get(kept.person_id), unit, account.id)
            # What the account asks for today holds for whoever has logged in before it did, too: for up to 30 days.
            if not may_use_password(unit, account.id, person.id):
                raise LoginRefused
            self._require_factor_set_up(unit, account, person)
            return person, membership

        person, membership = await self._database.read(read)
        return await self._login(account, person, membership, refresh_token)

    async def prove_person(self, account: Account, user_name: str, *, password: str, client: Client) -> Proof:
        """Check a password for our own pages, which ask for the second factor, or for another password, next.

        The failure that was counted stays so until ``Proof.forgive``. Raises what ``login`` raises.
        """
        async with self._telling(account, user_name, client.address):
            _require_usable(account)
            try:
                prepared(password)
            except InvalidField:
                raise LoginRefused from None
            if len(user_name) > MAX_LINE_CHARS:
                raise LoginRefused
            address = None if client.address is None else neighbourhood(client.address)
            async with self._turn:
                self._require_open(self._addresses, address)
                return await self._attempt(account, user_name, password, client=client, admits=_may_come_near)

    async def _attempt(
        self,
        account: Account,
        user_name: str,
        password: str,
        *,
        client: Client,
        admits: Callable[[Person], bool] | None = None,
    ) -> Proof:
        """Return whose password it is; a failure is counted until it is taken back.

        Without ``admits``, a second factor that is on is asked for behind the password.
        """
        person, with_code = await self._database.read(lambda unit: self._known(unit, account, user_name))
        now_ms = self._clock.millis()
        if person is None:
            unknown = f"{account.id} {user_name}"
            self._require_open(self._unknown_names, unknown)
            self._unknown_names.add(unknown, now_ms)
        else:
            _require_unlocked(Failures(person.failed_logins, person.locked_until_ms).wait_s(now_ms))
        code = None
        if admits is None and with_code:
            password, code = _without_code(password)
        # The failure is written while the hash is at work and taken back on success. So a stored failure takes no
        # longer than one of an unknown name, and nobody undoes it by ending the process in time.
        verification, attempt_id = await asyncio.gather(
            self._hasher.verify(person.password_hash if person else None, password),
            self._count_failure(account, person, client),
        )
        if person is None or not verification.matches or not (admits or _may_enter)(person):
            if client.address is not None:
                self._addresses.add(neighbourhood(client.address), now_ms)
            raise LoginRefused
        new_hash = await self._hasher.hash(password) if verification.needs_rehash else person.password_hash
        return Proof(person, new_hash, attempt_id, code)

    def _known(self, unit: Unit, account: Account, user_name: str) -> tuple[Person | None, bool]:
        person = unit.people.by_user_name(account.id, user_name)
        return person, person is not None and self._factors.is_on(unit, person.id)

    async def _count_failure(self, account: Account, person: Person | None, client: Client) -> str:
        if person is None:
            return ""
        person_id = person.id

        def write(unit: Unit) -> str:
            count_failure(unit, person_id, self._clock.millis())
            return self._sessions.note_attempt(unit, account.id, person_id, client)

        return await self._database.write(write)

    async def _admit(self, account: Account, proof: Proof) -> tuple[Person, Membership, str]:
        refresh_token = secrets.token_urlsafe(_REFRESH_TOKEN_BYTES)
        now_ms = self._clock.millis()

        def write(unit: Unit) -> tuple[Person, Membership]:
            person, membership = _welcome(proof.current(unit), unit, account.id)
            if not may_use_password(unit, account.id, person.id):
                raise LoginRefused
            self._require_second_factor(unit, account, person, proof.code)
            person = proof.forgive(unit, account.id, person, now_ms=now_ms)
            unit.refresh_tokens.drop_expired(now_ms)
            unit.refresh_tokens.add(
                RefreshToken(_hash(refresh_token), account.id, person.id, now_ms + REFRESH_TOKEN_LIFE_MS)
            )
            return person, membership

        person, membership = await self._database.write(write)
        return person, membership, refresh_token

    def _require_second_factor(self, unit: Unit, account: Account, person: Person, code: str | None) -> None:
        if self._factors.is_on(unit, person.id):
            try:
                self._factors.accept(unit, person.id, code or "")
            except CodeRefused:
                raise LoginRefused from None
        else:
            self._require_factor_set_up(unit, account, person)

    def _require_factor_set_up(self, unit: Unit, account: Account, person: Person) -> None:
        is_enforced = unit.accounts.profile(account.id).mfa_status is MfaStatus.ENFORCED
        if is_enforced and not self._factors.is_on(unit, person.id):
            raise LoginRefused(_FACTOR_DUE)

    async def _login(self, account: Account, person: Person, membership: Membership, refresh_token: str) -> Login:
        return Login(
            person=person,
            membership=membership,
            # RSA takes longer than all else that is done here on the loop, and lets go of the interpreter's lock.
            id_token=await asyncio.to_thread(self._tokens.issue_id_token, account, person),
            refresh_token=refresh_token,
            identity_id=self._identities.of_person(account, person.id),
        )

    def _require_open(self, failures: RememberedFailures, key: str | None) -> None:
        if key is not None:
            _require_unlocked(failures.wait_s(key, self._clock.millis()))


def count_failure(unit: Unit, person_id: PersonId, now_ms: int) -> None:
    """Count one more failure of a person, before it is known to be one."""
    current = unit.people.get(person_id)
    if current is not None:
        failures = Failures(current.failed_logins, current.locked_until_ms).one_more(now_ms, NAME_RULE)
        unit.people.note_sign_in(
            replace(current, failed_logins=failures.count, locked_until_ms=failures.locked_until_ms)
        )


def _may_enter(person: Person) -> bool:
    return person.may_enter


def _may_come_near(person: Person) -> bool:
    """Whoever was given a password that has to be changed may change it."""
    return person.is_enabled and person.is_confirmed


def _without_code(password: str) -> tuple[str, str]:
    """Take the code of a second factor off the end of what was typed."""
    match = _WITH_CODE.fullmatch(password)
    return (password, "") if match is None else (match[1], match[2])


def _require_usable(account: Account) -> None:
    if not account.is_usable:
        raise AccountNotUsable(account.status)


def _require_unlocked(wait_s: int) -> None:
    if wait_s > 0:
        raise LoginLocked(wait_s)


def _welcome(person: Person | None, unit: Unit, account_id: AccountId) -> tuple[Person, Membership]:
    membership = None if person is None else unit.people.membership(account_id, person.id)
    # Whoever has no place in the account yet is pending, and only active people log in (Cloud Connect 2.11, 13.1.4).
    may_enter = person is not None and person.may_enter and membership is not None and membership.is_open
    if person is None or membership is None or not may_enter or not _has_place(unit, membership):
        raise LoginRefused
    return person, membership


def _has_place(unit: Unit, membership: Membership) -> bool:
    if membership.grants:
        return True
    key = (membership.account_id, (membership.person_id,))
    return bool(unit.policy_groups.grants_of_people(*key)[membership.person_id])


def _forget_failures(unit: Unit, account_id: AccountId, proof: Proof) -> None:
    current = unit.people.get(proof.person.id)
    if current is not None and current.password_hash == proof.person.password_hash:
        unit.people.note_sign_in(replace(current, failed_logins=0, locked_until_ms=0))
        unit.sessions.mark_success(account_id, current.id, proof.attempt_id)


def _hash(refresh_token: str) -> bytes:
    return hashlib.sha256(refresh_token.encode("utf-8", "surrogatepass")).digest()
