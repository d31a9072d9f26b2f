"""The rooms behind Groups, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.groups.clients import Clients
from cloudstead.core.groups.registry import Groups
from cloudstead.core.roles.registry import Roles
from cloudstead.dialects.groups.ports import Backend

if TYPE_CHECKING:
    from cloudstead.app.cloud import Cloud


def groups_backend(cloud: Cloud) -> Backend:
    """Return the rooms."""
    clock, ids, sealer = cloud.clock, cloud.ids, cloud.keys.sealer
    roles = Roles(clock, ids)
    return Backend(
        clock=clock,
        database=cloud.database,
        sealer=sealer,
        callers=cloud.callers,
        clients=Clients(sealer, clock),
        groups=Groups(clock, ids, sealer=sealer, domains=cloud.domains, roles=roles),
        roles=roles,
    )
