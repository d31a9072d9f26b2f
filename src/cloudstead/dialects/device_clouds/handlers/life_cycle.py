"""The life of clouds: connected, provisioned, updated, reported, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import UNSET, Struct

from cloudstead.core.clouds.errors import CloudStateForbids
from cloudstead.core.clouds.work import Invoke
from cloudstead.core.errors import InvalidField
from cloudstead.dialects.device_clouds.shapes.clouds import (
    BrowserKeysAnswer,
    CloudAnswer,
    CloudIdBody,
    CloudIdWithAccount,
    EmptyAnswer,
    cloud_answer,
    cloud_id,
    token_text,
)
from cloudstead.dialects.device_clouds.shapes.words import account_of, time_text

if TYPE_CHECKING:
    from cloudstead.core.clouds.actor import Actor
    from cloudstead.dialects.device_clouds.ports import Backend
    from cloudstead.dialects.device_clouds.shapes.calls import ConnectCloud, ReportCloud
    from cloudstead.web.call import Call


class InvokeQuery(Struct, kw_only=True):
    """How to run long work: on the queue (as without it), in the call, or not at all."""

    invoke: Literal["async", "sync", "none"] = "async"


class LifeCycleHandlers:
    """What the rows of the life cycle run."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._provisioning = backend.provisioning
        self._removing = backend.removing
        self._connecting = backend.connecting
        self._stack_updates = backend.stack_updates
        self._waiting = backend.waiting
        self._usage = backend.usage

    async def provision(self, call: Call[Actor], body: CloudIdBody) -> CloudAnswer:
        """Start provisioning."""
        invoke = Invoke(call.options(InvokeQuery).invoke)
        return cloud_answer(await self._provisioning.ask(call.caller, cloud_id(body.id), invoke=invoke))

    async def provision_async(self, call: Call[Actor], body: CloudIdWithAccount) -> CloudAnswer:
        """Do the provisioning work."""
        del call
        return cloud_answer(await self._provisioning.do(account_of(body.account_id), cloud_id(body.id)))

    async def remove(self, call: Call[Actor], body: CloudIdBody) -> EmptyAnswer:
        """Start removal."""
        invoke = Invoke(call.options(InvokeQuery).invoke)
        await self._removing.ask(call.caller, cloud_id(body.id), invoke=invoke)
        return EmptyAnswer()

    async def remove_async(self, call: Call[Actor], body: CloudIdWithAccount) -> EmptyAnswer:
        """Do the removal work."""
        del call
        try:
            await self._removing.do(account_of(body.account_id), cloud_id(body.id))
        except CloudStateForbids:
            raise InvalidField("id", "nobody has asked to remove this cloud") from None
        return EmptyAnswer()

    async def update_stack(self, call: Call[Actor], body: CloudIdBody) -> CloudAnswer:
        """Bring the stack of a cloud to the current template."""
        return cloud_answer(await self._stack_updates.ask(call.caller, cloud_id(body.id)))

    async def wait_for_template(self, call: Call[Actor], body: CloudIdBody) -> CloudAnswer:
        """Wait until the stack has called back."""
        return cloud_answer(await self._waiting.wait(call.caller, cloud_id(body.id)))

    async def connect(self, call: Call[Actor], body: ConnectCloud) -> CloudAnswer:
        """Stack hands its role back to the service."""
        connected = await self._connecting.connect(call.caller, body.as_connection())
        token = UNSET if connected.token is None else token_text(connected.token)
        return cloud_answer(connected.cloud, token=token)

    async def report(self, call: Call[Actor], body: ReportCloud) -> EmptyAnswer:
        """Monthly usage from a cloud."""
        said = body.as_report()
        await self._database.write(lambda unit: self._usage.report(unit, call.caller, said))
        return EmptyAnswer()

    async def browser_keys(self, call: Call[Actor], body: CloudIdBody) -> BrowserKeysAnswer:
        """Temporary keys for a browser to reach the cloud."""
        keys = await self._provisioning.browser_keys(call.caller, cloud_id(body.id))
        return BrowserKeysAnswer(
            access_key_id=keys.access_key_id,
            secret_access_key=keys.secret_access_key,
            session_token=keys.session_token,
            expires=time_text(keys.expires_at_ms),
            region=keys.region,
        )
