"""ThingLambda (Cloud Connect 2.11, section 11)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.search_scope import search_scope
from cloudstead.core.ids import DomainId, ThingName, ThingTypeId
from cloudstead.core.observations.find import parse_thing_search
from cloudstead.core.patch import ABSENT
from cloudstead.core.shadows.changes import full_document
from cloudstead.dialects.cloud_connect.shapes.inputs import as_patch, given
from cloudstead.dialects.cloud_connect.shapes.things import changed_thing, new_thing, selected_thing

if TYPE_CHECKING:
    from cloudstead.core.domains.model import Domain
    from cloudstead.core.things.model import Thing
    from cloudstead.core.unit import Unit
    from cloudstead.dialects.cloud_connect.call import Call
    from cloudstead.dialects.cloud_connect.ports import Backend
    from cloudstead.dialects.cloud_connect.shapes.inputs import ChangedThing, Find, NewThing, OneThing

_READ: Final = Permission("thing:read")
_READ_SHADOW: Final = Permission("shadow:read")


async def create(backend: Backend, call: Call[NewThing]) -> object:
    """Make a thing with its certificate."""
    new = call.input
    thing = await backend.database.write(
        lambda unit: backend.things.create(
            unit,
            call.caller,
            thing_type=ThingTypeId(new.thing_type),
            domain_id=DomainId(new.domain),
            name=ThingName(new.thing_name) if new.thing_name else None,
        )
    )
    return new_thing(thing)


async def download_certificate(backend: Backend, call: Call[OneThing]) -> object:
    """Return the zip archive with certificate and keys, in base64 as a bare text."""
    name = ThingName(call.input.thing_name)
    archive = await backend.database.read(lambda unit: backend.certificates.download(unit, call.caller, name))
    return base64.b64encode(archive).decode("ascii")


async def find(backend: Backend, call: Call[Find]) -> object:
    """Search the caller's things with an Elasticsearch query."""
    search = parse_thing_search(call.input.query)
    scope = await backend.database.read(lambda unit: search_scope(unit, call.caller, _READ))
    await backend.barrier.settle_things()
    found = await backend.index.search_things(scope, search)
    return found.response


async def get(backend: Backend, call: Call[OneThing]) -> object:
    """Return one thing with what was selected of it."""
    name = ThingName(call.input.thing_name)

    def work(unit: Unit) -> tuple[Thing, list[Domain]]:
        thing = backend.things.get(unit, call.caller, name=name)
        if "shadow" in call.selected:
            backend.things.allowed(unit, call.caller, name=name, permission=_READ_SHADOW)
        return thing, list(unit.domains.tree(thing.account_id).lineage(thing.domain_id))

    thing, lineage = await backend.database.read(work)
    answer = selected_thing(thing, lineage, call.selected)
    if "shadow" in call.selected:
        shadow = await backend.shadows.current(thing.account_id, thing.uid)
        answer["shadow"] = msgspec.Raw(full_document(shadow, at_s=backend.clock.millis() // 1000))
    return answer


async def remove(backend: Backend, call: Call[OneThing]) -> object:
    """Remove a thing with its shadow and its certificates."""
    name = ThingName(call.input.thing_name)
    await backend.database.write(lambda unit: backend.things.remove(unit, call.caller, name=name))
    return {}


async def replace_certificate(backend: Backend, call: Call[OneThing]) -> object:
    """Revoke the certificate in use and make a new one."""
    name = ThingName(call.input.thing_name)
    await backend.database.write(lambda unit: backend.certificates.replace(unit, call.caller, name))
    return {}


async def update(backend: Backend, call: Call[ChangedThing]) -> object:
    """Change a thing, and move it where another domain is given."""
    asked = call.input
    thing = await backend.database.write(
        lambda unit: backend.things.update(
            unit,
            call.caller,
            name=ThingName(asked.thing_name),
            domain_id=DomainId(asked.domain) if asked.domain else ABSENT,
            label=given(asked.label),
            description=as_patch(asked.description),
        )
    )
    return changed_thing(thing)
