"""Background tasks that nobody awaits: kept, so that they are not collected, and watched, so that none fails unseen.

There are errands, of which one that fails is a defect that may not come again, and work that has to go on as long as
the process does: without it the service no longer does its job, and has to say so.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from structlog.typing import FilteringBoundLogger

_ERRAND_COUNTS_S: Final = 60.0


class Tasks:
    """Starts tasks and reports those that end with an error."""

    def __init__(self, log: FilteringBoundLogger, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._monotonic = monotonic
        self._running: set[asyncio.Task[None]] = set()
        self._ended_for_good: list[str] = []
        self._failed: dict[str, float] = {}

    @property
    def failed(self) -> list[str]:
        """What has failed: work that has to go on, until the process starts anew, and errands for a minute."""
        since = self._monotonic() - _ERRAND_COUNTS_S
        return [*self._ended_for_good, *(name for name, at in self._failed.items() if at > since)]

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run an errand beside everything else."""
        return self._start(work, self._errand_failed)

    def keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run what has to go on as long as the process does; it may end, but not with an error."""
        return self._start(work, self._ended_for_good.append)

    def report(self, what: str, error: Exception) -> None:
        """Log a failure that will be tried again."""
        self._log.warning("will_try_again", what=what, error=f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Cancel what still runs and wait for it."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None], remember: Callable[[str], None]) -> asyncio.Task[None]:
        name = getattr(work, "__qualname__", type(work).__name__)

        def ended(task: asyncio.Task[None]) -> None:
            self._running.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                self._log.error("task_failed", task=name, exc_info=error)
                remember(name)

        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(ended)
        return task

    def _errand_failed(self, name: str) -> None:
        self._failed[name] = self._monotonic()  # as many names as there are functions
