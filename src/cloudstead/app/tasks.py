"""Background tasks that nobody awaits: kept, so that they are not collected, and watched, so that none fails unseen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from structlog.typing import FilteringBoundLogger


class Tasks:
    """Starts tasks and reports those that end with an error."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` beside everything else."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def report(self, what: str, error: Exception) -> None:
        """Log a failure that will be tried again."""
        self._log.warning("will_try_again", what=what, error=f"{type(error).__name__}: {error}")

    async def close(self) -> None:
        """Cancel what still runs and wait for it."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("task_failed", task=task.get_name(), exc_info=error)
