"""The rooms behind Groups, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.groups.clients import Clients
from cloudstead.core.groups.configuring import Configuring
from cloudstead.core.groups.devices import Devices
from cloudstead.core.groups.members import Members
from cloudstead.core.groups.outside_keys import OutsideKeys
from cloudstead.core.groups.registry import Groups
from cloudstead.core.groups.uplinks import Uplinks
from cloudstead.core.roles.registry import Roles
from cloudstead.core.things.many import ManyThings
from cloudstead.dialects.groups.ports import Backend

if TYPE_CHECKING:
    from cloudstead.app.cloud import Cloud
    from cloudstead.core.access.callers import Callers
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.domains.registry import Domains
    from cloudstead.core.ids import IdSource
    from cloudstead.core.invitations.registry import Invitations
    from cloudstead.core.spine.spine import Spine
    from cloudstead.core.things.directory import ThingDirectory
    from cloudstead.core.unit import Database


def groups_of(cloud: Cloud, invitations: Invitations) -> Backend:
    """Return the rooms of a cloud that runs."""
    return groups_backend(
        cloud.clock,
        cloud.ids,
        sealer=cloud.keys.sealer,
        database=cloud.database,
        callers=cloud.callers,
        domains=cloud.domains,
        invitations=invitations,
        directory=cloud.directory,
        spine=cloud.spine,
    )


def groups_backend(
    clock: Clock,
    ids: IdSource,
    *,
    sealer: Sealer,
    database: Database,
    callers: Callers,
    domains: Domains,
    invitations: Invitations,
    directory: ThingDirectory,
    spine: Spine,
) -> Backend:
    """Return the rooms."""
    roles = Roles(clock, ids)
    return Backend(
        database=database,
        sealer=sealer,
        callers=callers,
        clients=Clients(sealer, clock),
        groups=Groups(clock, ids, sealer=sealer, domains=domains, roles=roles),
        roles=roles,
        members=Members(clock, ids, roles=roles, invitations=invitations),
        outside_keys=OutsideKeys(clock, ids, sealer),
        devices=Devices(clock, ids, ManyThings(clock, ids)),
        configuring=Configuring(directory, spine),
        uplinks=Uplinks(database, directory, spine),
        shadows=spine,
    )
