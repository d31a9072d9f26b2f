"""All of the spine put together: start, recover, serve, settle, stop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from cloudstead.core.observations.errors import IndexUnavailable
from cloudstead.core.shadows.model import Shadow
from cloudstead.core.spine.applier import KEPT_SHADOWS, Applier
from cloudstead.core.spine.authors import AuthoredChange, authors
from cloudstead.core.spine.backlog import Backlog
from cloudstead.core.spine.errors import LogBehindStore, ShadowUnavailable
from cloudstead.core.spine.intake import Intake
from cloudstead.core.spine.projector import Projector
from cloudstead.core.spine.records import decode_record
from cloudstead.core.spine.requests import Answer, Origin, ShadowRequest
from cloudstead.core.things.directory import ThingEntry
from cloudstead.core.things.events import ThingChanged, ThingCreated, ThingRemoved
from cloudstead.core.things.model import Thing
from cloudstead.core.thingtypes.events import ThingTypeChanged, ThingTypeRemoved

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Sequence
    from typing import Any

    from cloudstead.core.clock import Clock
    from cloudstead.core.events import EventBus
    from cloudstead.core.ids import AccountId, ThingUid
    from cloudstead.core.observations.ports import ObservationIndex
    from cloudstead.core.shadows.changes import Outcome, Verb
    from cloudstead.core.spine.backlog import RecordStore
    from cloudstead.core.spine.ports import FanOut, Follower, LogReader, LogWriter
    from cloudstead.core.spine.records import ShadowRecord
    from cloudstead.core.things.directory import ThingDirectory
    from cloudstead.core.unit import Database

_REPLAY_RECORDS: Final = 2_000
_REPLAY_BYTES: Final = 4 << 20
_LONGEST_PAUSE_S: Final = 5.0


class Spine:
    """The way of every message. Lives on the event loop."""

    def __init__(
        self,
        *,
        clock: Clock,
        database: Database,
        directory: ThingDirectory,
        index: ObservationIndex,
        backlog: RecordStore,
        fan_out: FanOut,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        report: Callable[[str, Exception], None],
        kept_shadows: int = KEPT_SHADOWS,
        followers: Sequence[Follower] = (),
    ) -> None:
        """``spawn`` starts tasks that the application watches; ``report`` is told of failures that are tried again.

        ``backlog`` keeps what the index could not take yet, from one life to the next. Beyond ``kept_shadows`` in
        memory, those of which everything is written are forgotten, and read when needed.
        """
        self._database = database
        self._directory = directory
        self._report = report
        self._spawn = spawn
        self._applied = asyncio.Event()
        self.applier = Applier(
            fan_out,
            load=self._load,
            spawn=spawn,
            pause=self._pause,
            report=report,
            kept_shadows=kept_shadows,
            followers=followers,
        )
        self.applier.when_applied(self._applied.set)
        self.intake = Intake(clock, apply=self.applier.enqueue, report=report)
        self.projector = Projector(
            self.applier, index, database, report=report, backlog=Backlog(backlog), followers=followers
        )
        self._followers = tuple(followers)
        self.projector.when_flushed(self.intake.tell_room)
        self._index = index
        self._background: asyncio.Task[None] | None = None

    def listen(self, bus: EventBus) -> None:
        """Follow what happens to things and thing types."""
        bus.subscribe(ThingCreated, lambda _: self.projector.things_changed())
        bus.subscribe(ThingChanged, lambda _: self.projector.things_changed())
        bus.subscribe(ThingRemoved, self._removed)
        bus.subscribe(ThingTypeChanged, self._type_changed)
        bus.subscribe(ThingTypeRemoved, self._type_changed)

    async def start(self, reader: LogReader, open_writer: Callable[[Spine], LogWriter]) -> int:
        """Apply what the log holds beyond the checkpoint, then begin to take requests; return how many were replayed.

        Call it before anything is served: reading the log back blocks the event loop. Raise ``LogBehindStore`` when
        log and state store do not belong together.
        """
        checkpoint = await self._database.read(lambda unit: unit.shadows.checkpoint())
        last = reader.next_offset - 1
        if last < checkpoint:
            raise LogBehindStore(last, checkpoint, store="state")
        for follower in self._followers:
            if last < follower.offset:
                raise LogBehindStore(last, follower.offset, store="state")
        self.applier.applied_offset = checkpoint
        await self.projector.open(checkpoint)
        replayed = await self._replay(reader, checkpoint + 1)
        self.intake.open(open_writer(self), committed_offset=last)
        self._background = self._spawn(self.projector.run())
        return replayed

    async def require_index(self, reader: LogReader) -> None:
        """Raise ``LogBehindStore`` when the index holds more than the log has ever had; to be called before ``start``.

        That is what it looks like when log and state store were removed to begin anew, and the index was forgotten.
        """
        indexed = await self._index.last_offset()
        if reader.next_offset <= indexed:
            raise LogBehindStore(reader.next_offset - 1, indexed, store="observation")

    async def stop(self) -> None:
        """Write everything that was taken: to the log, to the index, to the state store.

        Raise what hinders it; then all of it is in the log, and the next start goes on from there. An index that fails
        does not hinder it.
        """
        try:
            await asyncio.to_thread(self.intake.close)
            await self._catch_up()
            await self.projector.write()
            await self._finish_index()
        finally:
            self.projector.stop()
            if self._background is not None:
                await self._background

    @property
    def is_full(self) -> bool:
        """Whether the doors should stop reading until ``intake.when_room`` tells of room."""
        return self.intake.is_full or self.applier.is_full

    @property
    def applied_offset(self) -> int:
        """The last offset that was applied to a shadow."""
        return self.applier.applied_offset

    @property
    def indexed_offset(self) -> int:
        """The last offset that can be found among the observations and changes."""
        return self.projector.indexed_offset

    async def settle(self) -> None:
        """Return once every update acknowledged before the call can be found among the observations.

        Raise what hinders it, rather than wait for the trouble to pass.
        """
        await self._catch_up()
        await self.projector.settle()

    async def settle_things(self) -> None:
        """Return once everything acknowledged before the call can be found among the things; raise what hinders it."""
        await self._catch_up()
        await self.projector.settle_things()

    async def current(self, account_id: AccountId, uid: ThingUid) -> Shadow:
        """Return the thing's shadow as applied so far, for whoever has checked that it may be seen; do not alter it."""
        await self._catch_up()
        shadow = self.applier.shadow(uid)
        if shadow is not None:
            return shadow
        found = await self._load([uid])
        return found[0] if found else Shadow(uid, account_id)

    async def current_each(self, account_id: AccountId, uids: Collection[ThingUid]) -> dict[ThingUid, Shadow]:
        """Do what ``current`` does for several things, with one query for those that are not in memory."""
        await self._catch_up()
        known = {uid: shadow for uid in uids if (shadow := self.applier.shadow(uid)) is not None}
        missing = [uid for uid in uids if uid not in known]
        known |= {shadow.thing_uid: shadow for shadow in (await self._load(missing) if missing else ())}
        return {uid: known.get(uid) or Shadow(uid, account_id) for uid in uids}

    async def history(self, thing: ThingEntry, *, before_offset: int | None, limit: int) -> tuple[AuthoredChange, ...]:
        """Return what was asked of the thing's shadow, newest first, everything acknowledged so far included."""
        await self.settle()
        changes = await self._index.shadow_history(
            thing.account_id, thing.uid, before_offset=before_offset, limit=limit
        )
        names = await self._database.read(lambda unit: authors(unit, {change.author for change in changes}))
        return tuple(AuthoredChange(change, names[change.author]) for change in changes)

    async def ask(
        self, thing: ThingEntry, verb: Verb, payload: bytes, *, principal: str, origin: Origin = Origin.REST
    ) -> Answer:
        """Send a request down the spine on behalf of a REST caller and wait for what becomes of it.

        With ``Origin.DEVICE`` it is a message of the thing itself, told as one: whoever hands it in waits all the same.
        Raise ``ShadowRejected`` for what the shadow service refuses, and ``ShadowUnavailable`` when the request could
        not be stored, or when too much waits already.
        """
        self.require_room()
        applied: asyncio.Future[tuple[Outcome, int]] = asyncio.get_running_loop().create_future()

        def on_outcome(request: ShadowRequest, outcome: Outcome) -> None:
            if not applied.done():
                shadow = self.applier.shadow(thing.uid)
                applied.set_result((outcome, request.offset or (0 if shadow is None else shadow.offset)))

        def on_failed(_: ShadowRequest, __: Exception) -> None:
            if not applied.done():
                applied.set_exception(ShadowUnavailable())

        self.intake.submit(
            ShadowRequest(
                thing,
                verb,
                payload,
                principal=principal,
                origin=origin,
                on_outcome=on_outcome,
                on_failed=on_failed,
            )
        )
        outcome, offset = await applied
        if outcome.rejection is not None:
            outcome.rejection.offset = offset
            raise outcome.rejection
        return Answer(outcome.reply, offset)

    async def send(self, request: ShadowRequest) -> None:
        """Send a message down the spine; with QoS 1 return once it is on disk.

        What becomes of it is told to subscribers, as over MQTT. Raise ``ShadowUnavailable`` when it could not be
        stored, or when too much waits already.
        """
        self.require_room()
        if request.qos == 0:
            self.intake.submit(request)
            return
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def on_stored(_: ShadowRequest) -> None:
            if not stored.done():
                stored.set_result(None)

        def on_failed(_: ShadowRequest, __: Exception) -> None:
            if not stored.done():
                stored.set_exception(ShadowUnavailable())

        request.on_stored, request.on_failed = on_stored, on_failed
        self.intake.submit(request)
        await stored

    def require_room(self) -> None:
        """Raise ``ShadowUnavailable`` when too much waits: for callers who cannot be made to wait themselves."""
        if self.is_full:
            raise ShadowUnavailable

    async def _catch_up(self) -> None:
        """Wait until everything that is on disk at this moment is applied; raise what hinders it."""
        target = self.intake.committed_offset
        while self.applier.applied_offset < target:
            if self.applier.last_failure is not None:
                raise self.applier.last_failure
            self._applied.clear()
            await self._applied.wait()

    async def _replay(self, reader: LogReader, offset: int) -> int:
        count = 0
        while records := reader.read(offset, max_records=_REPLAY_RECORDS, max_bytes=_REPLAY_BYTES):
            decoded = [(number, decode_record(record)) for number, record in records]
            entries = await self._directory.load({record.thing_uid for _, record in decoded})
            batch = [
                _request(number, record, entries.get(record.thing_uid) or _gone(record)) for number, record in decoded
            ]
            await self.applier.replay(batch)
            await self.projector.write()
            offset = self.applier.applied_offset + 1
            count += len(batch)
        return count

    async def _finish_index(self) -> None:
        try:
            await self.projector.settle_things()
        except IndexUnavailable as error:
            self._report("indexing", error)  # what it lacks is in its backlog, and things stay marked

    async def _load(self, uids: Collection[ThingUid]) -> Sequence[Shadow]:
        return await self._database.read(lambda unit: unit.shadows.load(uids))

    async def _pause(self, attempt: int, error: Exception) -> None:
        self._report("shadow load", error)
        self._applied.set()  # whoever waits for it to be applied has to hear of the failure
        await asyncio.sleep(min(_LONGEST_PAUSE_S, 0.1 * 2**attempt))

    def _removed(self, event: ThingRemoved) -> None:
        self.applier.forget(event.thing.uid)
        self.projector.things_changed()

    def _type_changed(self, event: ThingTypeChanged | ThingTypeRemoved) -> None:
        self.applier.resources.forget(event.thing_type.account_id, event.thing_type.id)


def _request(offset: int, record: ShadowRecord, entry: ThingEntry) -> ShadowRequest:
    request = ShadowRequest(entry, record.verb, record.payload, principal=record.principal, origin=record.origin)
    request.thing_type = record.thing_type
    request.domain_id = record.domain_id
    request.received_ms = record.received_ms
    request.offset = offset
    return request


def _gone(record: ShadowRecord) -> ThingEntry:
    """Stand in for a thing that was removed since: its shadow is gone, but what it said is to be found.

    It counts as it did when the request came, so an update is accepted. Versions begin anew, as the shadow is gone; the
    store passes it over, and nobody can ask for its history.
    """
    thing = Thing(
        uid=record.thing_uid,
        account_id=record.account_id,
        name=record.thing_name,
        thing_type=record.thing_type,
        domain_id=record.domain_id,
        label=record.thing_name,
        description=None,
        created_at_ms=0,
        created_by="",
    )
    return ThingEntry(thing, (record.domain_id,))
