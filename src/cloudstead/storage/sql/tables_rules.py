"""The tables of rules and of how often they were hit."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Table,
    UniqueConstraint,
    text,
)

from cloudstead.storage.sql.tables import TEXT, metadata
from cloudstead.storage.sql.tables_jobs import jobs

# A rule goes with its domain: a later domain of the same id must not wake it up.
rules: Final = Table(
    "rules",
    metadata,
    Column("uid", TEXT, primary_key=True),
    Column("account_id", TEXT, ForeignKey("accounts.id"), nullable=False),
    Column("id", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("description", TEXT, nullable=True),
    Column("is_enabled", Boolean(), nullable=False),
    Column("domain_id", TEXT, nullable=False),
    Column("thing_type", TEXT, nullable=False),
    Column("thing_names", TEXT, nullable=False),
    Column("operator", TEXT, nullable=False),
    Column("resource", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    Column("threshold_count", BigInteger(), nullable=False),
    Column("threshold_interval_ms", BigInteger(), nullable=False),
    Column("sealed", LargeBinary(), nullable=False),
    Column("since_offset", BigInteger(), nullable=False),
    Column("created_at_ms", BigInteger(), nullable=False),
    UniqueConstraint("account_id", "id"),
    ForeignKeyConstraint(["account_id", "domain_id"], ["domains.account_id", "domains.id"], ondelete="CASCADE"),
    Index(None, "account_id", "domain_id"),
)

# ``key`` is both uids in one, so that many states are found by one list.
rule_states: Final = Table(
    "rule_states",
    metadata,
    Column("key", TEXT, primary_key=True),
    Column("rule_uid", TEXT, ForeignKey("rules.uid", ondelete="CASCADE"), nullable=False, index=True),
    Column("thing_uid", TEXT, ForeignKey("things.uid", ondelete="CASCADE"), nullable=False, index=True),
    Column("hits", BigInteger(), nullable=False),
    Column("last_run_ms", BigInteger(), nullable=True),
    sqlite_with_rowid=False,
)

rule_refusals: Final = Table(
    "rule_refusals",
    metadata,
    Column("rule_uid", TEXT, ForeignKey("rules.uid", ondelete="CASCADE"), primary_key=True),
    Column("refused", BigInteger(), nullable=False),
    sqlite_with_rowid=False,
)

_IS_OPEN: Final = text("finished_at_ms IS NULL")

Index("ix_jobs_open_cause", jobs.c.account_id, jobs.c.cause, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN)
