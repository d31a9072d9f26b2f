"""What became of jobs, on its way into the store: noted in one transaction with others, and never forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudstead.core.jobs.model import Done

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from cloudstead.core.jobs.model import Attempt, Failed, Job
    from cloudstead.core.unit import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What became of a job. ``pause_s`` is the time before the next try, ``None`` when there is none.

    ``outcome`` is resolved once the transaction has been made: ``done``, ``failed`` (comes again), ``dead``, or
    ``lost`` to another worker.
    """

    job: Job
    attempt: Attempt | None
    result: Done | Failed
    pause_s: float | None
    at_ms: int
    outcome: asyncio.Future[str]

    def write(self, unit: Unit) -> str:
        """Write it, and return the outcome."""
        job, attempt, now_ms = self.job, self.attempt, self.at_ms
        if attempt is not None and isinstance(self.result, Done):
            return "done" if unit.jobs.finish(job, attempt, now_ms=now_ms) else "lost"
        if attempt is None or self.pause_s is None:
            return "dead" if unit.jobs.bury(job, attempt, now_ms=now_ms) else "lost"
        due_at_ms = now_ms + int(self.pause_s * 1e3)
        return "failed" if unit.jobs.postpone(job, attempt, due_at_ms=due_at_ms) else "lost"


class Notes:
    """Those that wait to be written. Lives on the event loop."""

    def __init__(self) -> None:
        self._waiting: list[Note] = []

    def add(self, note: Note) -> None:
        """Let a note wait."""
        self._waiting.append(note)

    def take(self) -> list[Note]:
        """Return all that wait, in the order of their jobs: so two workers lock what they share in the same order."""
        taken, self._waiting = self._waiting, []
        return sorted((note for note in taken if not note.outcome.done()), key=lambda note: note.job.id)

    def give_back(self, notes: Sequence[Note]) -> None:
        """Let notes wait again that could not be written."""
        self._waiting[:0] = notes


def settle(notes: Sequence[Note], outcomes: Sequence[str]) -> None:
    """Tell whoever waits for them that notes are written."""
    for note, outcome in zip(notes, outcomes, strict=True):
        if not note.outcome.done():  # whoever asked has been cancelled; it is written all the same
            note.outcome.set_result(outcome)
