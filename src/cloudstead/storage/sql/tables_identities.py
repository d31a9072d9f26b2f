"""The tables of things' outside identities, and of access keys."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, PrimaryKeyConstraint, Table

from cloudstead.storage.sql.tables import TEXT, metadata

outside_identities: Final = Table(
    "outside_identities",
    metadata,
    Column("account_id", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    Column("thing_uid", TEXT, ForeignKey("things.uid", ondelete="CASCADE"), nullable=False),
    PrimaryKeyConstraint("account_id", "kind", "value"),
    Index(None, "thing_uid"),
    sqlite_with_rowid=False,
)

access_keys: Final = Table(
    "access_keys",
    metadata,
    Column("id", TEXT, nullable=False, primary_key=True),
    Column("account_id", TEXT, ForeignKey("accounts.id"), nullable=False),
    Column("person_id", TEXT, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("sealed_secret", LargeBinary(), nullable=False),
    # No foreign key: a key whose domain is gone says so when it is used, rather than to vanish unseen.
    Column("domain_id", TEXT, nullable=True),
    Column("is_active", Boolean(), nullable=False),
    Column("created_at_ms", BigInteger(), nullable=False),
    Index(None, "person_id"),
    sqlite_with_rowid=False,
)
