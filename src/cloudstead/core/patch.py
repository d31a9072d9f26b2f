"""Patches: a change in which what is absent stays as it is, while ``None`` clears."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, TypeAlias, TypeVar

T = TypeVar("T")


class Absent(Enum):
    """The type of ``ABSENT``."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""Not given: leave the field as it is."""

Patched: TypeAlias = T | Literal[Absent.ABSENT]
"""A new value for a field, or ``ABSENT``."""


def patched(change: Patched[T], current: T) -> T:
    """Return ``change``, or ``current`` where none was given."""
    return current if change is ABSENT else change
