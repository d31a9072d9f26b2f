"""Devices: provisioned, described, listed, changed, deleted."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from cloudstead.core.provisioning.archive import pack
from cloudstead.core.provisioning.listing import Listed, Shown, Wanted, page
from cloudstead.core.provisioning.model import LEASE_MS, DeviceId, ProvisioningStatus, aggregated
from cloudstead.core.provisioning.ports import Order
from cloudstead.dialects.provision_device.arns import arn_of
from cloudstead.dialects.provision_device.paging import place_of, token_for
from cloudstead.dialects.provision_device.shapes.devices import (
    DeviceIdOnly,
    ListDevicesQuery,
    ListDevicesResponse,
    ProvisionDeviceResponse,
    SortBy,
    described,
    summary,
)
from cloudstead.web.errors import FieldInvalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.provisioning.model import ProvisionedDevice
    from cloudstead.core.unit import Unit
    from cloudstead.dialects.provision_device.auth import PanoramaCaller
    from cloudstead.dialects.provision_device.ports import Backend
    from cloudstead.dialects.provision_device.shapes.devices import (
        DescribeDeviceResponse,
        DeviceSummary,
        ProvisionDeviceRequest,
        UpdateDeviceMetadataRequest,
    )
    from cloudstead.web.call import Call

_ORDERS = {
    SortBy.DEVICE_ID: Order.DEVICE_ID,
    SortBy.NAME: Order.NAME,
    SortBy.CREATED_TIME: Order.CREATED_TIME,
}
_SORTED_AT_MOST = 1000
_MOMENT = re.compile("[0-9]{1,15}")  # milliseconds since 1970


class DeviceHandlers:
    """Everything below ``/devices``."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._devices = backend.devices

    async def provision(self, call: Call[PanoramaCaller], body: ProvisionDeviceRequest) -> ProvisionDeviceResponse:
        """Announce a device, and answer the archive that it carries away: good for five minutes, never shown again."""
        who = call.caller
        networking = body.networking_configuration
        around = self._backend.around(who.account)

        def announce(unit: Unit) -> tuple[ProvisionedDevice, bytes]:
            made = self._devices.provision(
                unit,
                who.caller,
                region=who.region,
                name=body.name,
                description=body.description or "",
                networking="" if networking is None else msgspec.json.encode(networking).decode(),
                tags=body.tags or {},
                domain_id=who.domain_id,
            )
            # Before the commit: where no archive comes of it, no device shall be there that nobody can bring in.
            return made.device, pack(made.device, made.claim, around)

        device, archive = await self._backend.database.write(announce)
        return ProvisionDeviceResponse(
            arn=arn_of(device, who.account.number),
            certificates=base64.b64encode(archive).decode(),
            device_id=device.id,
            iot_thing_name=device.thing_name,
            status=ProvisioningStatus.AWAITING_PROVISIONING,
        )

    async def describe(self, call: Call[PanoramaCaller]) -> DescribeDeviceResponse:
        """Describe a device."""
        who = call.caller
        device_id = DeviceId(call.path["DeviceId"])
        device = await self._backend.database.read(
            lambda unit: self._devices.get(unit, who.caller, device_id, region=who.region)
        )
        now_ms = self._backend.clock.millis()
        is_online = self._is_online(device)
        return described(
            device,
            aggregated(device, now_ms, is_online=is_online),
            arn=arn_of(device, who.account.number),
            is_online=is_online,
            now_ms=now_ms,
            lease_ends_ms=self._lease_ends_ms(device, now_ms),
        )

    async def list_page(self, call: Call[PanoramaCaller]) -> ListDevicesResponse:
        """List devices, 25 at a time at most."""
        who = call.caller
        query = call.options(ListDevicesQuery)
        question = [
            who.account.id,
            who.region,
            query.sort_by,
            query.sort_order,
            query.name_filter,
            query.device_aggregated_status_filter,
        ]
        last = None if query.next_token is None else _place_of(query.next_token, question, query.sort_by)
        now_ms = self._backend.clock.millis()
        sorts_by_status = query.sort_by is SortBy.DEVICE_AGGREGATED_STATUS
        wanted = Wanted(
            region=who.region,
            limit=_SORTED_AT_MOST if sorts_by_status else query.max_results or 25,
            name=query.name_filter,
            status=query.device_aggregated_status_filter,
            order=Order.DEVICE_ID if sorts_by_status else _ORDERS[query.sort_by],
            is_descending=query.sort_order == "DESCENDING",
            last=None if sorts_by_status else last,
        )
        found = await self._backend.database.read(
            lambda unit: page(unit, who.caller, wanted, presence=self._backend.presence, now_ms=now_ms)
        )
        if sorts_by_status:
            found = _by_status(found, query, last)
        return ListDevicesResponse(
            devices=[self._summary(each, now_ms) for each in found.items],
            next_token=UNSET if found.last is None else token_for(found.last, question),
        )

    async def update(self, call: Call[PanoramaCaller], body: UpdateDeviceMetadataRequest) -> DeviceIdOnly:
        """Change the description of a device; one that is left out stays."""
        caller, region = call.caller.caller, call.caller.region
        device_id = DeviceId(call.path["DeviceId"])
        description = body.description
        if description is None:
            await self._backend.database.read(lambda unit: self._devices.get(unit, caller, device_id, region=region))
        else:
            await self._backend.database.write(
                lambda unit: self._devices.describe(unit, caller, device_id, description, region=region)
            )
        return DeviceIdOnly(device_id)

    async def delete(self, call: Call[PanoramaCaller]) -> DeviceIdOnly:
        """Delete a device with its thing, and withdraw every certificate of it."""
        caller, region = call.caller.caller, call.caller.region
        device_id = DeviceId(call.path["DeviceId"])
        await self._backend.database.write(lambda unit: self._devices.remove(unit, caller, device_id, region=region))
        return DeviceIdOnly(device_id)

    def _summary(self, shown: Shown, now_ms: int) -> DeviceSummary:
        return summary(
            shown.device, shown.status, now_ms=now_ms, lease_ends_ms=self._lease_ends_ms(shown.device, now_ms)
        )

    def _is_online(self, device: ProvisionedDevice) -> bool:
        return device.thing_uid is not None and bool(self._backend.presence.online([device.thing_uid]))

    def _lease_ends_ms(self, device: ProvisionedDevice, now_ms: int) -> int | None:
        if not device.connected_at_ms:
            return None
        return LEASE_MS + (now_ms if self._is_online(device) else device.last_contact_ms)


def _place_of(token: str, question: Sequence[Any], sort_by: SortBy) -> tuple[str, str]:
    last = place_of(token, question)
    if sort_by is SortBy.CREATED_TIME and not _MOMENT.fullmatch(last[0]):
        raise FieldInvalid("NextToken", "is none of ours")
    return last


def _by_status(found: Listed, query: ListDevicesQuery, last: tuple[str, str] | None) -> Listed:
    """Order by a status that follows from the clock, so that no store can: the account's first thousand at most."""
    if found.last is not None:
        raise FieldInvalid(
            "SortBy", f"{SortBy.DEVICE_AGGREGATED_STATUS} orders at most {_SORTED_AT_MOST} devices: filter them first"
        )

    def place(shown: Shown) -> tuple[str, str]:
        return shown.status.value, shown.device.id

    is_descending = query.sort_order == "DESCENDING"
    ordered = sorted(found.items, key=place, reverse=is_descending)
    if last is not None:
        ordered = [each for each in ordered if (place(each) < last if is_descending else place(each) > last)]
    limit = query.max_results or 25
    items = ordered[:limit]
    return Listed(items, place(items[-1]) if len(ordered) > limit else None)
