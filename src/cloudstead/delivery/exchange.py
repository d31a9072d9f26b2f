"""One request and the beginning of its answer, over a connection of its own: HTTP/1.1, and no more of it than that.

The connection is made by whoever was given the right to (``reach``) and is never used again, so there is no pool, no
cookie and no second look-up of the name. The answer is read by the parser of Node.js (llhttp). A general HTTP client
takes three to six times the processor time for it, on the event loop that serves the devices.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, Final, cast

import httptools

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_HEAD_BYTES: Final = 64 * 1024
"""What may come before the body, interim answers included; a parser alone would go on for ever.

Once more as much may come around the body: the sizes of chunks, and trailers, which the parser gathers.
"""

_ENDS_LINE: Final = re.compile(r"[\r\n\0]")
_SWITCHING: Final = 101


class AnswerBroken(Exception):
    """What came back is no HTTP, or nothing came back at all."""


class Exchange(asyncio.Protocol):
    """Writes a request as soon as it is connected, and takes the answer in."""

    def __init__(self, request: bytes, *, max_body_bytes: int) -> None:
        """Keep no more than ``max_body_bytes`` of the body; what is longer is not read."""
        loop = asyncio.get_running_loop()
        self._request = request
        self._most = max_body_bytes
        self._body = bytearray()
        self._taken_bytes = 0
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._answered: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[None] = loop.create_future()
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []

    async def answer(self) -> None:
        """Return when status and headers are there; raise ``AnswerBroken``."""
        await self._answered

    async def body(self, until: float) -> bytes:
        """Return the beginning of the body, or as much of it as has come at ``until`` (the loop's time)."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._ended
        return bytes(self._body[: self._most])

    def abandon(self) -> None:
        """Let go of the connection, wherever it stands. What still comes is never read."""
        self._parser = None  # it holds on to this object, which would then be left to the garbage collector
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
        for future in (self._answered, self._ended):
            if not future.cancel() and not future.cancelled():
                future.exception()  # whoever gave up before it was told does not ask any more

    def header(self, wanted: bytes) -> str:
        """Return the first header of that name, which is in small letters; empty where there is none."""
        return next((value.decode("latin-1") for name, value in self.headers if name.lower() == wanted), "")

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)
        self._request = b""

    def data_received(self, data: bytes) -> None:
        """Parse what has come, unless all that counts is there."""
        if self._parser is None or self._ended.done():
            return
        self._taken_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._end()  # nobody asked for another protocol; the status says so
        except httptools.HttpParserError as error:
            self._fail(str(error))
        if not self._answered.done() and self._taken_bytes > MAX_HEAD_BYTES:
            self._fail(f"its head is longer than {MAX_HEAD_BYTES} bytes")
        elif self._taken_bytes > 2 * MAX_HEAD_BYTES + self._most:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection as the end of the answer, if it has begun."""
        self._transport = None
        self._fail("the connection was closed before it was complete" if exc is None else "the connection broke")

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Forget an interim answer."""
        if not self._answered.done():
            self.headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        if not self._answered.done():  # otherwise behind the body
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Tell that the answer is there, unless more is to come before it (RFC 9110, section 15.2)."""
        if self._parser is None:
            return
        status = self._parser.get_status_code()
        if (status >= 200 or status == _SWITCHING) and not self._answered.done():
            self.status = status
            self._answered.set_result(None)

    def on_body(self, body: bytes) -> None:
        """Keep what there is room for; when that is full, stop reading."""
        if self._ended.done():
            return
        self._body += body[: self._most - len(self._body)]
        if len(self._body) >= self._most:
            self._end()

    def on_message_complete(self) -> None:
        """Tell that all of the answer is there."""
        if self._answered.done():
            self._end()

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)
        if self._transport is not None:
            self._transport.pause_reading()

    def _fail(self, reason: str) -> None:
        """Tell whoever waits for the answer. What breaks behind the head changes nothing: the status has been told."""
        if not self._answered.done():
            self._answered.set_exception(AnswerBroken(reason))
        self._end()


def request_bytes(method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes | None) -> bytes:
    """Return a request as it goes over the wire; ``None`` has no length, unlike an empty body.

    Everything in it was looked at where it came from. That nothing in it ends a line early is seen to here once more.
    """
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    if any(_ENDS_LINE.search(line) for line in lines):
        raise ValueError("a line of the request holds another")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + (body or b"")
