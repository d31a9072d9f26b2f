"""MQTT over WebSocket (MQTT 5, section 6) as an ASGI application: the frames are one stream of bytes each way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Receive, Scope, Send

    from cloudstead.core.caller import Caller
    from cloudstead.gateway.link import Link
    from cloudstead.gateway.mqtt import MqttGateway

PATH: Final = "/mqtt"
# Clients of 2017 offer the second (Cloud Connect 2.11 clients, "Subprotocol"), the standard names the first.
SUBPROTOCOLS: Final = ("mqtt", "mqttv3.1")
_HIGH_WATER_BYTES: Final = 256 * 1024
_NORMAL, _UNSUPPORTED, _TRY_AGAIN = 1000, 1003, 1013  # RFC 6455, section 7.4.1; 1013 from its IANA registry


class Authenticator(Protocol):
    """Recognises who opens a WebSocket."""

    async def of_upgrade(
        self, raw_path: str, raw_query: str, *, headers: Sequence[tuple[bytes, bytes]], source_address: str | None
    ) -> Caller | None:
        """Return the caller; ``None`` when the request carries no credential, so that the CONNECT has to.

        Raise ``CredentialRefused`` or ``CredentialExpired`` for credentials that are not good.
        """
        ...


class MqttWebSocket:
    """Serves ``/mqtt``; what is not let in is answered with HTTP 403."""

    def __init__(self, gateway: MqttGateway, authenticator: Authenticator) -> None:
        self._gateway = gateway
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI 3.0, scope ``websocket``)."""
        await receive()
        peer = scope.get("client")
        source_address = None if peer is None else peer[0]
        offered = [each for each in scope.get("subprotocols", ()) if each in SUBPROTOCOLS]
        if scope["path"] != PATH or (scope.get("subprotocols") and not offered):
            await send({"type": "websocket.close", "code": _NORMAL})
            return
        try:
            caller = await self._authenticator.of_upgrade(
                PATH,
                bytes(scope["query_string"]).decode("latin-1"),
                headers=scope["headers"],
                source_address=source_address,
            )
        except (CredentialRefused, CredentialExpired):
            await send({"type": "websocket.close", "code": _NORMAL})
            return
        await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
        stream = _Stream()
        link = stream.link = self._gateway.attach(stream, caller=caller, source_address=source_address)
        if link is None:
            await send({"type": "websocket.close", "code": _TRY_AGAIN})
            return
        await _carry(stream, link, receive, send)


class _Stream:
    """A WebSocket dressed as a transport: what is written waits for the task that sends."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._waiting_bytes = 0
        self._is_held_back = False
        self._has_news = asyncio.Event()
        self._is_over = False
        self.link: Link | None = None
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.aborted = asyncio.Event()

    def write(self, data: bytes) -> None:
        """Queue bytes for the next frame, and have the broker wait when too many find no way out."""
        self._pieces.append(data)
        self._waiting_bytes += len(data)
        self._has_news.set()
        if self._waiting_bytes > _HIGH_WATER_BYTES and not self._is_held_back and self.link is not None:
            self._is_held_back = True
            self.link.pause_writing()

    def pause_reading(self) -> None:
        """Hand over no more frames."""
        self.may_read.clear()

    def resume_reading(self) -> None:
        """Go on handing over frames."""
        self.may_read.set()

    def is_closing(self) -> bool:
        """Tell whether the end has begun."""
        return self._is_over

    def close(self) -> None:
        """End after what is queued."""
        self._is_over = True
        self._has_news.set()

    def abort(self) -> None:
        """End at once."""
        self._is_over = True
        self.aborted.set()

    async def next_frame(self) -> bytes:
        """Return everything that was written since the last call, once there is something; empty at the end."""
        while not self._pieces and not self._is_over:
            self._has_news.clear()
            await self._has_news.wait()
        frame = b"".join(self._pieces)
        self._pieces.clear()
        self._waiting_bytes = 0
        if self._is_held_back and self.link is not None:
            self._is_held_back = False
            self.link.resume_writing()
        return frame


async def _carry(stream: _Stream, link: Link, receive: Receive, send: Send) -> None:
    """Move frames both ways until one side ends."""
    tasks = [
        asyncio.create_task(work)
        for work in (_receive_frames(stream, link, receive, send), _send_frames(stream, send), stream.aborted.wait())
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        link.connection_lost(None)
    for result in results:
        # An OSError is how a server says that the client has gone.
        if isinstance(result, Exception) and not isinstance(result, OSError):
            raise result


async def _receive_frames(stream: _Stream, link: Link, receive: Receive, send: Send) -> None:
    while True:
        await stream.may_read.wait()
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        data = message.get("bytes")
        if data is None:
            # MQTT-6.0.0-1: control packets are sent in binary frames; anything else ends the connection.
            await send({"type": "websocket.close", "code": _UNSUPPORTED})
            return
        link.data_received(data)


async def _send_frames(stream: _Stream, send: Send) -> None:
    while frame := await stream.next_frame():
        await send({"type": "websocket.send", "bytes": frame})
    await send({"type": "websocket.close", "code": _NORMAL})
