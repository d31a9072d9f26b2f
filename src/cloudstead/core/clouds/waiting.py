"""Waiting until a stack has called back: a long poll that a connect ends at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Final, Protocol

from cloudstead.core.clouds.events import CloudChanged, CloudRemoved
from cloudstead.core.clouds.model import CloudState
from cloudstead.core.clouds.states import CloudEvent

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.clouds.actor import Actor
    from cloudstead.core.clouds.model import Cloud, CloudId
    from cloudstead.core.clouds.records import CloudRecords
    from cloudstead.core.events import EventBus
    from cloudstead.core.unit import Unit

LONGEST_MS: Final = 25_000
"""The gateway before the original cut at 29 s ("Device clouds", waitForTemplate)."""

_LOOKS_EVERY_S: Final = 5.0  # another process may have taken the call


class Pause(Protocol):
    """Waits for something, but not for long."""

    async def until(self, event: asyncio.Event, seconds: float, /) -> None:
        """Return when the event is set, or when the time is over."""
        ...


class Waiting:
    """Lets callers wait for clouds. Lives on the event loop."""

    def __init__(self, records: CloudRecords, *, clock: Clock, pause: Pause) -> None:
        self._records = records
        self._clock = clock
        self._pause = pause
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)

    def listen(self, bus: EventBus) -> None:
        """Hear what happens to clouds."""
        bus.subscribe(CloudChanged, lambda event: self._wake(event.cloud.id))
        bus.subscribe(CloudRemoved, lambda event: self._wake(event.cloud_id))

    @property
    def waiting(self) -> int:
        """How many callers wait."""
        return sum(map(len, self._waiting.values()))

    async def wait(self, actor: Actor, cloud_id: CloudId) -> Cloud:
        """Return the cloud once it is connected, has failed, or 25 seconds are over; raise ``CloudNotFound``."""
        until_ms = self._clock.millis() + LONGEST_MS
        changed = asyncio.Event()
        self._waiting[cloud_id].add(changed)
        try:
            cloud = await self._records.database.write(lambda unit: self._begin(unit, actor, cloud_id))
            while not _is_settled(cloud) and (left_ms := until_ms - self._clock.millis()) > 0:
                await self._pause.until(changed, min(left_ms / 1000, _LOOKS_EVERY_S))
                changed.clear()
                cloud = await self._records.database.read(lambda unit: self._records.clouds.get(unit, actor, cloud_id))
            return cloud
        finally:
            self._waiting[cloud_id].discard(changed)
            if not self._waiting[cloud_id]:
                del self._waiting[cloud_id]

    def _begin(self, unit: Unit, actor: Actor, cloud_id: CloudId) -> Cloud:
        cloud = self._records.clouds.get(unit, actor, cloud_id)
        if cloud.state is CloudState.DRAFT:
            return self._records.moved(unit, actor.caller, cloud, CloudEvent.WAITED_FOR)
        return cloud

    def _wake(self, cloud_id: CloudId) -> None:
        for event in self._waiting.get(cloud_id, ()):
            event.set()


def _is_settled(cloud: Cloud) -> bool:
    return cloud.connected or cloud.state in {CloudState.ERROR, CloudState.DISCONNECTED, CloudState.REMOVING}
