"""What was applied goes into the index, then into the state store together with the checkpoint.

The order matters: the index takes a record at most once above the checkpoint (it knows which offsets it holds), and the
state store moves shadows and checkpoint in one transaction. So after a crash, replaying from the checkpoint gives every
observation once and every shadow as it was.

An index that fails keeps nobody waiting: what it was to get goes into its backlog, on disk before the checkpoint passes
it, and so does everything behind it until the index has caught up.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.observations.errors import IndexBehind
from cloudstead.core.observations.model import ThingDocument
from cloudstead.core.spine.backlog import beyond
from cloudstead.core.spine.resources import that_fit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Sequence
    from typing import Any

    from cloudstead.core.ids import AccountId, ThingName, ThingUid
    from cloudstead.core.observations.ports import ObservationIndex
    from cloudstead.core.shadows.model import Shadow
    from cloudstead.core.spine.applier import Applier
    from cloudstead.core.spine.backlog import Backlog
    from cloudstead.core.spine.pending import Pending
    from cloudstead.core.spine.ports import Follower
    from cloudstead.core.things.model import Thing
    from cloudstead.core.things.ports import PendingThing
    from cloudstead.core.unit import Database, Unit

_ROWS_AT_ONCE: Final = 20_000  # what an index takes in one go without holding up searches
_MARKS_AT_ONCE: Final = 1_000
_encode: Final = msgspec.json.Encoder().encode


class Projector:
    """Writes in the background, every ``interval_s``; or at once, for whoever has to see what is acknowledged."""

    def __init__(
        self,
        applier: Applier,
        index: ObservationIndex,
        database: Database,
        *,
        interval_s: float = 1.0,
        things_interval_s: float = 5.0,
        report: Callable[[str, Exception], None],
        backlog: Backlog,
        followers: Sequence[Follower] = (),
    ) -> None:
        """``report`` is told what failed; it is tried again after the next interval."""
        self._backlog = backlog
        self._is_behind = False
        # Held while a flush goes where the index was found to be: it may not be said to have caught up meanwhile.
        self._order = asyncio.Lock()
        self._catching: asyncio.Task[None] | None = None
        self.indexed_offset = 0
        self.index_failure: Exception | None = None
        self._applier = applier
        self._index = index
        self._database = database
        self._interval_s = interval_s
        self._ticks_per_things = max(1, round(things_interval_s / interval_s))
        self._report = report
        self._followers = tuple(followers)
        self._flushing: asyncio.Task[None] | None = None
        self._flushed: list[Callable[[], None]] = []
        self._things_lock = asyncio.Lock()
        # Rounds of marks: how many were begun, and up to which one everything is in the index. A former life may have
        # left some marks.
        self._marked = 1
        self._unmarked = 0
        self._stopping = asyncio.Event()
        self.flushed_offset = 0
        self.last_failure: Exception | None = None

    def when_flushed(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` after everything that was pending has been written."""
        self._flushed.append(callback)

    def things_changed(self) -> None:
        """Note that there are things which the index has to read again."""
        self._marked += 1

    async def open(self, checkpoint: int) -> None:
        """Begin behind a checkpoint, and where a former life has left the index."""
        self.flushed_offset = self.indexed_offset = checkpoint
        waiting = await self._backlog.first()
        if waiting is not None:
            self._is_behind = True
            self.indexed_offset = waiting[1].changes[0].offset - 1

    @property
    def behind(self) -> int:
        """How many offsets the index lacks of what is written, after it has failed."""
        return self.flushed_offset - self.indexed_offset if self._is_behind else 0

    async def run(self) -> None:
        """Write until told to stop."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._every_interval(self._write_in_background))
            # Beside it, as an index that fails may take its time to say so.
            group.create_task(self._every_interval(self._index_in_background))

    async def _every_interval(self, work: Callable[[int], Coroutine[Any, Any, None]]) -> None:
        tick = 0
        while not self._stopping.is_set():
            try:
                await asyncio.wait_for(self._stopping.wait(), self._interval_s)
            except TimeoutError:
                tick += 1
                await work(tick)

    def stop(self) -> None:
        """End ``run`` after what it is at."""
        self._stopping.set()

    async def settle(self) -> None:
        """Return once everything applied so far can be found among the observations; raise what hinders it.

        Where the index has failed before, it gets some of what it lacks; raise ``IndexBehind`` if that is not all.
        """
        await self.write()
        if self._is_behind:
            await self._catch_up()
        if self._is_behind:
            raise IndexBehind(self.behind)

    async def write(self) -> None:
        """Return once everything applied so far is written, whether or not the index took it; raise what hinders it."""
        target = self._applier.applied_offset
        while self.flushed_offset < target:
            if self._flushing is None or self._flushing.done():
                self._flushing = asyncio.ensure_future(self._flush())
            # Whoever waits may give up; a batch cut off half-way might come into the index twice.
            await asyncio.shield(self._flushing)

    async def settle_things(self) -> None:
        """Return once everything applied so far, and every change of a thing, can be found among the things."""
        await self.settle()
        await self._settle_marks()

    async def _settle_marks(self) -> None:
        target = self._marked
        async with self._things_lock:
            while self._unmarked < target:
                await self._index_things()

    async def _flush(self) -> None:
        async with self._order:
            pending = self._applier.take_pending()
            try:
                if not self._is_behind:
                    await self._index_pending(pending)
                if pending.changes:
                    await self._backlog.put(pending.observations, pending.changes)
                    pending.put_off()
                await self._write_state(pending)
            except BaseException:
                self._applier.give_back(pending)
                raise
            self.flushed_offset = pending.offset
            if not self._is_behind:
                self.indexed_offset = pending.offset
        if pending.shadows:
            self._marked += 1
        self._applier.evict()
        for callback in self._flushed:
            callback()

    async def _index_pending(self, pending: Pending) -> None:
        """Give the index what is new, as far as it takes it."""
        while batch := pending.next_batch(_ROWS_AT_ONCE):
            try:
                await self._index.append(batch)
            except Exception as error:  # noqa: BLE001 - whatever the index's trouble is, it is told, and it catches up
                self._is_behind = True
                self._note_index_failure(error)
                return
            pending.indexed(batch)
            self.indexed_offset = batch.changes[-1].offset

    async def _catch_up(self) -> None:
        """Give the index what comes first of what it lacks; raise what hinders it."""
        if self._catching is None or self._catching.done():
            self._catching = asyncio.ensure_future(self._take_first())
        await asyncio.shield(self._catching)

    async def _take_first(self) -> None:
        waiting = await self._backlog.first()
        if waiting is not None:
            number, batch = waiting
            batch = beyond(batch, self.indexed_offset)
            if batch.changes:
                await self._index.append(batch)
                self.indexed_offset = batch.changes[-1].offset
            await self._backlog.take(number)
        async with self._order:
            if self._backlog.is_empty:
                self._is_behind = False
                self.indexed_offset = self.flushed_offset

    def _note_index_failure(self, error: Exception) -> None:
        self.index_failure = error
        self._report("indexing", error)

    async def _index_things(self) -> None:
        """Bring some of the marked things into the index, oldest marks first."""
        round_ = self._marked
        marks = await self._database.read(_next_marks)
        if marks:
            await self._index_marked(marks)
        if len(marks) < _MARKS_AT_ONCE:
            self._unmarked = round_

    async def _write_in_background(self, _: int = 0) -> None:
        try:
            await self.write()
            self.last_failure = None
        except Exception as error:  # noqa: BLE001 - the worker's edge: reported, kept, and tried again
            self.last_failure = error
            self._report("projection", error)

    async def _index_in_background(self, tick: int = 0) -> None:
        try:
            while self._is_behind and not self._stopping.is_set():
                await self._catch_up()
            if self.index_failure is not None or tick % self._ticks_per_things == 0:
                await self._settle_marks()
            self.index_failure = None
        except Exception as error:  # noqa: BLE001 - the worker's edge: reported, kept, and tried again
            self._note_index_failure(error)

    async def _write_state(self, pending: Pending) -> None:
        def write(unit: Unit) -> None:
            unit.shadows.save(pending.shadows)
            unit.things.mark_for_index([shadow.thing_uid for shadow in pending.shadows])
            for (account_id, thing_type), news in pending.resources.items():
                found = unit.thing_types.get(account_id, thing_type)
                if found is not None:
                    unit.thing_types.add_resources(account_id, thing_type, that_fit(news, found.resources))
            for follow in works:
                follow(unit)
            unit.shadows.set_checkpoint(pending.offset)

        # Asked for only now, when they have seen everything up to the checkpoint.
        async with AsyncExitStack() as stack:
            works = [await stack.enter_async_context(follower.turn()) for follower in self._followers]
            await self._database.write(write)

    async def _index_marked(self, marks: Sequence[PendingThing]) -> None:
        uids = {mark.uid for mark in marks if mark.thing is not None}
        shadows = await self._shadows(uids)
        newest = {mark.uid: mark for mark in marks}
        documents = [
            _document(mark.thing, shadows.get(mark.uid), version=mark.mark)
            for mark in newest.values()
            if mark.thing is not None
        ]
        # A name may have gone and come back: forget first, and never what is being put.
        put = {(document.account_id, document.thing_name) for document in documents}
        gone: dict[AccountId, list[ThingName]] = {}
        for mark in newest.values():
            if mark.thing is None and (mark.account_id, mark.name) not in put:
                gone.setdefault(mark.account_id, []).append(mark.name)
        for account_id, names in gone.items():
            await self._index.drop_things(account_id, names)
        if documents:
            await self._index.put_things(documents)
        numbers = [mark.mark for mark in marks]
        await self._database.write(lambda unit: unit.things.clear_index_marks(numbers))

    async def _shadows(self, uids: Collection[ThingUid]) -> dict[ThingUid, Shadow]:
        known = {uid: shadow for uid in uids if (shadow := self._applier.shadow(uid)) is not None}
        missing = [uid for uid in uids if uid not in known]
        if missing:
            found = await self._database.read(lambda unit: unit.shadows.load(missing))
            known |= {shadow.thing_uid: shadow for shadow in found}
        return known


def _next_marks(unit: Unit) -> Sequence[PendingThing]:
    return unit.things.pending_for_index(limit=_MARKS_AT_ONCE)


def _document(thing: Thing, shadow: Shadow | None, *, version: int) -> ThingDocument:
    return ThingDocument(
        account_id=thing.account_id,
        thing_uid=thing.uid,
        thing_name=thing.name,
        thing_type=thing.thing_type,
        label=thing.label,
        domain=thing.domain_id,
        description=thing.description,
        created_at_ms=thing.created_at_ms,
        created_by=thing.created_by,
        state_json=_encode(shadow.reported if shadow is not None else {}),
        version=version,
    )
