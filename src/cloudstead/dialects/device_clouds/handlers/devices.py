"""Devices: registered, claimed, provisioned, released."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from cloudstead.core.clouds.errors import DeviceBlocked
from cloudstead.core.paging import PageRequest
from cloudstead.dialects.device_clouds.paging import IdPageQuery
from cloudstead.dialects.device_clouds.shapes.clouds import EmptyAnswer, cloud_id
from cloudstead.dialects.device_clouds.shapes.devices import (
    BlockDevice,
    BlockedAnswer,
    ClaimDevice,
    DeviceAnswer,
    DeviceBody,
    DevicePage,
    FindDevices,
    ProvisionedAnswer,
    RegisterDevice,
    RegisteredAnswer,
    device,
    provisioned,
    registered,
)
from cloudstead.dialects.device_clouds.shapes.words import given, shown

if TYPE_CHECKING:
    from cloudstead.core.clouds.actor import Actor
    from cloudstead.dialects.device_clouds.ports import Backend
    from cloudstead.web.call import Call


class DeviceHandlers:
    """What the rows of devices run."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._devices = backend.devices

    async def register(self, call: Call[Actor], body: RegisterDevice) -> RegisteredAnswer:
        """Register a device with the token of its product."""
        said = body.as_registration()
        return registered(await self._database.write(lambda unit: self._devices.register(unit, call.caller, said)))

    async def provision(self, call: Call[Actor]) -> ProvisionedAnswer | BlockedAnswer:
        """Give the calling device its certificate and where to connect; the token says which device it is."""
        try:
            return provisioned(await self._devices.provision(call.caller))
        except DeviceBlocked as blocked:
            return BlockedAnswer(error=str(blocked), delay=blocked.delay_s)

    async def get(self, call: Call[Actor], body: DeviceBody) -> DeviceAnswer:
        """Read one device."""
        return device(await self._database.read(lambda unit: self._devices.get(unit, call.caller, body.id)))

    async def find(self, call: Call[Actor], body: FindDevices) -> DevicePage:
        """List devices of the account, or of a cloud."""
        query = call.options(IdPageQuery)
        wanted = given(body.cloud_id)
        request = PageRequest(query.limit, None if isinstance(query.next, type(UNSET)) else query.next)
        page = await self._database.read(
            lambda unit: self._devices.page(
                unit, call.caller, request, cloud_id=None if wanted is None else cloud_id(wanted)
            )
        )
        return DevicePage(data=[device(each) for each in page.items], next=shown(page.after))

    async def claim(self, call: Call[Actor], body: ClaimDevice) -> DeviceAnswer:
        """Claim a registered device for a cloud."""
        wanted = cloud_id(body.cloud_id)
        return device(await self._database.write(lambda unit: self._devices.claim(unit, call.caller, body.id, wanted)))

    async def release(self, call: Call[Actor], body: DeviceBody) -> DeviceAnswer:
        """Release a device, which then waits to be claimed again."""
        return device(await self._devices.release(call.caller, body.id))

    async def remove(self, call: Call[Actor], body: DeviceBody) -> EmptyAnswer:
        """Release a device and forget it."""
        await self._devices.remove(call.caller, body.id)
        return EmptyAnswer()

    async def block(self, call: Call[Actor], body: BlockDevice) -> DeviceAnswer:
        """Keep a device away from provisioning for a while."""
        return device(
            await self._database.write(lambda unit: self._devices.block(unit, call.caller, body.id, delay_s=body.delay))
        )
