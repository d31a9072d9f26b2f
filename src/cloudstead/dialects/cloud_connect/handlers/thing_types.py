"""ThingTypeLambda (Cloud Connect 2.11, section 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.ids import DomainId, ThingTypeId
from cloudstead.dialects.cloud_connect.shapes.inputs import as_patch
from cloudstead.dialects.cloud_connect.shapes.thing_types import changed_type, new_type, seen_type, shows_count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.unit import Unit
    from cloudstead.dialects.cloud_connect.call import Call
    from cloudstead.dialects.cloud_connect.ports import Backend
    from cloudstead.dialects.cloud_connect.shapes.inputs import (
        ChangedAttribute,
        ChangedThingType,
        NewThingType,
        Nothing,
        OneId,
        RemovedAttribute,
    )


async def create(backend: Backend, call: Call[NewThingType]) -> object:
    """Make a thing type with the default view mode."""
    new = call.input
    thing_type = await backend.database.write(
        lambda unit: backend.thing_types.create(
            unit,
            call.caller,
            thing_type_id=ThingTypeId(new.id),
            domain_id=DomainId(new.domain),
            label=new.label,
            description=new.description,
            data=new.data,
        )
    )
    return new_type(thing_type)


async def get(backend: Backend, call: Call[OneId]) -> object:
    """Return one thing type."""
    type_id = ThingTypeId(call.input.id)

    def work(unit: Unit) -> object:
        seen = backend.thing_types.get(unit, call.caller, thing_type_id=type_id)
        return seen_type(seen, call.selected, _counts(backend, unit, call))

    return await backend.database.read(work)


async def show_all(backend: Backend, call: Call[Nothing]) -> object:
    """Return the thing types that the caller sees, as a bare array."""

    def work(unit: Unit) -> object:
        counts = _counts(backend, unit, call)
        return [seen_type(each, call.selected, counts) for each in backend.thing_types.list(unit, call.caller)]

    return await backend.database.read(work)


def _counts(backend: Backend, unit: Unit, call: Call[OneId] | Call[Nothing]) -> Mapping[ThingTypeId, int]:
    return backend.thing_types.thing_counts(unit, call.caller) if shows_count(call.selected) else {}


async def remove(backend: Backend, call: Call[OneId]) -> object:
    """Remove a thing type that no thing has."""
    type_id = ThingTypeId(call.input.id)
    await backend.database.write(lambda unit: backend.thing_types.remove(unit, call.caller, thing_type_id=type_id))
    return {}


async def remove_attribute(backend: Backend, call: Call[RemovedAttribute]) -> object:
    """Remove what is at a key path, such as a view mode."""
    asked = call.input
    thing_type = await backend.database.write(
        lambda unit: backend.thing_types.remove_attribute(
            unit, call.caller, thing_type_id=ThingTypeId(asked.id), key_path=asked.key_path
        )
    )
    return changed_type(thing_type)


async def update(backend: Backend, call: Call[ChangedThingType]) -> object:
    """Change label, description and data."""
    asked = call.input
    thing_type = await backend.database.write(
        lambda unit: backend.thing_types.update(
            unit,
            call.caller,
            thing_type_id=ThingTypeId(asked.id),
            label=asked.label,
            description=as_patch(asked.description),
            data=as_patch(asked.data),
        )
    )
    return changed_type(thing_type)


async def update_attribute(backend: Backend, call: Call[ChangedAttribute]) -> object:
    """Put an item at a key path."""
    asked = call.input
    thing_type = await backend.database.write(
        lambda unit: backend.thing_types.update_attribute(
            unit, call.caller, thing_type_id=ThingTypeId(asked.id), key_path=asked.key_path, item=asked.item
        )
    )
    return changed_type(thing_type)
