"""Groups: what they have beside their domains, their roles, outside keys, and what they know of things."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables of groups, and let invitations tell what they are to."""
    op.create_table(
        "group_facts",
        *_texts("account_id", "domain_id"),
        sa.Column("owner_id", TEXT, nullable=True),
        *_texts("administrator_role", "default_role", "tags"),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("token_hash", "sealed_token")),
        *_somebody("created_by", "updated_by"),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "domain_id", name="pk_group_facts"),
        sa.UniqueConstraint("token_hash", name="uq_group_facts_token_hash"),
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"], name="fk_group_facts_owner_id", ondelete="SET NULL"),
        _of_domain("group_facts"),
    )
    op.create_index("ix_group_facts_owner_id", "group_facts", ["owner_id"])
    op.create_table(
        "group_roles",
        *_texts("id", "account_id", "domain_id", "name", "description", "words"),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        *_somebody("created_by"),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_group_roles"),
        sa.UniqueConstraint("account_id", "domain_id", "name", name="uq_group_roles_account_id_domain_id_name"),
        _of_domain("group_roles"),
    )
    op.create_table(
        "outside_keys",
        *_texts("account_id", "domain_id", "type", "name"),
        sa.Column("sealed_token", sa.LargeBinary(), nullable=False),
        *_somebody("created_by", "updated_by"),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created_at_ms", "updated_at_ms")),
        sa.PrimaryKeyConstraint("account_id", "domain_id", "type", name="pk_outside_keys"),
        _of_domain("outside_keys"),
    )
    op.create_table(
        "device_facts",
        *_texts("thing_uid", "account_id", "tags"),
        *_somebody("created_by", "updated_by"),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("thing_uid", name="pk_device_facts"),
        sa.ForeignKeyConstraint(["thing_uid"], ["things.uid"], name="fk_device_facts_thing_uid", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.add_column("invitations", sa.Column("into_account", sa.Boolean(), nullable=False, server_default=sa.true()))
    with op.batch_alter_table("invitations") as table:
        table.alter_column("into_account", server_default=None)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, TEXT, nullable=False) for name in names]


def _somebody(*names: str) -> list[sa.Column[str | None]]:
    return [sa.Column(name, TEXT, nullable=True) for name in names]


def _of_domain(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["account_id", "domain_id"],
        ["domains.account_id", "domains.id"],
        name=f"fk_{table}_account_id_domain_id",
        ondelete="CASCADE",
    )
