"""The server under measurement, as a process of its own: everything real, with one of two front ends.

``gateway`` serves devices itself; ``rules`` does so with 1,000 rules, and ``counting-rules`` with one of them hit by
every update. ``mosquitto`` has Mosquitto serve them and is its core: the same spine behind a small
MQTT client. Usage: _mqtt_site.py KIND FOLDER THINGS. Writes one JSON line when it is ready and ends with
its standard input.
"""

from __future__ import annotations

import asyncio
import gc
import getpass
import json
import os
import resource
import shutil
import socket
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import uvloop

from cloudstead.app.rules import start_rules
from cloudstead.core.access.callers import Callers
from cloudstead.core.accounts.opening import open_account
from cloudstead.core.caller import Caller, Grant
from cloudstead.core.clock import SystemClock
from cloudstead.core.credentials import api_keys
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.core.credentials.certificates import Certificates
from cloudstead.core.credentials.sealing import InstallationKey, Sealer
from cloudstead.core.credentials.tokens import SigningKey, Tokens
from cloudstead.core.events import EventBus
from cloudstead.core.ids import DomainId, ThingName, ThingTypeId, ThingUid, Uuid7Source
from cloudstead.core.rules.definition import RuleDefinition
from cloudstead.core.rules.model import Action, ActionType, Expression, Filter, Operator, Threshold
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.doors import TopicDoor
from cloudstead.core.spine.requests import Origin, ShadowRequest
from cloudstead.core.spine.spine import Spine
from cloudstead.core.things.directory import ThingDirectory
from cloudstead.core.things.model import Thing
from cloudstead.core.thingtypes.model import ThingType
from cloudstead.core.trustedcertificates.admission import Admission
from cloudstead.gateway.devices import DeviceDoor
from cloudstead.gateway.fan_out import BrokerFanOut
from cloudstead.gateway.mqtt import MqttGateway
from cloudstead.gateway.people import PeopleDoor
from cloudstead.gateway.tls import mqtts_context
from cloudstead.log import CommitLog, GroupCommitWriter, RecordQueue
from cloudstead.protocols.mqtt import Broker
from cloudstead.storage.observations import open_observations
from cloudstead.storage.sql import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from cloudstead.app.tasks import Tasks
    from cloudstead.core.ids import AccountId
    from cloudstead.core.spine.ports import FanOut, Follower
    from cloudstead.core.things.directory import ThingEntry
    from cloudstead.core.unit import Unit

RESOURCES = ("temperature", "pressure", "humidity", "battery", "rssi")
KINDS = {"gateway": (0, 0), "rules": (1000, 0), "counting-rules": (1000, 1)}
"""How many rules there are, and how many of them are hit by every update."""


class Site:
    """State, log, index and spine, as the application wires them."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.folder = folder
        self.stack = stack
        self.clock = SystemClock()
        self.ids = Uuid7Source(self.clock)
        self.bus = EventBus(_complain)
        self._tasks: set[asyncio.Task[None]] = set()
        files = create_authority(self.clock)
        self.authority = Authority(
            files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=self.clock
        )
        self.sealer = Sealer(InstallationKey.generate())
        self.certificates = Certificates(self.authority, self.sealer, clock=self.clock, ids=self.ids)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    keep = spawn

    def report(self, what: str, error: Exception) -> None:
        print(f"{what}: {error!r}", file=sys.stderr)

    def tell(self, events: Sequence[object]) -> None:
        for event in events:
            self.bus.publish(event)

    async def open_stores(self) -> None:
        self.database = await Database.open(f"sqlite:///{self.folder / 'state.sqlite'}", on_events=self.tell)
        self.stack.push_async_callback(self.database.close)
        self.log = self.stack.enter_context(CommitLog.open(self.folder / "log"))
        self.index = await open_observations(self.folder / "observations", memory_bytes=1 << 30)
        self.stack.push_async_callback(self.index.close)
        self.directory = ThingDirectory(self.database)

    async def start_spine(self, fan_out: FanOut, *, followers: Sequence[Follower] = ()) -> Spine:
        spine = Spine(
            clock=self.clock,
            database=self.database,
            directory=self.directory,
            index=self.index,
            backlog=RecordQueue.open(self.folder / "log" / "index-backlog"),
            fan_out=fan_out,
            spawn=self.spawn,
            report=self.report,
            followers=followers,
        )
        deliver = asyncio.get_running_loop().call_soon_threadsafe
        await spine.start(
            self.log,
            lambda owner: GroupCommitWriter(
                self.log, deliver=deliver, on_commit=owner.intake.committed, on_failure=owner.intake.refused
            ),
        )
        self.stack.push_async_callback(spine.stop)
        for listener in (self.directory, spine):
            listener.listen(self.bus)
        return spine

    async def fill(self, count: int) -> dict[str, Any]:
        """Make an account with things and one API key; return what clients need."""
        things: list[Thing] = []

        def write(unit: Unit) -> tuple[AccountId, str]:
            account = open_account(unit, self.ids, self.clock, name="Bench", stack="prod", hosts=["localhost"])
            unit.thing_types.add(
                ThingType(
                    account_id=account.id,
                    id=ThingTypeId("1"),
                    label="any",
                    description=None,
                    domain_id=DomainId("root"),
                    created_at_ms=0,
                )
            )
            for number in range(count):
                name = ThingName(f"{number:08d}")
                thing = Thing(
                    uid=ThingUid(self.ids.new()),
                    account_id=account.id,
                    name=name,
                    thing_type=ThingTypeId("1"),
                    domain_id=DomainId("root"),
                    label=name,
                    description=None,
                    created_at_ms=self.clock.millis(),
                    created_by="bench",
                )
                unit.things.add(thing)
                self.certificates.create(unit, thing)
                things.append(thing)
            root = Caller(account.id, "bench", "bench", None, (Grant(DomainId("root"), "Administrator"),))
            made = api_keys.make_api_key(unit, root, clock=self.clock, ids=self.ids, name="bench", grants=root.grants)
            return account.id, made.text

        _, key = await self.database.write(write)
        self.things = things
        bundles = await self.database.read(lambda unit: [self.certificates.bundle_of(unit, thing) for thing in things])
        written = []
        for bundle in bundles:
            certificate, private = self.folder / f"{bundle.name}.cert", self.folder / f"{bundle.name}.key"
            certificate.write_text(bundle.certificate)
            private.write_text(bundle.private_key)
            written.append((bundle.name, str(certificate), str(private)))
        issued = self.authority.issue_server_certificate(["localhost", "127.0.0.1"])
        (self.folder / "server.cert").write_text(issued.pem)
        (self.folder / "server.key").write_text(issued.private_key_pem)
        (self.folder / "root.pem").write_text(self.authority.root_pem)
        (self.folder / "chain.pem").write_text(self.authority.chain_pem)
        return {"ca_file": str(self.folder / "root.pem"), "bundles": written, "subscriber_password": key}

    async def rule(self, count: int, *, hit: int) -> Follower:
        """Make rules about everything that the things report; the first ``hit`` of them are hit by every update.

        Those count to more than a run here lasts, so that hits are stored and nothing goes out.
        """
        rooms = await start_rules(
            self.sealer,
            database=self.database,
            clock=self.clock,
            ids=self.ids,
            bus=self.bus,
            tasks=cast("Tasks", self),
            newest_offset=lambda: 0,
            may_lead=lambda _: True,
        )
        account_id = self.things[0].account_id
        root = Caller(account_id, "bench", "bench", None, (Grant(DomainId("root"), "Administrator"),))

        def write(unit: Unit) -> None:
            for number in range(count):
                is_hit = number < hit
                definition = RuleDefinition(
                    name=f"Rule {number}",
                    is_enabled=True,
                    filter=Filter(DomainId("root"), ThingTypeId("1")),
                    expression=Expression(
                        Operator.GT, RESOURCES[number % len(RESOURCES)], -1000 if is_hit else 5000 + number
                    ),
                    actions=(Action(ActionType.WEBHOOK, {"url": "https://hooks.example/"}),),
                    threshold=Threshold(count=1_000_000 if is_hit else 0),
                )
                rooms.rules.create(unit, root, definition)

        await self.database.write(write)
        return rooms.follower

    async def wish(self, spine: Spine) -> None:
        """Wish something of every tenth thing that it will never report, so that its updates have a delta."""
        entries = await self.directory.load([thing.uid for thing in self.things[::10]])
        for entry in entries.values():
            await spine.ask(entry, Verb.UPDATE, b'{"state":{"desired":{"target":19.5}}}', principal="bench")


async def serve_gateway(site: Site, count: int, rules: int = 0, hit: int = 0) -> dict[str, Any]:
    """Serve devices and the subscriber in this process, with so many rules, of which some are hit by every update."""
    await site.open_stores()
    ready = await site.fill(count)
    followers = [await site.rule(rules, hit=hit)] if rules else []
    broker = Broker(new_client_id=site.ids.new)
    fan_out = BrokerFanOut(broker)
    spine = await site.start_spine(fan_out, followers=followers)
    callers = Callers(site.database, Tokens(SigningKey.generate(), site.clock, region="eu-west-1"), site.clock)
    gateway = MqttGateway(
        broker=broker,
        fan_out=fan_out,
        spine=spine,
        devices=DeviceDoor(
            site.certificates,
            Admission(site.clock, site.ids, max_devices=0),
            directory=site.directory,
            database=site.database,
            clock=site.clock,
        ),
        people=PeopleDoor(callers, TopicDoor(spine, site.directory, site.database), site.database),
        spawn=site.spawn,
        report=site.report,
    )
    site.stack.push_async_callback(gateway.stop)
    for listener in (callers, gateway):
        listener.listen(site.bus)
    await site.wish(spine)
    tls, plain = (socket.create_server(("127.0.0.1", 0), backlog=4096) for _ in range(2))
    ready |= {"port": tls.getsockname()[1], "subscriber_port": plain.getsockname()[1], "pids": []}
    context = mqtts_context(site.folder / "server.cert", site.folder / "server.key", trusted=site.authority.chain_pem)
    await gateway.listen_tls(tls, context)
    await gateway.listen_plain(plain)
    return ready


class MosquittoCore(asyncio.Protocol):
    """A small MQTT client that is the core behind Mosquitto: updates in, acknowledgements and documents out.

    Writes once per turn of the loop, as our own gateway does. It is also the spine's fan-out.
    """

    def __init__(self) -> None:
        self.subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.spine: Spine | None = None
        self.entries: dict[bytes, ThingEntry] = {}
        self._rest = b""
        self._pieces: list[bytes] = []
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        topic = b"$aws/things/+/shadow/update"
        self._transport.write(b"\x10\x10\0\4MQTT\4\2\0\0\0\4core")
        self._transport.write(b"\x82" + bytes((5 + len(topic),)) + b"\0\1\0" + bytes((len(topic),)) + topic + b"\1")

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
            self._rest = b""
        position, end = 0, len(data)
        while end - position >= 2:
            length, body = data[position + 1], position + 2
            if length > 127:
                if end - position < 3:
                    break
                length, body = length - 128 + (data[position + 2] << 7), position + 3
            after = body + length
            if after > end:
                break
            kind = data[position] >> 4
            if kind == 3:
                self._on_publish(data, body, after)
            elif kind == 9:
                self.subscribed.set_result(None)
            position = after
        if position < end:
            self._rest = data[position:]

    def _on_publish(self, data: bytes, body: int, after: int) -> None:
        size = data[body] << 8 | data[body + 1]
        topic = data[body + 2 : body + 2 + size]
        position = body + 2 + size
        packet_id = data[position] << 8 | data[position + 1]
        if self.spine is not None:
            self.spine.intake.submit(
                ShadowRequest(
                    self.entries[topic],
                    Verb.UPDATE,
                    data[position + 2 : after],
                    principal="bench",
                    origin=Origin.DEVICE,
                    packet_id=packet_id,
                    on_stored=self._on_stored,
                )
            )

    def _on_stored(self, request: ShadowRequest) -> None:
        self._write(b"\x40\x02" + request.packet_id.to_bytes(2, "big"))

    def tell(self, account_id: AccountId, topics: Sequence[str], write: Callable[[], bytes], *, qos: int) -> None:
        if topics[0].endswith(("/update", "/rejected")):
            return  # nobody subscribed: our own gateway drops it for nothing, a broker in between would not
        payload = write()
        for topic in topics:
            self.publish(account_id, topic, payload, qos=qos)

    def publish(self, account_id: AccountId, topic: str, payload: bytes, *, qos: int) -> None:
        del account_id, qos
        encoded = topic.encode()
        size = 2 + len(encoded) + len(payload)
        length = bytes((size,)) if size < 128 else bytes((size & 127 | 128, size >> 7))
        self._write(b"\x30" + length + len(encoded).to_bytes(2, "big") + encoded + payload)

    def _write(self, piece: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(piece)

    def _flush(self) -> None:
        self._transport.write(b"".join(self._pieces))
        self._pieces.clear()


async def serve_mosquitto(site: Site, count: int) -> dict[str, Any]:
    """Have Mosquitto serve devices and the subscriber, and be the core behind it."""
    await site.open_stores()
    ready = await site.fill(count)
    port, plain = _free_port(), _free_port()
    # Its default limits would drop messages silently: nothing here is queued for the disk or thrown away.
    (site.folder / "mosquitto.conf").write_text(
        f"per_listener_settings false\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
        f"user {getpass.getuser()}\n"  # as root it would turn into somebody who cannot read the keys
        f"max_inflight_messages 0\nmax_queued_messages 0\nlog_dest none\n"
        f"listener {plain} 127.0.0.1\n"
        f"listener {port} 127.0.0.1\ncafile {site.folder / 'chain.pem'}\ncertfile {site.folder / 'server.cert'}\n"
        f"keyfile {site.folder / 'server.key'}\nrequire_certificate true\n"
    )
    program = find_mosquitto() or "mosquitto"
    broker = await asyncio.create_subprocess_exec(program, "-c", str(site.folder / "mosquitto.conf"))
    site.stack.push_async_callback(broker.wait)
    site.stack.callback(broker.terminate)
    core = await _connected(plain)
    spine = await site.start_spine(core)
    entries = await site.directory.load([thing.uid for thing in site.things])
    core.entries = {f"$aws/things/{entry.name}/shadow/update".encode(): entry for entry in entries.values()}
    await site.wish(spine)
    core.spine = spine
    await core.subscribed
    return ready | {"port": port, "subscriber_port": plain, "pids": [broker.pid]}


def _complain(what: str, error: Exception) -> None:
    raise RuntimeError(what) from error


def find_mosquitto() -> str | None:
    """Return the broker's program, which Debian puts where only administrators look."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


async def _connected(port: int) -> MosquittoCore:
    loop = asyncio.get_running_loop()
    for _ in range(100):
        try:
            return (await loop.create_connection(MosquittoCore, "127.0.0.1", port))[1]
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
    raise TimeoutError("Mosquitto did not start")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


async def run(kind: str, folder: Path, count: int) -> None:
    async with AsyncExitStack() as stack:
        site = Site(folder, stack)
        if kind == "mosquitto":
            ready = await serve_mosquitto(site, count)
        else:
            ready = await serve_gateway(site, count, *KINDS[kind])
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        print(json.dumps(ready), flush=True)
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # What the application does when it starts; see cloudstead.log.writer.
    sys.setswitchinterval(0.0005)
    uvloop.run(run(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))


if __name__ == "__main__":
    main()
