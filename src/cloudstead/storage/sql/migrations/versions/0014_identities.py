"""Outside identities of things, and access keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables of things' outside identities, and of access keys."""
    op.create_table(
        "outside_identities",
        *(sa.Column(name, TEXT, nullable=False) for name in ("account_id", "kind", "value", "thing_uid")),
        sa.ForeignKeyConstraint(
            ["thing_uid"], ["things.uid"], name="fk_outside_identities_thing_uid", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "kind", "value", name="pk_outside_identities"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_outside_identities_thing_uid", "outside_identities", ["thing_uid"])
    op.create_table(
        "access_keys",
        *(sa.Column(name, TEXT, nullable=False) for name in ("id", "account_id", "person_id")),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("domain_id", TEXT, nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_access_keys_account_id"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_access_keys_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_access_keys"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_access_keys_person_id", "access_keys", ["person_id"])
