"""Profiles of accounts, policy groups, and what API keys show of their life."""

from __future__ import annotations

import os
import time

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_KEY_NUMBERS = ("version", "updated_at_ms", "last_used_at_ms", "secret_epoch")


def upgrade() -> None:
    """Make the tables, widen the API keys, and give every account that is there its profile and its two groups."""
    op.create_index("ix_accounts_parent_id_id", "accounts", ["parent_id", "id"])
    _widen_keys()
    _make_profiles()
    _make_groups()
    _fill()


def _widen_keys() -> None:
    rows = {"sqlite_with_rowid": False}
    with op.batch_alter_table("api_keys", table_kwargs=rows) as keys:
        for name in _KEY_NUMBERS:
            keys.add_column(
                sa.Column(name, sa.BigInteger(), nullable=False, server_default=str(int(name == "version")))
            )
    with op.batch_alter_table("api_keys", table_kwargs=rows) as keys:
        for name in _KEY_NUMBERS:
            keys.alter_column(name, server_default=None)
    op.create_index("ix_api_keys_account_id_id", "api_keys", ["account_id", "id"])
    op.create_index("ix_api_keys_account_id_owner_id_id", "api_keys", ["account_id", "owner_id", "id"])
    op.execute(sa.text("UPDATE api_keys SET updated_at_ms = created_at_ms"))


def _make_profiles() -> None:
    op.create_table(
        "account_profiles",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("tier", TEXT, nullable=False),
        sa.Column("end_market", TEXT, nullable=False),
        sa.Column("country_folded", TEXT, nullable=False),
        sa.Column("details", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_account_profiles_account_id"),
        sa.PrimaryKeyConstraint("account_id", name="pk_account_profiles"),
    )


def _make_groups() -> None:
    op.create_table(
        "policy_groups",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_policy_groups_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_policy_groups"),
        sa.UniqueConstraint("account_id", "name", name="uq_policy_groups_account_id_name"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_policy_groups_account_id_id", "policy_groups", ["account_id", "id"])
    op.create_table(
        "policy_group_grants",
        sa.Column("group_id", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("domain_id", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["policy_groups.id"], name="fk_policy_group_grants_group_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "domain_id"],
            ["domains.account_id", "domains.id"],
            name="fk_policy_group_grants_account_id_domain_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("group_id", "position", name="pk_policy_group_grants"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_policy_group_grants_account_id_domain_id", "policy_group_grants", ["account_id", "domain_id"])
    op.create_table(
        "policy_group_people",
        sa.Column("group_id", TEXT, nullable=False),
        sa.Column("person_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["policy_groups.id"], name="fk_policy_group_people_group_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "person_id"],
            ["memberships.account_id", "memberships.person_id"],
            name="fk_policy_group_people_account_id_person_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("group_id", "person_id", name="pk_policy_group_people"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_policy_group_people_account_id_person_id", "policy_group_people", ["account_id", "person_id"])
    op.create_table(
        "policy_group_keys",
        sa.Column("group_id", TEXT, nullable=False),
        sa.Column("key_id", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["policy_groups.id"], name="fk_policy_group_keys_group_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name="fk_policy_group_keys_key_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("group_id", "key_id", name="pk_policy_group_keys"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_policy_group_keys_key_id", "policy_group_keys", ["key_id"])


def _fill() -> None:
    connection = op.get_bind()
    connection.execute(
        sa.text("INSERT INTO account_profiles SELECT id, '1', '', '', '{}', 1, created_at_ms FROM accounts WHERE true")
    )
    adding = sa.text(
        "INSERT INTO policy_groups (id, account_id, name, kind, created_at_ms, version, updated_at_ms)"
        " VALUES (:id, :account_id, :name, :kind, :now, 1, :now)"
    )
    for account_id, now in connection.execute(sa.text("SELECT id, created_at_ms FROM accounts")).all():
        for name in ("Administrators", "Developers"):
            values = {"id": _new_id(), "account_id": account_id, "name": name, "kind": name.lower(), "now": now}
            connection.execute(adding, values)
    developers = sa.text(
        "INSERT INTO policy_group_grants (group_id, position, account_id, domain_id, role)"
        " SELECT g.id, 0, g.account_id, d.id, 'ReadWrite' FROM policy_groups g"
        " JOIN domains d ON d.account_id = g.account_id AND d.id = 'root' WHERE g.kind = 'developers'"
    )
    people = sa.text(
        "INSERT INTO policy_group_people (group_id, person_id, account_id)"
        " SELECT DISTINCT g.id, m.person_id, m.account_id FROM membership_grants m"
        " JOIN policy_groups g ON g.account_id = m.account_id AND g.kind = 'administrators'"
        " WHERE m.domain_id = 'root' AND m.role = 'Administrator'"
    )
    keys = sa.text(
        "INSERT INTO policy_group_keys (group_id, key_id)"
        " SELECT DISTINCT g.id, k.key_id FROM api_key_grants k"
        " JOIN policy_groups g ON g.account_id = k.account_id AND g.kind = 'administrators'"
        " WHERE k.domain_id = 'root' AND k.role = 'Administrator'"
    )
    for statement in (developers, people, keys):
        connection.execute(statement)


def _new_id() -> str:
    """Return a UUIDv7 (RFC 9562, section 5.7)."""
    noise = int.from_bytes(os.urandom(10))
    high = (time.time_ns() // 1_000_000 << 16) | 0x7000 | (noise >> 64 & 0xFFF)
    low = 0x8000000000000000 | (noise & 0x3FFFFFFFFFFFFFFF)
    return f"{high:016x}{low:016x}"
