"""Devices that are provisioned by archive, as callers may make, see, change and remove them."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.reach import Reach
from cloudstead.core.accounts.limits import PROVISIONED_DEVICES, require_room
from cloudstead.core.audit.record import Trail
from cloudstead.core.domains.errors import DomainNotFound
from cloudstead.core.domains.model import ROOT_ID
from cloudstead.core.errors import InvalidField, OutOfReach
from cloudstead.core.ids import DomainId
from cloudstead.core.provisioning.errors import DeviceNameTaken, DeviceNotFound
from cloudstead.core.provisioning.model import CLAIM_LIFE_MS, DeviceId, ProvisionedDevice
from cloudstead.core.provisioning.tags import ends_a_line, require_tags

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.authority import Authority, Issued
    from cloudstead.core.domains.model import DomainTree
    from cloudstead.core.ids import IdSource
    from cloudstead.core.things.model import Thing
    from cloudstead.core.things.registry import Things
    from cloudstead.core.unit import Unit

READ: Final = Permission("thing:read")
CREATE: Final = Permission("thing:create")
UPDATE: Final = Permission("thing:update")
REMOVE: Final = Permission("thing:remove")

MAX_CHARS: Final = 255  # ProvisionDevice, ``Name`` and ``Description``
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,255}")
_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,255}")  # ProvisionDevice, ``DeviceId``: no other text need be looked for
_ID_BYTES: Final = 16  # 26 characters of base32
_CLAIM_LIFE: Final = timedelta(milliseconds=CLAIM_LIFE_MS)


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A device just announced, with its claim, whose key nobody keeps."""

    device: ProvisionedDevice
    claim: Issued


class Devices:
    """The provisioned devices of all accounts. Who may not see one is told that it does not exist."""

    def __init__(self, clock: Clock, ids: IdSource, *, authority: Authority, things: Things) -> None:
        self._clock = clock
        self._authority = authority
        self._things = things
        self._trail = Trail[ProvisionedDevice](
            clock, ids, object_type="device", name_of=lambda each: each.id, fields_of=audited
        )

    def provision(
        self,
        unit: Unit,
        caller: Caller,
        *,
        region: str,
        name: str,
        description: str = "",
        networking: str = "",
        tags: Mapping[str, str],
        domain_id: DomainId | None = None,
    ) -> Provisioned:
        """Announce a device; its thing will belong to ``domain_id``, or to where the caller is at home.

        Raise ``NotPermitted``, ``OutOfReach``, ``InvalidField``, ``DeviceNameTaken`` and ``AccountLimitExceeded``.
        """
        tree = unit.domains.tree(caller.account_id)
        reach = Reach.of(caller, CREATE, tree)
        if _NAME.fullmatch(name) is None:
            raise InvalidField("name", "needs 1 to 255 of the letters, the digits, '-' and '_'")
        require_description(description)
        require_tags(tags)
        if domain_id is None:
            domain_id = DomainId(ROOT_ID) if caller.home is None else caller.home.domain_id
        if domain_id not in tree.nodes:
            raise DomainNotFound(domain_id, field="domain")
        reach.require(domain_id, field="domain")
        now_ms = self._clock.millis()
        self._make_room(unit, caller, region=region, name=name, now_ms=now_ms)
        device_id = DeviceId("device-" + base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode().rstrip("=").lower())
        claim = self._authority.issue_claim_certificate(caller.account_id, device_id, life=_CLAIM_LIFE)
        device = ProvisionedDevice(
            id=device_id,
            account_id=caller.account_id,
            region=region,
            name=name,
            description=description,
            networking=networking,
            tags=dict(tags),
            domain_id=domain_id,
            created_by=caller.user_name,
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
            claim_id=claim.id,
            claim_ends_at_ms=now_ms + CLAIM_LIFE_MS,
        )
        if not unit.provisioned_devices.add(device):
            raise DeviceNameTaken(name, device_id)
        self._trail.made(unit, caller, "device.provision", device)
        return Provisioned(device, claim)

    def get(
        self, unit: Unit, caller: Caller, device_id: DeviceId, *, region: str, permission: Permission = READ
    ) -> ProvisionedDevice:
        """Return a device of the region at whose domain the caller holds ``permission``.

        Raise ``DeviceNotFound`` to those who may not even see it, ``NotPermitted`` and ``OutOfReach`` to others.
        """
        tree = unit.domains.tree(caller.account_id)
        seen = Reach.of(caller, READ, tree)
        if _ID.fullmatch(device_id) is None:
            raise DeviceNotFound(device_id)
        device = unit.provisioned_devices.get(caller.account_id, device_id)
        if device is None or device.region != region or not seen.covers(place_of(device, tree)):
            raise DeviceNotFound(device_id)
        Reach.of(caller, permission, tree).require(place_of(device, tree))
        return device

    def describe(
        self, unit: Unit, caller: Caller, device_id: DeviceId, description: str, *, region: str
    ) -> ProvisionedDevice:
        """Change the description of the device, and of its thing."""
        require_description(description)
        before = self.get(unit, caller, device_id, region=region, permission=UPDATE)
        thing = thing_of(unit, before)
        if thing is not None:
            self._things.update(unit, caller, name=thing.name, description=description)
        return self._replace(unit, caller, before, description=description)

    def tag(self, unit: Unit, caller: Caller, device_id: DeviceId, tags: Mapping[str, str], *, region: str) -> None:
        """Set tags beside those that the device has."""
        before = self.get(unit, caller, device_id, region=region, permission=UPDATE)
        changed = {**before.tags, **tags}
        require_tags(changed)
        self._replace(unit, caller, before, tags=changed)

    def untag(self, unit: Unit, caller: Caller, device_id: DeviceId, keys: Collection[str], *, region: str) -> None:
        """Take tags away; those that the device has not are no error."""
        before = self.get(unit, caller, device_id, region=region, permission=UPDATE)
        self._replace(unit, caller, before, tags={key: value for key, value in before.tags.items() if key not in keys})

    def remove(self, unit: Unit, caller: Caller, device_id: DeviceId, *, region: str) -> None:
        """Delete a device: its thing goes with it, and every certificate of either opens nothing any more."""
        device = self.get(unit, caller, device_id, region=region, permission=REMOVE)
        thing = thing_of(unit, device)
        if thing is not None:
            self._things.remove(unit, caller, name=thing.name)
        unit.provisioned_devices.remove(caller.account_id, device_id)
        self._trail.removed(unit, caller, "device.remove", device)

    def _make_room(self, unit: Unit, caller: Caller, *, region: str, name: str, now_ms: int) -> None:
        """Let a namesake that has failed give way; raise when there is one that has not, or no room for one more."""
        namesake = unit.provisioned_devices.by_name(caller.account_id, region, name)
        if namesake is not None and namesake.holds_its_name(now_ms):
            raise DeviceNameTaken(name, namesake.id)
        if namesake is None:
            used = unit.provisioned_devices.count(caller.account_id)
            require_room(unit, caller.account_id, PROVISIONED_DEVICES, used=used)
            return
        tree = unit.domains.tree(caller.account_id)
        if not Reach.of(caller, CREATE, tree).covers(place_of(namesake, tree)):
            raise DeviceNameTaken(name, namesake.id)
        thing = thing_of(unit, namesake)
        if thing is not None:
            try:
                self._things.remove(unit, caller, name=thing.name)
            except OutOfReach:
                raise DeviceNameTaken(name, namesake.id) from None
        unit.provisioned_devices.remove(caller.account_id, namesake.id)
        self._trail.removed(unit, caller, "device.replace", namesake)

    def _replace(self, unit: Unit, caller: Caller, before: ProvisionedDevice, **fields: Any) -> ProvisionedDevice:
        after = replace(before, **fields, updated_at_ms=self._clock.millis())
        unit.provisioned_devices.replace(after)
        self._trail.changed(unit, caller, "device.update", before, after)
        return after


def thing_of(unit: Unit, device: ProvisionedDevice) -> Thing | None:
    """Return the thing that the device has become."""
    return None if device.thing_uid is None else unit.things.get(device.account_id, device.thing_name)


def place_of(device: ProvisionedDevice, tree: DomainTree) -> DomainId:
    """Return where the device belongs: at the top when its domain was removed before it came."""
    return device.domain_id if device.domain_id in tree.nodes else tree.root_id


def require_description(description: str) -> None:
    """Raise ``InvalidField`` for a description that no device can have."""
    if len(description) > MAX_CHARS or ends_a_line(description):
        raise InvalidField("description", "needs at most 255 characters, without a line break")


def audited(device: ProvisionedDevice) -> dict[str, Any]:
    """Return what the audit trail shows of a device."""
    return {
        "name": device.name,
        "thing": device.thing_name,
        "region": device.region,
        "domain": device.domain_id,
        "description": device.description,
        "tags": dict(device.tags),
        "networking": device.networking,
    }
