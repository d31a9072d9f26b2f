"""The table of the archive's objects; how far the archive has come stands among the checkpoints."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text

from cloudstead.storage.sql.tables import metadata

_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")


def _number(name: str, **options: Any) -> Column[int]:
    return Column(name, BigInteger(), nullable=False, autoincrement=False, **options)


archive_objects: Final = Table(
    "archive_objects",
    metadata,
    Column("account_id", _TEXT, ForeignKey("accounts.id"), nullable=False, primary_key=True),
    _number("first_offset", primary_key=True),
    _number("last_offset"),
    Column("key", _TEXT, nullable=False),
    _number("count"),
    _number("left_out"),
    _number("size"),
    _number("first_ms"),
    _number("last_ms"),
    Index(None, "account_id", "key"),
    Index(None, "last_offset"),
    Index(None, "last_ms"),
    sqlite_with_rowid=False,
)
