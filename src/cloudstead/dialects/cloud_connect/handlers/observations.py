"""ObservationLambda (Cloud Connect 2.11, section 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.search_scope import search_scope
from cloudstead.core.observations.find import parse_observation_search

if TYPE_CHECKING:
    from cloudstead.dialects.cloud_connect.call import Call
    from cloudstead.dialects.cloud_connect.ports import Backend
    from cloudstead.dialects.cloud_connect.shapes.inputs import Find

_READ: Final = Permission("observation:read")


async def find(backend: Backend, call: Call[Find]) -> object:
    """Search what the caller's things reported with an Elasticsearch query."""
    search = parse_observation_search(call.input.query)
    scope = await backend.database.read(lambda unit: search_scope(unit, call.caller, _READ))
    # A look-up of a domain asks which things are there now.
    await (backend.barrier.settle_things() if search.lookups else backend.barrier.settle())
    found = await backend.index.search_observations(scope, search)
    return found.response
