"""What the handlers need from the rest of the house."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.groups.clients import Clients
    from cloudstead.core.groups.configuring import Configuring
    from cloudstead.core.groups.devices import Devices
    from cloudstead.core.groups.members import Members
    from cloudstead.core.groups.outside_keys import OutsideKeys
    from cloudstead.core.groups.registry import Groups
    from cloudstead.core.groups.uplinks import Uplinks
    from cloudstead.core.ids import AccountId, ThingUid
    from cloudstead.core.roles.registry import Roles
    from cloudstead.core.shadows.model import Shadow
    from cloudstead.core.unit import Database
    from cloudstead.dialects.groups.auth import Callers


class Shadows(Protocol):
    """Shadows as they are at this moment."""

    async def current_each(self, account_id: AccountId, uids: Collection[ThingUid]) -> Mapping[ThingUid, Shadow]:
        """Return the shadow of each thing, for whoever has checked that it may be seen."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The rooms behind this dialect."""

    database: Database
    sealer: Sealer
    callers: Callers
    clients: Clients
    groups: Groups
    roles: Roles
    members: Members
    outside_keys: OutsideKeys
    devices: Devices
    configuring: Configuring
    uplinks: Uplinks
    shadows: Shadows
