"""Tokens of device clouds: one kind for each duty, shown once, kept as a hash.

A token's text is ``dct_<id>_<secret>`` with 256 random bits, so a plain SHA-256 is kept (as for API keys). The token
of a launch link stands where others may see it: it connects one cloud, once, within a day. Afterwards it can only speak
for the very stack that used it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NewType

from cloudstead.core.audit.record import Trail
from cloudstead.core.clouds.errors import CloudNotFound, CloudTokenNotFound, LaunchOver
from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import AccountId  # noqa: TC001 - storage reads these annotations when it makes a token
from cloudstead.core.texts import require_line

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.clouds.model import Cloud, CloudId
    from cloudstead.core.ids import IdSource
    from cloudstead.core.unit import Unit

CloudTokenId = NewType("CloudTokenId", str)

LAUNCH_LIFE_MS: Final = 24 * 60 * 60 * 1000
LATE_MS: Final = 30 * 24 * 60 * 60 * 1000
"""How long the tokens of a removed cloud are still known, so that a stack that calls late hears that it is gone."""

MOST_TOKENS: Final = 1000
"""How many an account has beside those of its devices."""

_TEXT: Final = re.compile(r"dct_([0-9a-f]{32})_([0-9a-f]{64})")
_NOBODYS_HASH: Final = bytes(32)
_SECRET_BYTES: Final = 32


class TokenKind(StrEnum):
    """What a token is for ("Device clouds", token types)."""

    BUILDER_API = "BuilderAPI"  # programs of the account: what its administrators may
    CLOUD_API = "CloudAPI"  # the owner of one cloud
    CLOUD_TO_BUILDER = "CloudToBuilder"  # one cloud, calling back
    DEVICE_TO_CLOUD = "DeviceToCloud"  # one claimed device
    PRODUCT_ID = "ProductID"  # devices of one product, to register with


class TokenState(StrEnum):
    """Whether a token opens anything."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"  # for good


class TokenAction(StrEnum):
    """What may be done to a token."""

    NEW = "new"
    SUSPEND = "suspend"
    RESUME = "resume"
    REVOKE = "revoke"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudToken:
    """A token as it is stored.

    ``is_launch`` marks that of a launch link; ``stack`` is then the one that has used it. ``expires_at_ms`` is ``None``
    for one without end.
    """

    id: CloudTokenId
    account_id: AccountId
    kind: TokenKind
    state: TokenState
    secret_hash: bytes = field(repr=False)
    description: str
    created_at_ms: int
    created_by: str
    expires_at_ms: int | None = None
    cloud_id: CloudId | None = None
    device_id: str | None = None
    product: str | None = None
    is_launch: bool = False
    stack: str | None = None


@dataclass(frozen=True, slots=True)
class NewCloudToken:
    """A token just made; its ``text`` is shown here and never again."""

    token: CloudToken
    text: str = field(repr=False)


_FOR_PEOPLE: Final = frozenset({TokenKind.BUILDER_API, TokenKind.CLOUD_API, TokenKind.CLOUD_TO_BUILDER})
_OF_ONE_CLOUD: Final = frozenset({TokenKind.CLOUD_API, TokenKind.CLOUD_TO_BUILDER})
_AFTER: Final = {
    (TokenState.ACTIVE, TokenAction.SUSPEND): TokenState.SUSPENDED,
    (TokenState.SUSPENDED, TokenAction.SUSPEND): TokenState.SUSPENDED,
    (TokenState.SUSPENDED, TokenAction.RESUME): TokenState.ACTIVE,
    (TokenState.ACTIVE, TokenAction.RESUME): TokenState.ACTIVE,
    (TokenState.ACTIVE, TokenAction.REVOKE): TokenState.REVOKED,
    (TokenState.SUSPENDED, TokenAction.REVOKE): TokenState.REVOKED,
    (TokenState.REVOKED, TokenAction.REVOKE): TokenState.REVOKED,
}


class CloudTokens:
    """The tokens of all accounts. Who may ask is decided above, where it is known who calls."""

    def __init__(self, clock: Clock, ids: IdSource) -> None:
        self._clock = clock
        self._ids = ids
        self._trail = Trail[CloudToken](
            clock, ids, object_type="cloud-token", name_of=lambda each: each.id, fields_of=_audited
        )

    def create(
        self,
        unit: Unit,
        caller: Caller,
        *,
        kind: TokenKind,
        description: str,
        cloud_id: CloudId | None = None,
        product: str | None = None,
        expires_at_ms: int | None = None,
    ) -> NewCloudToken:
        """Make a token of the account; raise ``InvalidField`` and ``CloudNotFound``."""
        require_line(description, field="description")
        if kind is TokenKind.DEVICE_TO_CLOUD:
            raise InvalidField("type", "devices get their tokens when they register")
        if kind in _OF_ONE_CLOUD and cloud_id is None:
            raise InvalidField("cloudId", "is needed")
        if cloud_id is not None and unit.clouds.get(caller.account_id, cloud_id) is None:
            raise CloudNotFound
        if kind is TokenKind.PRODUCT_ID:
            require_line(product or "", field="product", max_chars=128)
        if expires_at_ms is not None and expires_at_ms <= self._clock.millis():
            raise InvalidField("expires", "is over already")
        if unit.cloud_tokens.count(caller.account_id) >= MOST_TOKENS:
            raise InvalidField("type", f"an account has {MOST_TOKENS} tokens at most: delete one first")
        made = self.make(
            unit,
            caller,
            kind=kind,
            description=description,
            cloud_id=cloud_id if kind in _FOR_PEOPLE else None,
            product=product if kind is TokenKind.PRODUCT_ID else None,
            expires_at_ms=expires_at_ms,
        )
        self._trail.made(unit, caller, "cloud-token.create", made.token)
        return made

    def launch(self, unit: Unit, caller: Caller, cloud: Cloud) -> NewCloudToken:
        """Make the token of a cloud's launch link."""
        made = self.make(
            unit,
            caller,
            kind=TokenKind.CLOUD_TO_BUILDER,
            description=f"launch of {cloud.name}"[:256],
            cloud_id=cloud.id,
            expires_at_ms=self._clock.millis() + LAUNCH_LIFE_MS,
            is_launch=True,
        )
        self._trail.made(unit, caller, "cloud-token.create", made.token)
        return made

    def make(
        self,
        unit: Unit,
        caller: Caller,
        *,
        kind: TokenKind,
        description: str,
        cloud_id: CloudId | None = None,
        device_id: str | None = None,
        product: str | None = None,
        expires_at_ms: int | None = None,
        is_launch: bool = False,
    ) -> NewCloudToken:
        """Make a token without asking anything; for what the life of clouds and devices itself asks for."""
        secret = secrets.token_hex(_SECRET_BYTES)
        token = CloudToken(
            id=CloudTokenId(self._ids.new()),
            account_id=caller.account_id,
            kind=kind,
            state=TokenState.ACTIVE,
            secret_hash=_hash(secret),
            description=description,
            created_at_ms=self._clock.millis(),
            created_by=caller.principal,
            expires_at_ms=expires_at_ms,
            cloud_id=cloud_id,
            device_id=device_id,
            product=product,
            is_launch=is_launch,
        )
        unit.cloud_tokens.add(token)
        return NewCloudToken(token, f"dct_{token.id}_{secret}")

    def act(
        self, unit: Unit, caller: Caller, token_id: CloudTokenId, action: TokenAction
    ) -> CloudToken | NewCloudToken | None:
        """Do something to a token of the account: ``new`` shows another secret, ``delete`` returns nothing.

        Raise ``CloudTokenNotFound``, and ``InvalidField`` for what cannot be done to a revoked one.
        """
        before = unit.cloud_tokens.get(token_id)
        if before is None or before.account_id != caller.account_id:
            raise CloudTokenNotFound
        if action is TokenAction.DELETE:
            unit.cloud_tokens.remove(caller.account_id, token_id)
            self._trail.removed(unit, caller, "cloud-token.remove", before)
            return None
        if action is TokenAction.NEW:
            return self._renewed(unit, caller, before)
        state = _AFTER.get((before.state, action))
        if state is None:
            raise InvalidField("action", f"a {before.state} token cannot {action}")
        after = replace(before, state=state)
        unit.cloud_tokens.replace(after)
        self._trail.changed(unit, caller, f"cloud-token.{action}", before, after)
        return after

    def _renewed(self, unit: Unit, caller: Caller, before: CloudToken) -> NewCloudToken:
        if before.state is TokenState.REVOKED:
            raise InvalidField("action", "a revoked token cannot be given another secret")
        secret = secrets.token_hex(_SECRET_BYTES)
        after = replace(before, secret_hash=_hash(secret))
        if after.is_launch and after.stack is None:
            after = replace(after, expires_at_ms=self._clock.millis() + LAUNCH_LIFE_MS)
        unit.cloud_tokens.replace(after)
        self._trail.changed(unit, caller, "cloud-token.new", before, after)
        return NewCloudToken(after, f"dct_{after.id}_{secret}")


def recognise(unit: Unit, text: str, *, now_ms: int) -> CloudToken:
    """Return the token that a text is; raise ``CredentialRefused`` without saying why.

    Unknown, wrong, suspended, revoked and expired ones take the same steps.
    """
    match = _TEXT.fullmatch(text)
    token = None if match is None else unit.cloud_tokens.get(CloudTokenId(match[1]))
    shown = _NOBODYS_HASH if match is None else _hash(match[2])
    is_right = hmac.compare_digest(shown, _NOBODYS_HASH if token is None else token.secret_hash)
    if token is None or not is_right or token.state is not TokenState.ACTIVE or _is_over(token, now_ms):
        raise CredentialRefused("Authentication failed")
    return token


def is_cloud_token(text: str) -> bool:
    """Tell whether a text has the form of such a token."""
    return _TEXT.fullmatch(text) is not None


def used_for(token: CloudToken, stack: str) -> CloudToken:
    """Return a launch token after the one connect that it is good for; raise ``LaunchOver``."""
    if not token.is_launch:
        return token
    if token.stack is not None:
        raise LaunchOver
    return replace(token, stack=stack, expires_at_ms=None)


def _is_over(token: CloudToken, now_ms: int) -> bool:
    return token.expires_at_ms is not None and token.expires_at_ms <= now_ms


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("ascii")).digest()


def _audited(token: CloudToken) -> dict[str, object]:
    return {
        "type": token.kind,
        "state": token.state,
        "description": token.description,
        "expires_at_ms": token.expires_at_ms,
        "cloud_id": token.cloud_id,
        "product": token.product,
    }
