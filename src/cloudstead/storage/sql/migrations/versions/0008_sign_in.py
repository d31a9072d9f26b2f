"""How people sign in, invitations and the log of notifications."""

from __future__ import annotations

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """How people sign in, invitations and the log of notifications."""
