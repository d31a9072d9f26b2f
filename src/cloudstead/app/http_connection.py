"""One HTTP connection: uvicorn's, with the client's certificate, and with bounds on what comes before a request.

uvicorn bounds neither the size of a head nor the time that it takes: nobody has to sign in to send headers without end,
or to keep connections open on which nothing is ever asked. Nor does it bound how many connections there are: what it
can limit, it looks at when a head is whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from cloudstead.app.http_room import HttpRoom
from cloudstead.gateway.tls import certificates_shown
from cloudstead.web import answer, intake
from cloudstead.web.answer import lines_of

if TYPE_CHECKING:
    import asyncio
    import ssl
    from typing import Any

    from starlette.types import Receive, Send

MAX_HEAD_BYTES: Final = 64 * 1024  # a signed URL with its session token is under 4 KB; servers commonly take 8 to 64
MAX_HEAD_S: Final = 30.0
MAX_FULL_S: Final = 5.0  # for a client that finds no room to say something, so that it can be told

_TOO_LARGE: Final = (  # RFC 6585, section 5
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 54\r\n"
    b"retry-after: 5\r\nconnection: close\r\n\r\nThere are too many connections: try again in a while.\n"
)


class HttpConnection(HttpToolsProtocol):
    """HTTP that tells the application the client's certificate, as ``scope["state"]["peer_certificate"]`` (DER).

    Beside it stands a function that returns all certificates that the client sent, as ``certificates_sent``.
    """

    _certificate: bytes | None = None
    _tls: ssl.SSLObject | None = None
    _patience: asyncio.TimerHandle | None = None
    _waits_since: float | None = None  # the head of a request is not whole yet
    _unread_bytes = 0
    _got_on = False
    _is_in = False
    _is_turned_away = False

    def __init__(self, *args: Any, room: HttpRoom | None = None, **named: Any) -> None:
        """``room`` is shared by all connections; else is as uvicorn's own has it."""
        super().__init__(*args, **named)
        self._room = room or HttpRoom()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own does
        """Look once for the certificate that the handshake has checked, and begin to wait for a request."""
        super().connection_made(transport)
        self._is_in = self._room.take(self._address)
        if not self._is_in:
            self._turn_away()
            return
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self._tls, self._certificate = tls, tls.getpeercert(binary_form=True)
        self.app_state = {**self.app_state, answer.WHOLE: send_whole, intake.WHOLE: take_whole}
        self._waits_since = self.loop.time()
        self._patience = self.loop.call_later(MAX_HEAD_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._end_patience()
        self._leave_room()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over."""
        self._end_patience()
        self._leave_room()
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        """Parse what came; end the connection when the parser gathers too much without getting anywhere."""
        if self._is_turned_away:
            if not self.transport.is_closing():
                self.transport.write(_FULL)
                self.transport.close()
            return
        self._got_on = False
        super().data_received(data)
        # Heads are what gathers, and the trailers behind a body: neither is handed on before it is whole.
        self._unread_bytes = 0 if self._got_on else self._unread_bytes + len(data)
        if self._unread_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        if self._waits_since is None:
            self._waits_since = self.loop.time()
        if self._certificate is not None:
            self.scope["state"]["peer_certificate"] = self._certificate
            self.scope["state"]["certificates_sent"] = self._certificates_sent

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._waits_since = None
        self._got_on = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Hand on a part of the body."""
        self._got_on = True
        super().on_body(body)

    def _certificates_sent(self) -> tuple[bytes, ...] | None:
        return None if self._tls is None else certificates_shown(self._tls)

    def _look(self) -> None:
        """End the connection of a client that takes too long to say what it wants.

        One timer that comes again, rather than one for each request: who is late is ended after twice the time at most.
        """
        waits_since = self._waits_since
        if waits_since is not None and self.loop.time() - waits_since >= MAX_HEAD_S:
            self.transport.abort()
            return
        self._patience = self.loop.call_later(MAX_HEAD_S, self._look)

    @property
    def _address(self) -> str | None:
        return self.client[0] if self.client else None

    def _turn_away(self) -> None:
        """Tell the client that there is no room, once it asks: an answer before the question may be lost."""
        if not self._room.turn_away():
            self.transport.abort()
            return
        self._is_turned_away = True
        self._patience = self.loop.call_later(MAX_FULL_S, self.transport.abort)

    def _leave_room(self) -> None:
        if self._is_in:
            self._is_in = False
            self._room.leave(self._address)
        elif self._is_turned_away:
            self._is_turned_away = False
            self._room.told()

    def _end_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def send_whole(send: Send, *, status: int, lines: bytes, body: bytes) -> bool:
    """Send an answer with one write (``web.answer.SendsWhole``): what uvicorn does with the two messages of ASGI.

    It does not look at the headers again, which takes most of its time.
    """
    cycle = getattr(send, "__self__", None)
    if type(cycle) is not RequestResponseCycle or cycle.response_started or cycle.flow.write_paused:
        return False
    if cycle.disconnected:
        return True
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    ending = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
    shown = b"" if cycle.scope["method"] == "HEAD" else body
    cycle.transport.write(b"".join((STATUS_LINE[status], lines_of(cycle.default_headers), lines, ending, shown)))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


def take_whole(receive: Receive) -> bytes | None:
    """Return a body that has arrived (``web.intake.TakesWhole``): nothing is left to wait for, so no clock is set."""
    cycle = getattr(receive, "__self__", None)
    if type(cycle) is not RequestResponseCycle or cycle.more_body or cycle.disconnected or cycle.response_complete:
        return None
    body = bytes(cycle.body)
    cycle.body = bytearray()
    cycle.flow.resume_reading()
    return body
