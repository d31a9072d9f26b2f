"""Trusted and developer certificates."""

from __future__ import annotations

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Trusted and developer certificates."""
