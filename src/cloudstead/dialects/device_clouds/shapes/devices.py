"""Devices on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET, Struct, UnsetType

from cloudstead.core.clouds.devices import Registration
from cloudstead.core.clouds.model import CloudType
from cloudstead.core.clouds.ulids import ulid_of
from cloudstead.dialects.device_clouds.shapes.clouds import cloud_id
from cloudstead.dialects.device_clouds.shapes.words import Maybe, account_of, given, shown, time_text

if TYPE_CHECKING:
    from cloudstead.core.clouds.device_model import CloudDevice
    from cloudstead.core.clouds.devices import Enrolled, Registered
    from cloudstead.core.clouds.model import Cloud


class RegisterDevice(Struct, kw_only=True):
    """What an agent's ``device.json5`` says; ``account`` and ``cloud`` claim the device at once."""

    id: str
    product: Maybe[str] = UNSET
    name: Maybe[str] = UNSET
    model: Maybe[str] = UNSET
    account: Maybe[str] = UNSET
    cloud: Maybe[str] = UNSET
    test: Any = UNSET
    created: Any = UNSET

    def as_registration(self) -> Registration:
        """Return what is said."""
        account, cloud = given(self.account), given(self.cloud)
        return Registration(
            id=self.id,
            product=given(self.product),
            name=given(self.name) or None,
            model=given(self.model) or None,
            account_id=None if not account else account_of(account),
            cloud_id=None if not cloud else cloud_id(cloud),
        )


class RegisteredAnswer(Struct, kw_only=True, rename="camel"):
    """``registered`` alone until the device is claimed: agents count what the answer holds."""

    registered: bool = True
    api: str | UnsetType = UNSET
    token: str | UnsetType = UNSET
    cloud_type: str | UnsetType = UNSET
    cloud_name: str | UnsetType = UNSET
    cloud_region: str | UnsetType = UNSET


class DeviceBody(Struct, kw_only=True):
    """A device by its claim id."""

    id: str


class ClaimDevice(Struct, kw_only=True, rename="camel"):
    """A device to be claimed for a cloud."""

    id: str
    cloud_id: str


class BlockDevice(Struct, kw_only=True):
    """A device to be kept away for so many seconds; 0 lets it in again."""

    id: str
    delay: int


class FindDevices(Struct, kw_only=True, rename="camel"):
    """Which devices to list."""

    cloud_id: Maybe[str] = UNSET


class DeviceAnswer(Struct, kw_only=True, rename="camel"):
    """A device."""

    id: str
    product: str
    created: str
    last_seen: str
    name: str | UnsetType = UNSET
    model: str | UnsetType = UNSET
    cloud_id: str | UnsetType = UNSET
    thing: str | UnsetType = UNSET
    claimed: str | UnsetType = UNSET
    blocked_until: str | UnsetType = UNSET


class DevicePage(Struct, kw_only=True):
    """A page of devices."""

    data: list[DeviceAnswer]
    next: str | UnsetType = UNSET


class ProvisionedAnswer(Struct, kw_only=True, rename="camel"):
    """What a device needs to connect."""

    certificate: str
    key: str
    endpoint: str
    port: int
    account_id: str
    id: str
    thing: str
    cloud_type: str
    cloud_name: str
    cloud_region: str


class BlockedAnswer(Struct, kw_only=True):
    """A device that is to come back after ``delay`` seconds."""

    error: str
    delay: int


def registered(found: Registered) -> RegisteredAnswer:
    """Write what a device that registers is told."""
    cloud = found.cloud
    if cloud is None:
        return RegisteredAnswer()
    return RegisteredAnswer(api=shown(cloud.api), token=shown(found.token), **_of_cloud(cloud))


def provisioned(found: Enrolled) -> ProvisionedAnswer:
    """Write what a device needs to connect."""
    keys = found.keys
    return ProvisionedAnswer(
        certificate=keys.certificate,
        key=keys.private_key,
        endpoint=keys.endpoint,
        port=keys.port,
        account_id=keys.account,
        id=found.device.id,
        thing=keys.thing,
        **_of_cloud(found.cloud),
    )


def device(found: CloudDevice) -> DeviceAnswer:
    """Write a device."""
    return DeviceAnswer(
        id=found.id,
        product=found.product,
        created=time_text(found.created_at_ms),
        last_seen=time_text(found.seen_at_ms),
        name=shown(found.name),
        model=shown(found.model),
        cloud_id=UNSET if found.cloud_id is None else ulid_of(found.cloud_id),
        thing=shown(found.thing),
        claimed=UNSET if found.claimed_at_ms is None else time_text(found.claimed_at_ms),
        blocked_until=UNSET if found.blocked_until_ms is None else time_text(found.blocked_until_ms),
    )


def _of_cloud(cloud: Cloud) -> dict[str, Any]:
    # Only a dedicated cloud offers AWS keys and AWS shadows; agents go by the word.
    word = CloudType.DEDICATED if cloud.type is CloudType.DEDICATED else CloudType.HOSTED
    return {"cloud_type": word.value, "cloud_name": cloud.name, "cloud_region": cloud.region or ""}
