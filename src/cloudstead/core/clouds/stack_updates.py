"""Bringing the stack of a cloud to the current template: begun in the call, followed by a job until it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.clouds.actor import service_actor
from cloudstead.core.clouds.errors import EngineFailed
from cloudstead.core.clouds.model import TEMPLATE_VERSION, CloudState, StackStatus
from cloudstead.core.clouds.records import MAX_ERROR_CHARS
from cloudstead.core.clouds.states import CloudEvent, moved
from cloudstead.core.clouds.work import LOOK_AT_UPDATE, CloudWork

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.core.clouds.actor import Actor
    from cloudstead.core.clouds.engines import Engines
    from cloudstead.core.clouds.model import Cloud, CloudId
    from cloudstead.core.clouds.ports import StackLook
    from cloudstead.core.clouds.records import CloudRecords
    from cloudstead.core.ids import AccountId
    from cloudstead.core.unit import Unit

_LOOKS_AGAIN_MS: Final = 10_000
_PATIENCE_MS: Final = 600_000
_DONE: Final = frozenset({StackStatus.UPDATE_COMPLETE, StackStatus.CREATE_COMPLETE})
_UNDER_WAY: Final = "IN_PROGRESS"


class StackUpdates:
    """Updates stacks."""

    def __init__(self, records: CloudRecords, engines: Engines) -> None:
        self._records = records
        self._engines = engines

    async def ask(self, actor: Actor, cloud_id: CloudId) -> Cloud:
        """Begin to update; a cloud without a stack is returned as it is.

        Raise ``CloudStateForbids``, and ``EngineFailed`` after its text is in the record.
        """
        found = await self._records.database.read(lambda unit: self._records.clouds.get(unit, actor, cloud_id))
        engine = self._engines.of(found.type)
        if not engine.has_stacks:
            return found
        async with self._records.turn(cloud_id):
            cloud, access = await self._records.read(found.account_id, cloud_id)
            moved(cloud, CloudEvent.UPDATE)  # refused before anybody is called
            try:
                look = await engine.update(cloud, access)
            except EngineFailed as failure:
                await self._records.note_error(cloud.account_id, cloud.id, str(failure))
                raise
            await self._records.move(actor.caller, cloud_id, CloudEvent.UPDATE, also=self._follow, error=None)
            return await self._take(actor.caller, cloud_id, look)

    async def do(self, account_id: AccountId, cloud_id: CloudId, is_last: bool = True) -> None:  # noqa: FBT001, FBT002 - the performer's word
        """Look how the update stands, and come back while it is under way; what hinders that is told."""
        caller = service_actor(account_id).caller
        cloud, access = await self._records.read(account_id, cloud_id)
        if cloud.state is not CloudState.UPDATING:
            return
        try:
            look = await self._engines.of(cloud.type).look(cloud, access)
        except EngineFailed as failure:
            await self._records.note_error(account_id, cloud_id, str(failure))
            if is_last or failure.is_final:  # the job ends here, and the update has not
                await self._records.database.write(lambda unit: self._follow(unit, cloud, after_ms=_PATIENCE_MS))
            raise
        cloud = await self._take(caller, cloud_id, look)
        if cloud.state is CloudState.UPDATING:
            await self._records.database.write(lambda unit: self._follow(unit, cloud))

    async def _take(self, caller: Caller, cloud_id: CloudId, look: StackLook) -> Cloud:
        if look.status in _DONE:
            version = look.template_version or TEMPLATE_VERSION
            return await self._records.move(caller, cloud_id, CloudEvent.UPDATED, template_version=version, error=None)
        if look.status.endswith(_UNDER_WAY):
            return (await self._records.read(caller.account_id, cloud_id))[0]
        text = look.reason or f"The stack is {look.status}"
        return await self._records.move(caller, cloud_id, CloudEvent.ROLLED_BACK, error=text[:MAX_ERROR_CHARS])

    def _follow(self, unit: Unit, cloud: Cloud, *, after_ms: int = _LOOKS_AGAIN_MS) -> None:
        due_at_ms = self._records.clock.millis() + after_ms
        job = self._records.job(cloud, LOOK_AT_UPDATE, CloudWork(cloud.id).encoded(), due_at_ms=due_at_ms)
        unit.jobs.add([job])
