"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "accounts",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("number", TEXT, nullable=False),
        sa.Column("stack", TEXT, nullable=False),
        sa.Column("function_suffix", TEXT, nullable=False),
        sa.Column("identity_pool", TEXT, nullable=False),
        sa.Column("user_pool", TEXT, nullable=False),
        sa.Column("user_pool_client", TEXT, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("parent_id", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("mqtt_profile", TEXT, nullable=False),
        sa.Column("printed_event_names", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["accounts.id"], name="fk_accounts_parent_id"),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("function_suffix", name="uq_accounts_function_suffix"),
        sa.UniqueConstraint("identity_pool", name="uq_accounts_identity_pool"),
        sa.UniqueConstraint("number", name="uq_accounts_number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "checkpoints",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("name", name="pk_checkpoints"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "index_marks",
        sa.Column("mark", SERIAL, autoincrement=True, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("uid", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("mark", name="pk_index_marks"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "account_hosts",
        sa.Column("host", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_account_hosts_account_id"),
        sa.PrimaryKeyConstraint("host", name="pk_account_hosts"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_account_hosts_account_id", "account_hosts", ["account_id"])
    op.create_table(
        "audit_entries",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("principal", TEXT, nullable=False),
        sa.Column("operation", TEXT, nullable=False),
        sa.Column("object_type", TEXT, nullable=False),
        sa.Column("object_id", TEXT, nullable=False),
        sa.Column("source_address", TEXT, nullable=True),
        sa.Column("before", TEXT, nullable=True),
        sa.Column("after", TEXT, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_audit_entries_account_id"),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_audit_entries"),
    )
    op.create_table(
        "counters",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_counters_account_id"),
        sa.PrimaryKeyConstraint("account_id", "name", name="pk_counters"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "domain_trees",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_domain_trees_account_id"),
        sa.PrimaryKeyConstraint("account_id", name="pk_domain_trees"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "domains",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("uid", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("parent_id", TEXT, nullable=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("data", TEXT, nullable=True),
        sa.Column("domain_metadata", TEXT, nullable=True),
        sa.Column("thing_type_metadata", TEXT, nullable=True),
        sa.Column("settings", TEXT, nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "parent_id"], ["domains.account_id", "domains.id"], name="fk_domains_account_id_parent_id"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_domains_account_id"),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_domains"),
        sa.UniqueConstraint("uid", name="uq_domains_uid"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_domains_account_id_parent_id", "domains", ["account_id", "parent_id"])
    op.create_table(
        "people",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("home_account_id", TEXT, nullable=False),
        sa.Column("user_name", TEXT, nullable=False),
        sa.Column("password_hash", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=False),
        sa.Column("first_name", TEXT, nullable=False),
        sa.Column("last_name", TEXT, nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("failed_logins", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("locked_until_ms", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.ForeignKeyConstraint(["home_account_id"], ["accounts.id"], name="fk_people_home_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("home_account_id", "user_name", name="uq_people_home_account_id_user_name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "revocations",
        sa.Column("serial", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("revoked_at_ms", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("not_after_ms", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_revocations_account_id"),
        sa.PrimaryKeyConstraint("serial", name="pk_revocations"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "thing_types",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("domain_id", TEXT, nullable=False),
        sa.Column("label", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("data", TEXT, nullable=True),
        sa.Column("resources", TEXT, nullable=False),
        sa.Column("view_mode", TEXT, nullable=False),
        sa.Column("view_modes", TEXT, nullable=False),
        sa.Column("extra", TEXT, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_thing_types_account_id"),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_thing_types"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("owner_id", TEXT, nullable=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_api_keys_account_id"),
        sa.ForeignKeyConstraint(["owner_id"], ["people.id"], name="fk_api_keys_owner_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_api_keys_account_id", "api_keys", ["account_id"])
    op.create_index("ix_api_keys_owner_id", "api_keys", ["owner_id"])
    op.create_table(
        "memberships",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("person_id", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_memberships_account_id"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_memberships_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("account_id", "person_id", name="pk_memberships"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("person_id", TEXT, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_refresh_tokens_account_id"),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_refresh_tokens_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_refresh_tokens"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_refresh_tokens_expires_at_ms", "refresh_tokens", ["expires_at_ms"])
    op.create_index("ix_refresh_tokens_person_id", "refresh_tokens", ["person_id"])
    op.create_table(
        "things",
        sa.Column("uid", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("thing_type", TEXT, nullable=False),
        sa.Column("domain_id", TEXT, nullable=False),
        sa.Column("label", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "domain_id"], ["domains.account_id", "domains.id"], name="fk_things_account_id_domain_id"
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "thing_type"],
            ["thing_types.account_id", "thing_types.id"],
            name="fk_things_account_id_thing_type",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_things_account_id"),
        sa.PrimaryKeyConstraint("uid", name="pk_things"),
        sa.UniqueConstraint("account_id", "name", name="uq_things_account_id_name"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_things_account_id_domain_id_name", "things", ["account_id", "domain_id", "name"])
    op.create_index("ix_things_account_id_thing_type_domain_id", "things", ["account_id", "thing_type", "domain_id"])
    op.create_table(
        "api_key_grants",
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("domain_id", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "domain_id"],
            ["domains.account_id", "domains.id"],
            name="fk_api_key_grants_account_id_domain_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name="fk_api_key_grants_key_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key_id", "position", name="pk_api_key_grants"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_api_key_grants_account_id_domain_id", "api_key_grants", ["account_id", "domain_id"])
    op.create_table(
        "certificates",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("thing_uid", TEXT, nullable=False),
        sa.Column("serial", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("not_before_ms", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("not_after_ms", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("pem", TEXT, nullable=False),
        sa.Column("sealed_private_key", sa.LargeBinary(), nullable=True),
        sa.Column("created_at_ms", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("revoked_at_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_certificates_account_id"),
        sa.ForeignKeyConstraint(["thing_uid"], ["things.uid"], name="fk_certificates_thing_uid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_certificates"),
        sa.UniqueConstraint("serial", name="uq_certificates_serial"),
    )
    op.create_index("ix_certificates_thing_uid", "certificates", ["thing_uid"])
    op.create_table(
        "membership_grants",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("person_id", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("domain_id", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "domain_id"],
            ["domains.account_id", "domains.id"],
            name="fk_membership_grants_account_id_domain_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "person_id"],
            ["memberships.account_id", "memberships.person_id"],
            name="fk_membership_grants_account_id_person_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "person_id", "position", name="pk_membership_grants"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_membership_grants_account_id_domain_id", "membership_grants", ["account_id", "domain_id"])
    op.create_table(
        "shadows",
        sa.Column("thing_uid", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("offset", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("updated_at_s", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("desired", TEXT, nullable=False),
        sa.Column("reported", TEXT, nullable=False),
        sa.Column("desired_metadata", TEXT, nullable=False),
        sa.Column("reported_metadata", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["thing_uid"], ["things.uid"], name="fk_shadows_thing_uid", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("thing_uid", name="pk_shadows"),
    )
