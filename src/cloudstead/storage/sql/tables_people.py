"""The tables of people beside the one that every request reads: what is searched, what is stored for them, links."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, Table

from cloudstead.storage.sql.tables import TEXT, metadata

# What free text is looked for in: all that can be read of a person, case-folded, in one text. Neither engine folds the
# case of more than ASCII under byte-wise collation. Apart from the people, whose rows are read at each login.
person_texts: Final = Table(
    "person_texts",
    metadata,
    Column("person_id", TEXT, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("text", TEXT, nullable=False),
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
