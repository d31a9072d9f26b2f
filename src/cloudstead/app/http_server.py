"""uvicorn inside our own event loop: our sockets, our signals, our shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from functools import partial
from typing import TYPE_CHECKING

import uvicorn

from cloudstead.app.errors import AddressUnusable
from cloudstead.app.http_connection import HttpConnection
from cloudstead.app.http_room import HttpRoom
from cloudstead.gateway.upgrade import LooseWebSocketProtocol

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Sequence
    from typing import Any

    from starlette.types import ASGIApp

    from cloudstead.app.addresses import Address

_GOOD_BYE_S = 5  # a request under way may finish; a page that keeps its connection open may not hold us up
_TLS_GOOD_BYE_S = 0.5
_BACKLOG = 2048


class _Embedded(uvicorn.Server):
    """A server that leaves the process's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: the application decides when all servers stop."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what is idle, and wait for requests under way.

        Closing over TLS waits for the client's own good-bye; a connection in a pool, or one to a client that hangs,
        never says it.
        """
        asyncio.get_running_loop().call_later(_TLS_GOOD_BYE_S, self._abort_closing)
        await super().shutdown(sockets)

    def _abort_closing(self) -> None:
        for connection in list(self.server_state.connections):
            if connection.transport.is_closing():
                connection.transport.abort()


class HttpServer:
    """One listener."""

    def __init__(
        self,
        app: ASGIApp,
        sock: socket.socket,
        *,
        tls: ssl.SSLContext | None = None,
        trusted_proxies: Sequence[str] = (),
        room: HttpRoom | None = None,
    ) -> None:
        """``room`` is shared with other listeners.

        ``trusted_proxies`` are the addresses and networks whose ``X-Forwarded-*`` headers are believed.
        """
        self._socket = sock
        extra: dict[str, Any] = {} if tls is None else {"ssl_context_factory": lambda _config, _default: tls}
        self._server = _Embedded(
            uvicorn.Config(
                app,
                http=partial(HttpConnection, room=room or HttpRoom()),  # type: ignore[arg-type]  # it is called, no more
                ws=LooseWebSocketProtocol,
                ws_per_message_deflate=False,  # old MQTT clients offer it and cannot do it
                ws_ping_interval=None,  # MQTT has its own keep-alive
                ws_max_size=256 * 1024,
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=list(trusted_proxies),
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=_GOOD_BYE_S,
                backlog=_BACKLOG,
                **extra,
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that the system gave."""
        port: int = self._socket.getsockname()[1]
        return port

    async def start(self) -> None:
        """Serve; return as soon as connections are answered."""
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """Take no more connections, let requests under way finish for a moment, and return."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._socket.close()


def bind(setting: str, address: Address) -> socket.socket:
    """Take an address, port 0 for a free one; raise ``AddressUnusable`` naming the setting that asked for it."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise AddressUnusable(setting, str(address), (error.strerror or str(error)).lower()) from None
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(place)
        # Listening at once: otherwise two processes could both bind, and only the first request would tell.
        sock.listen(_BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise AddressUnusable(setting, str(address), (error.strerror or str(error)).lower()) from None
    return sock
