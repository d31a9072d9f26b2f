"""How long records are kept: a pure decision over the spans of the segments; it removes nothing itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

# An active segment is closed after this share of the longest age, so that a quiet log outlives its age by an eighth at
# most and is spread over about nine files.
_ROLLS_PER_AGE = 8

_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Retention:
    """What may be removed: whatever is older than `max_age`, and the oldest beyond `max_bytes`; None keeps."""

    max_age: timedelta | None = None
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """One segment as retention sees it; its newest record is as old as the segment after it."""

    first_offset: int
    created_ms: int
    size_bytes: int


def oldest_wanted(spans: Sequence[Span], policy: Retention, *, now_ms: int) -> int:
    """Return the first offset that the policy wants kept; the last segment always stays."""
    total = sum(span.size_bytes for span in spans)
    for span, successor in pairwise(spans):
        too_old = policy.max_age is not None and now_ms - successor.created_ms > policy.max_age // _MILLISECOND
        too_much = policy.max_bytes is not None and total > policy.max_bytes
        if not (too_old or too_much):
            return span.first_offset
        total -= span.size_bytes
    return spans[-1].first_offset


def is_due_to_roll(active: Span, policy: Retention, *, now_ms: int) -> bool:
    """Say whether the active segment has been open so long that it would hold up the removal of old records."""
    if policy.max_age is None:
        return False
    return now_ms - active.created_ms > policy.max_age // _MILLISECOND // _ROLLS_PER_AGE


def utc_now() -> datetime:
    """Read the clock of this machine."""
    return datetime.now(UTC)


def to_milliseconds(moment: datetime) -> int:
    """Write a moment as milliseconds since 1970."""
    return round(moment.timestamp() * 1000)
