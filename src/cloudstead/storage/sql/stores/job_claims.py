"""What the worker asks of jobs, across accounts: to claim them, and to note what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, false, func, null, select

from cloudstead.core.jobs.model import Attempt, Finished, Job, JobCounts, JobState
from cloudstead.storage.sql.statements import Statement, adding
from cloudstead.storage.sql.stores.job_rows import IS_DEAD, IS_HEAD, IS_OPEN, IS_RUNNING, IS_WAITING, WHOLE, job_of
from cloudstead.storage.sql.tables_jobs import job_attempts, jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from sqlalchemy import BindParameter, ColumnElement
    from sqlalchemy.sql.base import Executable

    from cloudstead.storage.sql.statements import Words
    from cloudstead.storage.sql.transaction import Transaction


def _changing(**values: Callable[[], Any]) -> Callable[[Words], Executable]:
    """Change a job that is still claimed as it was: the number of the attempt tells one claim from the next."""
    return lambda _: (
        jobs.update()
        .where(jobs.c.id == bindparam("wanted_id"), IS_RUNNING, jobs.c.attempts == bindparam("wanted_attempts"))
        .values({name: make() for name, make in values.items()})
    )


def _next_of_lane() -> ColumnElement[Any]:
    return (
        select(jobs.c.id)
        .where(jobs.c.account_id == bindparam("account_id"), jobs.c.lane == bindparam("lane"), IS_OPEN)
        .order_by(jobs.c.id)
        .limit(1)
        .scalar_subquery()
    )


def _of_others(words: Words) -> ColumnElement[bool]:
    whose = jobs.c.account_id + " " + func.coalesce(jobs.c.cause, "")
    # Not "not any", which SQLAlchemy makes into "unlike any": that is true of nearly everything.
    return and_(*(words.any_of(each, "but").is_(false()) for each in (jobs.c.account_id, whose)))


def _claiming(words: Words) -> Executable:
    # In a WITH, because PostgreSQL may run a subquery more than once, and would then take more than the limit.
    due = (
        select(jobs.c.id)
        .where(jobs.c.kind == bindparam("kind"), IS_HEAD, jobs.c.claimable_at_ms <= bindparam("now_ms"))
        .where(_of_others(words))
        .order_by(jobs.c.claimable_at_ms, jobs.c.id)
        .limit(bindparam("limit"))
        .with_for_update(skip_locked=True)  # SQLite, where writes run one after another, has no such words
        .cte("due")
    )
    until: BindParameter[int] = bindparam("leased_until_ms")
    return (
        jobs.update()
        .where(jobs.c.id.in_(select(due.c.id)))
        .values(
            state=JobState.RUNNING.value,
            attempts=jobs.c.attempts + 1,
            losses=jobs.c.losses + 1,
            leased_until_ms=until,
            claimable_at_ms=until,
        )
        .returning(*WHOLE)
    )


_ADD_ATTEMPT = adding(job_attempts)
_NEXT_DUE = Statement(
    lambda words: (
        select(jobs.c.claimable_at_ms)
        .where(jobs.c.kind == bindparam("kind"), IS_HEAD, _of_others(words))
        .order_by(jobs.c.claimable_at_ms)
        .limit(bindparam("limit"))
    ),
    "kind",
    "but",
    "limit",
)
_CLAIM = Statement(_claiming, "kind", "now_ms", "but", "limit", "leased_until_ms")
_EXTEND = Statement(
    _changing(
        leased_until_ms=lambda: bindparam("leased_until_ms"), claimable_at_ms=lambda: bindparam("leased_until_ms")
    ),
    "id",
    "attempts",
    "leased_until_ms",
)
_FINISH = Statement(
    _changing(
        state=lambda: JobState.DONE.value,
        payload=lambda: b"",
        losses=lambda: 0,
        finished_at_ms=lambda: bindparam("now_ms"),
        leased_until_ms=lambda: 0,
        claimable_at_ms=null,
    ),
    "id",
    "attempts",
    "now_ms",
)
_BURY = Statement(
    _changing(
        state=lambda: JobState.DEAD.value,
        tries=lambda: jobs.c.tries + 1,
        losses=lambda: 0,
        finished_at_ms=lambda: bindparam("now_ms"),
        leased_until_ms=lambda: 0,
        claimable_at_ms=null,
    ),
    "id",
    "attempts",
    "now_ms",
)
_POSTPONE = Statement(
    _changing(
        state=lambda: JobState.WAITING.value,
        tries=lambda: jobs.c.tries + 1,
        losses=lambda: 0,
        due_at_ms=lambda: bindparam("due_at_ms"),
        leased_until_ms=lambda: 0,
        claimable_at_ms=lambda: bindparam("due_at_ms"),
    ),
    "id",
    "attempts",
    "due_at_ms",
)
_GIVE_BACK = Statement(
    _changing(
        state=lambda: JobState.WAITING.value,
        attempts=lambda: jobs.c.attempts - 1,
        losses=lambda: 0,
        leased_until_ms=lambda: 0,
        claimable_at_ms=lambda: bindparam("now_ms"),
    ),
    "id",
    "attempts",
    "now_ms",
)
_PROMOTE = Statement(
    lambda _: (
        jobs.update()
        .where(jobs.c.id == _next_of_lane(), IS_WAITING)
        .where(jobs.c.claimable_at_ms.is_(null()))
        .values(claimable_at_ms=jobs.c.due_at_ms)
    ),
    "account_id",
    "lane",
)
_GIVE_BACK_ALL = Statement(
    lambda _: (
        jobs.update()
        .where(IS_HEAD, IS_RUNNING)
        .values(state=JobState.WAITING.value, leased_until_ms=0, claimable_at_ms=bindparam("now_ms"))
    ),
    "now_ms",
)
_COUNT_OPEN = Statement(
    lambda words: (
        select(jobs.c.kind, jobs.c.state, func.count(), func.min(jobs.c.created_at_ms))
        .where(words.any_of(jobs.c.kind, "kinds"), IS_OPEN)
        .group_by(jobs.c.kind, jobs.c.state)
    ),
    "kinds",
)
_COUNT_DEAD = Statement(
    lambda words: (
        select(jobs.c.kind, func.count())
        .where(IS_DEAD, jobs.c.finished_at_ms.is_not(null()), words.any_of(jobs.c.kind, "kinds"))
        .group_by(jobs.c.kind)
    ),
    "kinds",
)
_DONE_SINCE = Statement(
    lambda _: (
        select(jobs.c.account_id, jobs.c.cause, jobs.c.finished_at_ms)
        .where(jobs.c.state == JobState.DONE.value, jobs.c.finished_at_ms.is_not(null()))
        .where(jobs.c.finished_at_ms >= bindparam("since_ms"), jobs.c.kind == bindparam("kind"))
        .order_by(jobs.c.finished_at_ms.desc())
        .limit(bindparam("limit"))
    ),
    "since_ms",
    "kind",
    "limit",
)
_DROP_FINISHED = Statement(
    lambda _: jobs.delete().where(
        jobs.c.id.in_(
            select(jobs.c.id)
            .where(
                and_(
                    jobs.c.state == bindparam("state"),
                    jobs.c.finished_at_ms.is_not(null()),
                    jobs.c.finished_at_ms < bindparam("before_ms"),
                )
            )
            .order_by(jobs.c.finished_at_ms)
            .limit(bindparam("limit"))
        )
    ),
    "state",
    "before_ms",
    "limit",
)


class SqlJobClaims:
    """The worker's half of ``core.jobs.ports.JobStore``."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def next_due(self, kinds: Mapping[str, Collection[str]]) -> Mapping[str, int]:
        """Return for each kind when the next job can be claimed, but for those of whom is named with it."""
        # A look-up for each kind, of which there is a handful: grouping would read every head.
        found = ((kind, self._transaction.row(_NEXT_DUE, kind, list(but), 1)) for kind, but in kinds.items())
        return {kind: row[0] for kind, row in found if row is not None}

    def claim(
        self, kind: str, limit: int, *, now_ms: int, leased_until_ms: int, but: Collection[str] = ()
    ) -> Sequence[Job]:
        """Take heads of lanes that are due, those due longest first, and count the attempt; none of ``but``."""
        rows = self._transaction.rows(_CLAIM, kind, now_ms, list(but), limit, leased_until_ms)
        claimed = [job_of(row) for row in rows]
        return sorted(claimed, key=lambda job: (job.due_at_ms, job.id))

    def extend(self, claimed: Collection[Job], leased_until_ms: int) -> None:
        """Keep what was claimed for longer."""
        self._transaction.change_each(_EXTEND, [(job.id, job.attempts, leased_until_ms) for job in claimed])

    def finish(self, job: Job, attempt: Attempt, *, now_ms: int) -> bool:
        """Note a claimed job as done, wipe its payload and let the next of its lane be claimed."""
        if not self._transaction.change(_FINISH, job.id, job.attempts, now_ms):
            return False
        self._note(attempt)
        self._transaction.change(_PROMOTE, job.account_id, job.lane)
        return True

    def postpone(self, job: Job, attempt: Attempt, *, due_at_ms: int) -> bool:
        """Note a failed attempt; the job waits at the head of its lane."""
        if not self._transaction.change(_POSTPONE, job.id, job.attempts, due_at_ms):
            return False
        self._note(attempt)
        return True

    def bury(self, job: Job, attempt: Attempt | None, *, now_ms: int) -> bool:
        """Give a job up and let the next of its lane be claimed."""
        if not self._transaction.change(_BURY, job.id, job.attempts, now_ms):
            return False
        if attempt is not None:
            self._note(attempt)
        self._transaction.change(_PROMOTE, job.account_id, job.lane)
        return True

    def give_back(self, job: Job, *, now_ms: int) -> bool:
        """Undo the claim, as if there had been none."""
        return self._transaction.change(_GIVE_BACK, job.id, job.attempts, now_ms) > 0

    def give_back_all(self, *, now_ms: int) -> int:
        """Let every claimed job be claimed again. Its attempt stays counted, or one that kills would do so for ever."""
        return self._transaction.change(_GIVE_BACK_ALL, now_ms)

    def counts(self, kinds: Collection[str]) -> Sequence[JobCounts]:
        """Return the figures of each kind that has jobs."""
        still_open = {
            (kind, state): (count, oldest)
            for kind, state, count, oldest in self._transaction.rows(_COUNT_OPEN, list(kinds))
        }
        dead = dict(map(tuple, self._transaction.rows(_COUNT_DEAD, list(kinds))))
        none = (0, None)
        made = []
        for kind in sorted({kind for kind, _ in still_open} | dead.keys()):
            waiting, oldest_waiting = still_open.get((kind, JobState.WAITING.value), none)
            running, oldest_running = still_open.get((kind, JobState.RUNNING.value), none)
            oldest = min((each for each in (oldest_waiting, oldest_running) if each is not None), default=None)
            made.append(JobCounts(kind, waiting, running, dead.get(kind, 0), oldest))
        return made

    def done_since(self, kind: str, since_ms: int, *, limit: int = 100_000) -> Sequence[Finished]:
        """Return the jobs of a kind that were done since, in the order of time, of more than ``limit`` the last."""
        rows = self._transaction.rows(_DONE_SINCE, since_ms, kind, limit)
        return [Finished(*row) for row in reversed(rows)]

    def drop_finished(self, *, done_before_ms: int, dead_before_ms: int, limit: int = 1000) -> int:
        """Delete jobs that finished before these times; return how many, ``limit`` at most."""
        done = self._transaction.change(_DROP_FINISHED, JobState.DONE.value, done_before_ms, limit)
        return done + self._transaction.change(_DROP_FINISHED, JobState.DEAD.value, dead_before_ms, limit - done)

    def _note(self, attempt: Attempt) -> None:
        self._transaction.change(
            _ADD_ATTEMPT,
            attempt.job_id,
            attempt.number,
            attempt.started_at_ms,
            attempt.took_ms,
            attempt.status,
            attempt.detail,
            attempt.response,
        )
