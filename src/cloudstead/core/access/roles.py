"""Roles in the words of those who know fewer of them: Cloud Connect 2.11 knows ``Read`` and ``ReadWrite`` only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.access.permissions import BUILT_IN_ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable


def shown_as(role: str, known: Iterable[str]) -> str | None:
    """Return the widest of the ``known`` built-in roles that promises nothing which ``role`` does not hold.

    ``shown_as("Administrator", ("Read", "ReadWrite"))`` is ``"ReadWrite"``; ``None`` when even the narrowest promises
    too much.
    """
    held = BUILT_IN_ROLES.get(role)
    if held is None:
        return None
    honest = [name for name in known if BUILT_IN_ROLES[name].permissions <= held.permissions]
    return max(honest, key=lambda name: len(BUILT_IN_ROLES[name].permissions), default=None)
