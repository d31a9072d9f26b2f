"""Where in a report a rule's resource is found (Cloud Connect 2.11, section 6.1).

``temp``         the value of ``temp`` that the thing reports
``pump.temp``    ``temp`` of every sub-thing that says ``"type": "pump"``, or has said so before
``untyped.temp`` ``temp`` of every sub-thing that never said a type
``sub1.temp``    ``temp`` of the sub-thing with the id ``sub1``

A sub-thing is an object in the state, keyed by its id. What follows the first dot may lead further down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNTYPED: Final = "untyped"
MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Found:
    """A value in a report. ``path`` leads to it from the top; ``parent_id`` is the sub-thing's, where it is of one."""

    name: str
    path: str
    value: Any
    parent_id: str | None = None


def kind_of(sub_thing_id: str, sub_thing: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    """Return the type of a sub-thing: the one that it reports, else the one in ``whole``, else ``untyped``."""
    said = sub_thing.get("type")
    if type(said) is not str:
        known = whole.get(sub_thing_id)
        said = known.get("type") if type(known) is dict else None
    return said if type(said) is str and said else UNTYPED


def find(resource: str, reported: Mapping[str, Any], whole: Mapping[str, Any]) -> Iterator[Found]:
    """Yield every value in a report that ``resource`` names.

    ``whole`` is all that is reported once the report is merged: devices say the type of a sub-thing once, not always.
    """
    direct = reported.get(resource, MISSING)
    if direct is not MISSING:
        yield Found(resource, resource, direct)
    head, dot, rest = resource.partition(".")
    if not dot:
        return
    for key, below in reported.items():
        if type(below) is dict and head in (key, kind_of(key, below, whole)):
            value = follow(rest, below)
            if value is not MISSING:
                yield Found(rest, f"{key}.{rest}", value, key)


def follow(path: str, holder: Mapping[str, Any]) -> Any:
    """Return what a dotted path leads to, ``MISSING`` when nothing is there; a key that holds the dots wins."""
    direct = holder.get(path, MISSING)
    if direct is not MISSING or "." not in path:
        return direct
    current: Any = holder
    for step in path.split("."):
        if type(current) is not dict or step not in current:
            return MISSING
        current = current[step]
    return current
