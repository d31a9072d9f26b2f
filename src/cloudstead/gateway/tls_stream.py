"""TLS between a socket and the link behind it, for the devices' listener.

The event loop brings a TLS of its own, meant for every use. It asks OpenSSL once more after each record, to be told by
an exception that nothing is left, and keeps a buffer of 256 KB for every connection; looking at what is left does
without either.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.gateway.link import Link

_SHUTDOWN_S: Final = 5.0  # for the client's answer to our close_notify
_RECORD_BYTES: Final = 16 * 1024  # RFC 8446, section 5.1
_SHAKING_HANDS, _OPEN, _ENDING = range(3)


class TlsStream(asyncio.Protocol):
    """The protocol of a socket's transport, and itself the transport of a link.

    ``greeted`` is done when the handshake is over and the link has begun; or it has what the handshake failed with.
    """

    __slots__ = (
        "_end_timer",
        "_incoming",
        "_link",
        "_loop",
        "_make_link",
        "_outgoing",
        "_raw",
        "_state",
        "greeted",
        "tls",
    )

    def __init__(self, context: ssl.SSLContext, make_link: Callable[[], Link]) -> None:
        """``make_link`` is called once the handshake is over: one that fails leaves no trace."""
        self._loop = asyncio.get_running_loop()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.greeted: asyncio.Future[None] = self._loop.create_future()
        self._make_link = make_link
        self._link: Link | None = None
        self._raw: asyncio.Transport | None = None
        self._end_timer: asyncio.TimerHandle | None = None
        self._state = _SHAKING_HANDS

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the client to begin."""
        self._raw = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the network; what they hold goes to the link in one piece."""
        self._incoming.write(data)
        state = self._state
        try:
            if state == _OPEN:
                self._read(len(data))  # words are never longer than their record, and nearly always it comes in one
            elif state == _SHAKING_HANDS:
                self._shake_hands()
            else:
                self._discard()
        except ssl.SSLWantReadError:
            self._send()  # the rest of a record is on its way, or it was TLS's own: a turn of the handshake, new keys
        except ssl.SSLError as error:
            self._fail(error)

    def eof_received(self) -> None:
        """Let the transport close: what the client has left half said counts for nothing."""

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        link, self._link, self._raw = self._link, None, None
        if self._end_timer is not None:
            self._end_timer.cancel()
        if link is not None:
            link.connection_lost(exc)
        elif not self.greeted.done():
            self.greeted.set_exception(ConnectionResetError("the client has gone in the middle of the handshake"))

    def pause_writing(self) -> None:
        """Hold messages back: the client does not take what it is sent."""
        if self._link is not None:
            self._link.pause_writing()

    def resume_writing(self) -> None:
        """Go on sending."""
        if self._link is not None:
            self._link.resume_writing()

    # What a link asks of its transport

    def write(self, data: bytes) -> None:
        """Send, or buffer."""
        if self._state != _OPEN:
            return
        try:
            written = self.tls.write(data)
            while written < len(data):  # one record at a time
                written += self.tls.write(memoryview(data)[written:])
        except ssl.SSLError as error:
            self._fail(error)
            return
        self._send()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Tell from how much unsent output on to pause, and when to resume."""
        if self._raw is not None:
            self._raw.set_write_buffer_limits(high=high, low=low)

    def get_write_buffer_size(self) -> int:
        """Return how much is written and not yet sent."""
        return 0 if self._raw is None else self._raw.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of the connection, as transports of the standard library do."""
        if name == "ssl_object":
            return self.tls
        return default if self._raw is None else self._raw.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Hand over no more bytes."""
        if self._raw is not None and self._state == _OPEN:
            self._raw.pause_reading()

    def resume_reading(self) -> None:
        """Go on handing over bytes."""
        if self._raw is not None:
            self._raw.resume_reading()

    def is_closing(self) -> bool:
        """Tell whether the end has begun."""
        return self._state == _ENDING or self._raw is None or self._raw.is_closing()

    def close(self) -> None:
        """Send what is buffered, say that this was all, and end once the client has said so too, or takes too long.

        Closing at once would reset the connection where words of the client are still on their way, and with that take
        back what it has not read yet.
        """
        if self._state != _OPEN or self._raw is None:
            return
        self._state = _ENDING
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            self._send()
            self._end_timer = self._loop.call_later(_SHUTDOWN_S, self.abort)
            self._raw.resume_reading()
        except ssl.SSLError as error:
            self._fail(error)
        else:
            self._end()

    def abort(self) -> None:
        """End at once."""
        if self._raw is not None:
            self._raw.abort()

    # TLS

    def _read(self, size: int) -> None:
        """Read all that is there; raise ``SSLWantReadError`` where that is no whole record."""
        plain = self.tls.read(size)
        is_over = not plain
        if self._incoming.pending or self.tls.pending():
            plain, is_over = self._read_on(plain)
        if self._outgoing.pending:
            self._send()
        if plain and self._link is not None:
            self._link.data_received(plain)
        if is_over:
            self.close()

    def _read_on(self, first: bytes) -> tuple[bytes, bool]:
        """Return everything that begins with the first piece, and whether the client has said that this was all."""
        pieces = [first]
        while pieces[-1] and (self._incoming.pending or self.tls.pending()):
            try:
                pieces.append(self.tls.read(_RECORD_BYTES))
            except ssl.SSLWantReadError:
                break
        return b"".join(pieces), not pieces[-1]

    def _shake_hands(self) -> None:
        self.tls.do_handshake()
        self._send()
        if self.greeted.done():  # given up meanwhile
            return
        self._state = _OPEN
        self._link = self._make_link()
        self.greeted.set_result(None)
        self._link.connection_made(cast("asyncio.Transport", self))
        if self._incoming.pending:  # a client may speak in the same breath
            self._read(self._incoming.pending)

    def _discard(self) -> None:
        """Pass over what the client says after we have ended, until it ends too."""
        while self.tls.read(_RECORD_BYTES):
            pass
        self._end()

    def _fail(self, error: ssl.SSLError) -> None:
        """End, telling the client by an alert what was wrong with its bytes, if OpenSSL has written one."""
        self._state = _ENDING
        if not self.greeted.done():
            self.greeted.set_exception(error)
        self._end()

    def _end(self) -> None:
        self._send()
        if self._raw is not None:
            self._raw.close()

    def _send(self) -> None:
        if self._raw is not None and self._outgoing.pending:
            self._raw.write(self._outgoing.read())
