"""Signing in: with a user name and a password, and again with a refresh token.

From outside, an unknown name, a wrong password and a disabled person are the same: the same answer after the same work.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.credentials.model import RefreshToken
from cloudstead.core.credentials.passwords import prepared
from cloudstead.core.errors import InvalidField
from cloudstead.core.people.errors import LoginLocked, LoginRefused
from cloudstead.core.people.lock_out import ADDRESS_RULE, NAME_RULE, Failures, RememberedFailures, neighbourhood
from cloudstead.core.people.model import Login
from cloudstead.core.texts import MAX_LINE_CHARS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.identities import Identities
    from cloudstead.core.credentials.passwords import PasswordHasher
    from cloudstead.core.credentials.tokens import Tokens
    from cloudstead.core.ids import AccountId
    from cloudstead.core.people.model import Membership, Person
    from cloudstead.core.unit import Database, Unit

REFRESH_TOKEN_LIFE_MS: Final = 30 * 24 * 3_600_000
"""Cloud Connect 2.11, REFRESH: the refresh token lives 30 days."""

_REFRESH_TOKEN_BYTES: Final = 48
_LONGEST_REFRESH_TOKEN: Final = 256


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
        listener: SignInListener | None = None,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._tokens = tokens
        self._identities = identities
        self._clock = clock
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
            person, new_hash = await self._attempt(account, user_name, password, address=address)
            return await self._admit(account, person, new_hash=new_hash)

    async def _prove(self, account: Account, user_name: str, password: str, *, source_address: str | None) -> None:
        _require_usable(account)
        try:
            prepared(password)
        except InvalidField:
            raise LoginRefused from None
        address = None if source_address is None else neighbourhood(source_address)
        async with self._turn:
            self._require_open(self._addresses, address)
            person, _ = await self._attempt(account, user_name, password, address=address)
            await self._database.write(lambda unit: _forget_failures(unit, person))

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
            return _welcome(unit.people.get(kept.person_id), unit, account.id)

        person, membership = await self._database.read(read)
        return self._login(account, person, membership, refresh_token)

    async def _attempt(
        self, account: Account, user_name: str, password: str, *, address: str | None
    ) -> tuple[Person, str]:
        """Return whose password it is, and its hash at today's cost; a failure is counted until it is taken back."""
        person = await self._database.read(lambda unit: unit.people.by_user_name(account.id, user_name))
        now_ms = self._clock.millis()
        if person is None:
            unknown = f"{account.id} {user_name}"
            self._require_open(self._unknown_names, unknown)
            self._unknown_names.add(unknown, now_ms)
        else:
            _require_unlocked(Failures(person.failed_logins, person.locked_until_ms).wait_s(now_ms))
        # The failure is written while the hash is at work and taken back on success. So a stored failure takes no
        # longer than one of an unknown name, and nobody undoes it by ending the process in time.
        verification, _ = await asyncio.gather(
            self._hasher.verify(person.password_hash if person else None, password),
            self._count_failure(person, now_ms),
        )
        if person is None or not verification.matches or not person.may_enter:
            if address is not None:
                self._addresses.add(address, now_ms)
            raise LoginRefused
        new_hash = await self._hasher.hash(password) if verification.needs_rehash else person.password_hash
        return person, new_hash

    async def _count_failure(self, person: Person | None, now_ms: int) -> None:
        if person is None:
            return
        person_id = person.id

        def write(unit: Unit) -> None:
            current = unit.people.get(person_id)
            if current is not None:
                failures = Failures(current.failed_logins, current.locked_until_ms).one_more(now_ms, NAME_RULE)
                unit.people.replace(
                    replace(current, failed_logins=failures.count, locked_until_ms=failures.locked_until_ms)
                )

        await self._database.write(write)

    async def _admit(self, account: Account, verified: Person, *, new_hash: str) -> Login:
        refresh_token = secrets.token_urlsafe(_REFRESH_TOKEN_BYTES)
        now_ms = self._clock.millis()

        def write(unit: Unit) -> tuple[Person, Membership]:
            current = unit.people.get(verified.id)
            if current is None or current.password_hash != verified.password_hash:
                # The password was changed while the old one was being verified.
                raise LoginRefused
            person, membership = _welcome(current, unit, account.id)
            person = replace(person, password_hash=new_hash, failed_logins=0, locked_until_ms=0)
            unit.people.replace(person)
            unit.refresh_tokens.drop_expired(now_ms)
            unit.refresh_tokens.add(
                RefreshToken(_hash(refresh_token), account.id, person.id, now_ms + REFRESH_TOKEN_LIFE_MS)
            )
            return person, membership

        person, membership = await self._database.write(write)
        return self._login(account, person, membership, refresh_token)

    def _login(self, account: Account, person: Person, membership: Membership, refresh_token: str) -> Login:
        return Login(
            person=person,
            membership=membership,
            id_token=self._tokens.issue_id_token(account, person),
            refresh_token=refresh_token,
            identity_id=self._identities.of_person(account, person.id),
        )

    def _require_open(self, failures: RememberedFailures, key: str | None) -> None:
        if key is not None:
            _require_unlocked(failures.wait_s(key, self._clock.millis()))


def _require_usable(account: Account) -> None:
    if not account.is_usable:
        raise AccountNotUsable(account.status)


def _require_unlocked(wait_s: int) -> None:
    if wait_s > 0:
        raise LoginLocked(wait_s)


def _welcome(person: Person | None, unit: Unit, account_id: AccountId) -> tuple[Person, Membership]:
    membership = None if person is None else unit.people.membership(account_id, person.id)
    # Whoever has no place in the account yet is pending, and only active people log in (Cloud Connect 2.11, 13.1.4).
    if person is None or membership is None or not membership.grants or not person.may_enter:
        raise LoginRefused
    return person, membership


def _forget_failures(unit: Unit, verified: Person) -> None:
    current = unit.people.get(verified.id)
    if current is not None and current.password_hash == verified.password_hash:
        unit.people.replace(replace(current, failed_logins=0, locked_until_ms=0))


def _hash(refresh_token: str) -> bytes:
    return hashlib.sha256(refresh_token.encode("utf-8", "surrogatepass")).digest()
