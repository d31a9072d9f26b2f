"""What features ask of jobs: to add them, to show what became of them, and to try them again."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, case, exists, func, null, select

from cloudstead.core.jobs.events import JobsAdded
from cloudstead.core.jobs.model import Attempt, Job, JobState
from cloudstead.core.paging import Page
from cloudstead.storage.sql.statements import Statement, columns
from cloudstead.storage.sql.stores.job_claims import SqlJobClaims
from cloudstead.storage.sql.stores.job_rows import (
    IS_DEAD,
    IS_WAITING,
    LISTED,
    STORED,
    WHOLE,
    attempt_of,
    job_of,
    values_of,
)
from cloudstead.storage.sql.tables_jobs import job_attempts, jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from sqlalchemy import Select
    from sqlalchemy.sql.base import Executable

    from cloudstead.core.ids import AccountId, JobId
    from cloudstead.core.paging import PageRequest
    from cloudstead.storage.sql.statements import Words
    from cloudstead.storage.sql.transaction import Transaction

_FIRST: Final = ""
_LAST: Final = "g"  # behind every hexadecimal id


def _adding(words: Words) -> Executable:
    """Insert a job; it is the head of its lane unless another one of the lane is not finished."""
    other = jobs.alias("other")
    in_lane = exists(select(other.c.id)).where(
        other.c.account_id == bindparam("wanted_account_id"),
        other.c.lane == bindparam("wanted_lane"),
        other.c.finished_at_ms.is_(null()),
    )
    values = [bindparam(name, type_=jobs.c[name].type) for name in STORED]
    due = bindparam("wanted_due_at_ms", type_=jobs.c.due_at_ms.type)
    return words.insert(jobs).from_select(columns(jobs), select(*values, case((~in_lane, due), else_=null())))


def _page(kind: str | None, state: str | None, cause: str | None, *, descending: bool) -> Statement:
    filters = [name for name, wanted in (("kind", kind), ("state", state), ("cause", cause)) if wanted is not None]

    def build(_: Words) -> Executable:
        behind = jobs.c.id < bindparam("after") if descending else jobs.c.id > bindparam("after")
        return (
            select(*LISTED)
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
            .where(jobs.c.account_id == bindparam("account_id"), IS_DEAD)
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


_ADD = Statement(_adding, *STORED)
_GET = Statement(
    lambda _: select(*WHOLE).where(jobs.c.account_id == bindparam("account_id"), jobs.c.id == bindparam("id")),
    "account_id",
    "id",
)
_PAGES: Final = {
    (*(each is not None for each in choice[:3]), choice[3]): _page(*choice[:3], descending=bool(choice[3]))
    for choice in product((None, "kind"), (None, "state"), (None, "cause"), (False, True))
}
_AT_OFFSET = Statement(
    lambda _: (
        select(*LISTED)
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
        .where(jobs.c.account_id == bindparam("account_id"), jobs.c.id == bindparam("id"), IS_DEAD)
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
                .where(jobs.c.account_id == bindparam("account_id"), jobs.c.cause == bindparam("cause"), IS_WAITING)
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


class SqlJobs(SqlJobClaims):
    """Jobs and their attempts (``core.jobs.ports.JobStore``)."""

    __slots__ = ("_emit",)

    def __init__(self, transaction: Transaction, emit: Callable[[object], None]) -> None:
        super().__init__(transaction)
        self._emit = emit

    def add(self, jobs: Sequence[Job]) -> None:
        """Insert jobs; the first of a lane that has none becomes its head."""
        if not jobs:
            return
        self._transaction.change_each(_ADD, map(values_of, sorted(jobs, key=lambda job: job.id)))
        self._emit(JobsAdded(frozenset(job.kind for job in jobs)))

    def get(self, account_id: AccountId, job_id: JobId) -> Job | None:
        """Return one job with its payload."""
        row = self._transaction.row(_GET, account_id, job_id)
        return None if row is None else job_of(row)

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
        items = tuple(job_of(row) for row in rows[: request.limit])
        return Page(items, after=items[-1].id if items and len(rows) > request.limit else None)

    def at_offset(self, account_id: AccountId, offset: int, *, limit: int = 100) -> Sequence[Job]:
        """Return what one message led to, in the order of the ids, without payloads."""
        return [job_of(row) for row in self._transaction.rows(_AT_OFFSET, account_id, offset, limit)]

    def attempts(self, account_id: AccountId, job_ids: Collection[JobId]) -> Sequence[Attempt]:
        """Return the attempts at these jobs, ordered by job and number."""
        return [attempt_of(row) for row in self._transaction.rows(_ATTEMPTS, account_id, list(job_ids))]

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

    def _revived(self, account_id: AccountId, rows: Sequence[Sequence[Any]]) -> int:
        if rows:
            self._transaction.change(_PROMOTE_EACH, account_id, sorted({row[0] for row in rows}))
            self._emit(JobsAdded(frozenset(row[1] for row in rows)))
        return len(rows)
