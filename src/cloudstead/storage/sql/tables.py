"""Every table of the state store.

Keys begin with the account wherever the look-up does, so that a page of one account lies together on disk. Text is
compared byte by byte on both engines (PostgreSQL: collation "C"), so that orders and cursors agree. JSON is kept as
text: no query looks inside it, and what was written comes back unchanged. On SQLite, tables of short rows are clustered
by their key (WITHOUT ROWID); those with long texts are not, because a clustered row fills the inner nodes as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

TEXT: Final[TypeEngine[str]] = Text().with_variant(Text(collation="C"), "postgresql")
"""Compared byte by byte on both engines."""
# SQLite gives out row numbers only to a column that is declared exactly INTEGER PRIMARY KEY.
_SERIAL: Final[TypeEngine[int]] = BigInteger().with_variant(Integer(), "sqlite")


def _text(name: str, *more: Any, **options: Any) -> Column[str]:
    return Column(name, TEXT, *more, nullable=False, **options)


def _optional_text(name: str, *more: Any) -> Column[str | None]:
    return Column(name, TEXT, *more, nullable=True)


def _number(name: str, **options: Any) -> Column[int]:
    return Column(name, BigInteger(), nullable=False, autoincrement=False, **options)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean(), nullable=False)


def _account(**options: Any) -> Column[str]:
    return _text("account_id", ForeignKey("accounts.id"), **options)


accounts: Final = Table(
    "accounts",
    metadata,
    _text("id", primary_key=True),
    _text("name"),
    _text("number", unique=True),
    _text("stack"),
    _text("function_suffix", unique=True),
    _text("identity_pool", unique=True),
    _text("user_pool"),
    _text("user_pool_client"),
    _number("created_at_ms"),
    _optional_text("parent_id", ForeignKey("accounts.id")),
    _text("status"),
    _text("mqtt_profile"),
    _flag("printed_event_names"),
    Index(None, "parent_id", "id"),
    sqlite_with_rowid=False,
)

account_hosts: Final = Table(
    "account_hosts",
    metadata,
    _text("host", primary_key=True),
    _account(index=True),
    sqlite_with_rowid=False,
)

counters: Final = Table(
    "counters",
    metadata,
    _account(primary_key=True),
    _text("name", primary_key=True),
    _number("value"),
    sqlite_with_rowid=False,
)

people: Final = Table(
    "people",
    metadata,
    _text("id", primary_key=True),
    _text("home_account_id", ForeignKey("accounts.id")),
    _text("user_name"),
    _text("password_hash"),
    _text("email"),
    _text("first_name"),
    _text("last_name"),
    _flag("is_enabled"),
    _number("created_at_ms"),
    _number("failed_logins"),
    _number("locked_until_ms"),
    _text("phone"),
    _text("company"),
    _text("address"),
    _text("zip"),
    _text("city"),
    _text("country"),
    _flag("is_confirmed"),
    _flag("must_set_password"),
    _flag("is_demo"),
    _number("credential_epoch"),
    _flag("is_email_verified"),
    _flag("accepts_terms"),
    _flag("accepts_marketing"),
    _number("password_changed_at_ms"),
    _number("last_login_at_ms"),
    UniqueConstraint("home_account_id", "user_name"),
    Index(None, "user_name"),
    Index(None, "home_account_id", "is_confirmed", "user_name"),
    sqlite_with_rowid=False,
)

# Ids begin with the time, so whoever has waited longest to be confirmed stands first.
IS_UNCONFIRMED: Final = text("NOT is_confirmed")
Index("ix_people_unconfirmed", people.c.id, sqlite_where=IS_UNCONFIRMED, postgresql_where=IS_UNCONFIRMED)

memberships: Final = Table(
    "memberships",
    metadata,
    _account(primary_key=True),
    _text("person_id", ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    _text("stage"),
    _number("created_at_ms"),
    _number("version"),
    _number("updated_at_ms"),
    _text("custom_fields"),
    Index(None, "person_id"),
    sqlite_with_rowid=False,
)

domains: Final = Table(
    "domains",
    metadata,
    _account(primary_key=True),
    _text("uid", unique=True),
    _text("id", primary_key=True),
    _optional_text("parent_id"),
    _text("name"),
    _optional_text("description"),
    _optional_text("data"),
    _optional_text("domain_metadata"),
    _optional_text("thing_type_metadata"),
    _optional_text("settings"),
    _number("created_at_ms"),
    _text("created_by"),
    ForeignKeyConstraint(["account_id", "parent_id"], ["domains.account_id", "domains.id"]),
    Index(None, "account_id", "parent_id"),
    sqlite_with_rowid=False,
)

domain_trees: Final = Table(
    "domain_trees",
    metadata,
    _account(primary_key=True),
    _number("version"),
    sqlite_with_rowid=False,
)

# A grant dies with its domain: a later domain of the same id must not wake it up.
membership_grants: Final = Table(
    "membership_grants",
    metadata,
    _text("account_id", primary_key=True),
    _text("person_id", primary_key=True),
    _number("position", primary_key=True),
    _text("domain_id"),
    _text("role"),
    ForeignKeyConstraint(
        ["account_id", "person_id"], ["memberships.account_id", "memberships.person_id"], ondelete="CASCADE"
    ),
    ForeignKeyConstraint(["account_id", "domain_id"], ["domains.account_id", "domains.id"], ondelete="CASCADE"),
    Index(None, "account_id", "domain_id"),
    sqlite_with_rowid=False,
)

api_keys: Final = Table(
    "api_keys",
    metadata,
    _text("id", primary_key=True),
    _account(index=True),
    _optional_text("owner_id", ForeignKey("people.id", ondelete="CASCADE")),
    _text("name"),
    Column("secret_hash", LargeBinary(), nullable=False),
    _number("created_at_ms"),
    _flag("is_active"),
    _number("version"),
    _number("updated_at_ms"),
    _number("last_used_at_ms"),
    _number("secret_epoch"),
    Index(None, "owner_id"),
    Index(None, "account_id", "id"),
    Index(None, "account_id", "owner_id", "id"),
    sqlite_with_rowid=False,
)

api_key_grants: Final = Table(
    "api_key_grants",
    metadata,
    _text("key_id", ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True),
    _number("position", primary_key=True),
    _text("account_id"),
    _text("domain_id"),
    _text("role"),
    ForeignKeyConstraint(["account_id", "domain_id"], ["domains.account_id", "domains.id"], ondelete="CASCADE"),
    Index(None, "account_id", "domain_id"),
    sqlite_with_rowid=False,
)

refresh_tokens: Final = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", LargeBinary(), primary_key=True),
    _account(),
    _text("person_id", ForeignKey("people.id", ondelete="CASCADE"), index=True),
    _number("expires_at_ms", index=True),
    sqlite_with_rowid=False,
)

# No foreign key to the domain: removing a domain asks only about things and people (Cloud Connect 2.11, DomainLambda).
thing_types: Final = Table(
    "thing_types",
    metadata,
    _account(primary_key=True),
    _text("id", primary_key=True),
    _text("domain_id"),
    _text("label"),
    _optional_text("description"),
    _optional_text("data"),
    _text("resources"),
    _text("view_mode"),
    _text("view_modes"),
    _text("extra"),
    _number("created_at_ms"),
)

things: Final = Table(
    "things",
    metadata,
    _text("uid", primary_key=True),
    _account(),
    _text("name"),
    _text("thing_type"),
    _text("domain_id"),
    _text("label"),
    _optional_text("description"),
    _number("created_at_ms"),
    _text("created_by"),
    UniqueConstraint("account_id", "name"),
    ForeignKeyConstraint(["account_id", "thing_type"], ["thing_types.account_id", "thing_types.id"]),
    ForeignKeyConstraint(["account_id", "domain_id"], ["domains.account_id", "domains.id"]),
    Index(None, "account_id", "domain_id", "name"),
    Index(None, "account_id", "thing_type", "domain_id"),
    sqlite_with_rowid=False,
)

shadows: Final = Table(
    "shadows",
    metadata,
    _text("thing_uid", ForeignKey("things.uid", ondelete="CASCADE"), primary_key=True),
    _text("account_id"),
    _number("version"),
    _number("offset"),
    _number("updated_at_s"),
    _text("desired"),
    _text("reported"),
    _text("desired_metadata"),
    _text("reported_metadata"),
)

checkpoints: Final = Table(
    "checkpoints",
    metadata,
    _text("name", primary_key=True),
    _number("offset"),
    sqlite_with_rowid=False,
)

certificates: Final = Table(
    "certificates",
    metadata,
    _text("id", primary_key=True),
    _account(),
    _text("thing_uid", ForeignKey("things.uid", ondelete="CASCADE"), index=True),
    _text("serial", unique=True),
    _text("state"),
    _number("not_before_ms"),
    _number("not_after_ms"),
    _text("pem"),
    Column("sealed_private_key", LargeBinary(), nullable=True),
    _number("created_at_ms"),
    Column("revoked_at_ms", BigInteger(), nullable=True),
)

# Apart from the certificates: a revocation has to outlive the thing (RFC 5280, section 3.3).
revocations: Final = Table(
    "revocations",
    metadata,
    _text("serial", primary_key=True),
    _account(),
    _number("revoked_at_ms"),
    _number("not_after_ms"),
    sqlite_with_rowid=False,
)

audit_entries: Final = Table(
    "audit_entries",
    metadata,
    _text("id"),
    _account(),
    _number("at_ms"),
    _text("principal"),
    _text("operation"),
    _text("object_type"),
    _text("object_id"),
    _optional_text("source_address"),
    _optional_text("before"),
    _optional_text("after"),
    PrimaryKeyConstraint("account_id", "id"),
    Index(None, "account_id", "object_id", "id"),
    Index(None, "account_id", "principal", "id"),
    Index(None, "account_id", "operation", "id"),
)

# Marks keep what the index must forget even after the thing is gone, so nothing here refers to things.
index_marks: Final = Table(
    "index_marks",
    metadata,
    Column("mark", _SERIAL, primary_key=True, autoincrement=True),
    _text("account_id"),
    _text("uid"),
    _text("name"),
    sqlite_autoincrement=True,
)
