"""Requests that know themselves: nothing is stored when somebody merely wants to sign in.

The id of a request carries its end and a code of ours over it and over the provider, so a response can be told to
answer a request of ours. The browser that asked gets a proof that belongs to this request alone; without it, an answer
is of no use: nobody can be signed in as somebody else by being sent to us with an answer that another person obtained.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.identityproviders.model import ProviderId

LIFE_MS: Final = 10 * 60_000
"""How long a person may take at the provider."""

_CODE_FOR: Final = "identity-provider-request"
_PROOF_FOR: Final = "identity-provider-browser"
_RANDOM_BYTES: Final = 16
# An ID of XML begins with no digit (saml-core-2.0, section 1.3.4).
_REQUEST_ID: Final = re.compile(r"_([0-9a-f]{12})([0-9a-f]{32})([0-9a-f]{32})")


class Tickets:
    """Makes ids of requests, and recognises them."""

    def __init__(self, clock: Clock, sealer: Sealer) -> None:
        self._clock = clock
        self._sealer = sealer

    def make(self, provider_id: ProviderId) -> str:
        """Return the id of a new request to a provider."""
        head = f"{self._clock.millis() + LIFE_MS:012x}{secrets.token_hex(_RANDOM_BYTES)}"
        return f"_{head}{self._code(provider_id, head)}"

    def expires_at_ms(self, provider_id: ProviderId, request_id: str) -> int | None:
        """Return when a request of ours ends; ``None`` for one that ended, that went elsewhere, or that is not ours."""
        match = _REQUEST_ID.fullmatch(request_id)
        if match is None or not hmac.compare_digest(self._code(provider_id, match[1] + match[2]), match[3]):
            return None
        expires_at_ms = int(match[1], 16)
        return expires_at_ms if expires_at_ms > self._clock.millis() else None

    def proof(self, request_id: str) -> str:
        """Return what the browser that made the request shows when it comes back."""
        return self._sealer.derive(_PROOF_FOR, request_id.encode()).hex()

    def proves(self, request_id: str, proof: str) -> bool:
        """Tell whether a browser is the one that made the request."""
        return hmac.compare_digest(self.proof(request_id).encode(), proof.encode("utf-8", "surrogatepass"))

    def _code(self, provider_id: ProviderId, head: str) -> str:
        return self._sealer.derive(_CODE_FOR, f"{provider_id} {head}".encode())[:16].hex()
