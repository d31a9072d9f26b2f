"""Jobs and their attempts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Jobs and their attempts."""
    op.create_table(
        "jobs",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("lane", TEXT, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("losses", sa.BigInteger(), nullable=False),
        sa.Column("cause", TEXT, nullable=True),
        sa.Column("offset", sa.BigInteger(), nullable=True),
        sa.Column("leased_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("finished_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("claimable_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_jobs_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    _index("claim", ["kind", "claimable_at_ms", "id"], "claimable_at_ms IS NOT NULL")
    _index("lane", ["account_id", "lane", "id"], "finished_at_ms IS NULL")
    _index("open", ["kind", "state", "created_at_ms"], "finished_at_ms IS NULL")
    _index("finished", ["state", "finished_at_ms", "kind"], "finished_at_ms IS NOT NULL")
    _index("all", ["account_id", "id"])
    _index("state", ["account_id", "state", "id"])
    _index("cause", ["account_id", "cause", "id"], "cause IS NOT NULL")
    _index("offset", ["account_id", "offset", "id"], '"offset" IS NOT NULL')
    op.create_table(
        "job_attempts",
        sa.Column("job_id", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("started_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("took_ms", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=True),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_job_attempts_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "number", name="pk_job_attempts"),
    )


def _index(name: str, columns: list[str], where: str | None = None) -> None:
    condition: dict[str, Any] = {}
    if where is not None:
        condition = {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)}
    op.create_index(f"ix_jobs_{name}", "jobs", columns, **condition)
