"""The tables of people beside the one that every request reads: what is searched, what is stored for them, links."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, ForeignKeyConstraint, Index, LargeBinary, Table

from cloudstead.storage.sql.tables import TEXT, metadata

# What free text is looked for in: all that can be read of a person, case-folded, in one text. Neither engine folds the
# case of more than ASCII under byte-wise collation; and the mail address in lower case, for the same reason. Apart from
# the people, whose rows are read at each login.
person_texts: Final = Table(
    "person_texts",
    metadata,
    Column("person_id", TEXT, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("text", TEXT, nullable=False),
    Column("email", TEXT, nullable=False, index=True),
)

user_data: Final = Table(
    "user_data",
    metadata,
    Column("person_id", TEXT, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("data", TEXT, nullable=False),
)

person_links: Final = Table(
    "person_links",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("account_id", TEXT, ForeignKey("accounts.id"), nullable=False),
    Column("person_id", TEXT, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("purpose", TEXT, nullable=False),
    Column("secret_hash", LargeBinary(), nullable=False),
    Column("email", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("created_at_ms", BigInteger(), nullable=False),
    Column("expires_at_ms", BigInteger(), nullable=False),
    Index(None, "person_id", "created_at_ms"),
    Index(None, "email", "created_at_ms"),
    Index(None, "expires_at_ms"),
    sqlite_with_rowid=False,
)

second_factors: Final = Table(
    "second_factors",
    metadata,
    Column("person_id", TEXT, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed_secret", LargeBinary(), nullable=False),
    Column("is_on", Boolean(), nullable=False),
    Column("last_step", BigInteger(), nullable=False),
    sqlite_with_rowid=False,
)

scratch_codes: Final = Table(
    "scratch_codes",
    metadata,
    Column("person_id", TEXT, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("code_hash", LargeBinary(), primary_key=True),
    sqlite_with_rowid=False,
)

login_sessions: Final = Table(
    "login_sessions",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),
    Column("person_id", TEXT, nullable=False),
    Column("secret_hash", LargeBinary(), nullable=False),
    Column("credential_epoch", BigInteger(), nullable=False),
    Column("created_at_ms", BigInteger(), nullable=False),
    Column("used_at_ms", BigInteger(), nullable=False),
    Column("address", TEXT, nullable=False),
    Column("user_agent", TEXT, nullable=False),
    ForeignKeyConstraint(
        ["account_id", "person_id"], ["memberships.account_id", "memberships.person_id"], ondelete="CASCADE"
    ),
    Index(None, "account_id", "person_id"),
    Index(None, "person_id"),
    Index(None, "used_at_ms"),
    sqlite_with_rowid=False,
)

login_attempts: Final = Table(
    "login_attempts",
    metadata,
    Column("account_id", TEXT, primary_key=True),
    Column("person_id", TEXT, primary_key=True),
    Column("id", TEXT, primary_key=True),
    Column("at_ms", BigInteger(), nullable=False),
    Column("address", TEXT, nullable=False),
    Column("user_agent", TEXT, nullable=False),
    Column("is_success", Boolean(), nullable=False),
    ForeignKeyConstraint(
        ["account_id", "person_id"], ["memberships.account_id", "memberships.person_id"], ondelete="CASCADE"
    ),
    sqlite_with_rowid=False,
)

invitations: Final = Table(
    "invitations",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),
    Column("person_id", TEXT, nullable=False),
    Column("email", TEXT, nullable=False),
    Column("groups", TEXT, nullable=False),
    Column("secret_hash", LargeBinary(), nullable=False),
    Column("created_at_ms", BigInteger(), nullable=False),
    Column("expires_at_ms", BigInteger(), nullable=False),
    Column("version", BigInteger(), nullable=False),
    Column("updated_at_ms", BigInteger(), nullable=False),
    Column("into_account", Boolean(), nullable=False),
    ForeignKeyConstraint(
        ["account_id", "person_id"], ["memberships.account_id", "memberships.person_id"], ondelete="CASCADE"
    ),
    Index(None, "account_id", "id"),
    Index(None, "account_id", "person_id"),
    Index(None, "expires_at_ms"),
    sqlite_with_rowid=False,
)

notifications: Final = Table(
    "notifications",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("account_id", TEXT, ForeignKey("accounts.id"), nullable=False),
    Column("created_at_ms", BigInteger(), nullable=False),
    Column("receiver", TEXT, nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("message", TEXT, nullable=False),
    Column("is_sent", Boolean(), nullable=False),
    Column("fault", TEXT, nullable=False),
    Column("version", BigInteger(), nullable=False),
    Index(None, "account_id", "id"),
)
