"""The tables of jobs and of the attempts at them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, PrimaryKeyConstraint, Table, text

from cloudstead.storage.sql.tables import TEXT, metadata

# ``claimable_at_ms`` is what a claim looks at: of the head of a lane, when it is due, or while it runs, when its lease
# ends. Those behind it have none, so that a lane of ten thousand costs a claim as much as a lane of one.
jobs: Final = Table(
    "jobs",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("account_id", TEXT, ForeignKey("accounts.id"), nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("lane", TEXT, nullable=False),
    Column("payload", LargeBinary(), nullable=False),
    Column("created_at_ms", BigInteger(), nullable=False),
    Column("due_at_ms", BigInteger(), nullable=False),
    Column("state", TEXT, nullable=False),
    Column("attempts", BigInteger(), nullable=False),
    Column("tries", BigInteger(), nullable=False),
    Column("losses", BigInteger(), nullable=False),
    Column("cause", TEXT, nullable=True),
    Column("offset", BigInteger(), nullable=True),
    Column("leased_until_ms", BigInteger(), nullable=False),
    Column("finished_at_ms", BigInteger(), nullable=True),
    Column("claimable_at_ms", BigInteger(), nullable=True),
)

_IS_HEAD: Final = text("claimable_at_ms IS NOT NULL")
_IS_OPEN: Final = text("finished_at_ms IS NULL")
_IS_FINISHED: Final = text("finished_at_ms IS NOT NULL")
_HAS_CAUSE: Final = text("cause IS NOT NULL")
_HAS_OFFSET: Final = text('"offset" IS NOT NULL')

Index("ix_jobs_claim", jobs.c.kind, jobs.c.claimable_at_ms, jobs.c.id, sqlite_where=_IS_HEAD, postgresql_where=_IS_HEAD)
Index("ix_jobs_lane", jobs.c.account_id, jobs.c.lane, jobs.c.id, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN)
Index("ix_jobs_open", jobs.c.kind, jobs.c.state, jobs.c.created_at_ms, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN)
Index(
    "ix_jobs_finished",
    jobs.c.state,
    jobs.c.finished_at_ms,
    jobs.c.kind,
    sqlite_where=_IS_FINISHED,
    postgresql_where=_IS_FINISHED,
)
Index("ix_jobs_all", jobs.c.account_id, jobs.c.id)
Index("ix_jobs_state", jobs.c.account_id, jobs.c.state, jobs.c.id)
Index("ix_jobs_cause", jobs.c.account_id, jobs.c.cause, jobs.c.id, sqlite_where=_HAS_CAUSE, postgresql_where=_HAS_CAUSE)
Index(
    "ix_jobs_offset",
    jobs.c.account_id,
    jobs.c.offset,
    jobs.c.id,
    sqlite_where=_HAS_OFFSET,
    postgresql_where=_HAS_OFFSET,
)

job_attempts: Final = Table(
    "job_attempts",
    metadata,
    Column("job_id", TEXT, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("number", BigInteger(), nullable=False),
    Column("started_at_ms", BigInteger(), nullable=False),
    Column("took_ms", BigInteger(), nullable=False),
    Column("status", BigInteger(), nullable=True),
    Column("detail", TEXT, nullable=False),
    Column("response", LargeBinary(), nullable=False),
    PrimaryKeyConstraint("job_id", "number"),
)
