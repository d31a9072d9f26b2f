"""A spine that can be stopped between any two of its steps, and its lives, one after the other over the same stores."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.requests import Origin, ShadowRequest
from cloudstead.core.spine.spine import Spine
from cloudstead.core.things.directory import ThingDirectory
from cloudstead.log import LogClosed, MemoryLog
from factories.index import MemoryIndex

if TYPE_CHECKING:
    from cloudstead.core.things.directory import ThingEntry
    from cloudstead.log import Log
    from factories.tenants import Tenant


class StepWriter:
    """A log writer that does what it is told: store, tell, refuse. ``close`` does what is left."""

    def __init__(self, log: Log, spine: Spine) -> None:
        self.log = log
        self.intake = spine.intake
        self.taken: list[tuple[ShadowRequest, bytes]] = []
        self.stored: list[tuple[int, list[ShadowRequest]]] = []
        self.is_closed = False
        self._loop = asyncio.get_running_loop()

    @property
    def depth(self) -> int:
        return len(self.taken)

    @property
    def depth_bytes(self) -> int:
        return sum(len(payload) for _, payload in self.taken)

    def submit(self, entry: ShadowRequest, payload: bytes) -> None:
        if self.is_closed:
            raise LogClosed("closed")
        self.taken.append((entry, payload))

    def store(self) -> None:
        """Put on disk what was taken, and tell nobody yet."""
        if self.taken:
            batch, self.taken = self.taken, []
            self.stored.append((self.log.append([payload for _, payload in batch]), [entry for entry, _ in batch]))

    def tell(self) -> None:
        """Tell of what is on disk."""
        stored, self.stored = self.stored, []
        for first_offset, batch in stored:
            self.intake.committed(first_offset, batch)

    def commit(self) -> None:
        self.store()
        self.tell()

    def refuse(self, error: Exception) -> None:
        batch, self.taken = self.taken, []
        self.intake.refused([entry for entry, _ in batch], error)

    def close(self) -> None:
        """Called in a thread, as it may block; what it has to tell, it tells on the loop."""
        self.is_closed = True
        self.store()
        self._loop.call_soon_threadsafe(self.tell)


class ShakyDatabase:
    """The state store, which fails when it is told to, before or after it has done what was asked."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self.reads = 0
        self.read_failure: Exception | None = None
        self.write_failure: Exception | None = None
        self.failure_after_write: Exception | None = None
        self.may_read = asyncio.Event()
        self.may_read.set()

    async def read(self, work):
        self.reads += 1
        await self.may_read.wait()
        if self.read_failure is not None:
            raise self.read_failure
        return await self._database.read(work)

    async def write(self, work):
        if self.write_failure is not None:
            raise self.write_failure
        result = await self._database.write(work)
        if self.failure_after_write is not None:
            raise self.failure_after_write
        return result


@dataclass
class Audience:
    """A fan-out that writes down what it is told; ``deaf_to`` says which topics nobody listens to."""

    heard: list[tuple[str, Any]] = field(default_factory=list)
    deaf_to: tuple[str, ...] = ()
    failure: Exception | None = None

    def tell(self, account_id, topics, write, *, qos):
        for topic in topics:
            if not (self.deaf_to and topic.endswith(self.deaf_to)):
                self.publish(account_id, topic, write(), qos=qos)

    def publish(self, account_id, topic, payload, *, qos):
        if self.failure is not None:
            raise self.failure
        self.heard.append((topic, payload))

    @property
    def topics(self) -> list[str]:
        return [topic for topic, _ in self.heard]


class MemoryQueue:
    """The port ``RecordStore`` without a disk; ``failure`` is raised by whatever would write."""

    def __init__(self) -> None:
        self.records: dict[int, bytes] = {}
        self.failure: Exception | None = None
        self._next = 1

    @property
    def is_empty(self) -> bool:
        return not self.records

    def put(self, records: Any) -> None:
        self._fail()
        for record in records:
            self.records[self._next] = record
            self._next += 1

    def first(self, *, max_records: int, max_bytes: int) -> list[tuple[int, bytes]]:
        return list(self.records.items())[:max_records]

    def take(self, number: int) -> None:
        self._fail()
        self.records = {key: record for key, record in self.records.items() if key > number}

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


@dataclass
class World:
    """What outlives a crash: the tenant's state store, the log and the index."""

    tenant: Tenant
    log: Any = field(default_factory=MemoryLog)
    index: MemoryIndex = field(default_factory=MemoryIndex)
    lives: list[Life] = field(default_factory=list)
    backlog: Any = field(default_factory=MemoryQueue)

    async def live(self, **settings: Any) -> Life:
        """Begin a life: a spine with nothing in memory, recovered from the stores."""
        life = Life(self, settings)
        self.lives.append(life)
        await life.start()
        return life


class Life:
    """One spine from its start to its crash or stop."""

    def __init__(self, world: World, settings: dict[str, Any]) -> None:
        self.world = world
        self.database = ShakyDatabase(world.tenant.database)
        self.audience = Audience()
        self.reports: list[tuple[str, Exception]] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.directory = ThingDirectory(self.database)
        self.spine = Spine(
            clock=world.tenant.clock,
            database=self.database,
            directory=self.directory,
            index=world.index,
            backlog=world.backlog,
            fan_out=self.audience,
            spawn=self._spawn,
            report=lambda what, error: self.reports.append((what, error)),
            **settings,
        )
        self.directory.listen(world.tenant.bus)
        self.spine.listen(world.tenant.bus)
        self.replayed = 0

    async def start(self) -> None:
        def open_writer(spine):
            self.writer = StepWriter(self.world.log, spine)
            return self.writer

        self.replayed = await self.spine.start(self.world.log, open_writer)

    def _spawn(self, work):
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        return task

    async def crash(self) -> None:
        """End it as a power cut would: what is in memory is gone."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.tasks.clear()

    async def entry(self, name: str) -> ThingEntry:
        found = await self.directory.find(self.world.tenant.account.id, name)
        assert found is not None
        return found

    async def submit(self, name: str, verb: Verb, payload: bytes, *, origin=Origin.DEVICE, **hooks) -> ShadowRequest:
        request = ShadowRequest(
            await self.entry(name), verb, payload, principal=f"thing:{name}", origin=origin, **hooks
        )
        self.spine.intake.submit(request)
        return request

    async def update(self, name: str, reported: Any = None, **hooks) -> ShadowRequest:
        """Submit an update that is on its way to the disk."""
        body = {"state": {"reported": reported if reported is not None else {"a": 1}}}
        return await self.submit(name, Verb.UPDATE, msgspec.json.encode(body), **hooks)

    async def commit(self) -> None:
        """Have everything that was submitted stored, acknowledged and applied."""
        self.writer.commit()
        await self.until(lambda: not self.spine.applier._is_working)

    def begin(self, work):
        """Run something beside the test."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        return task

    async def until(self, is_so) -> None:
        """Let the loop turn until something is so."""
        async with asyncio.timeout(10):
            while not is_so():  # noqa: ASYNC110 - there is no event for each thing that a test may wait for
                await asyncio.sleep(0)

    async def shadow(self, name: str):
        thing = await self.world.tenant.database.read(lambda unit: unit.things.get(self.world.tenant.account.id, name))
        return await self.spine.current(thing.account_id, thing.uid)
