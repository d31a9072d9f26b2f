"""Links in mails: each opens one door once, for a while.

A link's token is its public id and a secret of 256 random bits; only the SHA-256 of the secret is kept. Looking at a
link changes nothing, for mail scanners follow every link they see: a link is used up by ``use`` alone.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from cloudstead.core.people.errors import LinkNotUsable

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import AccountId, IdSource, PersonId
    from cloudstead.core.people.model import Person
    from cloudstead.core.unit import Unit

_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 24 * 60 * _MINUTE_MS
_SECRET_BYTES: Final = 32
_TOKEN: Final = re.compile(r"([0-9a-f]{32})([A-Za-z0-9_-]{43})")
_NOBODYS_HASH: Final = bytes(32)


class Purpose(StrEnum):
    """Which door a link opens: FORGOT_PASSWORD beside the old password, SET_PASSWORD after it was withdrawn."""

    CONFIRM = "confirm"
    FORGOT_PASSWORD = "forgot-password"  # noqa: S105 - a word, not a password
    SET_PASSWORD = "set-password"  # noqa: S105 - a word, not a password


class LinkState(StrEnum):
    """What has become of a link; whether a fresh one has expired is the clock's to say."""

    FRESH = "fresh"
    USED = "used"
    REPLACED = "replaced"  # a newer one of the same purpose was sent, or the password was changed
    EXPIRED = "expired"  # never stored


_LIFETIME_MS: Final = MappingProxyType(
    {
        Purpose.CONFIRM: 7 * _DAY_MS,  # whoever signs up on a Friday may be back after a week
        Purpose.SET_PASSWORD: _DAY_MS,
    }
)

KEPT_MS: Final = 30 * _DAY_MS
"""How long an expired link is remembered, so that its owner is told what happened instead of "unknown"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link as it is stored. ``email`` is where it was sent to, in lower case."""

    id: str
    account_id: AccountId
    person_id: PersonId
    purpose: Purpose
    secret_hash: bytes = field(repr=False)
    email: str
    state: LinkState
    created_at_ms: int
    expires_at_ms: int


class Links:
    """Makes links, looks at them and uses them up."""

    def __init__(self, clock: Clock, ids: IdSource) -> None:
        self._clock = clock
        self._ids = ids

    def make(self, unit: Unit, account_id: AccountId, person: Person, purpose: Purpose) -> str:
        """Make a link and return its token, which is known here only; older ones of its purpose end.

        It lives as ``lifetime_ms`` says.
        """
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        now_ms = self._clock.millis()
        link = Link(
            id=self._ids.new(),
            account_id=account_id,
            person_id=person.id,
            purpose=purpose,
            secret_hash=_hash(secret),
            email=person.email.lower(),
            state=LinkState.FRESH,
            created_at_ms=now_ms,
            expires_at_ms=now_ms + lifetime_ms(unit, account_id, purpose),
        )
        unit.links.end(person.id, (purpose,), LinkState.REPLACED)
        unit.links.add(link)
        return f"{link.id}{secret}"

    def find(self, unit: Unit, token: str) -> Link | None:
        """Return the link that a genuine token belongs to, in whatever state; ``None`` for any other text.

        A fresh link past its end is shown as expired.
        """
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        link = unit.links.get(match[1])
        matches = hmac.compare_digest(_hash(match[2]), _NOBODYS_HASH if link is None else link.secret_hash)
        return link if matches else None

    def state(self, link: Link) -> LinkState:
        """Return the link's state at this moment."""
        is_over = link.state is LinkState.FRESH and link.expires_at_ms <= self._clock.millis()
        return LinkState.EXPIRED if is_over else link.state

    def use(self, unit: Unit, token: str, *purposes: Purpose) -> Link:
        """Use a link up and return it; raise ``LinkNotUsable``. Of two uses at the same time one wins."""
        link = self.find(unit, token)
        if link is None or link.purpose not in purposes:
            raise LinkNotUsable(None)
        state = self.state(link)
        if state is not LinkState.FRESH:
            raise LinkNotUsable(state.value)
        if not unit.links.use(link.id):
            raise LinkNotUsable(LinkState.USED.value)
        return link

    def end_all(self, unit: Unit, person_id: PersonId) -> None:
        """End every link of the person."""
        unit.links.end(person_id, tuple(Purpose), LinkState.REPLACED)


def lifetime_ms(unit: Unit, account_id: AccountId, purpose: Purpose) -> int:
    """Return how long a link of the account lives; for a forgotten password, the account says.

    Such a link opens an account, so it should not lie in a mailbox for long: 45 minutes at most.
    """
    if purpose is Purpose.FORGOT_PASSWORD:
        return unit.accounts.profile(account_id).password_recovery_expiration * _MINUTE_MS
    return _LIFETIME_MS[purpose]


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("ascii")).digest()
