"""Attributes asked for with null: the answer holds what was named, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def selected_names(attributes: Mapping[str, object]) -> frozenset[str]:
    """Return the names of the attributes whose value is null."""
    return frozenset(name for name, value in attributes.items() if value is None)


def pick(available: Mapping[str, object], selected: frozenset[str]) -> dict[str, object]:
    """Return what is both available and selected, in the order of ``available``; unknown names are ignored."""
    return {name: value for name, value in available.items() if name in selected}
