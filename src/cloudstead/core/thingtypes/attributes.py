"""The attributes of a thing type as one document: what key paths lead into, and which of it may be changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.errors import InvalidField
from cloudstead.core.free_json import require_bounded
from cloudstead.core.texts import require_line, require_prose
from cloudstead.core.thingtypes.key_paths import KeyPath
from cloudstead.core.thingtypes.model import DEFAULT_VIEW

if TYPE_CHECKING:
    from cloudstead.core.thingtypes.model import JsonObject, ThingType

MAX_BYTES: Final = 256 * 1024
"""As much as the attributes of one type may take, all view modes together."""

FIXED: Final = frozenset(
    {
        "id",
        "domain",
        "resources",  # learnt from shadows
        "readOnly",
        "thingCount",
        "virtualResources",
        "createdAt",
        "errorMessage",  # an answer with this member would be read as a failure (Cloud Connect 2.11, section 1.1)
    }
)
"""Attributes that key paths must not lead to: what a type is, what it learnt, and what is reckoned for each caller."""

_KNOWN: Final = frozenset({"label", "description", "data", "viewMode", "viewModes"})


def free_path(text: str) -> KeyPath:
    """Read a key path to something that callers may change; raise ``InvalidField``."""
    path = KeyPath.parse(text)
    if path.top in FIXED:
        raise InvalidField("key_path", f"{path.top!r} cannot be changed")
    return path


def with_item(thing_type: ThingType, path: KeyPath, item: object) -> ThingType:
    """Return the type with ``item`` at ``path``; raise ``InvalidField``."""
    document = path.put(_document(thing_type), item)
    require_bounded(document, field="item", max_bytes=MAX_BYTES)
    return _from_document(thing_type, document)


def without_item(thing_type: ThingType, path: KeyPath) -> ThingType:
    """Return the type without the attribute at ``path``; raise ``InvalidField`` where it is one that a type needs."""
    if path.keys == ("label",):
        raise InvalidField("key_path", "a thing type needs its label")
    return _from_document(thing_type, path.remove(_document(thing_type)))


def _document(thing_type: ThingType) -> JsonObject:
    return {
        "label": thing_type.label,
        "description": thing_type.description,
        "data": thing_type.data,
        "viewMode": thing_type.view_mode,
        "viewModes": thing_type.view_modes,
        **thing_type.extra,
    }


def _from_document(thing_type: ThingType, document: JsonObject) -> ThingType:
    label = _text(document.get("label"))
    require_line(label, field="item")
    description = document.get("description")
    if description is not None:
        require_prose(_text(description), field="item")
    data = document.get("data")
    view_modes = document.get("viewModes", {})
    if data is not None and not isinstance(data, dict):
        raise InvalidField("item", "data must be an object")
    if not isinstance(view_modes, dict) or not all(isinstance(mode, dict) for mode in view_modes.values()):
        raise InvalidField("item", "viewModes must be an object of objects")
    return replace(
        thing_type,
        label=label,
        description=description or None,
        data=data,
        view_mode=_selected(document, view_modes),
        view_modes=view_modes,
        extra={name: value for name, value in document.items() if name not in _KNOWN},
    )


def _selected(document: JsonObject, view_modes: JsonObject) -> str:
    """Return the view mode selected; where it is gone, the default one or else the first."""
    selected = _text(document.get("viewMode", DEFAULT_VIEW))
    if selected in view_modes or not view_modes:
        return selected
    return DEFAULT_VIEW if DEFAULT_VIEW in view_modes else next(iter(view_modes))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidField("item", "must be a text here")
    return value
