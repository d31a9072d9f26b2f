"""What is loaded before anybody waits for it."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import asyncio, ssl, sys
from cloudstead.delivery.exchange import Exchange, request_bytes
from cloudstead.delivery.reach import CheckedConnector, ConnectionFailed, Reach

async def resolve(host, port):
    return ["127.0.0.1"]

async def closing(reader, writer):
    writer.close()

async def main():
    trust = ssl.create_default_context()
    connector = CheckedConnector(Reach(allow_private=True), resolve)
    server = await asyncio.start_server(closing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    before = set(sys.modules)
    try:
        request = request_bytes("GET", "/", [], None)
        await connector.connect("host.example", port, tls=trust, protocol=lambda: Exchange(request, max_body_bytes=1))
    except ConnectionFailed:
        print("loaded:", *sorted(set(sys.modules) - before))
    server.close()

asyncio.run(main())
"""


def test_the_first_request_finds_everything_loaded():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("loaded:\n", "")
