"""Access tokens: short-lived proof that somebody has shown an API key ("Groups", POST /oauth2/token).

A token is sealed and needs no table; each use asks what the key is worth at that moment, so that it ends with the key,
with its secret, and with its owner's place in the account.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cloudstead.core.credentials.api_keys import PresentedKey, parse, recognise
from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused, SealBroken
from cloudstead.core.ids import ApiKeyId, is_id

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.unit import Unit

LIFETIME_S: Final = 3600
"""What the published example says."""

_SEALED_FOR: Final = "groups-access-token"
_LAYOUT: Final = struct.Struct("!16sQQ")  # key, epoch of its secret, end
_LONGEST_TOKEN: Final = 256
_TOKENS_KEPT: Final = 4096


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token as it is handed out."""

    text: str = field(repr=False)
    lifetime_s: int


@dataclass(frozen=True, slots=True)
class Shown:
    """What a genuine token says: which key was shown, and with which of its secrets."""

    key_id: ApiKeyId
    secret_epoch: int
    expires_at_s: int


class Clients:
    """Issues access tokens and reads them; reading costs some 5 us, and under 1 us while a token is remembered."""

    def __init__(self, sealer: Sealer, clock: Clock) -> None:
        self._sealer = sealer
        self._clock = clock
        self._unseal_recent = lru_cache(_TOKENS_KEPT)(self._unseal)

    def issue(self, unit: Unit, client_id: str, secret: str) -> AccessToken:
        """Return a token for whoever shows a key: its id and its secret, or its whole text in place of the secret.

        Raise ``CredentialRefused`` for any other, and for a key that belongs to nobody.
        """
        caller = recognise(unit, _presented(client_id, secret))
        if caller.person_id is None:
            raise CredentialRefused("The API key belongs to nobody, and only people are in groups.")
        end = self._now_s() + LIFETIME_S
        plain = _LAYOUT.pack(bytes.fromhex(client_id), caller.credential_epoch, end)
        text = base64.urlsafe_b64encode(self._sealer.seal(plain, _SEALED_FOR)).decode().rstrip("=")
        return AccessToken(text, LIFETIME_S)

    def read(self, text: str) -> Shown:
        """Return what a token says; raise ``CredentialRefused`` or ``CredentialExpired``."""
        shown = self._unseal_recent(text)
        if shown.expires_at_s <= self._now_s():
            raise CredentialExpired(shown.expires_at_s, self._now_s())
        return shown

    def _unseal(self, text: str) -> Shown:
        if len(text) > _LONGEST_TOKEN or not text.isascii():
            raise CredentialRefused("The access token is not valid.")
        try:
            sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            key, epoch, end = _LAYOUT.unpack(self._sealer.open(sealed, _SEALED_FOR))
        except (binascii.Error, ValueError, SealBroken, struct.error) as fault:
            raise CredentialRefused("The access token is not valid.") from fault
        return Shown(ApiKeyId(key.hex()), epoch, end)

    def _now_s(self) -> int:
        return self._clock.millis() // 1000


def _presented(client_id: str, secret: str) -> PresentedKey:
    if not is_id(client_id):
        raise CredentialRefused("The client is not known.")
    if secret.startswith(("csk_", "ak_1")):
        whole = parse(secret)
        if whole.key_id != client_id:
            raise CredentialRefused("The client is not known.")
        return whole
    return PresentedKey(ApiKeyId(client_id), hashlib.sha256(secret.encode()).digest())
