"""Objects of the archive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBERS = ("last_offset", "count", "left_out", "size", "first_ms", "last_ms")


def upgrade() -> None:
    """Make the table of the archive's objects."""
    numbers = {name: sa.Column(name, sa.BigInteger(), nullable=False, autoincrement=False) for name in NUMBERS}
    op.create_table(
        "archive_objects",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("first_offset", sa.BigInteger(), nullable=False, autoincrement=False),
        numbers.pop("last_offset"),
        sa.Column("key", TEXT, nullable=False),
        *numbers.values(),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_archive_objects_account_id"),
        sa.PrimaryKeyConstraint("account_id", "first_offset", name="pk_archive_objects"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_archive_objects_account_id_key", "archive_objects", ["account_id", "key"])
    op.create_index("ix_archive_objects_last_offset", "archive_objects", ["last_offset"])
    op.create_index("ix_archive_objects_last_ms", "archive_objects", ["last_ms"])
