"""DomainLambda: every change answers with the whole tree as the caller sees it (Cloud Connect 2.11, section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from cloudstead.core.domains.registry import DomainChange
from cloudstead.core.ids import DomainId
from cloudstead.core.patch import ABSENT
from cloudstead.dialects.cloud_connect.shapes.domains import changed_tree, inherited, one_domain, selected_tree
from cloudstead.dialects.cloud_connect.shapes.inputs import as_patch, given

if TYPE_CHECKING:
    from cloudstead.core.unit import Unit
    from cloudstead.dialects.cloud_connect.call import Call
    from cloudstead.dialects.cloud_connect.ports import Backend
    from cloudstead.dialects.cloud_connect.shapes.inputs import ChangedDomain, NewDomain, Nothing, OneId


async def create(backend: Backend, call: Call[NewDomain]) -> object:
    """Add a domain."""
    new = call.input

    def work(unit: Unit) -> object:
        backend.domains.create(
            unit,
            call.caller,
            domain_id=DomainId(new.id),
            parent_id=DomainId(new.parent_id),
            name=new.name,
            description=new.description,
            data=new.data,
        )
        return changed_tree(backend.domains.visible(unit, call.caller))

    return await backend.database.write(work)


async def get(backend: Backend, call: Call[OneId]) -> object:
    """Return one domain with what was selected of it."""
    domain_id = DomainId(call.input.id)
    found = await backend.database.read(lambda unit: backend.domains.get(unit, call.caller, domain_id=domain_id))
    return one_domain(found, call.selected)


async def show_tree(backend: Backend, call: Call[Nothing]) -> object:
    """Return the tree from the caller's own domain downwards."""
    visible = await backend.database.read(lambda unit: backend.domains.visible(unit, call.caller))
    return selected_tree(visible, call.selected)


async def remove(backend: Backend, call: Call[OneId]) -> object:
    """Remove a domain with all that are below it."""

    def work(unit: Unit) -> object:
        backend.domains.remove(unit, call.caller, domain_id=DomainId(call.input.id))
        return changed_tree(backend.domains.visible(unit, call.caller))

    return await backend.database.write(work)


async def update(backend: Backend, call: Call[ChangedDomain]) -> object:
    """Change a domain and move it where another parent is given; metadata and settings are shown if they were set."""
    asked, domain_id = call.input, DomainId(call.input.id)
    change = DomainChange(
        parent_id=DomainId(asked.parent_id) if asked.parent_id else ABSENT,
        name=given(asked.name),
        description=as_patch(asked.description),
        data=as_patch(asked.data),
        domain_metadata=as_patch(asked.domain_metadata),
        thing_type_metadata=as_patch(asked.thing_type_metadata),
        settings=as_patch(asked.settings),
    )
    set_beside = {
        name
        for name, value in (
            ("domainMetadata", asked.domain_metadata),
            ("thingTypeMetadata", asked.thing_type_metadata),
            ("settings", asked.settings),
        )
        if value is not UNSET
    }

    def work(unit: Unit) -> object:
        backend.domains.update(unit, call.caller, domain_id=domain_id, change=change)
        now = inherited(backend.domains.get(unit, call.caller, domain_id=domain_id))
        extra = {name: value for name, value in now.items() if name in set_beside}
        return changed_tree(backend.domains.visible(unit, call.caller), domain_id, extra)

    return await backend.database.write(work)
