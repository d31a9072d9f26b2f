"""Thing types on the wire (Cloud Connect 2.11, section 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.ids import ThingTypeId
    from cloudstead.core.thingtypes.model import JsonObject, ThingType
    from cloudstead.core.thingtypes.registry import SeenThingType

SELECTABLE: Final = frozenset(
    {"label", "readOnly", "thingCount", "domain", "data", "resources", "viewMode", "virtualResources"}
)
"""What can be asked for with null. ``virtualResources`` has no row in the answer; ``viewMode`` brings ``viewModes``."""


def new_type(thing_type: ThingType) -> dict[str, Any]:
    """Return the type as CREATE does."""
    shown = {"id": thing_type.id, "domain": thing_type.domain_id, "label": thing_type.label}
    return {**shown, **_optional(thing_type), **_views(thing_type)}


def changed_type(thing_type: ThingType) -> dict[str, Any]:
    """Return the type as UPDATE and the attribute actions do: the description is there even when it is empty."""
    return {
        **thing_type.extra,
        "id": thing_type.id,
        "label": thing_type.label,
        **_optional(thing_type),
        "description": thing_type.description or "",
        "resources": thing_type.resources,
        **_views(thing_type),
    }


def shows_count(selected: frozenset[str]) -> bool:
    """Tell whether the answer to this selection holds the number of things, which costs more than the rest."""
    return "thingCount" in selected or not selected & SELECTABLE


def seen_type(seen: SeenThingType, selected: frozenset[str], counts: Mapping[ThingTypeId, int]) -> dict[str, Any]:
    """Return the type as GET and LIST do: what was selected, or everything when nothing selectable was."""
    thing_type = seen.thing_type
    chosen = selected & SELECTABLE
    everything = {
        **thing_type.extra,
        "id": thing_type.id,
        "domain": thing_type.domain_id,
        "label": thing_type.label,
        **_optional(thing_type),
        "readOnly": seen.is_read_only,
        "thingCount": counts.get(thing_type.id, 0),
        "resources": thing_type.resources,
        **_views(thing_type),
    }
    if not chosen:
        return everything
    if "viewMode" in chosen:
        chosen |= {"viewModes"}
    available = {"data": {}, **everything}
    return {"id": thing_type.id, **{name: value for name, value in available.items() if name in chosen}}


def _optional(thing_type: ThingType) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if thing_type.description is not None:
        shown["description"] = thing_type.description
    if thing_type.data is not None:
        shown["data"] = thing_type.data
    return shown


def _views(thing_type: ThingType) -> dict[str, Any]:
    modes = {name: _view_mode(name, mode) for name, mode in thing_type.view_modes.items()}
    return {"viewMode": thing_type.view_mode, "viewModes": modes}


def _view_mode(name: str, mode: JsonObject) -> JsonObject:
    """Fill in what every view mode has, for one that was begun with a key path to one of its attributes."""
    return {"id": name, "label": name, "thingWidgets": [], **mode}
