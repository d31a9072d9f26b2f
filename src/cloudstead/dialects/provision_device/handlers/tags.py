"""Tags of devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.provisioning.errors import DeviceNotFound
from cloudstead.dialects.provision_device.arns import device_named
from cloudstead.dialects.provision_device.shapes.tags import TagsOnly
from cloudstead.web.errors import FieldInvalid

if TYPE_CHECKING:
    from cloudstead.core.provisioning.model import DeviceId
    from cloudstead.dialects.provision_device.auth import PanoramaCaller
    from cloudstead.dialects.provision_device.ports import Backend
    from cloudstead.web.call import Call

_MAX_KEYS = 50


class TagHandlers:
    """Everything below ``/tags``."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._devices = backend.devices

    async def list_all(self, call: Call[PanoramaCaller]) -> TagsOnly:
        """List the tags of a device."""
        who, device_id = call.caller, _device(call)
        device = await self._database.read(
            lambda unit: self._devices.get(unit, who.caller, device_id, region=who.region)
        )
        return TagsOnly(dict(device.tags))

    async def add(self, call: Call[PanoramaCaller], body: TagsOnly) -> dict[str, str]:
        """Set tags beside those that the device has."""
        who, device_id = call.caller, _device(call)
        await self._database.write(
            lambda unit: self._devices.tag(unit, who.caller, device_id, body.tags, region=who.region)
        )
        return {}

    async def remove(self, call: Call[PanoramaCaller]) -> dict[str, str]:
        """Take tags away."""
        who, device_id = call.caller, _device(call)
        keys = call.query.getlist("tagKeys")
        if not 1 <= len(keys) <= _MAX_KEYS:
            raise FieldInvalid("tagKeys", f"needs 1 to {_MAX_KEYS} keys")
        await self._database.write(
            lambda unit: self._devices.untag(unit, who.caller, device_id, keys, region=who.region)
        )
        return {}


def _device(call: Call[PanoramaCaller]) -> DeviceId:
    arn = call.path["ResourceArn"]
    device_id = device_named(arn, call.caller.account.number, region=call.caller.region)
    if device_id is None:
        raise DeviceNotFound(arn)
    return device_id
