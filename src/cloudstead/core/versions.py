"""Versions: what dialects show as an ``etag`` grows by one with every stored change of its entity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

FIRST_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Versioned:
    """What an entity with a version carries. Logging in, or using a key, is no change."""

    version: int = FIRST_VERSION
    updated_at_ms: int = 0


V = TypeVar("V", bound=Versioned)


def changed(before: V, after: V, *, now_ms: int) -> V:
    """Return ``after`` with the next version, or ``before`` itself when nothing differs and nothing is to be stored."""
    return before if after == before else touched(after, now_ms=now_ms)


def touched(entity: V, *, now_ms: int) -> V:
    """Return the entity with the next version: something that belongs to it, such as its members, was changed."""
    return replace(entity, version=entity.version + 1, updated_at_ms=now_ms)
