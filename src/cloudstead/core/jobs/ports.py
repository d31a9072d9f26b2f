"""What jobs need from storage, and whoever performs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudstead.core.ids import AccountId, JobId
    from cloudstead.core.jobs.model import Attempt, Done, Failed, Finished, Job, JobCounts, JobState
    from cloudstead.core.paging import Page, PageRequest


class JobStore(Protocol):
    """Jobs and their attempts. The first part is for features, the second for the worker, across accounts."""

    def add(self, jobs: Sequence[Job]) -> None:
        """Insert jobs, in one go however many; they run once the transaction is committed. Emits ``JobsAdded``."""
        ...

    def get(self, account_id: AccountId, job_id: JobId) -> Job | None:
        """Return one job with its payload."""
        ...

    def page(
        self,
        account_id: AccountId,
        request: PageRequest,
        *,
        kind: str | None = None,
        state: JobState | None = None,
        cause: str | None = None,
    ) -> Page[Job]:
        """Return jobs in the order of their ids (that is, of time), without their payloads. The cursor is an id."""
        ...

    def at_offset(self, account_id: AccountId, offset: int, *, limit: int = 100) -> Sequence[Job]:
        """Return what the message at ``offset`` of the log led to, in the order of the ids, without payloads."""
        ...

    def attempts(self, account_id: AccountId, job_ids: Collection[JobId]) -> Sequence[Attempt]:
        """Return the attempts at these jobs, ordered by job and number. One query."""
        ...

    def revive(self, account_id: AccountId, job_id: JobId, *, now_ms: int) -> bool:
        """Let a dead job try again from the start; return whether there was one. Emits ``JobsAdded``."""
        ...

    def revive_all(
        self,
        account_id: AccountId,
        *,
        now_ms: int,
        kind: str | None = None,
        lane: str | None = None,
        cause: str | None = None,
        limit: int = 1000,
    ) -> int:
        """Revive the oldest ``limit`` dead jobs of a kind, lane or cause; return how many. Fewer: there are no more."""
        ...

    def drop_waiting(self, account_id: AccountId, cause: str, *, limit: int = 1000) -> int:
        """Delete the oldest ``limit`` jobs that wait and whose cause is gone; return how many."""
        ...

    # For the worker.

    def next_due(self, kinds: Mapping[str, Collection[str]]) -> Mapping[str, int]:
        """Return for each kind when the next job can be claimed (ms); a kind without any is left out.

        With each kind come those whose jobs do not count: accounts by id, causes as ``Job.whose`` has them.
        """
        ...

    def claim(
        self, kind: str, limit: int, *, now_ms: int, leased_until_ms: int, but: Collection[str] = ()
    ) -> Sequence[Job]:
        """Take heads of lanes that are due, those due longest first, and count the attempt; none of ``but``.

        What was claimed before and whose lease has run out is due again: its worker has died.
        """
        ...

    def extend(self, claimed: Collection[Job], leased_until_ms: int) -> None:
        """Keep what was claimed for longer; what others have claimed since stays theirs."""
        ...

    def finish(self, job: Job, attempt: Attempt, *, now_ms: int) -> bool:
        """Note a claimed job as done, wipe its payload and let the next of its lane be claimed.

        Returns False, changing nothing, when the lease was lost and the job is not this claimer's any more; the three
        below likewise.
        """
        ...

    def postpone(self, job: Job, attempt: Attempt, *, due_at_ms: int) -> bool:
        """Note a failed attempt; the job waits at the head of its lane."""
        ...

    def bury(self, job: Job, attempt: Attempt | None, *, now_ms: int) -> bool:
        """Give a job up and let the next of its lane be claimed. Without ``attempt``, there was none to note."""
        ...

    def give_back(self, job: Job, *, now_ms: int) -> bool:
        """Undo the claim, as if there had been none: the worker stops before it is through."""
        ...

    def give_back_all(self, *, now_ms: int) -> int:
        """Let every claimed job be claimed again at once, and return how many there were.

        Only for a process that has the store to itself and has not claimed yet. The attempts stay counted: otherwise a
        job that kills the process would do so for ever.
        """
        ...

    def counts(self, kinds: Collection[str]) -> Sequence[JobCounts]:
        """Return the figures of each kind that has jobs."""
        ...

    def done_since(self, kind: str, since_ms: int, *, limit: int = 100_000) -> Sequence[Finished]:
        """Return the jobs of a kind that were done since, in the order of time, of more than ``limit`` the last."""
        ...

    def drop_finished(self, *, done_before_ms: int, dead_before_ms: int, limit: int = 1000) -> int:
        """Delete jobs that finished before these times, with their attempts; return how many, ``limit`` at most."""
        ...


class Performer(Protocol):
    """Does the jobs of one kind. A job may come twice: after a crash between the doing and the noting."""

    @property
    def kind(self) -> str:
        """Which jobs are for it."""
        ...

    async def perform(self, job: Job) -> Done | Failed:
        """Do the job; what is raised counts as a failure that may be tried again."""
        ...
