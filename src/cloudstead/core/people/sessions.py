"""Sessions of people who have signed in on our pages, and the log of their attempts.

A login token is ``cst_<id>_<secret>``; only the SHA-256 of the secret is kept. It ends when it is not used for the time
that the account sets, when the password changes, and when its owner says so.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NewType

from cloudstead.core.credentials.errors import CredentialRefused

if TYPE_CHECKING:
    from cloudstead.core.accounts.profile import AccountProfile
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import AccountId, IdSource, PersonId
    from cloudstead.core.people.model import Person
    from cloudstead.core.unit import Unit

SessionId = NewType("SessionId", str)

DEFAULT_IDLE_MINUTES: Final = 30
LONGEST_IDLE_MS: Final = 120 * 60_000  # account management, version 3, ``idle_timeout``
ATTEMPTS_KEPT: Final = 5
"""Account management, version 3, ``login_history``: the last five, failed ones too."""

NOTED_EVERY_MS: Final = 15_000
"""How often the use of a session is written down; it therefore lives up to this much longer than it should."""

MOST_SESSIONS: Final = 50
"""How many a person has in one account; the one that began first makes room."""

_SECRET_BYTES: Final = 32
_LONGEST_AGENT: Final = 300
LOGIN_TOKEN_PREFIX: Final = "cst_"  # noqa: S105 - how tokens begin, not one of them
_TOKEN: Final = re.compile(r"cst_([0-9a-f]{32})_([0-9a-f]{64})")
_NOBODYS_HASH: Final = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSession:
    """A session as it is stored."""

    id: SessionId
    account_id: AccountId
    person_id: PersonId
    secret_hash: bytes = field(repr=False)
    credential_epoch: int
    created_at_ms: int
    used_at_ms: int
    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginAttempt:
    """Somebody tried to sign in as a person of the account."""

    id: str
    account_id: AccountId
    person_id: PersonId
    at_ms: int
    is_success: bool
    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """From where, and with which program, somebody came."""

    address: str | None = None
    user_agent: str = ""

    @property
    def shown_agent(self) -> str:
        """The program as it may be stored and shown."""
        return "".join(letter for letter in self.user_agent if letter.isprintable())[:_LONGEST_AGENT]


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session just opened; its ``token`` is shown here and never again."""

    session: LoginSession
    token: str = field(repr=False)


class Sessions:
    """Opens, recognises and ends sessions."""

    def __init__(self, clock: Clock, ids: IdSource) -> None:
        self._clock = clock
        self._ids = ids

    def open(self, unit: Unit, account_id: AccountId, person: Person, client: Client) -> NewSession:
        """Open a session for somebody who has just proved to be that person."""
        secret = secrets.token_hex(_SECRET_BYTES)
        now_ms = self._clock.millis()
        session = LoginSession(
            id=SessionId(self._ids.new()),
            account_id=account_id,
            person_id=person.id,
            secret_hash=_hash(secret),
            credential_epoch=person.credential_epoch,
            created_at_ms=now_ms,
            used_at_ms=now_ms,
            address=client.address or "",
            user_agent=client.shown_agent,
        )
        for old in unit.sessions.of_person(account_id, person.id)[MOST_SESSIONS - 1 :]:
            unit.sessions.remove(account_id, person.id, old.id)
        unit.sessions.add(session)
        return NewSession(session, f"cst_{session.id}_{secret}")

    def opened(self, unit: Unit, account_id: AccountId, person: Person) -> list[LoginSession]:
        """Return the person's sessions in the account that are still good, newest first."""
        oldest_ms = self._clock.millis() - idle_minutes(unit, account_id) * 60_000 - NOTED_EVERY_MS
        return [
            each
            for each in unit.sessions.of_person(account_id, person.id)
            if each.used_at_ms >= oldest_ms and each.credential_epoch == person.credential_epoch
        ]

    def end_by_token(self, unit: Unit, token: str) -> None:
        """End the session of a token; raise ``CredentialRefused``."""
        session = recognise(unit, token, now_ms=self._clock.millis())
        unit.sessions.remove(session.account_id, session.person_id, session.id)

    def end(self, unit: Unit, account_id: AccountId, person_id: PersonId, session_id: SessionId) -> bool:
        """End one session of the person; return whether there was one."""
        return unit.sessions.remove(account_id, person_id, session_id)

    def note_attempt(self, unit: Unit, account_id: AccountId, person_id: PersonId, client: Client) -> str:
        """Add a failure to the log of attempts, of which the last five are kept, and return its id.

        It is noted before its outcome is known, so that ending the process in time hides nothing; ``mark_success``
        of the store tells when it was none.
        """
        attempt = LoginAttempt(
            id=self._ids.new(),
            account_id=account_id,
            person_id=person_id,
            at_ms=self._clock.millis(),
            is_success=False,
            address=client.address or "",
            user_agent=client.shown_agent,
        )
        if unit.people.membership(account_id, person_id) is not None:
            unit.sessions.add_attempt(attempt, kept=ATTEMPTS_KEPT)
        return attempt.id


def recognise(unit: Unit, token: str, *, now_ms: int) -> LoginSession:
    """Return the open session of a token; raise ``CredentialRefused`` without saying why."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise CredentialRefused("The login token is not valid.")
    session = unit.sessions.get(SessionId(match[1]))
    expected = _NOBODYS_HASH if session is None else session.secret_hash
    if not hmac.compare_digest(_hash(match[2]), expected) or session is None:
        raise CredentialRefused("The login token is not valid.")
    idle_ms = idle_minutes(unit, session.account_id) * 60_000
    if now_ms - session.used_at_ms > idle_ms + NOTED_EVERY_MS:
        raise CredentialRefused("The login token is not valid.")
    return session


def is_login_token(text: str) -> bool:
    """Tell whether a text has the form of a login token."""
    return _TOKEN.fullmatch(text) is not None


def idle_minutes(unit: Unit, account_id: AccountId) -> int:
    """Return how many minutes a login token of the account lives without being used."""
    return _idle_minutes(unit.accounts.profile(account_id))


def end_idle(unit: Unit, profile: AccountProfile, *, now_ms: int) -> None:
    """End the sessions that have not been used for longer than the profile allows: another one may allow more."""
    unit.sessions.drop_idle(profile.account_id, now_ms - _idle_minutes(profile) * 60_000 - NOTED_EVERY_MS)


def _idle_minutes(profile: AccountProfile) -> int:
    return DEFAULT_IDLE_MINUTES if profile.idle_timeout is None else profile.idle_timeout


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("ascii")).digest()
