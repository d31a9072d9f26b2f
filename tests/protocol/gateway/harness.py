"""A gateway on loopback with everything behind it but the index, and a client that speaks the wire format."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cloudstead.core.access.callers import Callers
from cloudstead.core.accounts.model import MqttProfile
from cloudstead.core.caller import Grant
from cloudstead.core.clock import SystemClock
from cloudstead.core.credentials import api_keys
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.core.credentials.certificates import Certificates
from cloudstead.core.credentials.tokens import SigningKey, Tokens
from cloudstead.core.domains.registry import DomainChange, Domains
from cloudstead.core.ids import DomainId, ThingName
from cloudstead.core.spine.doors import ShadowDoor, TopicDoor
from cloudstead.core.spine.spine import Spine
from cloudstead.core.things.directory import ThingDirectory
from cloudstead.core.things.registry import Things
from cloudstead.core.trustedcertificates.admission import Admission
from cloudstead.gateway.devices import DeviceDoor
from cloudstead.gateway.fan_out import BrokerFanOut
from cloudstead.gateway.mqtt import GatewayLimits, MqttGateway
from cloudstead.gateway.people import PeopleDoor
from cloudstead.gateway.tls import mqtts_context
from cloudstead.gateway.trust import Trust, TrustingContext
from cloudstead.gateway.watch import WatchedFanOut
from cloudstead.log import GroupCommitWriter, MemoryLog
from cloudstead.protocols.mqtt import Broker, Properties
from cloudstead.protocols.mqtt.wire import encode_u16
from factories.spine import MemoryQueue
from factories.tenants import open_tenant
from protocol.mqtt.harness import connect_packet, packet, publish_packet, subscribe_packet

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from cloudstead.core.caller import Caller
    from cloudstead.core.clouds.gate import CloudGate
    from cloudstead.core.things.model import Thing
    from cloudstead.core.unit import Database
    from cloudstead.gateway.listener import GatewayListener
    from factories.tenants import Tenant

PATIENCE_S = 5.0
MAX_DEVICES = 3
CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP, DISCONNECT = 2, 3, 4, 9, 13, 14


class Index:
    """Takes whatever the spine gives and keeps it to be looked at."""

    def __init__(self) -> None:
        self.observations: list[Any] = []
        self.changes: list[Any] = []

    async def append(self, batch: Any) -> None:
        self.observations += batch.observations
        self.changes += batch.changes

    async def put_things(self, documents: Any) -> None: ...

    async def drop_things(self, account_id: Any, names: Any) -> None: ...


class FailingDatabase:
    """The state store, which cannot be read while ``fails`` and does something else first when told to, once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.fails = False
        self.before_answer: Callable[[], Coroutine[Any, Any, None]] | None = None

    async def read(self, work: Callable[[Any], Any]) -> Any:
        if self.fails:
            raise OSError(5, "Input/output error")
        found = await self._database.read(work)
        if self.before_answer is not None:
            then, self.before_answer = self.before_answer, None
            await then()
        return found

    async def write(self, work: Callable[[Any], Any]) -> Any:
        if self.fails:
            raise OSError(5, "Input/output error")
        return await self._database.write(work)


class StallingLog(MemoryLog):
    """A log whose disk stands still or fails when told to; used from the writer's thread."""

    def __init__(self) -> None:
        super().__init__()
        import threading

        self.turns = threading.Event()
        self.turns.set()
        self.fails = False

    def append(self, payloads: Any) -> int:
        self.turns.wait()
        if self.fails:
            raise OSError(28, "No space left on device")
        return super().append(payloads)


@dataclass
class Site:
    """One running gateway."""

    tenant: Tenant
    folder: Path
    authority: Authority
    issuing_key: bytes
    certificates: Certificates
    tokens: Tokens
    callers: Callers
    directory: ThingDirectory
    things: Things
    domains: Domains
    log: StallingLog
    index: Index
    broker: Broker
    spine: Spine
    door_database: FailingDatabase
    topic_door: TopicDoor
    shadow_door: ShadowDoor
    watch: WatchedFanOut
    door: DeviceDoor
    trust: Trust
    gateway: MqttGateway
    failures: list[tuple[str, Exception]]
    tasks: set[asyncio.Task[None]]
    tls_port: int = 0
    plain_port: int = 0
    clients: list[Client] = field(default_factory=list)

    async def add_thing(self, name: str, *, domain_id: str = "root") -> Thing:
        thing = await self.tenant.add_thing(name, domain_id=domain_id)
        await self.tenant.database.write(lambda unit: self.certificates.create(unit, thing))
        return thing

    async def bundle(self, thing: Thing) -> tuple[Path, Path]:
        """Write the thing's certificate chain and key."""
        bundled = await self.tenant.database.read(lambda unit: self.certificates.bundle_of(unit, thing))
        certificate = self.folder / f"{thing.name}.cert.pem"
        key = self.folder / f"{thing.name}.key.pem"
        certificate.write_text(bundled.certificate)
        key.write_text(bundled.private_key)
        return certificate, key

    def client_context(self, certificate: tuple[Path, Path] | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.authority.root_pem)
        if certificate is not None:
            context.load_cert_chain(*certificate)
        return context

    async def open_tls(self, context: ssl.SSLContext) -> Client:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.tls_port, ssl=context, server_hostname="localhost"
        )
        return self._client(reader, writer)

    async def device(self, thing: Thing, *, level: int = 4, client_id: str | None = None, **options: Any) -> Client:
        """Connect as a thing and be let in."""
        client = await self.open_tls(self.client_context(await self.bundle(thing)))
        code = await client.connect(client_id or thing.name, level=level, **options)
        assert code == 0, code
        return client

    async def open_plain(self) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.plain_port)
        return self._client(reader, writer)

    async def person_token(self, role: str, domain_id: str = "root", *, user_name: str | None = None) -> str:
        name = user_name or f"{role}-{domain_id}"
        person = await self.tenant.add_person(name, Grant(DomainId(domain_id), role))
        return self.tokens.issue_id_token(self.tenant.account, person)

    async def api_key(self, role: str, domain_id: str = "root") -> tuple[str, str]:
        made = await self.tenant.database.write(
            lambda unit: api_keys.make_api_key(
                unit,
                self.tenant.caller,
                clock=self.tenant.clock,
                ids=self.tenant.ids,
                name="any",
                grants=(Grant(DomainId(domain_id), role),),
            )
        )
        return made.key.id, made.text

    async def person(self, token: str, *, level: int = 4, client_id: str = "tab", **options: Any) -> Client:
        """Connect with a token and be let in."""
        client = await self.open_plain()
        code = await client.connect(client_id, level=level, user_name="token", password=token.encode(), **options)
        assert code == 0, code
        return client

    async def caller_of(self, token: str) -> Caller:
        return await self.callers.of_id_token(token)

    async def move_domain(self, domain_id: str, *, below: str) -> None:
        await self.tenant.database.write(
            lambda unit: self.domains.update(
                unit, self.tenant.caller, domain_id=DomainId(domain_id), change=DomainChange(parent_id=DomainId(below))
            )
        )

    async def replace_certificate(self, name: str) -> None:
        await self.tenant.database.write(
            lambda unit: self.certificates.replace(unit, self.tenant.caller, ThingName(name))
        )

    async def settled(self) -> None:
        """Wait until handshakes trust what is trusted, and nothing else."""
        await self.until(lambda: not self.trust._is_rebuilding)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until the gateway has come so far; the loop turns in between."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():  # noqa: ASYNC110 - one look per turn of the loop: nobody tells tests how far it has come
                await asyncio.sleep(0)

    def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Client:
        client = Client(reader, writer)
        self.clients.append(client)
        return client


@dataclass
class Received:
    topic: str
    payload: bytes
    qos: int

    @property
    def json(self) -> Any:
        return json.loads(self.payload)


class Client:
    """Speaks the wire format. Reads only while it waits for something, so that it can also stop reading."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.level = 4
        self.messages: list[Received] = []
        self.acknowledged: list[int] = []
        self.reasons: dict[int, int] = {}
        self.farewell: int | None = None
        self.connack = b""
        self._ids = iter(range(1, 60_000))

    async def connect(self, client_id: str, *, level: int = 4, **options: Any) -> int:
        """Return the code of CONNACK."""
        self.level = level
        self.send(connect_packet(client_id, level=level, **options))
        self.connack = (await self.wait_for(CONNACK))[1]
        return self.connack[1]

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def subscribe(self, *filters: str, qos: int = 1) -> list[int]:
        self.send(subscribe_packet(next(self._ids), [(each, qos) for each in filters], level=self.level))
        body = (await self.wait_for(SUBACK))[1]
        return list(body[-len(filters) :])

    def publish(self, topic: str, payload: bytes | dict[str, Any], *, qos: int = 1, **options: Any) -> int:
        text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        packet_id = next(self._ids) if qos else 0
        self.send(publish_packet(topic, text, qos=qos, packet_id=packet_id, level=self.level, **options))
        return packet_id

    async def wait_for(self, kind: int) -> tuple[int, bytes]:
        """Return the next packet of a kind; whatever comes before it is taken note of."""
        while True:
            first, body = await self.read()
            if first >> 4 == kind:
                return first, body

    async def acknowledgement(self, packet_id: int) -> None:
        """Wait for one PUBACK."""
        while packet_id not in self.acknowledged:
            await self.read()

    async def message(self) -> Received:
        """Return the next message."""
        while not self.messages:
            await self.read()
        return self.messages.pop(0)

    async def topics(self, count: int) -> list[str]:
        return [(await self.message()).topic for _ in range(count)]

    async def closed(self) -> bool:
        """Wait for the end; True when the server ended the connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                await self.read()
        return True

    async def ping(self) -> None:
        """Return once everything that was sent has been parsed: PINGRESP comes after all answers made till then."""
        self.send(b"\xc0\0")
        await self.wait_for(PINGRESP)

    async def read(self) -> tuple[int, bytes]:
        async with asyncio.timeout(PATIENCE_S):
            first, body = await self._frame()
        if first >> 4 == PUBLISH:
            self._received(first, body)
        elif first >> 4 == PUBACK:
            (packet_id,) = struct.unpack_from(">H", body)
            self.acknowledged.append(packet_id)
            self.reasons[packet_id] = body[2] if len(body) > 2 else 0
        elif first >> 4 == DISCONNECT:
            self.farewell = body[0] if body else 0
        return first, body

    async def _frame(self) -> tuple[int, bytes]:
        first = (await self._reader.readexactly(1))[0]
        length = shift = 0
        while True:
            byte = (await self._reader.readexactly(1))[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        return first, await self._reader.readexactly(length)

    def _received(self, first: int, body: bytes) -> None:
        (size,) = struct.unpack_from(">H", body)
        topic, position = body[2 : 2 + size].decode(), 2 + size
        qos = first >> 1 & 3
        if qos:
            (packet_id,) = struct.unpack_from(">H", body, position)
            position += 2
            self.send(packet(0x40, encode_u16(packet_id)))
        if self.level == 5:
            position += 1 + body[position]  # properties of less than 128 bytes
        self.messages.append(Received(topic, body[position:], qos))

    async def disconnect(self) -> None:
        self.send(packet(0xE0, b""))
        await self.close()

    async def close(self) -> None:
        self._writer.close()
        with suppress(ConnectionError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._writer.wait_closed()

    def abort(self) -> None:
        self._writer.transport.abort()

    @property
    def transport(self) -> asyncio.Transport:
        return self._writer.transport


async def open_site(
    folder: Path,
    *,
    profile: MqttProfile = MqttProfile.AWS_2017,
    limits: GatewayLimits | None = None,
    monotonic: Callable[[], float] | None = None,
    clouds: CloudGate | None = None,
    listener: GatewayListener | None = None,
) -> Site:
    tenant = await open_tenant(folder)
    tenant.clock.advance(datetime.now(UTC) - tenant.clock.now())  # TLS knows no other time than the machine's
    if profile is not tenant.account.mqtt_profile:
        from dataclasses import replace

        tenant.account = replace(tenant.account, mqtt_profile=profile)
        account = tenant.account
        await tenant.database.write(lambda unit: unit.accounts.replace(account))
    tasks: set[asyncio.Task[None]] = set()
    failures: list[tuple[str, Exception]] = []

    def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(ended)
        return task

    def ended(task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            assert isinstance(error, Exception)
            failures.append((task.get_name(), error))

    def report(what: str, error: Exception) -> None:
        failures.append((what, error))

    files = create_authority(SystemClock())
    authority = Authority(
        files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=SystemClock()
    )
    certificates = Certificates(authority, tenant.sealer, clock=tenant.clock, ids=tenant.ids)
    tokens = Tokens(SIGNING_KEY, tenant.clock, region="eu-west-1")
    callers = Callers(tenant.database, tokens, tenant.clock)
    directory = ThingDirectory(tenant.database)
    index, log = Index(), StallingLog()
    times = {} if monotonic is None else {"monotonic": monotonic}
    broker = Broker(new_client_id=tenant.ids.new)
    fan_out = BrokerFanOut(broker)
    watch = WatchedFanOut(fan_out)
    spine = Spine(
        clock=tenant.clock,
        database=tenant.database,
        directory=directory,
        index=index,
        backlog=MemoryQueue(),
        fan_out=watch,
        spawn=spawn,
        report=report,
    )
    topic_door = TopicDoor(spine, directory, tenant.database)
    door_database = FailingDatabase(tenant.database)
    admission = Admission(tenant.clock, tenant.ids, max_devices=MAX_DEVICES)
    door = DeviceDoor(
        certificates, admission, directory=directory, database=door_database, clock=tenant.clock, clouds=clouds
    )
    if clouds is not None:
        clouds.listen(tenant.bus)
    trust = Trust(tenant.database, spawn=spawn, report=report)
    gateway = MqttGateway(
        broker=broker,
        fan_out=fan_out,
        spine=spine,
        devices=door,
        people=PeopleDoor(callers, topic_door, tenant.database),
        spawn=spawn,
        report=report,
        limits=limits,
        listener=listener,
        **times,
    )
    for each in (callers, directory, spine, gateway, trust):
        each.listen(tenant.bus)
    loop = asyncio.get_running_loop()
    await spine.start(
        log,
        lambda owner: GroupCommitWriter(
            log,
            deliver=loop.call_soon_threadsafe,
            on_commit=owner.intake.committed,
            on_failure=owner.intake.refused,
            window_s=0.0,
        ),
    )
    issued = authority.issue_server_certificate(["localhost", "127.0.0.1"])
    chain, key = folder / "server.pem", folder / "server.key"
    chain.write_text(issued.pem)
    key.write_text(issued.private_key_pem)
    site = Site(
        tenant=tenant,
        folder=folder,
        authority=authority,
        issuing_key=files.issuing_key,
        certificates=certificates,
        tokens=tokens,
        callers=callers,
        directory=directory,
        things=Things(tenant.clock, tenant.ids, certificates),
        domains=Domains(tenant.clock, tenant.ids),
        log=log,
        index=index,
        broker=broker,
        spine=spine,
        door_database=door_database,
        topic_door=topic_door,
        shadow_door=ShadowDoor(spine, directory),
        watch=watch,
        door=door,
        trust=trust,
        gateway=gateway,
        failures=failures,
        tasks=tasks,
    )
    tls, plain = _listening(), _listening()
    site.tls_port, site.plain_port = tls.getsockname()[1], plain.getsockname()[1]
    context = TrustingContext(mqtts_context, chain, key, own=authority.chain_pem)
    await trust.serve(context)
    await gateway.listen_tls(tls, context.context)
    await gateway.listen_plain(plain)
    return site


async def close_site(site: Site) -> None:
    site.log.turns.set()
    for client in site.clients:
        await client.close()
    await site.gateway.stop()
    await site.spine.stop()
    while site.tasks:
        await asyncio.gather(*site.tasks, return_exceptions=True)
    await site.tenant.database.close()


def _listening() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def update(**reported: Any) -> dict[str, Any]:
    return {"state": {"reported": reported}}


NO_PROPERTIES = Properties()
SIGNING_KEY = SigningKey.generate()
