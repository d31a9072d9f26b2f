"""The tables of branding: slots that were ever set."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, PrimaryKeyConstraint, Table

from cloudstead.storage.sql.tables import TEXT, metadata

branding_colours: Final = Table(
    "branding_colours",
    metadata,
    Column("account_id", TEXT, ForeignKey("accounts.id"), nullable=False),
    Column("theme", TEXT, nullable=False),
    Column("slot", TEXT, nullable=False),
    Column("text", TEXT, nullable=True),
    Column("updated_at_ms", BigInteger(), nullable=False),
    PrimaryKeyConstraint("account_id", "theme", "slot"),
    sqlite_with_rowid=False,
)

branding_images: Final = Table(
    "branding_images",
    metadata,
    Column("account_id", TEXT, ForeignKey("accounts.id"), nullable=False),
    Column("theme", TEXT, nullable=False),
    Column("slot", TEXT, nullable=False),
    Column("key", TEXT, nullable=True),
    Column("media_type", TEXT, nullable=False),
    Column("size", BigInteger(), nullable=False),
    Column("etag", TEXT, nullable=False),
    Column("updated_at_ms", BigInteger(), nullable=False),
    PrimaryKeyConstraint("account_id", "theme", "slot"),
    sqlite_with_rowid=False,
)
