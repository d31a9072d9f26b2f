"""The objects of the archive, and how far it has come."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, func, select

from cloudstead.core.archive.model import ArchivedObject
from cloudstead.storage.sql.statements import Statement, columns, putting
from cloudstead.storage.sql.tables import checkpoints
from cloudstead.storage.sql.tables_archive import archive_objects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudstead.core.ids import AccountId
    from cloudstead.storage.sql.transaction import Transaction

_CHECKPOINT: Final = "archive"

_row = archive_objects.c
_GET_CHECKPOINT = Statement(
    lambda _: select(checkpoints.c.offset).where(checkpoints.c.name == bindparam("name")), "name"
)
_PUT_CHECKPOINT = putting(checkpoints, "name")
_PUT = putting(archive_objects, "account_id", "first_offset")
_FLOORS = Statement(
    lambda _: (
        select(_row.account_id, func.max(_row.last_offset))
        .where(_row.last_offset > bindparam("offset"))
        .group_by(_row.account_id)
    ),
    "offset",
)
_HOLDING = Statement(
    lambda _: (
        select(archive_objects)
        .where(_row.account_id == bindparam("account_id"))
        .where(_row.first_offset <= bindparam("offset"))
        .order_by(_row.first_offset.desc())
        .limit(1)
    ),
    "account_id",
    "offset",
)
_BY_KEY = Statement(
    lambda _: (
        select(archive_objects)
        .where(_row.account_id == bindparam("account_id"))
        .where(_row.key == bindparam("key"))
        .limit(1)
    ),
    "account_id",
    "key",
)
_SPAN = Statement(
    lambda _: (
        select(archive_objects)
        .where(_row.account_id == bindparam("account_id"))
        .where(_row.last_offset >= bindparam("first"))
        .where(_row.first_offset <= bindparam("last"))
        .order_by(_row.first_offset)
        .limit(bindparam("limit"))
    ),
    "account_id",
    "first",
    "last",
    "limit",
)
_OLDER = Statement(
    lambda _: (
        select(archive_objects)
        .where(_row.last_ms < bindparam("before_ms"))
        .where(_row.last_offset <= bindparam("through"))
        .order_by(_row.last_ms)
        .limit(bindparam("limit"))
    ),
    "before_ms",
    "through",
    "limit",
)
_REMOVE = Statement(
    lambda _: (
        archive_objects.delete()
        .where(_row.account_id == bindparam("account_id"))
        .where(_row.first_offset == bindparam("first_offset"))
    ),
    "account_id",
    "first_offset",
)


class SqlArchive:
    """Rows of the archive's objects (``core.archive.ports.ArchiveStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def checkpoint(self) -> int:
        """Return the offset up to which every update message is in an object; 0 at the beginning."""
        row = self._transaction.row(_GET_CHECKPOINT, _CHECKPOINT)
        return 0 if row is None else int(row[0])

    def set_checkpoint(self, offset: int) -> None:
        """Move it on, in the same transaction as the rows that it speaks of."""
        self._transaction.change(_PUT_CHECKPOINT, _CHECKPOINT, offset)

    def put(self, objects: Sequence[ArchivedObject]) -> None:
        """Insert rows, or replace those of the same account and first offset."""
        if objects:
            self._transaction.change_each(_PUT, [astuple(each) for each in objects])

    def floors(self, offset: int) -> Mapping[AccountId, int]:
        """Return the last archived offset of each account that has come further than ``offset``."""
        return {row[0]: int(row[1]) for row in self._transaction.rows(_FLOORS, offset)}

    def holding(self, account_id: AccountId, offset: int) -> ArchivedObject | None:
        """Return the object that a message with this offset is in, or was left out of."""
        row = self._transaction.row(_HOLDING, account_id, offset)
        found = None if row is None else _object(row)
        return None if found is None or found.last_offset < offset else found

    def by_key(self, account_id: AccountId, key: str) -> ArchivedObject | None:
        """Return the object of that key."""
        row = self._transaction.row(_BY_KEY, account_id, key)
        return None if row is None else _object(row)

    def span(
        self, account_id: AccountId, first_offset: int, last_offset: int, *, limit: int
    ) -> Sequence[ArchivedObject]:
        """Return objects that hold anything from ``first_offset`` to ``last_offset``, in the order of the log."""
        return [_object(row) for row in self._transaction.rows(_SPAN, account_id, first_offset, last_offset, limit)]

    def older_than(self, before_ms: int, *, limit: int) -> Sequence[ArchivedObject]:
        """Return objects of any account whose last message came before a time; none beyond the checkpoint."""
        return [_object(row) for row in self._transaction.rows(_OLDER, before_ms, self.checkpoint(), limit)]

    def remove(self, objects: Sequence[ArchivedObject]) -> None:
        """Delete rows."""
        self._transaction.change_each(_REMOVE, [(each.account_id, each.first_offset) for each in objects])


def _object(row: Sequence[Any]) -> ArchivedObject:
    return ArchivedObject(**dict(zip(columns(archive_objects), row, strict=True)))
