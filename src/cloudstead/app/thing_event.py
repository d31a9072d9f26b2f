"""The Thing Event service on its own listener (Cloud Connect 2.11, section 8)."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Final

from cloudstead.app.http_server import HttpServer
from cloudstead.gateway.socketio import SocketIO
from cloudstead.gateway.thing_events import ThingEvents

if TYPE_CHECKING:
    import socket
    import ssl
    from contextlib import AsyncExitStack

    from cloudstead.app.cloud import Cloud

_ID_BYTES: Final = 18


async def serve_thing_events(stack: AsyncExitStack, cloud: Cloud, sock: socket.socket, context: ssl.SSLContext) -> None:
    """Serve until ``stack`` is closed."""
    events = ThingEvents(
        sessions=cloud.sessions,
        callers=cloud.callers,
        directory=cloud.directory,
        database=cloud.database,
        spine=cloud.spine,
        watch=cloud.watch,
        clock=cloud.clock,
        spawn=cloud.tasks.spawn,
        report=cloud.tasks.report,
    )
    events.listen(cloud.bus)
    service = SocketIO(
        events,
        new_id=lambda: secrets.token_urlsafe(_ID_BYTES),
        spawn=cloud.tasks.spawn,
        report=cloud.tasks.report,
    )
    server = HttpServer(service, sock, tls=context, room=cloud.http_room)
    await server.start()
    stack.push_async_callback(server.stop)
    ticking = cloud.tasks.keep(service.run())
    stack.push_async_callback(_end, ticking, service)


async def _end(ticking: asyncio.Task[None], service: SocketIO) -> None:
    """End the sessions, so that held requests are answered before the listener closes."""
    ticking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await ticking
    service.stop()
