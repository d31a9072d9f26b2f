"""The steps of a message, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.ids import ThingName


class StepName(StrEnum):
    """The steps, in their order."""

    RECEIVED = "received"
    LOGGED = "logged"
    APPLIED = "applied"
    INDEXED = "indexed"
    ARCHIVED = "archived"
    RULES = "rules"
    DELIVERED = "delivered"


class StepState(StrEnum):
    """What became of a step. ``GONE`` was there once; ``NEVER`` will not be; ``UNKNOWN`` cannot be told at present."""

    DONE = "done"
    REFUSED = "refused"
    PENDING = "pending"
    NEVER = "never"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``says`` is a sentence for people, ``details`` are for programs: plain JSON values."""

    name: StepName
    state: StepState
    says: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trace:
    """All steps of the message with an offset."""

    thing_name: ThingName
    offset: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Keeping:
    """For how many days each place keeps a message; 0 is for ever, ``None`` not at all."""

    log_days: int
    observation_days: int
    archive_days: int | None
