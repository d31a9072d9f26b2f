"""Devices of device clouds: registered with a product's token, claimed by people, enrolled with their own.

A device knows the claim id that is printed on it, and nothing else is known of it before it has proved that by coming.
Until it is claimed it may ask again and again; then it is told where its cloud is, and given a token for that cloud.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.accounts.errors import AccountLimitExceeded
from cloudstead.core.audit.record import Trail
from cloudstead.core.clouds.device_model import CLAIM_ID, CloudDevice
from cloudstead.core.clouds.device_release import enrolment_of, unclaimed
from cloudstead.core.clouds.errors import (
    CloudClosed,
    CloudDeviceNotFound,
    CloudNotFound,
    DeviceBlocked,
    DeviceClaimed,
    DeviceNotClaimed,
    EngineFailed,
)
from cloudstead.core.clouds.events import CloudDevicesChanged
from cloudstead.core.clouds.model import CloudState
from cloudstead.core.clouds.provisioning import require_open
from cloudstead.core.clouds.tokens import TokenKind
from cloudstead.core.errors import InvalidField, NotPermitted
from cloudstead.core.texts import require_line

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.clouds.actor import Actor
    from cloudstead.core.clouds.engines import Engines
    from cloudstead.core.clouds.model import Cloud, CloudId
    from cloudstead.core.clouds.ports import EnrolledDevice
    from cloudstead.core.clouds.records import CloudRecords
    from cloudstead.core.clouds.tokens import CloudTokens
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.paging import Page, PageRequest
    from cloudstead.core.unit import Unit

MOST_DEVICES: Final = 100_000
"""How many devices of one account may be registered."""

CLOSED_DELAY_S: Final = 3600
LONGEST_BLOCK_S: Final = 366 * 24 * 60 * 60

_MAX_NAME_CHARS: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a device says of itself. ``cloud_id`` claims it at once, for its product's own account."""

    id: str
    product: str | None = None
    name: str | None = None
    model: str | None = None
    account_id: AccountId | None = None
    cloud_id: CloudId | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered device; with its cloud and a fresh token once it is claimed and the cloud is there."""

    device: CloudDevice
    cloud: Cloud | None = None
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An enrolled device, its cloud, and what it needs to connect."""

    device: CloudDevice
    cloud: Cloud
    keys: EnrolledDevice


class CloudDevices:
    """The devices of all accounts. One of another account is one that nobody knows."""

    def __init__(
        self, records: CloudRecords, engines: Engines, tokens: CloudTokens, *, clock: Clock, ids: IdSource
    ) -> None:
        self._records = records
        self._engines = engines
        self._tokens = tokens
        self._clock = clock
        self._trail = Trail[CloudDevice](
            clock, ids, object_type="cloud-device", name_of=lambda each: each.id, fields_of=_audited
        )

    # For devices

    def register(self, unit: Unit, actor: Actor, said: Registration) -> Registered:
        """Take note of a device of the token's product; raise ``InvalidField``, ``CloudNotFound`` and others.

        Whoever is blocked hears of it when provisioning, not here.
        """
        product = None if actor.token is None else actor.token.product
        if product is None:
            raise NotPermitted("register without a product's token")
        _check(said)
        if said.product not in {None, product}:
            raise InvalidField("product", "is not that of the token")
        now_ms = self._clock.millis()
        known = unit.cloud_devices.get(actor.account_id, said.id)
        if known is None:
            device = self._first(unit, actor, said, product)
        else:
            if known.product != product:
                raise CloudDeviceNotFound  # whoever holds one product's token learns nothing of another's devices
            device = replace(known, seen_at_ms=now_ms, name=said.name or known.name, model=said.model or known.model)
            unit.cloud_devices.replace(device)
        if said.cloud_id is not None and device.cloud_id is None:
            if said.account_id not in {None, actor.account_id}:
                raise CloudNotFound
            device = self._claimed(unit, actor, device, said.cloud_id)
        return self._told(unit, actor, device)

    async def provision(self, actor: Actor) -> Enrolled:
        """Return what the calling device needs to connect; asking again gives the same certificate.

        Raise ``CloudDeviceNotFound``, ``DeviceNotClaimed``, ``DeviceBlocked`` and ``EngineFailed``.
        """
        device, cloud = await self._records.database.read(lambda unit: self._calling(unit, actor))
        self._require_welcome(device, cloud)
        if cloud.state not in {CloudState.READY, CloudState.UPDATING}:
            raise EngineFailed("The cloud is not provisioned yet")
        _, access = await self._records.read(cloud.account_id, cloud.id)
        keys = await self._engines.of(cloud.type).enrol(cloud, access, enrolment_of(device))

        def write(unit: Unit) -> CloudDevice:
            current, _ = self._calling(unit, actor)
            after = replace(current, thing=keys.thing, seen_at_ms=self._clock.millis())
            unit.cloud_devices.replace(after)
            if current.thing is None:
                self._trail.changed(unit, actor.caller, "cloud-device.provision", current, after)
                _tell(unit, cloud)
            return after

        return Enrolled(await self._records.database.write(write), cloud, keys)

    # For people

    def get(self, unit: Unit, actor: Actor, device_id: str) -> CloudDevice:
        """Return a device; raise ``CloudDeviceNotFound``."""
        device = unit.cloud_devices.get(actor.account_id, device_id)
        if device is None or actor.only_cloud not in {None, device.cloud_id}:
            raise CloudDeviceNotFound
        return device

    def page(
        self, unit: Unit, actor: Actor, request: PageRequest, *, cloud_id: CloudId | None = None
    ) -> Page[CloudDevice]:
        """Return devices in the order of their claim ids: all, or those of a cloud."""
        only = actor.only_cloud
        if only is not None and cloud_id not in {None, only}:
            raise CloudNotFound
        return unit.cloud_devices.page(actor.account_id, request, cloud_id=only or cloud_id)

    def claim(self, unit: Unit, actor: Actor, device_id: str, cloud_id: CloudId) -> CloudDevice:
        """Claim a registered device for a cloud; doing it again is fine. Raise ``DeviceClaimed`` and others."""
        actor.require_sees(cloud_id)
        device = unit.cloud_devices.get(actor.account_id, device_id)
        if device is None:
            raise CloudDeviceNotFound
        return self._claimed(unit, actor, device, cloud_id)

    async def release(self, actor: Actor, device_id: str) -> CloudDevice:
        """Let a device go back to where nobody has claimed it; raise ``CloudDeviceNotFound`` and ``EngineFailed``."""
        device = await self._records.database.read(lambda unit: self.get(unit, actor, device_id))
        if device.cloud_id is None:
            return device
        cloud, access = await self._records.read(actor.account_id, device.cloud_id)
        await self._engines.of(cloud.type).release(cloud, access, enrolment_of(device))

        def write(unit: Unit) -> CloudDevice:
            before = self.get(unit, actor, device_id)
            after = unclaimed(before)
            unit.cloud_devices.replace(after)
            unit.cloud_tokens.drop_device(actor.account_id, device_id)
            self._trail.changed(unit, actor.caller, "cloud-device.release", before, after)
            _tell(unit, cloud)
            return after

        return await self._records.database.write(write)

    async def remove(self, actor: Actor, device_id: str) -> None:
        """Release a device and forget it; it may register again. Raise ``CloudDeviceNotFound``."""
        device = await self.release(actor, device_id)

        def write(unit: Unit) -> None:
            unit.cloud_devices.remove(actor.account_id, device_id)
            unit.cloud_tokens.drop_device(actor.account_id, device_id)
            self._trail.removed(unit, actor.caller, "cloud-device.remove", device)

        await self._records.database.write(write)

    def block(self, unit: Unit, actor: Actor, device_id: str, *, delay_s: int) -> CloudDevice:
        """Keep a device away from provisioning for so many seconds; 0 lets it in again."""
        if not 0 <= delay_s <= LONGEST_BLOCK_S:
            raise InvalidField("delay", f"is from 0 to {LONGEST_BLOCK_S} seconds")
        before = self.get(unit, actor, device_id)
        until_ms = self._clock.millis() + delay_s * 1000 if delay_s else None
        after = replace(before, blocked_until_ms=until_ms)
        unit.cloud_devices.replace(after)
        self._trail.changed(unit, actor.caller, "cloud-device.block", before, after)
        return after

    def _first(self, unit: Unit, actor: Actor, said: Registration, product: str) -> CloudDevice:
        if unit.cloud_devices.count_all(actor.account_id) >= MOST_DEVICES:
            raise AccountLimitExceeded("cloud-device-count", str(MOST_DEVICES))
        now_ms = self._clock.millis()
        device = CloudDevice(
            id=said.id,
            account_id=actor.account_id,
            product=product,
            created_at_ms=now_ms,
            seen_at_ms=now_ms,
            name=said.name,
            model=said.model,
        )
        unit.cloud_devices.add(device)
        self._trail.made(unit, actor.caller, "cloud-device.register", device)
        return device

    def _claimed(self, unit: Unit, actor: Actor, device: CloudDevice, cloud_id: CloudId) -> CloudDevice:
        cloud = unit.clouds.get(actor.account_id, cloud_id)
        if cloud is None:
            raise CloudNotFound
        require_open(cloud)  # a cloud that is being removed takes no new devices
        if device.cloud_id == cloud_id:
            return device
        if device.cloud_id is not None:
            raise DeviceClaimed
        after = replace(device, cloud_id=cloud_id, claimed_at_ms=self._clock.millis())
        unit.cloud_devices.replace(after)
        self._trail.changed(unit, actor.caller, "cloud-device.claim", device, after)
        return after

    def _told(self, unit: Unit, actor: Actor, device: CloudDevice) -> Registered:
        cloud = None if device.cloud_id is None else unit.clouds.get(device.account_id, device.cloud_id)
        if cloud is None or cloud.api is None or not cloud.connected or not cloud.enabled or cloud.suspended:
            return Registered(device)
        unit.cloud_tokens.drop_device(device.account_id, device.id)
        token = self._tokens.make(
            unit,
            actor.caller,
            kind=TokenKind.DEVICE_TO_CLOUD,
            description=f"device {device.id}",
            cloud_id=cloud.id,
            device_id=device.id,
        )
        return Registered(device, cloud, token.text)

    def _calling(self, unit: Unit, actor: Actor) -> tuple[CloudDevice, Cloud]:
        device_id = None if actor.token is None else actor.token.device_id
        device = None if device_id is None else unit.cloud_devices.get(actor.account_id, device_id)
        if device is None:
            raise CloudDeviceNotFound
        if device.cloud_id is None:
            raise DeviceNotClaimed
        cloud = unit.clouds.get(device.account_id, device.cloud_id)
        if cloud is None:
            raise DeviceNotClaimed
        return device, cloud

    def _require_welcome(self, device: CloudDevice, cloud: Cloud) -> None:
        left_ms = (device.blocked_until_ms or 0) - self._clock.millis()
        if left_ms > 0:
            raise DeviceBlocked("Device is blocked", -(-left_ms // 1000))
        try:
            require_open(cloud)
        except CloudClosed as closed:
            raise DeviceBlocked(str(closed), CLOSED_DELAY_S) from None


def _check(said: Registration) -> None:
    if not CLAIM_ID.fullmatch(said.id):
        raise InvalidField("id", "is no claim id: it has ten of the characters 0-9 and A-Z")
    for name in ("name", "model"):
        value = getattr(said, name)
        if value is not None:
            require_line(value, field=name, max_chars=_MAX_NAME_CHARS)


def _tell(unit: Unit, cloud: Cloud) -> None:
    if cloud.tenant_id is not None:
        unit.emit(CloudDevicesChanged(cloud.tenant_id, unit.cloud_devices.count(cloud.account_id, cloud.id)))


def _audited(device: CloudDevice) -> dict[str, Any]:
    return {
        "product": device.product,
        "name": device.name,
        "model": device.model,
        "cloud_id": device.cloud_id,
        "thing": device.thing,
        "blocked_until_ms": device.blocked_until_ms,
    }
