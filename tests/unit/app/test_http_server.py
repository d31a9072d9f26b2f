from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import uvloop
from starlette.responses import PlainTextResponse

from cloudstead.app.addresses import Address
from cloudstead.app.data_folder import DataFolder
from cloudstead.app.http_server import HttpServer, bind
from cloudstead.app.keys import open_keys, server_certificate
from cloudstead.core.clock import SystemClock
from cloudstead.gateway.tls import https_context

if TYPE_CHECKING:
    from pathlib import Path

REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\n"
UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"  # RFC 6455, section 1.3
)


async def answer(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await PlainTextResponse("here")(scope, receive, send)
        return
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


@pytest.mark.parametrize("headers", ["", UPGRADE], ids=["HTTP", "WebSocket"])
def test_a_client_over_tls_that_does_not_listen_does_not_hold_the_server_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, headers: str
) -> None:
    # On the loop that the application runs on: asyncio's own ends TLS connections in another way.
    uvloop.run(leave_a_deaf_client(tmp_path, f"{REQUEST}{headers}\r\n"))

    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


async def leave_a_deaf_client(data: Path, request: str) -> None:
    folder, clock = DataFolder.hold(data), SystemClock()
    authority = open_keys(folder, clock).authority
    certificate = server_certificate(folder, authority, ["127.0.0.1"], clock)
    tls = https_context(*certificate, trusted=authority.chain_pem)
    server = HttpServer(answer, bind("http", Address("127.0.0.1", 0)), tls=tls)
    await server.start()
    trust = ssl.create_default_context(cafile=folder.ca_file)

    def ask() -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        client = trust.wrap_socket(plain, server_hostname="127.0.0.1")
        client.sendall(request.encode())
        assert client.recv(12) in {b"HTTP/1.1 200", b"HTTP/1.1 101"}
        return client

    client = await asyncio.to_thread(ask)
    await server.stop()
    client.close()
    folder.release()
