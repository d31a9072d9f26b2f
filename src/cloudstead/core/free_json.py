"""Free JSON: what callers may fill as they like, kept within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.errors import InvalidField

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES: Final = 64 * 1024
"""As much as one free object may take; thing types, which collect view modes, have a bound of their own."""

MAX_DEPTH: Final = 32
"""Deeper documents are nobody's by intent, and every reader of them would need to recurse."""


def require_bounded(value: object, *, field: str, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> None:
    """Raise ``InvalidField`` naming ``field`` when the value is too deep, too long or holds a NUL character.

    The walk goes level by level, so that no document can exhaust the stack. NUL is what PostgreSQL cannot store.
    """
    level = [value]
    for _ in range(max_depth + 1):
        if any(isinstance(each, str) and "\0" in each for each in level):
            raise InvalidField(field, "holds a NUL character")
        level = [part for whole in level for part in _parts(whole)]
        if not level:
            break
    else:
        raise InvalidField(field, f"nested deeper than {max_depth} levels")
    if len(msgspec.json.encode(value)) > max_bytes:
        raise InvalidField(field, f"longer than {max_bytes} bytes of JSON")


def _parts(value: object) -> Iterator[object]:
    """Yield what the value directly holds, keys included."""
    if isinstance(value, dict):
        yield from value
        yield from value.values()
    elif isinstance(value, list):
        yield from value
