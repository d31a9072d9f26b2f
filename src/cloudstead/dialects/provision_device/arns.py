"""Resource names of devices: ``arn:aws:panorama:REGION:ACCOUNT:device/DEVICEID``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cloudstead.core.provisioning.model import DeviceId
from cloudstead.web.errors import FieldInvalid

if TYPE_CHECKING:
    from cloudstead.core.provisioning.model import ProvisionedDevice

_ARN: Final = re.compile(r"arn:aws:panorama:(?P<region>[a-z0-9-]+):(?P<number>[0-9]{12}):device/(?P<id>[a-zA-Z0-9_-]+)")


def arn_of(device: ProvisionedDevice, number: str) -> str:
    """Return the name of a device; ``number`` is the account's, of 12 digits."""
    return f"arn:aws:panorama:{device.region}:{number}:device/{device.id}"


def device_named(arn: str, number: str, *, region: str) -> DeviceId | None:
    """Return the device that a name speaks of; ``None`` if of another account or region; raise ``FieldInvalid``."""
    match = _ARN.fullmatch(arn)
    if match is None:
        raise FieldInvalid("ResourceArn", "is no ARN of a device: arn:aws:panorama:REGION:ACCOUNT:device/DEVICEID")
    return DeviceId(match["id"]) if (match["number"], match["region"]) == (number, region) else None
