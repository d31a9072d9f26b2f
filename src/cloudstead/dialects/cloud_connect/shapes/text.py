"""Ids are texts even when they look like numbers; a number in the input is read as its decimal text."""

from __future__ import annotations

from typing import Annotated, TypeAlias, get_args

import msgspec

Text: TypeAlias = Annotated[str, msgspec.Meta(extra={"may_come_as": "number"})]
"""A text that may come as a number."""


def may_be_number(annotation: object) -> bool:
    """Tell whether a field with this annotation is a ``Text``, optional or not."""
    return annotation == Text or Text in get_args(annotation)


def without_number(value: object) -> object:
    """Return a whole number as its decimal text, and anything else as it is."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
