"""A job, an attempt at it, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId, JobId


class JobState(StrEnum):
    """Where a job stands. A dead job was given up; it can be revived."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    DEAD = "DEAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to be done later, at least once.

    Jobs of one ``lane`` are done one after another, in the order of their ids: one that waits for its next attempt
    holds up those behind it; one that is dead does not. A job that stands alone has its own id as lane. Lanes of
    different accounts never meet. ``payload`` is for the performer of its ``kind`` alone, sealed where it holds a
    secret, and empty once the job is done. ``cause`` says what led to it (``rule:<id>``), ``offset`` is that of the
    message in the log which did.

    ``attempts`` counts the claims over its whole life, ``tries`` those that are known to have failed since it was added
    or last revived, ``losses`` the last ones of which nothing is known, because the process died.
    """

    id: JobId
    account_id: AccountId
    kind: str
    lane: str
    payload: bytes
    created_at_ms: int
    due_at_ms: int
    state: JobState = JobState.WAITING
    attempts: int = 0
    tries: int = 0
    losses: int = 0
    cause: str | None = None
    offset: int | None = None
    leased_until_ms: int = 0
    finished_at_ms: int | None = None

    @property
    def whose(self) -> str | None:
        """The account together with the cause, which is unique in its account only; ``None`` without a cause."""
        return None if self.cause is None else f"{self.account_id} {self.cause}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try. ``status`` is the answer's, where there was one; ``detail`` says in words what happened.

    ``response`` is the beginning of what was answered, at most 4 KiB.
    """

    job_id: JobId
    number: int
    started_at_ms: int
    took_ms: int
    status: int | None = None
    detail: str = ""
    response: bytes = b""


@dataclass(frozen=True, slots=True)
class JobCounts:
    """How many jobs of a kind there are as of now. ``oldest_ms`` is when the oldest that is not finished was added."""

    kind: str
    waiting: int
    running: int
    dead: int
    oldest_ms: int | None


@dataclass(frozen=True, slots=True)
class Finished:
    """A job that was done, for whoever counts them."""

    account_id: AccountId
    cause: str | None
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The job is done."""

    status: int | None = None
    detail: str = ""
    response: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """This attempt has failed; ``is_final`` when trying again cannot help.

    ``retry_after_s`` is the pause that the other side asked for.
    """

    detail: str
    status: int | None = None
    response: bytes = b""
    is_final: bool = False
    retry_after_s: float | None = None
