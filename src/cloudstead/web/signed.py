"""Whose signature it is: a request signed with AWS Signature Version 4 becomes the one who holds the key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudstead.web.sigv4 import SignedRequest, read_signature, verify

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudstead.core.access.signers import Signer, Signers
    from cloudstead.core.clock import Clock
    from cloudstead.web.call import Call
    from cloudstead.web.sigv4 import Rules, Signature


class SignatureReader:
    """Proves signatures.

    Its methods raise ``SignatureRefused``, ``CredentialRefused`` or ``CredentialExpired``.
    """

    def __init__(self, signers: Signers, clock: Clock, *, region: str) -> None:
        self._signers = signers
        self._clock = clock
        self._region = region

    async def of_call(self, call: Call[Any], rules: Rules) -> Signer:
        """Return who signed the call."""
        head = SignedRequest(call.method, call.raw_path, call.raw_query, _texts(call.headers.raw))
        # The body, which may be large, is only read for somebody who holds credentials of ours.
        signature, signer = await self._open(head)
        self._prove(head.with_body(await call.body()), signature, signer, rules)
        return signer

    async def of_upgrade(
        self, raw_path: str, raw_query: str, *, headers: Iterable[tuple[bytes, bytes]], rules: Rules
    ) -> Signer:
        """Return who signed the URL of a WebSocket upgrade."""
        request = SignedRequest("GET", raw_path, raw_query, _texts(headers))
        signature, signer = await self._open(request)
        self._prove(request, signature, signer, rules)
        return signer

    async def _open(self, request: SignedRequest) -> tuple[Signature, Signer]:
        signature = read_signature(request)
        return signature, await self._signers.find(signature.access_key_id, signature.session_token)

    def _prove(self, request: SignedRequest, signature: Signature, signer: Signer, rules: Rules) -> None:
        now_s = self._clock.millis() // 1000
        verify(request, signature, secret=signer.secret, rules=rules, region=self._region, now_s=now_s)


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
