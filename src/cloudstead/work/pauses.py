"""Waiting for a time or for something to happen: injected, so that tests wait for nothing."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol


class Pauses(Protocol):
    """Waits."""

    async def until(self, event: asyncio.Event, seconds: float) -> None:
        """Return when ``event`` is set, or after so many seconds."""
        ...


class RealPauses:
    """Waits by the event loop's own clock."""

    async def until(self, event: asyncio.Event, seconds: float) -> None:
        """Return when ``event`` is set, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
