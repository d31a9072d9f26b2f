"""Devices on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET, Struct, UnsetType

from cloudstead.dialects.groups.shapes.words import day, if_known

if TYPE_CHECKING:
    from cloudstead.core.groups.model import ShownDevice


class DeviceBatchCreate(Struct, kw_only=True, rename="camel"):
    """Devices to be registered; the name of the list is spelt as published."""

    original_devices_ids: list[str]
    group_id: str
    network: str
    type: str | None = None
    tags: list[str] | None = None


class DeviceBatchUpdate(Struct, kw_only=True, rename="camel"):
    """Devices to be changed: what is absent stays. ``configuration`` is the text of a JSON object."""

    devices_ids: list[str]
    group_id: str
    type: str | None = None
    configuration: str | None = None


class DeviceBatchDelete(Struct, kw_only=True, rename="camel"):
    """Devices to be removed."""

    device_ids: list[str]
    group_id: str


class DeviceBatchTransfer(Struct, kw_only=True, rename="camel"):
    """Devices to be moved from one group to another."""

    device_ids: list[str]
    group_id: str
    to_group_id: str


class DeviceQuery(Struct, kw_only=True, rename="camel"):
    """Names a device."""

    device_id: str


class Device(Struct, kw_only=True, rename="camel"):
    """A device. ``name`` is that of the thing elsewhere; ``information`` is what it reported last."""

    device_id: str
    group_id: str
    name: str
    type: str
    network: str
    original_id: str
    created_at: str
    updated_at: str
    created_by: str
    updated_by: str
    information: str
    configuration: str
    tags: list[str]
    battery: str | UnsetType = UNSET
    seen_at: int | UnsetType = UNSET


def device(shown: ShownDevice) -> Device:
    """Write a device. Who made a thing elsewhere is known by user name alone."""
    thing, facts = shown.thing, shown.facts
    creator = thing.created_by if facts is None or facts.created_by is None else facts.created_by
    return Device(
        device_id=thing.uid,
        group_id=thing.domain_id,
        name=thing.name,
        type=thing.thing_type,
        network=shown.network,
        original_id=shown.original_id,
        created_at=day(thing.created_at_ms),
        updated_at=day(thing.created_at_ms if facts is None else facts.updated_at_ms),
        created_by=creator,
        updated_by=creator if facts is None or facts.updated_by is None else facts.updated_by,
        information=shown.reported,
        configuration=shown.desired,
        tags=[] if facts is None else list(facts.tags),
        battery=if_known(shown.battery),
        seen_at=if_known(shown.seen_at_s),
    )
