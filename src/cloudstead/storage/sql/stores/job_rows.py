"""Rows of jobs and of attempts, and what both halves of the store say about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import literal, null

from cloudstead.core.jobs.model import Attempt, Job, JobState
from cloudstead.storage.sql.statements import columns
from cloudstead.storage.sql.tables_jobs import jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

STORED: Final = tuple(name for name in columns(jobs) if name != "claimable_at_ms")
IS_OPEN: Final = jobs.c.finished_at_ms.is_(null())
IS_DEAD: Final = jobs.c.state == JobState.DEAD.value
IS_RUNNING: Final = jobs.c.state == JobState.RUNNING.value
IS_WAITING: Final = jobs.c.state == JobState.WAITING.value
IS_HEAD: Final = jobs.c.claimable_at_ms.is_not(null())
WHOLE: Final = tuple(jobs.c[name] for name in STORED)
# The payload may be long and is for the performer alone; an empty one stands in its place in the row.
LISTED: Final = tuple(jobs.c[name] if name != "payload" else literal(b"").label("payload") for name in STORED)


def values_of(job: Job) -> tuple[object, ...]:
    """Return the values of a row, in the order of ``STORED``."""
    return (
        job.id,
        job.account_id,
        job.kind,
        job.lane,
        job.payload,
        job.created_at_ms,
        job.due_at_ms,
        job.state.value,
        job.attempts,
        job.tries,
        job.losses,
        job.cause,
        job.offset,
        job.leased_until_ms,
        job.finished_at_ms,
    )


def job_of(row: Sequence[Any]) -> Job:
    """Return the job of a row."""
    fields = dict(zip(STORED, row, strict=True))
    fields["state"] = JobState(fields["state"])
    fields["payload"] = bytes(fields["payload"])
    return Job(**fields)


def attempt_of(row: Sequence[Any]) -> Attempt:
    """Return the attempt of a row."""
    job_id, number, started_at_ms, took_ms, status, detail, response = row
    return Attempt(
        job_id=job_id,
        number=number,
        started_at_ms=started_at_ms,
        took_ms=took_ms,
        status=status,
        detail=detail,
        response=bytes(response),
    )
