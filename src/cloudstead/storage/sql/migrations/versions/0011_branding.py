"""Branding."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Branding."""
    op.create_table(
        "branding_colours",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("theme", TEXT, nullable=False),
        sa.Column("slot", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=True),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_branding_colours_account_id"),
        sa.PrimaryKeyConstraint("account_id", "theme", "slot", name="pk_branding_colours"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "branding_images",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("theme", TEXT, nullable=False),
        sa.Column("slot", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=True),
        sa.Column("media_type", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("etag", TEXT, nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_branding_images_account_id"),
        sa.PrimaryKeyConstraint("account_id", "theme", "slot", name="pk_branding_images"),
        sqlite_with_rowid=False,
    )
