"""The tables of batches and of the things that each has made."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, ForeignKeyConstraint, PrimaryKeyConstraint, Table
from sqlalchemy import UniqueConstraint as Unique

from cloudstead.storage.sql.tables import TEXT, metadata

batches: Final = Table(
    "batches",
    metadata,
    Column("account_id", TEXT, ForeignKey("accounts.id"), nullable=False),
    Column("id", TEXT, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("thing_type", TEXT, nullable=False),
    Column("domain_id", TEXT, nullable=False),
    Column("requested_size", BigInteger(), nullable=False),
    Column("concurrency", BigInteger(), nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("principal", TEXT, nullable=False),
    Column("person_id", TEXT, nullable=True),
    Column("source_address", TEXT, nullable=True),
    Column("created_at_ms", BigInteger(), nullable=False),
    Column("current_size", BigInteger(), nullable=False),
    Column("errors", TEXT, nullable=False),
    Column("finished_at_ms", BigInteger(), nullable=True),
    Column("size", BigInteger(), nullable=False),
    Column("etag", TEXT, nullable=False),
    PrimaryKeyConstraint("account_id", "id"),
    Unique("account_id", "key"),
)

# Things may go; what was made stays counted, so nothing here refers to them.
batch_things: Final = Table(
    "batch_things",
    metadata,
    Column("account_id", TEXT, nullable=False),
    Column("batch_id", TEXT, nullable=False),
    Column("number", BigInteger(), nullable=False),
    Column("thing_uid", TEXT, nullable=False),
    ForeignKeyConstraint(["account_id", "batch_id"], ["batches.account_id", "batches.id"]),
    PrimaryKeyConstraint("account_id", "batch_id", "number"),
    sqlite_with_rowid=False,
)
