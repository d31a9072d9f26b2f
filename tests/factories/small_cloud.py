"""A broker on loopback with mutual TLS that stores nothing: what an agent needs in order to be tried."""

from __future__ import annotations

import asyncio
import ssl
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from cloudstead.core.clock import SystemClock
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.core.ids import AccountId, ThingName, ThingUid
from cloudstead.protocols.mqtt import (
    AWS_2017,
    Broker,
    ConnectRequested,
    Disconnected,
    PublishReceived,
    SubscribeRequested,
    reasons,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from cloudstead.protocols.mqtt import Connection

SPACE = "space"
PREFIX = "$aws/things/lamp/shadow/"


def make_bundle(folder: Path) -> Authority:
    """Put the bundle of the thing ``lamp`` and a server's certificate into ``folder``; return who issued them."""
    files = create_authority(SystemClock())
    authority = Authority(
        files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=SystemClock()
    )
    thing = authority.issue_thing_certificate(AccountId("a" * 32), ThingName("lamp"), thing_uid=ThingUid("b" * 32))
    server = authority.issue_server_certificate(["127.0.0.1"])
    (folder / "cert.pem").write_text(thing.pem)
    (folder / "privkey.pem").write_text(thing.private_key_pem)
    (folder / "ca.pem").write_text(authority.root_pem)
    (folder / "server.pem").write_text(server.pem)
    (folder / "server.key").write_text(server.private_key_pem)
    return authority


@dataclass
class SmallCloud:
    """Collects what things publish; ``refusing`` answers CONNECT with "not authorized"."""

    refusing: bool = False
    reports: asyncio.Queue[dict[str, object]] = field(default_factory=asyncio.Queue)
    farewells: asyncio.Queue[Disconnected] = field(default_factory=asyncio.Queue)
    port: int = 0
    broker: Broker = field(default_factory=lambda: Broker(new_client_id=lambda: "someone"))
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def next_report(self) -> dict[str, object]:
        """Return the next reported state."""
        return await asyncio.wait_for(self.reports.get(), 10)

    def say(self, answer: str, document: object) -> None:
        """Send a message to the shadow topic ``answer`` of the lamp."""
        self.broker.publish(SPACE, PREFIX + answer, msgspec.json.encode(document), qos=1, now=time.monotonic())
        self._flush()

    def drop_connections(self) -> None:
        """Cut every connection without a word."""
        for writer in self.writers:
            if not writer.is_closing():  # Python 3.11.2 cannot abort TLS that has already ended
                writer.transport.abort()
        self.writers.clear()

    def _flush(self) -> None:
        for connection in self.broker.take_dirty():
            writer = connection.owner
            assert isinstance(writer, asyncio.StreamWriter)
            writer.write(connection.take_output())
            if connection.closing:
                writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection."""
        connection = self.broker.open(now=time.monotonic())
        connection.owner = writer
        self.writers.add(writer)
        try:
            while data := await reader.read(65536):
                for event in connection.receive(data, time.monotonic()):
                    self._decide(connection, event)
                self._flush()
        except ConnectionError:
            pass
        connection.lost(time.monotonic())
        self.broker.take_dirty()
        self.writers.discard(writer)
        writer.close()

    def _decide(self, connection: Connection, event: object) -> None:
        now = time.monotonic()
        if isinstance(event, ConnectRequested) and self.refusing:
            connection.refuse(reasons.NOT_AUTHORIZED, "", now)
        elif isinstance(event, ConnectRequested):
            connection.accept(space=SPACE, profile=AWS_2017, now=now)
        elif isinstance(event, SubscribeRequested):
            connection.grant(event.packet_id, None, now)
        elif isinstance(event, PublishReceived):
            connection.acknowledge(event.packet_id)
            if event.topic == PREFIX + "update":
                self.reports.put_nowait(msgspec.json.decode(event.payload)["state"]["reported"])
        elif isinstance(event, Disconnected):
            self.farewells.put_nowait(event)


@asynccontextmanager
async def small_cloud(folder: Path, *, refusing: bool = False) -> AsyncIterator[SmallCloud]:
    """Serve on a free port with the certificate in ``folder``."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.pem"))
    tls.load_cert_chain(folder / "server.pem", folder / "server.key")
    tls.verify_mode = ssl.CERT_REQUIRED
    cloud = SmallCloud(refusing=refusing)
    server = await asyncio.start_server(cloud.serve, "127.0.0.1", 0, ssl=tls)
    cloud.port = server.sockets[0].getsockname()[1]
    try:
        yield cloud
    finally:
        cloud.drop_connections()
        server.close()
        await server.wait_closed()
