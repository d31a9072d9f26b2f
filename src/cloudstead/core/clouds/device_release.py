"""A device on its way out of a cloud."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cloudstead.core.clouds.ports import DeviceToEnrol

if TYPE_CHECKING:
    from cloudstead.core.clouds.device_model import CloudDevice


def enrolment_of(device: CloudDevice) -> DeviceToEnrol:
    """Return a device as engines know it."""
    return DeviceToEnrol(id=device.id, product=device.product, name=device.name, model=device.model, thing=device.thing)


def unclaimed(device: CloudDevice) -> CloudDevice:
    """Return a device that belongs to no cloud; it registers again and waits to be claimed."""
    return replace(device, cloud_id=None, thing=None, claimed_at_ms=None)
