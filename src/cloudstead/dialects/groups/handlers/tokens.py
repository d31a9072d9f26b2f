"""The token call: an API key's id and secret for an access token (RFC 6749, section 4.4)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, unquote

import msgspec
from starlette.responses import Response

from cloudstead.core.credentials.errors import AccountClosed, CredentialRefused
from cloudstead.dialects.groups.shapes.tokens import Token, TokenQuery, TokenRefusal

if TYPE_CHECKING:
    from cloudstead.dialects.groups.ports import Backend
    from cloudstead.web.call import Call

_GRANT_TYPE: Final = "client_credentials"
_MOST_FIELDS: Final = 20
_NO_STORE: Final = {"cache-control": "no-store", "pragma": "no-cache"}  # RFC 6749, section 5.1


class TokenHandlers:
    """The one operation."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._clients = backend.clients
        self._callers = backend.callers

    async def issue(self, call: Call[Any]) -> Response:
        """Give an access token for the id and the secret of an API key, by Basic authentication."""
        form = await _form(call)
        grant_type = call.options(TokenQuery).grant_type or form.get("grant_type")
        if grant_type != _GRANT_TYPE:
            error = "invalid_request" if grant_type is None else "unsupported_grant_type"
            return _refused(400, error, f"grant_type: must be '{_GRANT_TYPE}'")
        client = _basic(call.authorization)
        if client is None:
            return _refused(401, "invalid_client", "Send the client's id and secret by Basic authentication.")
        client_id, secret = client
        try:
            token = await self._database.read(lambda unit: self._clients.issue(unit, client_id, secret))
            shown = self._clients.read(token.text)
            await self._callers.of_client(shown.key_id, secret_epoch=shown.secret_epoch)
        except AccountClosed:
            return _refused(401, "invalid_client", "The account of the client is not open.")
        except CredentialRefused as refused:
            return _refused(401, "invalid_client", str(refused))
        answer = Token(access_token=token.text, expires_in=token.lifetime_s)
        return Response(msgspec.json.encode(answer), headers=_NO_STORE, media_type="application/json")


async def _form(call: Call[Any]) -> dict[str, str]:
    """Return the fields of a form, whatever the body's type; what is no form has none."""
    body = await call.body()
    try:
        fields = parse_qs(body.decode(), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _basic(authorization: str | None) -> tuple[str, str] | None:
    """Return id and secret (RFC 7617; both may be percent-encoded, RFC 6749, section 2.3.1)."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return (unquote(client_id), unquote(secret)) if colon else None


def _refused(status: int, error: str, message: str) -> Response:
    body = TokenRefusal(error=error, error_description=message, message=message)
    response = Response(msgspec.json.encode(body), status, headers=_NO_STORE, media_type="application/json")
    if status == 401:
        response.headers["www-authenticate"] = 'Basic realm="groups"'  # RFC 6749, section 5.2
    return response
