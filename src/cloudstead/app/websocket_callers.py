"""Who opens a WebSocket: somebody with a signed URL, or with a token."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.datastructures import Headers

from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.web.bearer import bearer_token
from cloudstead.web.sigv4 import SignatureRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.access.callers import Callers
    from cloudstead.core.caller import Caller
    from cloudstead.dialects.aws.auth import SignedCallers


class WebSocketCallers:
    """Recognises the caller of a WebSocket upgrade."""

    def __init__(self, signed: SignedCallers, callers: Callers) -> None:
        self._signed = signed
        self._callers = callers

    async def of_upgrade(
        self, raw_path: str, raw_query: str, *, headers: Sequence[tuple[bytes, bytes]], source_address: str | None
    ) -> Caller | None:
        """Return the caller; ``None`` when the request carries no credential, so that MQTT's CONNECT has to.

        Raise ``CredentialExpired`` or ``CredentialRefused``; the latter for guests too: none of the topics is theirs.
        """
        token = bearer_token(Headers(raw=list(headers)).get("authorization")) or _token_of(raw_query)
        if token is not None:
            return (await self.of_token(token)).seen_from(source_address)
        if "X-Amz-Signature=" not in raw_query:
            return None
        try:
            signed = await self._signed.of_websocket(
                raw_path, raw_query, headers=headers, source_address=source_address
            )
        except (SignatureRefused, AccountNotUsable) as error:
            # The gateway knows no dialect: it answers 403 to a credential that was refused, 500 to anything else.
            raise CredentialRefused(str(error)) from error
        if signed.caller is None:
            raise CredentialRefused("A guest may not use MQTT.")
        return signed.caller

    async def of_token(self, token: str) -> Caller:
        """Return whom an ID token or an API key stands for."""
        if token.count(".") == 2:  # RFC 7515, section 3.1: a signed token has two dots; an API key has none
            return await self._callers.of_id_token(token)
        return await self._callers.of_api_key(token)


def _token_of(raw_query: str) -> str | None:
    values = parse_qs(raw_query).get("token")
    return values[0] if values else None
