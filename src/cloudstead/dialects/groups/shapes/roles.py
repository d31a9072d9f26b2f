"""Roles on the wire."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from cloudstead.core.roles.model import ShownRole


class Role(Struct, frozen=True):
    """A role."""

    id: str
    name: str
    description: str
    permissions: tuple[str, ...]
    removable: bool


@lru_cache(maxsize=1024)  # a list of a thousand groups shows the same few roles
def role(shown: ShownRole) -> Role:
    """Write a role."""
    return Role(shown.id, shown.name, shown.description, shown.words, shown.is_removable)
