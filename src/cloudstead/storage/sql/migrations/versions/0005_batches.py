"""Batches of things."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Batches of things."""
    op.create_table(
        "batches",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("thing_type", TEXT, nullable=False),
        sa.Column("domain_id", TEXT, nullable=False),
        sa.Column("requested_size", sa.BigInteger(), nullable=False),
        sa.Column("concurrency", sa.BigInteger(), nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("principal", TEXT, nullable=False),
        sa.Column("person_id", TEXT, nullable=True),
        sa.Column("source_address", TEXT, nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("current_size", sa.BigInteger(), nullable=False),
        sa.Column("errors", TEXT, nullable=False),
        sa.Column("finished_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("etag", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_batches_account_id"),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_batches"),
        sa.UniqueConstraint("account_id", "key", name="uq_batches_account_id_key"),
    )
    op.create_table(
        "batch_things",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("batch_id", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("thing_uid", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "batch_id"],
            ["batches.account_id", "batches.id"],
            name="fk_batch_things_account_id_batch_id",
        ),
        sa.PrimaryKeyConstraint("account_id", "batch_id", "number", name="pk_batch_things"),
        sqlite_with_rowid=False,
    )
