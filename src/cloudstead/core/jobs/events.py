"""What others want to hear about jobs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobsAdded:
    """Jobs of these kinds were added or revived, and may be due. The store emits it with its transaction."""

    kinds: frozenset[str]
