"""Lists of provisioned devices: filtered, ordered, in pages."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from cloudstead.core.access.reach import Reach
from cloudstead.core.provisioning.devices import READ, place_of
from cloudstead.core.provisioning.model import aggregated
from cloudstead.core.provisioning.ports import Order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.provisioning.model import AggregatedStatus, ProvisionedDevice
    from cloudstead.core.provisioning.ports import Presence
    from cloudstead.core.unit import Unit

_READ_AT_ONCE: Final = 500
_READ_AT_MOST: Final = 5000
"""Devices looked at for one page: behind them the page ends short, and its token leads on."""

_KEYS: Final = {Order.DEVICE_ID: attrgetter("id"), Order.NAME: attrgetter("name")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a page shows: names that hold ``name``, devices of one ``status``, at most ``limit``."""

    region: str
    limit: int
    name: str = ""
    status: AggregatedStatus | None = None
    order: Order = Order.DEVICE_ID
    is_descending: bool = False
    last: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A device with its status at the moment of the list."""

    device: ProvisionedDevice
    status: AggregatedStatus


@dataclass(frozen=True, slots=True)
class Listed:
    """A page; ``last`` leads to the next, ``None`` on the last one."""

    items: Sequence[Shown]
    last: tuple[str, str] | None


def page(unit: Unit, caller: Caller, wanted: Wanted, *, presence: Presence, now_ms: int) -> Listed:
    """Return one page of what the caller sees; raise ``NotPermitted``."""
    tree = unit.domains.tree(caller.account_id)
    reach = Reach.of(caller, READ, tree)
    found: list[Shown] = []
    last, looked_at = wanted.last, 0
    while looked_at < _READ_AT_MOST:
        devices = unit.provisioned_devices.after(
            caller.account_id,
            wanted.region,
            order=wanted.order,
            last=last,
            is_descending=wanted.is_descending,
            limit=_READ_AT_ONCE,
        )
        looked_at += len(devices)
        for shown in _shown(devices, presence, now_ms):
            if not _is_wanted(shown, wanted) or not reach.covers(place_of(shown.device, tree)):
                continue
            if len(found) == wanted.limit:
                return Listed(found, _place(found[-1].device, wanted.order) if found else wanted.last)
            found.append(shown)
        if len(devices) < _READ_AT_ONCE:
            return Listed(found, None)
        last = _place(devices[-1], wanted.order)
    return Listed(found, last)


def _shown(devices: Sequence[ProvisionedDevice], presence: Presence, now_ms: int) -> list[Shown]:
    online = presence.online([each.thing_uid for each in devices if each.thing_uid is not None])
    return [Shown(each, aggregated(each, now_ms, is_online=each.thing_uid in online)) for each in devices]


def _is_wanted(shown: Shown, wanted: Wanted) -> bool:
    is_of_status = wanted.status is None or shown.status is wanted.status
    return is_of_status and wanted.name in shown.device.name


def _place(device: ProvisionedDevice, order: Order) -> tuple[str, str]:
    if order is Order.CREATED_TIME:
        return str(device.created_at_ms), device.id
    return _KEYS[order](device), device.id
