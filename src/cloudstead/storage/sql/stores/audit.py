"""The audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from cloudstead.core.audit.model import AuditEntry
from cloudstead.core.paging import Page
from cloudstead.storage.sql.json_text import from_optional_text, to_optional_text
from cloudstead.storage.sql.statements import Statement, adding
from cloudstead.storage.sql.tables import audit_entries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.ids import AccountId
    from cloudstead.core.paging import PageRequest
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding(audit_entries)
_FORWARDS = Statement(
    lambda _: (
        select(audit_entries)
        .where(audit_entries.c.account_id == bindparam("account_id"))
        .where(audit_entries.c.id > bindparam("after"))
        .order_by(audit_entries.c.id)
        .limit(bindparam("limit"))
    ),
    "account_id",
    "after",
    "limit",
)
_BACKWARDS = Statement(
    lambda _: (
        select(audit_entries)
        .where(audit_entries.c.account_id == bindparam("account_id"))
        .where(audit_entries.c.id < bindparam("after"))
        .order_by(audit_entries.c.id.desc())
        .limit(bindparam("limit"))
    ),
    "account_id",
    "after",
    "limit",
)
_FIRST = ""
_LAST = "g"  # behind every hexadecimal id


class SqlAudit:
    """The audit trail of one account at a time (``core.audit.ports.AuditStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, entry: AuditEntry) -> None:
        """Insert an entry."""
        self._transaction.change(_ADD, *_values(entry))

    def page(self, account_id: AccountId, request: PageRequest) -> Page[AuditEntry]:
        """Return entries in the order of their ids (that is, of time)."""
        statement, start = (_BACKWARDS, _LAST) if request.descending else (_FORWARDS, _FIRST)
        after = start if request.after is None else request.after
        # One more than asked for tells whether another page follows.
        rows = self._transaction.rows(statement, account_id, after, request.limit + 1)
        items = tuple(_entry(row) for row in rows[: request.limit])
        return Page(items, after=items[-1].id if items and len(rows) > request.limit else None)


def _values(entry: AuditEntry) -> tuple[object, ...]:
    return (
        entry.id,
        entry.account_id,
        entry.at_ms,
        entry.principal,
        entry.operation,
        entry.object_type,
        entry.object_id,
        entry.source_address,
        to_optional_text(entry.before),
        to_optional_text(entry.after),
    )


def _entry(row: Sequence[Any]) -> AuditEntry:
    return AuditEntry(*row[:8], *map(from_optional_text, row[8:]))
