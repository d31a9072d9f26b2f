"""Metadata: which fields the free data of domains and thing types should have, and how clients label them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.errors import InvalidField
from cloudstead.core.free_json import require_bounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.domains.model import JsonObject

FIELD_TYPES: Final = ("text", "number")
"""What a field of free data may hold (Cloud Connect 2.11, section 3.3.3.2)."""


def checked_metadata(fields: Sequence[object] | None, *, field: str) -> list[JsonObject] | None:
    """Return the fields with the members that the contract knows; raise ``InvalidField`` when one is malformed.

    An empty list counts as none at all: the domain inherits (Cloud Connect 2.11, section 3.3.3.1).
    """
    if not fields:
        return None
    checked = [_checked(entry, field=field) for entry in fields]
    if len({entry["id"] for entry in checked}) < len(checked):
        raise InvalidField(field, "two fields have the same id")
    require_bounded(checked, field=field)
    return checked


def _checked(entry: object, *, field: str) -> JsonObject:
    if not isinstance(entry, dict):
        raise InvalidField(field, "each field must be an object")
    for member in ("id", "label"):
        if not isinstance(entry.get(member), str) or not entry[member]:
            raise InvalidField(field, f"each field needs the text {member!r}")
    if entry.get("type") not in FIELD_TYPES:
        raise InvalidField(field, "the type of a field is either 'text' or 'number'")
    return {member: entry[member] for member in ("id", "label", "type")}
