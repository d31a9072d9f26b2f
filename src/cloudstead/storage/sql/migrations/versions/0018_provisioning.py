"""Devices that are provisioned by archive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_TABLE = "provisioned_devices"


def upgrade() -> None:
    """Make the table of devices that are provisioned by archive."""
    op.create_table(
        _TABLE,
        *(
            sa.Column(name, TEXT, nullable=False)
            for name in (
                *("id", "account_id", "region", "name", "description", "networking", "tags", "domain_id"),
                "created_by",
            )
        ),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created_at_ms", "updated_at_ms")),
        sa.Column("claim_id", TEXT, nullable=True),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("claim_ends_at_ms", "claimed_at_ms", "connected_at_ms", "last_contact_ms")
        ),
        sa.Column("has_failed", sa.Boolean(), nullable=False),
        sa.Column("thing_uid", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_provisioned_devices_account_id"),
        sa.ForeignKeyConstraint(
            ["thing_uid"], ["things.uid"], name="fk_provisioned_devices_thing_uid", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_provisioned_devices"),
        sa.UniqueConstraint("claim_id", name="uq_provisioned_devices_claim_id"),
        sa.UniqueConstraint("thing_uid", name="uq_provisioned_devices_thing_uid"),
        sa.UniqueConstraint("account_id", "region", "name", name="uq_provisioned_devices_account_id_region_name"),
    )
    for columns in (("account_id", "region", "id"), ("account_id", "region", "created_at_ms", "id")):
        op.create_index(f"ix_{_TABLE}_{'_'.join(columns)}", _TABLE, list(columns))
