"""Whether an identity provider may begin a sign-in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the choice; of the providers that are there, none may."""
    name = "allows_idp_initiated"
    with op.batch_alter_table("identity_providers") as providers:
        providers.add_column(sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("identity_providers") as providers:
        providers.alter_column(name, server_default=None)
