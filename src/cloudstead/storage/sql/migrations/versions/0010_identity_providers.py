"""Identity providers, who is bound to them, and sign-ins by way of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    _make_providers()
    _make_login_profiles()
    _make_answers()
    _make_sessions()


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, TEXT, nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _bytes(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def _belongs(table: str, column: str, owner: str, *, dies: bool = True) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{owner}.id"], name=f"fk_{table}_{column}", ondelete="CASCADE" if dies else None
    )


def _make_providers() -> None:
    texts = ("name", "description", "status", "idp_entity_id", "sso_endpoint", "slo_endpoint")
    op.create_table(
        "identity_providers",
        _text("id"),
        _text("account_id"),
        *(_text(name) for name in texts),
        _text("idp_certificates"),
        _text("sp_entity_id"),
        _text("sp_certificate", nullable=True),
        _bytes("sp_key", nullable=True),
        _number("created_at_ms"),
        _number("version"),
        _number("updated_at_ms"),
        _belongs("identity_providers", "account_id", "accounts", dies=False),
        sa.PrimaryKeyConstraint("id", name="pk_identity_providers"),
    )
    op.create_index("ix_identity_providers_account_id_id", "identity_providers", ["account_id", "id"])


def _make_login_profiles() -> None:
    op.create_table(
        "login_profiles",
        _text("account_id"),
        _text("person_id"),
        _text("provider_id"),
        _number("position"),
        sa.ForeignKeyConstraint(
            ["account_id", "person_id"],
            ["memberships.account_id", "memberships.person_id"],
            name="fk_login_profiles_account_id_person_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "person_id", "provider_id", name="pk_login_profiles"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_login_profiles_account_id_provider_id", "login_profiles", ["account_id", "provider_id"])


def _make_answers() -> None:
    op.create_table(
        "provider_answers",
        _text("request_id"),
        _text("account_id"),
        _text("provider_id"),
        _text("person_id"),
        _text("name_id"),
        _text("name_id_format"),
        _text("session_index"),
        _number("session_ends_at_ms", nullable=True),
        _number("expires_at_ms"),
        sa.Column("is_taken", sa.Boolean(), nullable=False),
        _belongs("provider_answers", "account_id", "accounts", dies=False),
        _belongs("provider_answers", "provider_id", "identity_providers"),
        _belongs("provider_answers", "person_id", "people"),
        sa.PrimaryKeyConstraint("request_id", name="pk_provider_answers"),
        sqlite_with_rowid=False,
    )
    for column in ("expires_at_ms", "provider_id", "person_id"):
        op.create_index(f"ix_provider_answers_{column}", "provider_answers", [column])
    op.create_table(
        "seen_assertions",
        _text("provider_id"),
        _text("assertion_id"),
        _number("expires_at_ms"),
        _belongs("seen_assertions", "provider_id", "identity_providers"),
        sa.PrimaryKeyConstraint("provider_id", "assertion_id", name="pk_seen_assertions"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_seen_assertions_expires_at_ms", "seen_assertions", ["expires_at_ms"])


def _make_sessions() -> None:
    op.create_table(
        "provider_sessions",
        _text("id"),
        _text("account_id"),
        _text("provider_id"),
        _text("person_id"),
        _text("name_id"),
        _text("name_id_format"),
        _text("session_index"),
        _bytes("browser_hash"),
        _text("login_session_id"),
        _number("created_at_ms"),
        _number("expires_at_ms"),
        _belongs("provider_sessions", "account_id", "accounts", dies=False),
        _belongs("provider_sessions", "provider_id", "identity_providers"),
        _belongs("provider_sessions", "person_id", "people"),
        _belongs("provider_sessions", "login_session_id", "login_sessions"),
        sa.PrimaryKeyConstraint("id", name="pk_provider_sessions"),
        sa.UniqueConstraint("browser_hash", name="uq_provider_sessions_browser_hash"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_provider_sessions_provider_id_name_id", "provider_sessions", ["provider_id", "name_id"])
    op.create_index("ix_provider_sessions_person_id", "provider_sessions", ["person_id"])
    op.create_index("ix_provider_sessions_login_session_id", "provider_sessions", ["login_session_id"])
    op.create_index("ix_provider_sessions_expires_at_ms", "provider_sessions", ["expires_at_ms"])
