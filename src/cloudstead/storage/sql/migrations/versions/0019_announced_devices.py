"""Devices that were announced and never came are found by the end of their claim.

Revision ID: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the index that housekeeping reads."""
    has_no_thing = sa.text("thing_uid IS NULL")
    op.create_index(
        "ix_provisioned_devices_announced",
        "provisioned_devices",
        ["claim_ends_at_ms", "id"],
        sqlite_where=has_no_thing,
        postgresql_where=has_no_thing,
    )
