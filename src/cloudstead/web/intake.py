"""Bodies, read within bounds that all requests share.

A bound on one body alone does not bound memory: a thousand clients may each hold back the last byte of a large one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from starlette.requests import ClientDisconnect

from cloudstead.web.errors import BodyTooLarge, BodyTooSlow, TooBusy

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

MAX_HELD: Final = 256 * 1024 * 1024
MAX_IDLE_S: Final = 30.0
MIN_BYTES_PER_S: Final = 1_000
"""How fast a body has to come over all, beyond the time that it may stand still."""
WHOLE: Final = "take_whole"
"""Where a server that can tell puts its ``TakesWhole`` into ``scope["state"]``: most bodies come with their heads."""


class TakesWhole(Protocol):
    """The server's side of a body that is there already."""

    def __call__(self, receive: Receive) -> bytes | None:
        """Return the body if all of it has arrived, else ``None``; to be called before anything was received."""
        ...


class BodyIntake:
    """Reads bodies; ``held`` bytes are in memory at this moment: ``max_held``, and the part that was one too many."""

    def __init__(self, *, max_held: int = MAX_HELD, max_idle_s: float = MAX_IDLE_S) -> None:
        self.held = 0
        self._max_held = max_held
        self._max_idle_s = max_idle_s

    def take(self, scope: Scope, receive: Receive, *, limit: int) -> bytes | None:
        """Return a whole body that is there already, held like one that was read; ``None`` when it has to be read.

        Raise ``BodyTooLarge`` and ``TooBusy`` as ``read`` does.
        """
        takes: TakesWhole | None = scope.get("state", {}).get(WHOLE)
        body = None if takes is None else takes(receive)
        if body is not None:
            size = len(body)
            if size > limit:
                raise BodyTooLarge(limit)
            if self.held + size > self._max_held:
                raise TooBusy
            self.held += size
        return body

    async def read(self, receive: Receive, *, announced: str | None, limit: int) -> bytes:
        """Return a whole body, which counts as held until ``release``.

        ``announced`` is the ``Content-Length`` header. Raise ``BodyTooLarge`` as soon as more than ``limit`` bytes are
        announced or have arrived, ``TooBusy`` when all bodies together would be too much, ``BodyTooSlow`` when nothing
        arrives for a while, or little for long.
        """
        if announced is not None and announced.isdecimal() and int(announced) > limit:
            raise BodyTooLarge(limit)
        parts: list[bytes] = []
        size = 0
        is_whole = False
        began_s = asyncio.get_running_loop().time()
        try:
            while not is_whole:
                latest_s = began_s + self._max_idle_s + size / MIN_BYTES_PER_S
                part, more = await self._next(receive, latest_s)
                self.held += len(part)
                size += len(part)
                self._require_room(size, limit)
                parts.append(part)
                is_whole = not more
        finally:
            if not is_whole:
                self.held -= size
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _next(self, receive: Receive, latest_s: float) -> tuple[bytes, bool]:
        """Return the next part, and whether there is more; it has to come until ``latest_s`` of the loop's time."""
        now_s = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(min(latest_s, now_s + self._max_idle_s)):
                message = await receive()
        except TimeoutError:
            raise BodyTooSlow(self._max_idle_s) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        return message.get("body", b""), message.get("more_body", False)

    def _require_room(self, size: int, limit: int) -> None:
        if size > limit:
            raise BodyTooLarge(limit)
        if self.held > self._max_held:
            raise TooBusy

    def release(self, body: bytes) -> None:
        """Count a body as gone."""
        self.held -= len(body)
