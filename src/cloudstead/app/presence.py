"""Which devices are connected at this moment, as far as this process serves them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cloudstead.core.provisioning.model import THING_TYPE
from cloudstead.gateway.devices import DeviceRole

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from cloudstead.core.ids import ThingUid
    from cloudstead.gateway.link import Role
    from cloudstead.gateway.listener import GatewayListener


class GatewayListeners:
    """Passes on what the gateway tells to several, one after the other (``GatewayListener``)."""

    def __init__(self, listeners: Sequence[GatewayListener]) -> None:
        self._listeners = tuple(listeners)

    def connected(self, role: Role, *, space: str, source_address: str | None) -> None:
        """Tell that somebody was let in."""
        for each in self._listeners:
            each.connected(role, space=space, source_address=source_address)

    def refused(self, *, reason: str, code: int, source_address: str | None) -> None:
        """Tell that somebody was not."""
        for each in self._listeners:
            each.refused(reason=reason, code=code, source_address=source_address)

    def left(self, role: Role, *, reason: str, code: int) -> None:
        """Tell the end of a connection."""
        for each in self._listeners:
            each.left(role, reason=reason, code=code)


class DevicePresence:
    """Counts the connections of each thing (``core.provisioning.ports.Presence``, ``GatewayListener``).

    ``on_contact`` hears of provisioned devices that come or go; it must cost next to nothing.
    """

    def __init__(self, on_contact: Callable[[ThingUid], None]) -> None:
        self._on_contact = on_contact
        self._connections: Counter[ThingUid] = Counter()

    def online(self, thing_uids: Collection[ThingUid]) -> frozenset[ThingUid]:
        """Return those of the things that are connected."""
        return frozenset(uid for uid in thing_uids if self._connections[uid])

    def connected(self, role: Role, *, space: str, source_address: str | None) -> None:
        """Count a device that was let in."""
        del space, source_address
        if isinstance(role, DeviceRole):
            self._connections[role.thing.uid] += 1
            self._tell(role)

    def refused(self, *, reason: str, code: int, source_address: str | None) -> None:
        """Whoever is refused was never there."""

    def left(self, role: Role, *, reason: str, code: int) -> None:
        """Count the end of a connection."""
        del reason, code
        if not isinstance(role, DeviceRole):
            return
        self._connections[role.thing.uid] -= 1
        if self._connections[role.thing.uid] <= 0:
            del self._connections[role.thing.uid]
        self._tell(role)

    def _tell(self, role: DeviceRole) -> None:
        if role.thing.thing_type == THING_TYPE:
            self._on_contact(role.thing.uid)
