"""Devices: listed, shown, registered, changed, transferred, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.groups.configuring import configuration_update
from cloudstead.dialects.groups.paging import Connection, NextTokens
from cloudstead.dialects.groups.shapes.devices import (
    Device,
    DeviceBatchCreate,
    DeviceBatchDelete,
    DeviceBatchTransfer,
    DeviceBatchUpdate,
    DeviceQuery,
    device,
)
from cloudstead.dialects.groups.shapes.users import GroupListQuery
from cloudstead.dialects.groups.shapes.words import GenericReturn
from cloudstead.web.errors import FieldInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.groups.devices import FoundDevice
    from cloudstead.core.groups.model import ShownDevice
    from cloudstead.core.ids import ThingUid
    from cloudstead.core.unit import Unit
    from cloudstead.dialects.groups.ports import Backend
    from cloudstead.web.call import Call


class DeviceHandlers:
    """One method for each operation on devices."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._devices = backend.devices
        self._shadows = backend.shadows
        self._configuring = backend.configuring
        self._tokens = NextTokens(backend.sealer)

    async def list_all(self, call: Call[Caller]) -> Connection[Device]:
        """List the devices that are directly in a group."""
        query = call.options(GroupListQuery)
        after = self._tokens.after(call, query, query.group_id)
        found = await self._database.read(
            lambda unit: self._devices.page(unit, call.caller, query.group_id, after=after, limit=query.limit + 1)
        )
        shown = await self._shown(call, found)
        return self._tokens.page(
            call, query, shown, device, key_of=lambda each: each.thing.name, group_id=query.group_id
        )

    async def get(self, call: Call[Caller]) -> Device:
        """Show a device."""
        device_id = call.options(DeviceQuery).device_id
        found = await self._database.read(lambda unit: self._devices.get(unit, call.caller, device_id))
        return device((await self._shown(call, [found]))[0])

    async def register(self, call: Call[Caller], body: DeviceBatchCreate) -> GenericReturn:
        """Register devices by the ids that their network knows them by: all of them, or none."""
        count, domain = await self._database.write(
            lambda unit: self._devices.register(
                unit,
                call.caller,
                body.group_id,
                original_ids=body.original_devices_ids,
                network=body.network,
                type_id=body.type or None,
                tags=tuple(body.tags or ()),
            )
        )
        return GenericReturn(f"{_counted(count)} registered in the group {domain.name!r}.")

    async def update(self, call: Call[Caller], body: DeviceBatchUpdate) -> GenericReturn:
        """Give devices another type, another configuration, or both."""
        if body.type is None and body.configuration is None:
            raise FieldInvalid("configuration", "is missing, and so is 'type': there is nothing to change")
        update = None if body.configuration is None else configuration_update(body.configuration)

        def write(unit: Unit) -> list[ThingUid]:
            if body.type is not None:
                self._devices.retype(unit, call.caller, body.group_id, device_ids=body.devices_ids, type_id=body.type)
            if update is None:
                return []
            return self._devices.to_configure(unit, call.caller, body.group_id, device_ids=body.devices_ids)

        uids = await self._database.write(write)
        if update is not None:
            await self._configuring.configure(call.caller, uids, update)
        return GenericReturn(f"{_counted(len(set(body.devices_ids)))} changed.")

    async def transfer(self, call: Call[Caller], body: DeviceBatchTransfer) -> GenericReturn:
        """Move devices from one group to another: all of them, or none."""
        count, target = await self._database.write(
            lambda unit: self._devices.transfer(
                unit, call.caller, body.group_id, device_ids=body.device_ids, to_group_id=body.to_group_id
            )
        )
        return GenericReturn(f"{_counted(count)} moved to the group {target.name!r}.")

    async def remove(self, call: Call[Caller], body: DeviceBatchDelete) -> GenericReturn:
        """Remove devices with what is known of them: all of them, or none."""
        count = await self._database.write(
            lambda unit: self._devices.remove(unit, call.caller, body.group_id, device_ids=body.device_ids)
        )
        return GenericReturn(f"{_counted(count)} removed.")

    async def _shown(self, call: Call[Caller], found: Sequence[FoundDevice]) -> list[ShownDevice]:
        shadows = await self._shadows.current_each(call.caller.account_id, [each.thing.uid for each in found])
        return [each.shown(shadows[each.thing.uid]) for each in found]


def _counted(count: int) -> str:
    return "1 device was" if count == 1 else f"{count} devices were"
