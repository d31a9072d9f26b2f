from __future__ import annotations

import asyncio
import logging
import ssl
from http.client import HTTPSConnection
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse

from cloudstead.app.addresses import Address
from cloudstead.app.data_folder import DataFolder
from cloudstead.app.http_server import HttpServer, bind
from cloudstead.app.keys import open_keys, server_certificate
from cloudstead.core.clock import SystemClock
from cloudstead.gateway.tls import https_context

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_an_idle_connection_over_tls_does_not_hold_the_server_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, clock = DataFolder.hold(tmp_path), SystemClock()
    authority = open_keys(folder, clock).authority
    certificate = server_certificate(folder, authority, ["127.0.0.1"], clock)
    tls = https_context(*certificate, trusted=authority.chain_pem)
    server = HttpServer(PlainTextResponse("here"), bind("http", Address("127.0.0.1", 0)), tls=tls)
    await server.start()
    trust = ssl.create_default_context(cafile=folder.ca_file)
    client = HTTPSConnection("127.0.0.1", server.port, context=trust, timeout=10)

    def ask() -> bytes:
        client.request("GET", "/")
        return client.getresponse().read()

    assert await asyncio.to_thread(ask) == b"here"
    await server.stop()

    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []
    client.close()
    folder.release()
