"""Opens many idle TLS connections of one device's certificate and keeps them until standard input ends.

Usage: _mqtt_idlers.py PORT CA_FILE CERTIFICATE KEY COUNT. Writes one line when all are let in.
"""

from __future__ import annotations

import asyncio
import resource
import ssl
import sys
from typing import cast

import uvloop

from _mqtt_load import connect

_AT_ONCE = 50


class Idler(asyncio.Protocol):
    """Says CONNECT and nothing else."""

    def __init__(self) -> None:
        self.let_in: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self.let_in.done():
            self.let_in.set_result(None) if data[3] == 0 else self.let_in.set_exception(ConnectionError(data.hex()))


async def run(port: int, ca_file: str, certificate: str, key: str, count: int) -> None:
    context = ssl.create_default_context(cafile=ca_file)
    context.load_cert_chain(certificate, key)
    kept: list[Idler] = []
    turns = asyncio.Semaphore(_AT_ONCE)

    async def come(number: int) -> None:
        async with turns:
            _, idler = await asyncio.get_running_loop().create_connection(
                Idler, "127.0.0.1", port, ssl=context, server_hostname="localhost"
            )
            kept.append(idler)
            idler.transport.write(connect(f"idle-{number}"))
            await idler.let_in

    await asyncio.gather(*map(come, range(count)))
    print("in", flush=True)
    await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    port, ca_file, certificate, key, count = sys.argv[1:]
    uvloop.run(run(int(port), ca_file, certificate, key, int(count)))


if __name__ == "__main__":
    main()
