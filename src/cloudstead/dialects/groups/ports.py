"""What the handlers need from the rest of the house."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.groups.clients import Clients
    from cloudstead.core.groups.registry import Groups
    from cloudstead.core.roles.registry import Roles
    from cloudstead.core.unit import Database
    from cloudstead.dialects.groups.auth import Callers


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The rooms behind this dialect."""

    clock: Clock
    database: Database
    sealer: Sealer
    callers: Callers
    clients: Clients
    groups: Groups
    roles: Roles
