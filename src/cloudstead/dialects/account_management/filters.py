"""Filters: ``<attribute>__<operator>=<value>`` in a query, joined with AND.

Each list's query shape names the filters that it knows; any other is refused, because a filter that is ignored would
show, or let somebody delete, more than was meant.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from cloudstead.web.errors import FieldInvalid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudstead.web.call import Call

_MARK = "__"


def require_known(call: Call[Any], shape: type[msgspec.Struct]) -> None:
    """Raise ``FieldInvalid`` for a filter that the shape does not name, or a value that nothing here can have.

    A filter that is given twice is refused too: only one of the two would count.
    """
    known = {field.encode_name for field in msgspec.structs.fields(shape)}
    given = Counter(name for name, _ in call.query.multi_items())
    for name, value in call.query.items():
        if "\0" in value:
            raise FieldInvalid(name, "holds a NUL character")
        if _MARK in name and name not in known:
            raise FieldInvalid(name, "is no filter of this list")
        if _MARK in name and given[name] > 1:
            raise FieldInvalid(name, "is given more than once")


def listed(text: str | None, *, field: str, allowed: Iterable[str] | None = None) -> tuple[str, ...] | None:
    """Return the values of an ``in`` or ``nin`` filter, which are separated by commas; ``None`` without one."""
    if text is None:
        return None
    values = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    known = None if allowed is None else set(allowed)
    for value in values:
        if known is not None and value not in known:
            raise FieldInvalid(field, f"{value!r} is none of {', '.join(sorted(known))}")
    return values
