"""Removing: asked for by an administrator, done by a job: devices are released, the engine takes down what it made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cloudstead.core.audit.record import record
from cloudstead.core.clouds.actor import service_actor
from cloudstead.core.clouds.device_release import enrolment_of, unclaimed
from cloudstead.core.clouds.errors import CloudNotFound, EngineFailed, HostInUse
from cloudstead.core.clouds.events import CloudRemoved
from cloudstead.core.clouds.model import CloudState, CloudType
from cloudstead.core.clouds.records import MAX_ERROR_CHARS
from cloudstead.core.clouds.states import CloudEvent
from cloudstead.core.clouds.tokens import LATE_MS
from cloudstead.core.clouds.work import REMOVE, CloudWork, Invoke
from cloudstead.core.paging import PageRequest

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.core.clouds.actor import Actor
    from cloudstead.core.clouds.engines import Engines
    from cloudstead.core.clouds.model import Access, Cloud, CloudId
    from cloudstead.core.clouds.ports import Engine, Removed
    from cloudstead.core.clouds.records import CloudRecords
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.unit import Unit

_DEVICES_AT_ONCE: Final = 50


class Removing:
    """Removes clouds."""

    def __init__(self, records: CloudRecords, engines: Engines, *, ids: IdSource) -> None:
        self._records = records
        self._engines = engines
        self._ids = ids

    async def ask(self, actor: Actor, cloud_id: CloudId, *, invoke: Invoke) -> None:
        """Mark a cloud as being removed and see to it that it is; asking again is fine. Raise ``HostInUse``."""

        def write(unit: Unit) -> Cloud:
            cloud = self._records.clouds.get(unit, actor, cloud_id)
            if cloud.type is CloudType.HOST and unit.clouds.carried_by(cloud.name):
                raise HostInUse
            if cloud.state is not CloudState.REMOVING:
                cloud = self._records.moved(unit, actor.caller, cloud, CloudEvent.REMOVE, error=None)
            if invoke is Invoke.ASYNC:
                unit.jobs.add([self._records.job(cloud, REMOVE, CloudWork(cloud.id).encoded())])
            return cloud

        cloud = await self._records.database.write(write)
        if invoke is Invoke.SYNC:
            await self.do(cloud.account_id, cloud.id)

    async def do(self, account_id: AccountId, cloud_id: CloudId, is_last: bool = True) -> None:  # noqa: FBT001, FBT002 - the performer's word
        """Remove a cloud that is marked; one that is gone is left at that. Raise ``EngineFailed`` once it is noted."""
        del is_last  # it stays marked, and can be asked for again
        caller = service_actor(account_id).caller
        async with self._records.turn(cloud_id):
            try:
                cloud, access = await self._records.read(account_id, cloud_id)
            except CloudNotFound:
                return
            # Only what somebody has asked to remove; the table knows.
            cloud = await self._records.move(caller, cloud_id, CloudEvent.REMOVE_FAILED, error=None)
            engine = self._engines.of(cloud.type)
            try:
                await self._release_all(engine, cloud, access)
                removed = await engine.remove(cloud, access, self._records.teller(account_id, cloud_id))
            except EngineFailed as failure:
                text = str(failure)[:MAX_ERROR_CHARS]
                await self._records.move(caller, cloud_id, CloudEvent.REMOVE_FAILED, error=text)
                raise
            await self._records.database.write(lambda unit: self._forget(unit, caller, cloud, removed))

    async def _release_all(self, engine: Engine, cloud: Cloud, access: Access | None) -> None:
        database = self._records.database
        page = PageRequest(limit=_DEVICES_AT_ONCE)
        while True:
            devices = (
                await database.read(lambda unit: unit.cloud_devices.page(cloud.account_id, page, cloud_id=cloud.id))
            ).items
            if not devices:
                return
            for device in devices:
                await engine.release(cloud, access, enrolment_of(device))

            def write(unit: Unit) -> None:
                for device in devices:  # noqa: B023 - run before the next round
                    unit.cloud_devices.replace(unclaimed(device))
                    unit.cloud_tokens.drop_device(device.account_id, device.id)

            await database.write(write)

    def _forget(self, unit: Unit, caller: Caller, cloud: Cloud, removed: Removed) -> None:
        now_ms = self._records.clock.millis()
        unit.cloud_tokens.end_cloud(cloud.account_id, cloud.id, late_until_ms=now_ms + LATE_MS)
        if not unit.clouds.remove(cloud.account_id, cloud.id):
            return
        record(
            unit,
            replace(caller, account_id=cloud.account_id),
            clock=self._records.clock,
            ids=self._ids,
            operation="cloud.removed",
            object_type="cloud",
            object_id=cloud.id,
            before={"name": cloud.name, "type": cloud.type, "stack": cloud.stack, "aws_account": cloud.aws_account},
            after={"retained": list(removed.retained), **removed.notes},
        )
        unit.emit(CloudRemoved(cloud.id, cloud.account_id, cloud.tenant_id))
