"""What was applied goes into the index, then into the state store together with the checkpoint.

The order matters: the index takes a record at most once above the checkpoint (it knows which offsets it holds), and the
state store moves shadows and checkpoint in one transaction. So after a crash, replaying from the checkpoint gives every
observation once and every shadow as it was.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.observations.model import IndexBatch, ThingDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from cloudstead.core.ids import AccountId, ThingName, ThingUid
    from cloudstead.core.observations.ports import ObservationIndex
    from cloudstead.core.shadows.model import Shadow
    from cloudstead.core.spine.applier import Applier
    from cloudstead.core.spine.pending import Pending
    from cloudstead.core.things.model import Thing
    from cloudstead.core.things.ports import PendingThing
    from cloudstead.core.unit import Database, Unit

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
        interval_s: float = 0.25,
        things_interval_s: float = 1.0,
        report: Callable[[str, Exception], None],
    ) -> None:
        """``report`` is told what failed; it is tried again after the next interval."""
        self._applier = applier
        self._index = index
        self._database = database
        self._interval_s = interval_s
        self._ticks_per_things = max(1, round(things_interval_s / interval_s))
        self._report = report
        self._lock = asyncio.Lock()
        self._things_lock = asyncio.Lock()
        self._has_marks = True  # a former life may have left some
        self._stopping = asyncio.Event()
        self.flushed_offset = 0
        self.last_failure: Exception | None = None

    def things_changed(self) -> None:
        """Note that there are things which the index has to read again."""
        self._has_marks = True

    async def run(self) -> None:
        """Write until told to stop."""
        tick = 0
        while not self._stopping.is_set():
            try:
                await asyncio.wait_for(self._stopping.wait(), self._interval_s)
            except TimeoutError:
                tick += 1
                await self._write_in_background(with_things=tick % self._ticks_per_things == 0)

    async def stop(self) -> None:
        """Write all that was applied and end ``run``."""
        self._stopping.set()
        await self.settle_things()

    async def settle(self) -> None:
        """Return once everything applied so far can be found among the observations; raise what hinders it."""
        if self._applier.applied_offset > self.flushed_offset:
            await self.flush()

    async def settle_things(self) -> None:
        """Return once everything applied so far, and every change of a thing, can be found among the things."""
        await self.settle()
        if self._has_marks:
            await self.index_things()

    async def flush(self) -> None:
        """Write what is pending."""
        async with self._lock:
            pending = self._applier.take_pending()
            if pending.offset <= self.flushed_offset:
                return
            if pending.changes:
                await self._write_index(pending)
            await self._write_state(pending)
            self.flushed_offset = pending.offset
            if pending.shadows:
                self._has_marks = True
            self._applier.evict()

    async def index_things(self) -> None:
        """Bring the things that were marked into the index, until none is marked."""
        async with self._things_lock:
            while self._has_marks:
                self._has_marks = False
                try:
                    marks = await self._database.read(_next_marks)
                    if marks:
                        self._has_marks = True
                        await self._index_marked(marks)
                except BaseException:
                    self._has_marks = True
                    raise

    async def _write_in_background(self, *, with_things: bool) -> None:
        try:
            await self.settle()
            if with_things and self._has_marks:
                await self.index_things()
            self.last_failure = None
        except Exception as error:  # noqa: BLE001 - the worker's edge: reported, kept, and tried again
            self.last_failure = error
            self._report("projection", error)

    async def _write_index(self, pending: Pending) -> None:
        try:
            await self._index.append(
                IndexBatch(observations=tuple(pending.observations), changes=tuple(pending.changes))
            )
        except BaseException:
            self._applier.give_back(pending, is_indexed=False)
            raise

    async def _write_state(self, pending: Pending) -> None:
        def write(unit: Unit) -> None:
            unit.shadows.save(pending.shadows)
            unit.things.mark_for_index([shadow.thing_uid for shadow in pending.shadows])
            for (account_id, thing_type), resources in pending.resources.items():
                unit.thing_types.add_resources(account_id, thing_type, resources)
            unit.shadows.set_checkpoint(pending.offset)

        try:
            await self._database.write(write)
        except BaseException:
            self._applier.give_back(pending, is_indexed=True)
            raise

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
