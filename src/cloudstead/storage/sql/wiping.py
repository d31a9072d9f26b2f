"""Deleting what an account holds: every table whose rows name their account, children before parents.

A table that a later release adds is among them without anybody's thinking of it. What stays is the account itself,
closed, so that its number is never given out again; its audit trail; and its revocations, which outlive what they
revoke (RFC 5280, section 3.3). Marks for the index stay until the index has read them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam

from cloudstead.storage.sql.statements import Statement
from cloudstead.storage.sql.tables import metadata

if TYPE_CHECKING:
    from sqlalchemy import Column, Table

KEPT: Final = frozenset({"accounts", "audit_entries", "revocations", "index_marks", "counters"})
_OWNERS: Final = ("account_id", "home_account_id")


def _wiping(table: Table, column: Column[Any]) -> Statement:
    return Statement(lambda _: table.delete().where(column == bindparam("account_id")), "account_id")


@lru_cache(1)
def wipes() -> tuple[Statement, ...]:
    """Return a statement for each table; to be asked when all tables are known."""
    return tuple(
        _wiping(table, table.c[name])
        for table in reversed(metadata.sorted_tables)
        if table.name not in KEPT
        for name in _OWNERS
        if name in table.c
    )
