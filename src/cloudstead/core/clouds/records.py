"""The record of a cloud while something long is done to it: each step is one short transaction."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from cloudstead.core.clouds.errors import CloudNotFound
from cloudstead.core.clouds.states import moved
from cloudstead.core.ids import JobId
from cloudstead.core.jobs.model import Job

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.clouds.model import Access, Cloud, CloudId
    from cloudstead.core.clouds.ports import Tell
    from cloudstead.core.clouds.registry import Clouds
    from cloudstead.core.clouds.states import CloudEvent
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.unit import Database, Unit

MAX_ERROR_CHARS = 1000
_MAX_STEP_CHARS = 200


class CloudRecords:
    """Reads and moves records. Work on one cloud is done one after another in this process."""

    def __init__(self, database: Database, clouds: Clouds, *, clock: Clock, ids: IdSource) -> None:
        self.database = database
        self.clouds = clouds
        self.clock = clock
        self._ids = ids
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, cloud_id: CloudId) -> AsyncIterator[None]:
        """Wait until nobody else in this process works on the cloud."""
        lock = self._turns.get(cloud_id)
        if lock is None:
            lock = self._turns[cloud_id] = asyncio.Lock()
        async with lock:
            yield

    async def read(self, account_id: AccountId, cloud_id: CloudId) -> tuple[Cloud, Access | None]:
        """Return a cloud and the way into it; raise ``CloudNotFound``."""

        def read(unit: Unit) -> tuple[Cloud, Access | None]:
            cloud = _there(unit, account_id, cloud_id)
            return cloud, self.clouds.access(unit, cloud)

        return await self.database.read(read)

    async def move(
        self,
        caller: Caller,
        cloud_id: CloudId,
        event: CloudEvent,
        *,
        also: Callable[[Unit, Cloud], None] = lambda _unit, _cloud: None,
        **changes: Any,
    ) -> Cloud:
        """Let an event happen to the cloud, with further changes; raise ``CloudNotFound`` or ``CloudStateForbids``."""

        def write(unit: Unit) -> Cloud:
            cloud = self.moved(unit, caller, _there(unit, caller.account_id, cloud_id), event, **changes)
            also(unit, cloud)
            return cloud

        return await self.database.write(write)

    def moved(self, unit: Unit, caller: Caller, before: Cloud, event: CloudEvent, **changes: Any) -> Cloud:
        """Do the same inside a transaction."""
        after = self.clouds.put(unit, before, replace(moved(before, event), **changes))
        if after is not before:
            self.clouds.trail.changed(unit, caller, f"cloud.{event}", before, after)
        return after

    async def note_error(self, account_id: AccountId, cloud_id: CloudId, text: str) -> None:
        """Say what hinders the work; it goes on all the same."""
        await self._put(account_id, cloud_id, error=text[:MAX_ERROR_CHARS])

    def teller(self, account_id: AccountId, cloud_id: CloudId) -> Tell:
        """Return what writes the steps of the work into the record."""

        async def tell(step: str, /) -> None:
            await self._put(account_id, cloud_id, progress=step[:_MAX_STEP_CHARS])

        return tell

    def job(self, cloud: Cloud, kind: str, payload: bytes, *, due_at_ms: int | None = None) -> Job:
        """Return a job on the cloud; those on one cloud are done one after another."""
        now_ms = self.clock.millis()
        return Job(
            id=JobId(self._ids.new()),
            account_id=cloud.account_id,
            kind=kind,
            lane=f"cloud:{cloud.id}",
            payload=payload,
            created_at_ms=now_ms,
            due_at_ms=now_ms if due_at_ms is None else due_at_ms,
            cause=f"cloud:{cloud.id}",
        )

    async def _put(self, account_id: AccountId, cloud_id: CloudId, **changes: Any) -> None:
        def write(unit: Unit) -> None:
            before = unit.clouds.get(account_id, cloud_id)
            if before is not None:  # gone meanwhile: then there is nobody to tell
                self.clouds.put(unit, before, replace(before, **changes))

        await self.database.write(write)


def _there(unit: Unit, account_id: AccountId, cloud_id: CloudId) -> Cloud:
    cloud = unit.clouds.get(account_id, cloud_id)
    if cloud is None:
        raise CloudNotFound
    return cloud
