"""Tokens of the service itself: made by a process of this installation, for another one, and over in a minute.

They are sealed with the installation's key, belong to no account and stand in no table: nothing that an account may
make, find or be given is one of them.
"""

from __future__ import annotations

import base64
import binascii
import struct
from typing import TYPE_CHECKING, Final

from cloudstead.core.credentials.errors import CredentialRefused, SealBroken

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer

LIFE_MS: Final = 60_000

_PREFIX: Final = "dcs_"
_SEALED_FOR: Final = "cloud-service-token"
_END: Final = struct.Struct("!Q")
_LONGEST: Final = 128


class ServiceTokens:
    """Makes and recognises them."""

    def __init__(self, sealer: Sealer, clock: Clock) -> None:
        self._sealer = sealer
        self._clock = clock

    def make(self) -> str:
        """Return a token for the next minute."""
        sealed = self._sealer.seal(_END.pack(self._clock.millis() + LIFE_MS), _SEALED_FOR)
        return _PREFIX + base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def require(self, text: str) -> None:
        """Raise ``CredentialRefused`` unless the text is such a token."""
        try:
            if not text.startswith(_PREFIX) or len(text) > _LONGEST:
                raise CredentialRefused("Authentication failed")
            body = text.removeprefix(_PREFIX)
            sealed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
            (end_ms,) = _END.unpack(self._sealer.open(sealed, _SEALED_FOR))
        except (binascii.Error, ValueError, SealBroken, struct.error):
            raise CredentialRefused("Authentication failed") from None
        if end_ms <= self._clock.millis():
            raise CredentialRefused("Authentication failed")


def is_service_token(text: str) -> bool:
    """Tell whether a text has the form of such a token."""
    return text.startswith(_PREFIX)
