"""Indexes by which the audit log is searched."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Indexes by which the audit log is searched."""
    for columns in (
        ["account_id", "object_id", "id"],
        ["account_id", "principal", "id"],
        ["account_id", "operation", "id"],
        ["account_id", "at_ms"],
    ):
        op.create_index(f"ix_audit_entries_{'_'.join(columns)}", "audit_entries", columns)
