"""Roles in the words of those who know fewer of them: Cloud Connect 2.11 knows ``Read`` and ``ReadWrite`` only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.access.permissions import BUILT_IN_ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudstead.core.caller import Grant


def shown_as(grant: Grant, known: Iterable[str]) -> str | None:
    """Return the widest of the ``known`` built-in roles that promises nothing which the grant's role does not hold.

    Of an ``"Administrator"``, where ``"Read"`` and ``"ReadWrite"`` are known, that is ``"ReadWrite"``; ``None`` when
    even the narrowest promises too much.
    """
    held = grant.held
    if held is None:
        return None
    honest = [name for name in known if BUILT_IN_ROLES[name].permissions <= held]
    return max(honest, key=lambda name: len(BUILT_IN_ROLES[name].permissions), default=None)
