"""Things on the wire (Cloud Connect 2.11, section 11). Times are milliseconds; those inside a shadow are seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudstead.core.spine.topics import domain_topic
from cloudstead.dialects.cloud_connect.shapes.selection import pick

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.domains.model import Domain
    from cloudstead.core.things.model import Thing


def new_thing(thing: Thing) -> dict[str, Any]:
    """Return the thing as CREATE does: its domain is an id."""
    return {
        "thingName": thing.name,
        "thingType": thing.thing_type,
        "createdAt": thing.created_at_ms,
        "createdBy": thing.created_by,
        "domain": thing.domain_id,
        "label": thing.label,
    }


def changed_thing(thing: Thing) -> dict[str, Any]:
    """Return the thing as UPDATE does: its domain is an id."""
    shown = {
        "thingType": thing.thing_type,
        "thingName": thing.name,
        "domain": thing.domain_id,
        "label": thing.label,
    }
    if thing.description is not None:
        shown["description"] = thing.description
    return shown


def selected_thing(thing: Thing, lineage: Sequence[Domain], selected: frozenset[str]) -> dict[str, Any]:
    """Return the thing as GET does: its domain is an object. ``lineage`` leads from that domain up to the root."""
    domain = lineage[0]
    available = {
        "thingType": thing.thing_type,
        "createdAt": thing.created_at_ms,
        "createdBy": thing.created_by,
        "domain": {
            "id": domain.id,
            "name": domain.name,
            "description": domain.description or "",
            "data": domain.data or {},
        },
        "label": thing.label,
        "description": thing.description or "",
        "domainTopic": domain_topic([each.id for each in reversed(lineage)]),
    }
    return {"thingName": thing.name, **pick(available, selected)}
