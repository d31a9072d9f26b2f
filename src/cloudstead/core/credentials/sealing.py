"""Sealing: secrets that must be recoverable are kept encrypted with a key that only this installation holds.

From the one installation key a key is derived for each purpose (HKDF, RFC 5869), so that what was sealed for one
purpose cannot be passed off as sealed for another.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cloudstead.core.credentials.errors import SealBroken

_KEY_BYTES: Final = 32
_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_PURPOSES_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class InstallationKey:
    """The root of every sealed secret: 32 random bytes. Who loses it loses what was sealed with it."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != _KEY_BYTES:
            raise ValueError(f"an installation key has {_KEY_BYTES} bytes, not {len(self.secret)}")

    @classmethod
    def generate(cls) -> InstallationKey:
        """Make a new key."""
        return cls(secrets.token_bytes(_KEY_BYTES))


class Sealer:
    """Seals and opens with AES-256-GCM, and derives values that nobody without the installation key can guess.

    A purpose is a constant of the program, never input. Random nonces keep GCM safe for 2**32 seals of one purpose
    (NIST SP 800-38D, section 8.3): a hundred a second for sixteen months.
    """

    def __init__(self, key: InstallationKey) -> None:
        self._key = key
        # Deriving takes about 15 us and the result never changes: a bearer call would pay it each time.
        self._cipher = lru_cache(_PURPOSES_KEPT)(self._make_cipher)
        self._mac_key = lru_cache(_PURPOSES_KEPT)(self._make_mac_key)

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """Return ``plain`` encrypted and authenticated; 29 bytes longer, different each time."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher(purpose).encrypt(nonce, plain, _VERSION)

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Return what was sealed for ``purpose``; raise ``SealBroken``."""
        if not sealed.startswith(_VERSION) or len(sealed) < len(_VERSION) + _NONCE_BYTES + _TAG_BYTES:
            raise SealBroken
        nonce_end = len(_VERSION) + _NONCE_BYTES
        try:
            return self._cipher(purpose).decrypt(sealed[len(_VERSION) : nonce_end], sealed[nonce_end:], _VERSION)
        except InvalidTag:
            raise SealBroken from None

    def derive(self, purpose: str, message: bytes) -> bytes:
        """Return 32 bytes that depend on the installation, the purpose and the message (HMAC-SHA256)."""
        return hmac.digest(self._mac_key(purpose), message, "sha256")

    def _make_cipher(self, purpose: str) -> AESGCM:
        return AESGCM(self._expand("seal", purpose))

    def _make_mac_key(self, purpose: str) -> bytes:
        return self._expand("derive", purpose)

    def _expand(self, use: str, purpose: str) -> bytes:
        info = f"cloudstead/1/{use}/{purpose}".encode()
        return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(self._key.secret)
