"""The HTTP side of Socket.IO: what is read from requests, and how they are answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

import msgspec

from cloudstead.protocols.socketio import BadPayload, decode_binary_payload, decode_payload

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

MAX_BODY_BYTES: Final = 256 * 1024
_MAX_FIELDS: Final = 50

# Engine.IO's own error codes; the fifth is that of later servers, so that later clients say what is wrong.
UNKNOWN_TRANSPORT: Final = (0, "Transport unknown")
UNKNOWN_SESSION: Final = (1, "Session ID unknown")
BAD_METHOD: Final = (2, "Bad handshake method")
BAD_REQUEST: Final = (3, "Bad request")
FORBIDDEN: Final = (4, "Forbidden")
UNSUPPORTED: Final = (5, "Unsupported protocol version")


class Refused(Exception):
    """An HTTP request that is answered with one of the errors above."""

    def __init__(self, error: tuple[int, str], *, status: int = 400) -> None:
        super().__init__(error[1])
        self.code, self.text = error
        self.status = status


class Answer:
    """Answers one HTTP request, readable from pages of any origin: nothing here rests on cookies."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        origin = header_of(scope, b"origin")
        self.header_ofs = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
        if origin:
            self.header_ofs += [
                (b"access-control-allow-origin", origin),
                (b"access-control-allow-credentials", b"true"),
                (b"vary", b"origin"),
            ]

    async def text(self, body: str) -> None:
        """Answer with packets."""
        await self._answer(200, b"text/plain; charset=UTF-8", body.encode("utf-8", "replace"))

    async def html(self, body: str) -> None:
        """Answer with a short page, as clients of the time expect after a POST."""
        await self._answer(200, b"text/html", body.encode())

    async def preflight(self) -> None:
        """Allow a page of another origin to ask."""
        self.header_ofs += [
            (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
            (b"access-control-allow-headers", b"content-type"),
            (b"access-control-max-age", b"7200"),
        ]
        await self._answer(204, b"text/plain", b"")

    async def refuse(self, refused: Refused) -> None:
        """Say why not, in the form of Engine.IO."""
        body = msgspec.json.encode({"code": refused.code, "message": refused.text})
        await self._answer(refused.status, b"application/json", body)

    async def _answer(self, status: int, media_type: bytes, body: bytes) -> None:
        headers = [*self.header_ofs, (b"content-type", media_type), (b"content-length", str(len(body)).encode())]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


def query_of(scope: Scope) -> dict[str, str]:
    """Return the first value of each field of the query."""
    text = bytes(scope.get("query_string", b"")).decode("latin-1")
    try:
        read = parse_qs(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:  # more of them than anybody needs
        return {}
    return {name: values[0] for name, values in read.items()}


def header_of(scope: Scope, wanted: bytes) -> bytes:
    """Return the first header of that name, empty when there is none."""
    found: bytes = next((value for name, value in scope["headers"] if name == wanted), b"")
    return found


async def body_of(receive: Receive) -> bytes:
    """Return the body of a request; raise ``Refused`` for one that is too long or cut off."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(BAD_REQUEST)
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > MAX_BODY_BYTES:
            raise Refused((BAD_REQUEST[0], f"A body may have {MAX_BODY_BYTES} bytes."), status=413)
        if not message.get("more_body", False):
            return b"".join(pieces)


def packets_of(body: bytes, media_type: bytes) -> list[str]:
    """Return the packets of a body of either form; raise ``BadPayload``."""
    if media_type.startswith(b"application/octet-stream"):
        return decode_binary_payload(body)
    try:
        return decode_payload(body.decode())
    except UnicodeDecodeError:
        raise BadPayload("a body that is not UTF-8") from None
