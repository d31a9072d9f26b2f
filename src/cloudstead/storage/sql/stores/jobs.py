"""Jobs and the attempts at them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, case, exists, false, func, literal, null, select

from cloudstead.core.jobs.events import JobsAdded
from cloudstead.core.jobs.model import Attempt, Job, JobCounts, JobState
from cloudstead.core.paging import Page
from cloudstead.storage.sql.statements import Statement, adding, columns
from cloudstead.storage.sql.tables_jobs import job_attempts, jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from sqlalchemy import BindParameter, ColumnElement, Select
    from sqlalchemy.sql.base import Executable

    from cloudstead.core.ids import AccountId, JobId
    from cloudstead.core.paging import PageRequest
    from cloudstead.storage.sql.statements import Words
    from cloudstead.storage.sql.transaction import Transaction

_FIRST: Final = ""
_LAST: Final = "g"  # behind every hexadecimal id

_STORED: Final = tuple(name for name in columns(jobs) if name != "claimable_at_ms")
_IS_OPEN: Final = jobs.c.finished_at_ms.is_(null())
_IS_DEAD: Final = jobs.c.state == JobState.DEAD.value
_IS_RUNNING: Final = jobs.c.state == JobState.RUNNING.value
_IS_WAITING: Final = jobs.c.state == JobState.WAITING.value
_IS_HEAD: Final = jobs.c.claimable_at_ms.is_not(null())
_WHOLE: Final = tuple(jobs.c[name] for name in _STORED)
# The payload may be long and is for the performer alone; an empty one stands in its place in the row.
_LISTED: Final = tuple(jobs.c[name] if name != "payload" else literal(b"").label("payload") for name in _STORED)


def _adding(words: Words) -> Executable:
    """Insert a job; it is the head of its lane unless another one of the lane is not finished."""
    other = jobs.alias("other")
    in_lane = exists(select(other.c.id)).where(
        other.c.account_id == bindparam("wanted_account_id"),
        other.c.lane == bindparam("wanted_lane"),
        other.c.finished_at_ms.is_(null()),
    )
    values = [bindparam(name, type_=jobs.c[name].type) for name in _STORED]
    due = bindparam("wanted_due_at_ms", type_=jobs.c.due_at_ms.type)
    return words.insert(jobs).from_select(columns(jobs), select(*values, case((~in_lane, due), else_=null())))


def _page(kind: str | None, state: str | None, cause: str | None, *, descending: bool) -> Statement:
    filters = [name for name, wanted in (("kind", kind), ("state", state), ("cause", cause)) if wanted is not None]

    def build(_: Words) -> Executable:
        behind = jobs.c.id < bindparam("after") if descending else jobs.c.id > bindparam("after")
        return (
            select(*_LISTED)
            .where(jobs.c.account_id == bindparam("account_id"), behind)
            .where(*(jobs.c[name] == bindparam(name) for name in filters))
            .order_by(jobs.c.id.desc() if descending else jobs.c.id)
            .limit(bindparam("limit"))
        )

    return Statement(build, "account_id", "after", *filters, "limit")


def _dead(*filters: str) -> Statement:
    """Revive the oldest dead jobs; whether they are heads of their lanes is decided behind that."""

    def build(_: Words) -> Executable:
        oldest: Select[Any] = (
            select(jobs.c.id)
            .where(jobs.c.account_id == bindparam("account_id"), _IS_DEAD)
            .where(*(jobs.c[name] == bindparam(name) for name in filters))
            .order_by(jobs.c.id)
            .limit(bindparam("limit"))
        )
        return jobs.update().where(jobs.c.id.in_(oldest)).values(_as_new()).returning(jobs.c.lane, jobs.c.kind)

    return Statement(build, "account_id", *filters, "limit", "now_ms")


def _as_new() -> dict[str, Any]:
    return {
        "state": JobState.WAITING.value,
        "tries": 0,
        "losses": 0,
        "due_at_ms": bindparam("now_ms"),
        "leased_until_ms": 0,
        "finished_at_ms": null(),
    }


def _changing(**values: Callable[[], Any]) -> Callable[[Words], Executable]:
    """Change a job that is still claimed as it was: the number of the attempt tells one claim from the next."""
    return lambda _: (
        jobs.update()
        .where(jobs.c.id == bindparam("wanted_id"), _IS_RUNNING, jobs.c.attempts == bindparam("wanted_attempts"))
        .values({name: make() for name, make in values.items()})
    )


def _next_of_lane() -> ColumnElement[Any]:
    return (
        select(jobs.c.id)
        .where(jobs.c.account_id == bindparam("account_id"), jobs.c.lane == bindparam("lane"), _IS_OPEN)
        .order_by(jobs.c.id)
        .limit(1)
        .scalar_subquery()
    )


def _promoting_each(words: Words) -> Executable:
    """Make the first of each lane its head, where the lane has none."""
    other = jobs.alias("other")
    first = (
        select(func.min(other.c.id))
        .where(other.c.account_id == bindparam("wanted_account_id"))
        .where(words.any_of(other.c.lane, "lanes"))
        .where(other.c.finished_at_ms.is_(null()))
        .group_by(other.c.lane)
        .having(func.max(other.c.claimable_at_ms).is_(null()))
    )
    return jobs.update().where(jobs.c.id.in_(first)).values(claimable_at_ms=jobs.c.due_at_ms)


def _of_others(words: Words) -> ColumnElement[bool]:
    whose = jobs.c.account_id + " " + func.coalesce(jobs.c.cause, "")
    # Not "not any", which SQLAlchemy makes into "unlike any": that is true of nearly everything.
    return and_(*(words.any_of(each, "but").is_(false()) for each in (jobs.c.account_id, whose)))


def _claiming(words: Words) -> Executable:
    # In a WITH, because PostgreSQL may run a subquery more than once, and would then take more than the limit.
    due = (
        select(jobs.c.id)
        .where(jobs.c.kind == bindparam("kind"), _IS_HEAD, jobs.c.claimable_at_ms <= bindparam("now_ms"))
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
        .returning(*_WHOLE)
    )


_ADD = Statement(_adding, *_STORED)
_ADD_ATTEMPT = adding(job_attempts)
_GET = Statement(
    lambda _: select(*_WHOLE).where(jobs.c.account_id == bindparam("account_id"), jobs.c.id == bindparam("id")),
    "account_id",
    "id",
)
_PAGES: Final = {
    (*(each is not None for each in choice[:3]), choice[3]): _page(*choice[:3], descending=bool(choice[3]))
    for choice in product((None, "kind"), (None, "state"), (None, "cause"), (False, True))
}
_AT_OFFSET = Statement(
    lambda _: (
        select(*_LISTED)
        .where(jobs.c.account_id == bindparam("account_id"), jobs.c.offset == bindparam("offset"))
        .order_by(jobs.c.id)
        .limit(bindparam("limit"))
    ),
    "account_id",
    "offset",
    "limit",
)
_ATTEMPTS = Statement(
    lambda words: (
        select(job_attempts)
        .join(jobs, jobs.c.id == job_attempts.c.job_id)
        .where(jobs.c.account_id == bindparam("account_id"))
        .where(words.any_of(job_attempts.c.job_id, "job_ids"))
        .order_by(job_attempts.c.job_id, job_attempts.c.number)
    ),
    "account_id",
    "job_ids",
)
_REVIVE = Statement(
    lambda _: (
        jobs.update()
        .where(jobs.c.account_id == bindparam("account_id"), jobs.c.id == bindparam("id"), _IS_DEAD)
        .values(_as_new())
        .returning(jobs.c.lane, jobs.c.kind)
    ),
    "account_id",
    "id",
    "now_ms",
)
_REVIVES: Final = {
    filters: _dead(*filters)
    for filters in (
        tuple(name for name in choice if name) for choice in product(("", "kind"), ("", "lane"), ("", "cause"))
    )
}
_PROMOTE_EACH = Statement(_promoting_each, "account_id", "lanes")
_DROP_WAITING = Statement(
    lambda _: (
        jobs.delete()
        .where(
            jobs.c.id.in_(
                select(jobs.c.id)
                .where(jobs.c.account_id == bindparam("account_id"), jobs.c.cause == bindparam("cause"), _IS_WAITING)
                .order_by(jobs.c.id)
                .limit(bindparam("limit"))
            )
        )
        .returning(jobs.c.lane)
    ),
    "account_id",
    "cause",
    "limit",
)
_NEXT_DUE = Statement(
    lambda words: (
        select(jobs.c.claimable_at_ms)
        .where(jobs.c.kind == bindparam("kind"), _IS_HEAD, _of_others(words))
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
        .where(jobs.c.id == _next_of_lane(), _IS_WAITING)
        .where(jobs.c.claimable_at_ms.is_(null()))
        .values(claimable_at_ms=jobs.c.due_at_ms)
    ),
    "account_id",
    "lane",
)
_GIVE_BACK_ALL = Statement(
    lambda _: (
        jobs.update()
        .where(_IS_HEAD, _IS_RUNNING)
        .values(state=JobState.WAITING.value, leased_until_ms=0, claimable_at_ms=bindparam("now_ms"))
    ),
    "now_ms",
)
_COUNT_OPEN = Statement(
    lambda words: (
        select(jobs.c.kind, jobs.c.state, func.count(), func.min(jobs.c.created_at_ms))
        .where(words.any_of(jobs.c.kind, "kinds"), _IS_OPEN)
        .group_by(jobs.c.kind, jobs.c.state)
    ),
    "kinds",
)
_COUNT_DEAD = Statement(
    lambda words: (
        select(jobs.c.kind, func.count())
        .where(_IS_DEAD, jobs.c.finished_at_ms.is_not(null()), words.any_of(jobs.c.kind, "kinds"))
        .group_by(jobs.c.kind)
    ),
    "kinds",
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


class SqlJobs:
    """Jobs and their attempts (``core.jobs.ports.JobStore``)."""

    __slots__ = ("_emit", "_transaction")

    def __init__(self, transaction: Transaction, emit: Callable[[object], None]) -> None:
        self._transaction = transaction
        self._emit = emit

    def add(self, jobs: Sequence[Job]) -> None:
        """Insert jobs; the first of a lane that has none becomes its head."""
        if not jobs:
            return
        self._transaction.change_each(_ADD, map(_values, sorted(jobs, key=lambda job: job.id)))
        self._emit(JobsAdded(frozenset(job.kind for job in jobs)))

    def get(self, account_id: AccountId, job_id: JobId) -> Job | None:
        """Return one job with its payload."""
        row = self._transaction.row(_GET, account_id, job_id)
        return None if row is None else _job(row)

    def page(
        self,
        account_id: AccountId,
        request: PageRequest,
        *,
        kind: str | None = None,
        state: JobState | None = None,
        cause: str | None = None,
    ) -> Page[Job]:
        """Return jobs in the order of their ids, without their payloads."""
        wanted = (kind, None if state is None else state.value, cause)
        statement = _PAGES[*(each is not None for each in wanted), request.descending]
        after = request.after if request.after is not None else _LAST if request.descending else _FIRST
        given = [each for each in wanted if each is not None]
        # One more than asked for tells whether another page follows.
        rows = self._transaction.rows(statement, account_id, after, *given, request.limit + 1)
        items = tuple(_job(row) for row in rows[: request.limit])
        return Page(items, after=items[-1].id if items and len(rows) > request.limit else None)

    def at_offset(self, account_id: AccountId, offset: int, *, limit: int = 100) -> Sequence[Job]:
        """Return what one message led to, in the order of the ids, without payloads."""
        return [_job(row) for row in self._transaction.rows(_AT_OFFSET, account_id, offset, limit)]

    def attempts(self, account_id: AccountId, job_ids: Collection[JobId]) -> Sequence[Attempt]:
        """Return the attempts at these jobs, ordered by job and number."""
        return [_attempt(row) for row in self._transaction.rows(_ATTEMPTS, account_id, list(job_ids))]

    def revive(self, account_id: AccountId, job_id: JobId, *, now_ms: int) -> bool:
        """Let a dead job try again from the start; return whether there was one."""
        return self._revived(account_id, self._transaction.rows(_REVIVE, account_id, job_id, now_ms)) > 0

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
        """Revive the oldest dead jobs of a kind, lane or cause; return how many."""
        wanted = {
            name: value for name, value in (("kind", kind), ("lane", lane), ("cause", cause)) if value is not None
        }
        rows = self._transaction.rows(_REVIVES[tuple(wanted)], account_id, *wanted.values(), limit, now_ms)
        return self._revived(account_id, rows)

    def drop_waiting(self, account_id: AccountId, cause: str, *, limit: int = 1000) -> int:
        """Delete the oldest jobs with that cause that wait; return how many."""
        lanes = [row[0] for row in self._transaction.rows(_DROP_WAITING, account_id, cause, limit)]
        if lanes:
            self._transaction.change(_PROMOTE_EACH, account_id, sorted(set(lanes)))
        return len(lanes)

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
        claimed = [_job(row) for row in rows]
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

    def _revived(self, account_id: AccountId, rows: Sequence[Sequence[Any]]) -> int:
        if rows:
            self._transaction.change(_PROMOTE_EACH, account_id, sorted({row[0] for row in rows}))
            self._emit(JobsAdded(frozenset(row[1] for row in rows)))
        return len(rows)


def _values(job: Job) -> tuple[object, ...]:
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


def _job(row: Sequence[Any]) -> Job:
    fields = dict(zip(_STORED, row, strict=True))
    fields["state"] = JobState(fields["state"])
    fields["payload"] = bytes(fields["payload"])
    return Job(**fields)


def _attempt(row: Sequence[Any]) -> Attempt:
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
