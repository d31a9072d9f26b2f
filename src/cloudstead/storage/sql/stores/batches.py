"""Batches, and the things that each has made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select

from cloudstead.core.batches.model import Batch, BatchError
from cloudstead.storage.sql.json_text import from_text, to_text
from cloudstead.storage.sql.statements import Statement, Words, adding, replacing
from cloudstead.storage.sql.tables import things
from cloudstead.storage.sql.tables_batches import batch_things, batches

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Select

    from cloudstead.core.ids import AccountId, BatchId, DomainId, ThingUid
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding(batches)
_REPLACE = replacing(batches, "account_id", "id")
_ADD_THING = adding(batch_things)
_GET = Statement(
    lambda _: (
        select(batches).where(batches.c.account_id == bindparam("account_id")).where(batches.c.id == bindparam("id"))
    ),
    "account_id",
    "id",
)
_THINGS = Statement(
    lambda _: (
        select(batch_things.c.thing_uid)
        .join(things, things.c.uid == batch_things.c.thing_uid)
        .where(batch_things.c.account_id == bindparam("account_id"))
        .where(batch_things.c.batch_id == bindparam("batch_id"))
        .order_by(batch_things.c.number)
    ),
    "account_id",
    "batch_id",
)
_COUNT_UNFINISHED = Statement(
    lambda _: (
        select(func.count())
        .select_from(batches)
        .where(batches.c.account_id == bindparam("account_id"))
        .where(batches.c.finished_at_ms.is_(None))
    ),
    "account_id",
)
_LAST = "\U0010ffff"


def _first(words: Words, *, everywhere: bool) -> Select[Any]:
    found = (
        select(batches)
        .where(batches.c.account_id == bindparam("account_id"))
        .where(batches.c.key >= bindparam("first"))
        .where(batches.c.key < bindparam("end"))
    )
    if not everywhere:
        found = found.where(words.any_of(batches.c.domain_id, "domain_ids"))
    return found.order_by(batches.c.key).limit(bindparam("limit"))


_FIRST_EVERYWHERE = Statement(lambda words: _first(words, everywhere=True), "account_id", "first", "end", "limit")
_FIRST_AT = Statement(
    lambda words: _first(words, everywhere=False), "account_id", "first", "end", "domain_ids", "limit"
)


class SqlBatches:
    """Batches of one account at a time (``core.batches.ports.BatchStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, batch: Batch) -> None:
        """Insert a batch."""
        self._transaction.change(_ADD, *_values(batch))

    def replace(self, batch: Batch) -> None:
        """Write all columns of a batch."""
        self._transaction.change(_REPLACE, *_values(batch))

    def get(self, account_id: AccountId, batch_id: BatchId) -> Batch | None:
        """Return the batch with that id."""
        row = self._transaction.row(_GET, account_id, batch_id)
        return None if row is None else _batch(row)

    def add_things(self, batch: Batch, uids: Sequence[ThingUid]) -> None:
        """Note that the batch has made these things."""
        self._transaction.change_each(
            _ADD_THING,
            [(batch.account_id, batch.id, number, uid) for number, uid in enumerate(uids, batch.current_size + 1)],
        )

    def things(self, account_id: AccountId, batch_id: BatchId) -> Sequence[ThingUid]:
        """Return the things that the batch has made and that are still there, in the order of their making."""
        return [row[0] for row in self._transaction.rows(_THINGS, account_id, batch_id)]

    def count_unfinished(self, account_id: AccountId) -> int:
        """Return how many batches of the account are not finished."""
        row = self._transaction.row(_COUNT_UNFINISHED, account_id)
        return 0 if row is None else int(row[0])

    def first_by_key(
        self, account_id: AccountId, *, prefix: str, domain_ids: Collection[DomainId] | None, limit: int
    ) -> Sequence[Batch]:
        """Return batches whose key begins with ``prefix``, in the order of their keys."""
        end = prefix + _LAST
        if domain_ids is None:
            rows = self._transaction.rows(_FIRST_EVERYWHERE, account_id, prefix, end, limit)
        else:
            rows = self._transaction.rows(_FIRST_AT, account_id, prefix, end, list(domain_ids), limit)
        return [_batch(row) for row in rows]


def _values(batch: Batch) -> tuple[object, ...]:
    return (
        batch.account_id,
        batch.id,
        batch.key,
        batch.thing_type,
        batch.domain_id,
        batch.requested_size,
        batch.concurrency,
        batch.created_by,
        batch.principal,
        batch.person_id,
        batch.source_address,
        batch.created_at_ms,
        batch.current_size,
        to_text([[error.number, error.message] for error in batch.errors]),
        batch.finished_at_ms,
        batch.size,
        batch.etag,
    )


def _batch(row: Sequence[Any]) -> Batch:
    read = dict(zip(batches.c.keys(), row, strict=True))
    errors = tuple(BatchError(*each) for each in from_text(read.pop("errors")))
    return Batch(**read, errors=errors)
