"""Provisioning: asked for by an administrator, done by a job that may be cut off at any moment and come again."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from cloudstead.core.clouds.actor import service_actor
from cloudstead.core.clouds.errors import CloudClosed, CloudNotFound, CloudStateForbids, EngineFailed
from cloudstead.core.clouds.model import CloudState
from cloudstead.core.clouds.records import MAX_ERROR_CHARS
from cloudstead.core.clouds.states import CloudEvent
from cloudstead.core.clouds.work import PROVISION, CloudWork, Invoke

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.core.clouds.actor import Actor
    from cloudstead.core.clouds.engines import Engines
    from cloudstead.core.clouds.model import Cloud, CloudId
    from cloudstead.core.clouds.ports import BrowserKeys, Provisioned
    from cloudstead.core.clouds.records import CloudRecords
    from cloudstead.core.ids import AccountId
    from cloudstead.core.unit import Unit


class Provisioning:
    """Provisions clouds, and hands out temporary keys to those that are there."""

    def __init__(self, records: CloudRecords, engines: Engines) -> None:
        self._records = records
        self._engines = engines

    async def ask(self, actor: Actor, cloud_id: CloudId, *, invoke: Invoke) -> Cloud:
        """Mark the cloud as being provisioned and see to it that it is; raise ``CloudStateForbids``."""

        def write(unit: Unit) -> Cloud:
            before = self._records.clouds.get(unit, actor, cloud_id)
            return self.begin(unit, actor.caller, before, invoke=invoke)

        cloud = await self._records.database.write(write)
        if invoke is Invoke.SYNC:
            return await self.do(cloud.account_id, cloud.id)
        return cloud

    def begin(self, unit: Unit, caller: Caller, cloud: Cloud, *, invoke: Invoke = Invoke.ASYNC) -> Cloud:
        """Mark a cloud inside a transaction, with the job where that is wanted."""
        after = self._records.moved(unit, caller, cloud, CloudEvent.PROVISION, error=None)
        if invoke is Invoke.ASYNC:
            unit.jobs.add([self._records.job(after, PROVISION, CloudWork(after.id).encoded())])
        return after

    async def do(self, account_id: AccountId, cloud_id: CloudId, is_last: bool = True) -> Cloud:  # noqa: FBT001, FBT002 - the performer's word
        """Provision a cloud that is marked; one that is ready already is left as it is.

        Raise ``EngineFailed`` after its text is in the record. ``is_last``: nobody will try again by himself.
        """
        caller = service_actor(account_id).caller
        async with self._records.turn(cloud_id):
            cloud, access = await self._records.read(account_id, cloud_id)
            if cloud.state is CloudState.READY:
                return cloud
            cloud = await self._records.move(caller, cloud_id, CloudEvent.PROVISION)
            engine = self._engines.of(cloud.type)
            try:
                made = await engine.provision(cloud, access, self._records.teller(account_id, cloud_id))
            except EngineFailed as failure:
                if is_last or failure.is_final:
                    await self._fail(caller, cloud_id, str(failure))
                else:
                    await self._records.note_error(account_id, cloud_id, f"{failure} (it is tried again)")
                raise
            except Exception:
                if is_last:
                    await self._fail(caller, cloud_id, "Something went wrong inside; provision the cloud again")
                raise
            return await self._records.move(
                caller,
                cloud_id,
                CloudEvent.PROVISIONED,
                **_given(made),
                error=None,
                progress=None,
                provisioned_at_ms=self._records.clock.millis(),
            )

    async def browser_keys(self, actor: Actor, cloud_id: CloudId) -> BrowserKeys:
        """Return temporary keys for a browser; raise ``CloudStateForbids`` and ``CloudClosed``."""

        def read(unit: Unit) -> Cloud:
            return self._records.clouds.get(unit, actor, cloud_id)

        found = await self._records.database.read(read)
        cloud, access = await self._records.read(found.account_id, cloud_id)
        require_open(cloud)
        if not cloud.connected:
            raise CloudStateForbids(cloud.state, "getBrowserKeys", is_connected=False)
        return await self._engines.of(cloud.type).browser_keys(cloud, access, actor.caller)

    async def _fail(self, caller: Caller, cloud_id: CloudId, text: str) -> None:
        try:
            await self._records.move(
                caller, cloud_id, CloudEvent.PROVISION_FAILED, error=text[:MAX_ERROR_CHARS], progress=None
            )
        except (CloudNotFound, CloudStateForbids):
            return  # removed meanwhile: nobody waits for it


def require_open(cloud: Cloud) -> None:
    """Raise ``CloudClosed`` for a cloud that answers nobody."""
    if cloud.state is CloudState.REMOVING:
        raise CloudClosed("being removed")
    if cloud.suspended:
        raise CloudClosed("suspended")
    if not cloud.enabled:
        raise CloudClosed("disabled")


def _given(made: Provisioned) -> dict[str, Any]:
    shown = {each.name: getattr(made, each.name) for each in fields(made)}
    return {name: value for name, value in shown.items() if value is not None}
