"""When the end of each account is due, who has never confirmed, and one index of the audit log less."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_DAY_MS = 24 * 60 * 60 * 1000
_WARNED_DAYS = 30  # before the end, where an account had not chosen
_UNCONFIRMED = sa.text("NOT is_confirmed")


def upgrade() -> None:
    """Add what housekeeping looks for, and drop the index that no page of the audit log was read by."""
    with op.batch_alter_table("account_profiles", recreate="always") as profiles:
        profiles.add_column(sa.Column("due_at_ms", sa.BigInteger(), nullable=True))
    _fill()
    op.create_index("ix_account_profiles_due_at_ms", "account_profiles", ["due_at_ms"])
    op.create_index("ix_people_unconfirmed", "people", ["id"], sqlite_where=_UNCONFIRMED, postgresql_where=_UNCONFIRMED)
    op.drop_index("ix_audit_entries_account_id_at_ms", table_name="audit_entries")


def _fill() -> None:
    """Let accounts that have an end already be warned of it, too."""
    connection = op.get_bind()
    writing = sa.text("UPDATE account_profiles SET due_at_ms = :due_at_ms WHERE account_id = :account_id")
    for account_id, details in connection.execute(sa.text("SELECT account_id, details FROM account_profiles")).all():
        profile = json.loads(details)
        end_ms = profile.get("expires_at_ms")
        if end_ms is not None:
            days = profile.get("expiration_warning_threshold") or _WARNED_DAYS
            connection.execute(writing, {"due_at_ms": end_ms - days * _DAY_MS, "account_id": account_id})
