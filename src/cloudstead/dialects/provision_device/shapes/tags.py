"""Tags of a device."""

from __future__ import annotations

from msgspec import Struct


class TagsOnly(Struct, rename="pascal", frozen=True):
    """Tags by their keys."""

    tags: dict[str, str]
