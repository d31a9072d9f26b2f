"""The tables of identity providers: who is bound to them, and sign-ins by way of them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, Table

from cloudstead.storage.sql.tables import TEXT, metadata


def _provider() -> Column[str]:
    return Column("provider_id", TEXT, ForeignKey("identity_providers.id", ondelete="CASCADE"), nullable=False)


identity_providers: Final = Table(
    "identity_providers",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("account_id", TEXT, ForeignKey("accounts.id"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("status", TEXT, nullable=False),
    Column("idp_entity_id", TEXT, nullable=False),
    Column("sso_endpoint", TEXT, nullable=False),
    Column("slo_endpoint", TEXT, nullable=False),
    Column("idp_certificates", TEXT, nullable=False),
    Column("sp_entity_id", TEXT, nullable=False),
    Column("sp_certificate", TEXT, nullable=True),
    Column("sp_key", LargeBinary(), nullable=True),
    Column("allows_idp_initiated", Boolean(), nullable=False),
    Column("created_at_ms", BigInteger(), nullable=False),
    Column("version", BigInteger(), nullable=False),
    Column("updated_at_ms", BigInteger(), nullable=False),
    Index(None, "account_id", "id"),
)

# No key leads to the provider: the built-in one has no row. Whoever is bound to one that is gone is bound to nothing.
login_profiles: Final = Table(
    "login_profiles",
    metadata,
    Column("account_id", TEXT, primary_key=True),
    Column("person_id", TEXT, primary_key=True),
    Column("provider_id", TEXT, primary_key=True),
    Column("position", BigInteger(), nullable=False),
    ForeignKeyConstraint(
        ["account_id", "person_id"], ["memberships.account_id", "memberships.person_id"], ondelete="CASCADE"
    ),
    Index(None, "account_id", "provider_id"),
    sqlite_with_rowid=False,
)

provider_answers: Final = Table(
    "provider_answers",
    metadata,
    Column("request_id", TEXT, primary_key=True),
    Column("account_id", TEXT, ForeignKey("accounts.id"), nullable=False),
    _provider(),
    Column("person_id", TEXT, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("name_id", TEXT, nullable=False),
    Column("name_id_format", TEXT, nullable=False),
    Column("session_index", TEXT, nullable=False),
    Column("session_ends_at_ms", BigInteger(), nullable=True),
    Column("expires_at_ms", BigInteger(), nullable=False),
    Column("is_taken", Boolean(), nullable=False),
    Index(None, "expires_at_ms"),
    Index(None, "provider_id"),
    Index(None, "person_id"),
    sqlite_with_rowid=False,
)

seen_assertions: Final = Table(
    "seen_assertions",
    metadata,
    Column("provider_id", TEXT, ForeignKey("identity_providers.id", ondelete="CASCADE"), primary_key=True),
    Column("assertion_id", TEXT, primary_key=True),
    Column("expires_at_ms", BigInteger(), nullable=False),
    Index(None, "expires_at_ms"),
    sqlite_with_rowid=False,
)

provider_sessions: Final = Table(
    "provider_sessions",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("account_id", TEXT, ForeignKey("accounts.id"), nullable=False),
    _provider(),
    Column("person_id", TEXT, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("name_id", TEXT, nullable=False),
    Column("name_id_format", TEXT, nullable=False),
    Column("session_index", TEXT, nullable=False),
    Column("browser_hash", LargeBinary(), nullable=False, unique=True),
    Column("login_session_id", TEXT, ForeignKey("login_sessions.id", ondelete="CASCADE"), nullable=False),
    Column("created_at_ms", BigInteger(), nullable=False),
    Column("expires_at_ms", BigInteger(), nullable=False),
    Index(None, "provider_id", "name_id"),
    Index(None, "person_id"),
    Index(None, "login_session_id"),
    Index(None, "expires_at_ms"),
    sqlite_with_rowid=False,
)
