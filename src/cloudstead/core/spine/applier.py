"""Requests applied to shadows in the order of their offsets; every message that follows goes out from here.

All shadows that were touched lately are in memory; a batch that needs others waits until they were read, in one query,
and everything behind it waits too, so that order is kept.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.observations.model import Observation, ShadowChange
from cloudstead.core.shadows.changes import Verb, answer_get, apply_delete, apply_update, reject
from cloudstead.core.shadows.errors import thing_not_found
from cloudstead.core.shadows.model import Shadow
from cloudstead.core.spine.pending import Pending
from cloudstead.core.spine.requests import Origin
from cloudstead.core.spine.resources import ResourceMemory

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Coroutine
    from typing import Any

    from cloudstead.core.ids import ThingUid
    from cloudstead.core.shadows.changes import Outcome
    from cloudstead.core.spine.ports import FanOut
    from cloudstead.core.spine.requests import ShadowRequest
    from cloudstead.core.things.directory import ThingEntry

_KEPT_SHADOWS: Final = 100_000
_encode: Final = msgspec.json.Encoder().encode
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
    ) -> None:
        """``load`` reads stored shadows; ``spawn`` starts a task that the application watches.

        ``pause`` is told how often reading has failed in a row and why, and waits before the next attempt.
        """
        self._fan_out = fan_out
        self._load = load
        self._spawn = spawn
        self._pause = pause
        self._shadows: dict[ThingUid, Shadow] = {}
        self._waiting: deque[list[ShadowRequest]] = deque()
        self._is_loading = False
        self.resources = ResourceMemory()
        self.applied_offset = 0
        self.accepted = 0
        self.rejected = 0
        self._dirty: dict[ThingUid, Shadow] = {}
        self._observations: list[Observation] = []
        self._changes: list[ShadowChange] = []
        self._moved: list[Callable[[], None]] = []

    def when_applied(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` after every batch."""
        self._moved.append(callback)

    def enqueue(self, batch: list[ShadowRequest]) -> None:
        """Apply a batch now, or as soon as the shadows that it and those before it need are in memory."""
        self._waiting.append(batch)
        if not self._is_loading:
            self._drain()

    @property
    def is_idle(self) -> bool:
        """Whether every batch that was handed over is applied."""
        return not self._waiting

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
        return pending

    def give_back(self, pending: Pending, *, is_indexed: bool) -> None:
        """Take back what could not be written; ``is_indexed`` when only the state store failed."""
        for shadow in pending.shadows:
            current = self._shadows.get(shadow.thing_uid)
            if current is not None:
                self._dirty.setdefault(shadow.thing_uid, current)
        if not is_indexed:
            self._observations[:0] = pending.observations
            self._changes[:0] = pending.changes
        self.resources.give_back(pending.resources)

    def evict(self) -> None:
        """Forget the shadows that came first once there are too many; only for when all else is written."""
        surplus = len(self._shadows) - _KEPT_SHADOWS
        if surplus > 0 and not self._waiting:
            for uid in list(self._shadows)[:surplus]:
                if uid not in self._dirty:
                    del self._shadows[uid]

    def shadow(self, uid: ThingUid) -> Shadow | None:
        """Return the shadow as applied so far, if it is in memory."""
        return self._shadows.get(uid)

    @property
    def backlog(self) -> int:
        """How many batches wait for shadows to be read."""
        return len(self._waiting)

    async def replay(self, batch: list[ShadowRequest]) -> None:
        """Apply requests from the log after a restart: nothing is published, nobody is answered."""
        missing = {request.thing.uid for request in batch} - self._shadows.keys()
        if missing:
            self._shadows.update((shadow.thing_uid, shadow) for shadow in await self._load(missing))
        for request in batch:
            thing = request.thing
            shadow = self._shadows.setdefault(thing.uid, Shadow(thing.uid, thing.account_id))
            if request.offset > shadow.offset:
                self._remember(request, shadow, _outcome(request, shadow))
            self.applied_offset = request.offset

    def forget(self, uid: ThingUid) -> None:
        """Drop the shadow of a thing that is gone."""
        self._shadows.pop(uid, None)
        self._dirty.pop(uid, None)

    def _drain(self) -> None:
        while self._waiting:
            batch = self._waiting[0]
            shadows = self._shadows
            missing = {request.thing.uid for request in batch if request.thing.uid not in shadows}
            if missing:
                self._is_loading = True
                self._spawn(self._load_then_drain(missing))
                return
            self._waiting.popleft()
            for request in batch:
                self._apply(request)
            for callback in self._moved:
                callback()

    async def _load_then_drain(self, missing: set[ThingUid]) -> None:
        """Read shadows until it succeeds: what waits here is acknowledged, so it may be late but never passed over."""
        attempt = 0
        while True:
            try:
                found = await self._load(missing)
                break
            except Exception as error:  # noqa: BLE001 - whatever the state store's trouble is, it is reported and tried again
                attempt += 1
                await self._pause(attempt, error)
        self._shadows.update((shadow.thing_uid, shadow) for shadow in found)
        for request in self._waiting[0]:
            uid = request.thing.uid
            if uid not in self._shadows:
                self._shadows[uid] = Shadow(uid, request.thing.account_id)
        self._is_loading = False
        self._drain()

    def _apply(self, request: ShadowRequest) -> None:
        thing = request.thing
        shadow = self._shadows[thing.uid]
        offset = request.offset
        if offset:
            self.applied_offset = offset
            if offset <= shadow.offset:
                return  # stored in an earlier life: replay changes nothing twice
        outcome = _outcome(request, shadow)
        if offset:
            self._remember(request, shadow, outcome)
        self._tell(request, outcome)
        if request.on_outcome is not None:
            request.on_outcome(request, outcome)

    def _remember(self, request: ShadowRequest, shadow: Shadow, outcome: Outcome) -> None:
        thing = request.thing
        rejection = outcome.rejection
        if rejection is None:
            self.accepted += 1
            shadow.offset = request.offset
            self._dirty[thing.uid] = shadow
            reported = outcome.reported
            if reported is not None:
                self.resources.learn(thing.account_id, thing.thing_type, reported)
                self._observations.append(
                    Observation(
                        offset=request.offset,
                        account_id=thing.account_id,
                        thing_uid=thing.uid,
                        thing_name=thing.name,
                        thing_type=thing.thing_type,
                        domain=thing.domain_id,
                        timestamp_ms=request.received_ms,
                        state_json=_encode(reported),
                    )
                )
        else:
            self.rejected += 1
        self._changes.append(
            ShadowChange(
                offset=request.offset,
                account_id=thing.account_id,
                thing_uid=thing.uid,
                thing_name=thing.name,
                verb=request.verb.value,
                version=outcome.version,
                author=request.principal,
                timestamp_ms=request.received_ms,
                request_json=request.payload,
                outcome=_ACCEPTED if rejection is None else rejection.rejection,
            )
        )

    def _tell(self, request: ShadowRequest, outcome: Outcome) -> None:
        """Publish the request itself, then delta, documents and accepted, or rejected, in this order."""
        thing = request.thing
        topics = thing.topics
        account = thing.account_id
        publish = self._fan_out.publish
        is_rest = request.origin is Origin.REST
        if not is_rest:
            publish(account, topics.prefix + request.verb.value, request.payload, qos=request.qos)
        accepted, rejected = topics.replies[request.verb]
        if outcome.rejection is not None:
            if not is_rest:
                publish(account, rejected, outcome.reply, qos=1)
                if request.verb is Verb.UPDATE:
                    self._tell_families(thing, request, outcome)
            return
        if request.verb is not Verb.UPDATE:
            publish(account, accepted, outcome.reply, qos=1)
            return
        self._tell_update(thing, request, outcome, accepted)

    def _tell_update(self, thing: ThingEntry, request: ShadowRequest, outcome: Outcome, accepted: str) -> None:
        topics = thing.topics
        account = thing.account_id
        publish = self._fan_out.publish
        wants = self._fan_out.wants
        family = topics.family_update
        if family is not None and request.origin is not Origin.REST:
            publish(account, family, request.payload, qos=request.qos)
        delta = outcome.delta()
        if delta is not None:
            publish(account, topics.delta, delta, qos=1)
            if topics.family_delta is not None:
                publish(account, topics.family_delta, delta, qos=1)
        wants_own = wants(account, topics.documents)
        wants_family = topics.family_documents is not None and wants(account, topics.family_documents)
        if wants_own or wants_family:
            documents = outcome.documents()
            if wants_own:
                publish(account, topics.documents, documents, qos=1)
            if wants_family and topics.family_documents is not None:
                publish(account, topics.family_documents, documents, qos=1)
        publish(account, accepted, outcome.reply, qos=1)
        if topics.family_accepted is not None:
            publish(account, topics.family_accepted, outcome.reply, qos=1)

    def _tell_families(self, thing: ThingEntry, request: ShadowRequest, outcome: Outcome) -> None:
        topics = thing.topics
        if topics.family_update is not None and topics.family_rejected is not None:
            self._fan_out.publish(thing.account_id, topics.family_update, request.payload, qos=request.qos)
            self._fan_out.publish(thing.account_id, topics.family_rejected, outcome.reply, qos=1)


def _outcome(request: ShadowRequest, shadow: Shadow) -> Outcome:
    """Apply a request to a shadow: the same on the way in and in a replay."""
    at_s = request.received_ms // 1000
    if not request.thing.is_live:
        return reject(request.verb, shadow, thing_not_found(), at_s=at_s)
    if request.verb is Verb.UPDATE:
        return apply_update(shadow, request.payload, at_s=at_s)
    if request.verb is Verb.DELETE:
        return apply_delete(shadow, request.payload, thing_name=request.thing.name, at_s=at_s)
    return answer_get(shadow, request.payload, thing_name=request.thing.name, at_s=at_s)


def _copy(shadow: Shadow) -> Shadow:
    """Return the shadow as it is now; its sections are never altered in place, so they are shared."""
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
