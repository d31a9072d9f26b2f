"""Which schema a store has, and what was done to it when it was opened."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schema:
    """``came_from`` is the version that the steps found, ``None`` where none were missing or the store was empty.

    ``copied_to`` names the copy that was taken before them, where the engine is a file of ours.
    """

    version: str
    came_from: str | None = None
    copied_to: str | None = None
