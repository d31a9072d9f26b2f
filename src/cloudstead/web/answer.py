"""A small answer, whole: its body is bytes already, and it leaves with one write where the server takes it so.

Starlette's ``Response`` and the two messages of ASGI cost more than making such an answer does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Scope, Send

    from cloudstead.web.face import Face

WHOLE: Final = "send_whole"
"""Where a server that takes answers whole puts its ``SendsWhole`` into ``scope["state"]``."""

Fields = tuple[tuple[bytes, bytes], ...]


class SendsWhole(Protocol):
    """The server's side."""

    def __call__(self, send: Send, *, status: int, lines: bytes, body: bytes) -> bool:
        """Send an answer at once, or return ``False`` when it has to be sent message by message.

        ``lines`` are header lines, each with its line end, ``content-length`` among them, which the server does not
        look at again.
        """
        ...


class Encoded(NamedTuple):
    """An answer to a call. ``fields`` are headers of its own, in lower case, made from nothing that a client sent."""

    body: bytes
    status: int = 200
    media_type: bytes = b"application/json"
    fields: Fields = ()

    def lines(self) -> bytes:
        """Return its header lines."""
        own = lines_of(self.fields) if self.fields else b""
        return b"%bcontent-length: %d\r\ncontent-type: %b\r\n" % (own, len(self.body), self.media_type)

    def as_response(self) -> Response:
        """Return it as a response that any server takes."""
        response = Response(self.body, self.status)
        response.raw_headers = [
            *self.fields,
            (b"content-length", b"%d" % len(self.body)),
            (b"content-type", self.media_type),
        ]
        return response


class Marks:
    """What every answer of a face carries behind its own headers: the id of the request, and who may read it."""

    def __init__(self, face: Face) -> None:
        self._names = [b"x-request-id"]
        if face.request_id_header is not None:
            self._names.append(face.request_id_header.encode())
        self._fixed = () if face.cors is None else tuple(face.cors.on_answer())
        # The id stands between each two of the pieces.
        first, *others = self._names
        self._pieces = [first + b": ", *(b"\r\n" + name + b": " for name in others), b"\r\n" + lines_of(self._fixed)]

    def fields(self, request_id: bytes) -> Fields:
        """Return them as headers."""
        return (*((name, request_id) for name in self._names), *self._fixed)

    def lines(self, request_id: bytes) -> bytes:
        """Return them as header lines."""
        return request_id.join(self._pieces)


def send_whole(scope: Scope, send: Send, answer: Encoded, *, marks: bytes) -> bool:
    """Send an answer with ``marks`` behind its header lines; return ``False`` where the server does not take it so."""
    sends: SendsWhole | None = scope.get("state", {}).get(WHOLE)
    return sends is not None and sends(send, status=answer.status, lines=answer.lines() + marks, body=answer.body)


def lines_of(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Write headers as lines (RFC 9112, section 5)."""
    return b"".join([b"%b: %b\r\n" % field for field in fields])
