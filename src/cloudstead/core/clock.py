"""The clock is an argument: core never asks the machine for the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time; injected wherever time matters."""

    def now(self) -> datetime:
        """Return the time as an aware UTC datetime."""
        ...

    def millis(self) -> int:
        """Return the milliseconds since 1970-01-01 UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the time as an aware UTC datetime."""
        return datetime.now(UTC)

    def millis(self) -> int:
        """Return the milliseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that stands still until told: for tests and for replays."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the time it was last set to."""
        return self._now

    def millis(self) -> int:
        """Return that time in milliseconds since 1970-01-01 UTC."""
        return int(self._now.timestamp() * 1000)

    def advance(self, step: timedelta) -> None:
        """Move the time forward by ``step``."""
        self._now += step
