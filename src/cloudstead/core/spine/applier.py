"""Requests applied to shadows in the order of their offsets.

All shadows that were touched lately are in memory; a batch that needs others waits until they were read, in one query,
and everything behind it waits too, so that order is kept.
"""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final

from cloudstead.core.observations.model import Observation, ShadowChange
from cloudstead.core.shadows.changes import Verb, answer_get, apply_delete, apply_update, reject
from cloudstead.core.shadows.errors import internal_failure, thing_not_found
from cloudstead.core.shadows.model import Shadow
from cloudstead.core.spine.messages import Messages
from cloudstead.core.spine.pending import Pending
from cloudstead.core.spine.resources import ResourceMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Sequence
    from typing import Any

    from cloudstead.core.ids import AccountId, ThingUid
    from cloudstead.core.shadows.changes import Outcome
    from cloudstead.core.shadows.model import JsonObject
    from cloudstead.core.spine.ports import FanOut, Follower
    from cloudstead.core.spine.requests import ShadowRequest

MAX_WAITING_BATCHES: Final = 64
"""Batches that may wait for shadows to be read before the doors stop reading."""

MAX_PENDING_BYTES: Final = 128 << 20
"""What may wait for the index and the state store before the doors stop reading: minutes of a busy installation."""

KEPT_SHADOWS: Final = 100_000
"""Shadows that stay in memory though all of them is written: 1.4 KB each for a thing with six values."""

_APPLIED_AT_ONCE: Final = 512  # some 10 ms: a long backlog must not keep everybody else from the loop
_ITEM_BYTES: Final = 400  # an observation and a change without their documents, measured on CPython 3.11
_ACCEPTED: Final = 0


class Applier:
    """Holds the shadows in use. Lives on the event loop."""

    def __init__(
        self,
        fan_out: FanOut,
        *,
        load: Callable[[Collection[ThingUid]], Coroutine[Any, Any, Collection[Shadow]]],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        pause: Callable[[int, Exception], Coroutine[Any, Any, None]],
        report: Callable[[str, Exception], None],
        kept_shadows: int,
        followers: Sequence[Follower] = (),
    ) -> None:
        """``load`` reads stored shadows; ``spawn`` starts a task that the application watches.

        ``pause`` is told how often reading has failed in a row and why, and waits before the next attempt. ``report``
        is told of defects that one request has met; they keep nobody else's request from being applied.
        """
        self._messages = Messages(fan_out)
        self._load = load
        self._spawn = spawn
        self._pause = pause
        self._report = report
        self._kept_shadows = kept_shadows
        self._followers = tuple(followers)
        self._shadows: dict[ThingUid, Shadow] = {}
        self._waiting: deque[list[ShadowRequest]] = deque()
        self._is_working = False
        self.resources = ResourceMemory()
        self.applied_offset = 0
        self.accepted = 0
        self.rejected = 0
        self.last_failure: Exception | None = None
        self._dirty: dict[ThingUid, Shadow] = {}
        self._observations: list[Observation] = []
        self._changes: list[ShadowChange] = []
        self._pending_bytes = 0
        self._moved: list[Callable[[], None]] = []

    def when_applied(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` after every batch."""
        self._moved.append(callback)

    def enqueue(self, batch: list[ShadowRequest]) -> None:
        """Apply a batch now, or as soon as the shadows that it and those before it need are in memory."""
        self._waiting.append(batch)
        if not self._is_working:
            self._work()

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be applied or to be written that nothing should be added."""
        return (
            len(self._waiting) >= MAX_WAITING_BATCHES
            or self._pending_bytes >= MAX_PENDING_BYTES
            or (self._followers != () and any(follower.is_full for follower in self._followers))
        )

    def take_pending(self) -> Pending:
        """Hand over everything that has to be written since the last call, as of this moment."""
        pending = Pending(
            offset=self.applied_offset,
            shadows=[_copy(shadow) for shadow in self._dirty.values()],
            observations=self._observations,
            changes=self._changes,
            resources=self.resources.take_news(),
        )
        self._dirty = {}
        self._observations = []
        self._changes = []
        self._pending_bytes = 0
        return pending

    def give_back(self, pending: Pending) -> None:
        """Take back what could not be written."""
        for shadow in pending.shadows:
            current = self._shadows.get(shadow.thing_uid)
            if current is not None:
                self._dirty.setdefault(shadow.thing_uid, current)
        self._observations[:0] = pending.observations
        self._changes[:0] = pending.changes
        self._pending_bytes += sum(_ITEM_BYTES + 2 * len(change.request_json) for change in pending.changes)
        self.resources.give_back(pending.resources)

    def evict(self) -> None:
        """Forget the shadows that came first once there are too many; only those of which everything is written."""
        surplus = len(self._shadows) - self._kept_shadows
        for uid in list(islice(self._shadows, max(0, surplus))):
            if uid not in self._dirty:
                del self._shadows[uid]

    def shadow(self, uid: ThingUid) -> Shadow | None:
        """Return the shadow as applied so far, if it is in memory."""
        return self._shadows.get(uid)

    def forget(self, uid: ThingUid) -> None:
        """Drop the shadow of a thing that is gone."""
        self._shadows.pop(uid, None)
        self._dirty.pop(uid, None)

    async def replay(self, batch: list[ShadowRequest]) -> None:
        """Apply requests from the log after a restart: nothing is published, nobody is answered."""
        missing = self._missing(batch)
        if missing:
            await self._read(missing)
        for request in batch:
            shadow = self._shadows[request.thing.uid]
            if request.offset > shadow.offset:  # otherwise stored in an earlier life: nothing is changed twice
                self._remember(request, shadow, self._decide(request, shadow))
            self.applied_offset = request.offset

    def _work(self) -> None:
        """Apply what waits, as far as nothing has to be read for it."""
        self._is_working = True
        while self._waiting:
            if self._missing(self._waiting[0]):
                self._spawn(self._read_and_work())
                return
            self._apply_next()
        self._is_working = False

    async def _read_and_work(self) -> None:
        """Apply what waits, reading first what each batch needs, until nothing waits.

        Reading is tried until it succeeds: what waits here is acknowledged, so it may be late but is never passed over.
        """
        attempt = applied = 0
        while self._waiting:
            missing = self._missing(self._waiting[0])
            if missing:
                try:
                    await self._read(missing)
                except Exception as error:  # noqa: BLE001 - whatever the state store's trouble is, it is told and tried again
                    attempt += 1
                    self.last_failure = error
                    await self._pause(attempt, error)
                # Looked at again: what was in memory may have been forgotten while the others were read.
                continue
            attempt = 0
            self.last_failure = None
            applied += self._apply_next()
            if applied >= _APPLIED_AT_ONCE:
                applied = 0
                await asyncio.sleep(0)
        self._is_working = False

    def _missing(self, batch: list[ShadowRequest]) -> dict[ThingUid, AccountId]:
        shadows = self._shadows
        return {
            thing.uid: thing.account_id
            for request in batch
            if (thing := request.thing).uid not in shadows and thing.is_live
        }

    async def _read(self, missing: dict[ThingUid, AccountId]) -> None:
        """Bring shadows into memory: stored ones, and empty ones for things without."""
        found = {shadow.thing_uid: shadow for shadow in await self._load(missing)}
        for uid, account_id in missing.items():
            self._shadows[uid] = found.get(uid) or Shadow(uid, account_id)

    def _apply_next(self) -> int:
        """Apply the next batch; return how many requests it held."""
        batch = self._waiting.popleft()
        for request in batch:
            self._apply(request)
        for callback in self._moved:
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - nor a defect of who waits for them
                self._report("telling that a batch was applied", error)
        return len(batch)

    def _apply(self, request: ShadowRequest) -> None:
        thing = request.thing
        # A thing that was removed has no shadow any more, and gets none.
        shadow = self._shadows[thing.uid] if thing.is_live else Shadow(thing.uid, thing.account_id)
        outcome = self._decide(request, shadow)
        if request.offset:
            self.applied_offset = request.offset
            self._remember(request, shadow, outcome)
        try:
            if request.on_outcome is not None:
                request.on_outcome(request, outcome)
            self._messages.tell(request, outcome)
        except Exception as error:  # noqa: BLE001 - a listener's defect must not keep those behind from being applied
            self._report("telling what was applied", error)

    def _decide(self, request: ShadowRequest, shadow: Shadow) -> Outcome:
        """Apply a request to a shadow: the same on the way in and in a replay."""
        thing = request.thing
        at_s = request.received_ms // 1000
        if not thing.is_live:
            return reject(request.verb, shadow, thing_not_found(), at_s=at_s)
        try:
            if request.verb is Verb.UPDATE:
                return apply_update(shadow, request.payload, at_s=at_s)
            if request.verb is Verb.DELETE:
                return apply_delete(shadow, request.payload, thing_name=thing.name, at_s=at_s)
            return answer_get(shadow, request.payload, thing_name=thing.name, at_s=at_s)
        except Exception as error:  # noqa: BLE001 - else one request could stop all others, now and at every start
            self._report("applying a shadow request", error)
            return reject(request.verb, shadow, internal_failure(), at_s=at_s)

    def _remember(self, request: ShadowRequest, shadow: Shadow, outcome: Outcome) -> None:
        thing = request.thing
        rejection = outcome.rejection
        if rejection is None:
            self.accepted += 1
            shadow.offset = request.offset
            self._dirty[thing.uid] = shadow
            reported = outcome.reported
            if reported is not None:
                self._observe(request, reported, shadow.reported, outcome.reported_text)
        else:
            self.rejected += 1
        self._changes.append(
            ShadowChange(  # by position: names would take as long again
                request.offset,
                thing.account_id,
                thing.uid,
                thing.name,
                request.verb.word,
                outcome.version,
                request.principal,
                request.received_ms,
                request.payload,
                _ACCEPTED if rejection is None else rejection.rejection,
            )
        )
        self._pending_bytes += _ITEM_BYTES + 2 * len(request.payload)

    def _observe(self, request: ShadowRequest, reported: JsonObject, whole: JsonObject, text: bytes) -> None:
        thing = request.thing
        self.resources.learn(thing.account_id, request.thing_type, reported, whole)
        for follower in self._followers:
            try:
                follower.observed(request, reported, whole)
            except Exception as error:  # noqa: BLE001 - nor may a follower's defect
                self._report("following what was applied", error)
        self._observations.append(
            Observation(
                request.offset,
                thing.account_id,
                thing.uid,
                thing.name,
                request.thing_type,
                request.domain_id,
                request.received_ms,
                text,
            )
        )


def _copy(shadow: Shadow) -> Shadow:
    """Return the shadow as it is now; its sections are never altered in place, so they are shared.

    Every shadow of a flush is copied on the event loop; this takes a sixth of what ``dataclasses.replace`` does.
    """
    return Shadow(
        shadow.thing_uid,
        shadow.account_id,
        shadow.version,
        shadow.offset,
        shadow.updated_at_s,
        shadow.desired,
        shadow.reported,
        shadow.desired_metadata,
        shadow.reported_metadata,
    )
