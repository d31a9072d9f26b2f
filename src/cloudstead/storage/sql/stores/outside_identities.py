"""Outside identities of things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from cloudstead.core.things.identities import IdentityKind, OutsideIdentity
from cloudstead.storage.sql.statements import Statement, adding_if_free
from cloudstead.storage.sql.tables_identities import outside_identities as table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Any

    from cloudstead.core.ids import AccountId, ThingUid
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding_if_free(table)
_OF_VALUES = Statement(
    lambda words: (
        select(table)
        .where(table.c.account_id == bindparam("account_id"), table.c.kind == bindparam("kind"))
        .where(words.any_of(table.c.value, "values"))
    ),
    "account_id",
    "kind",
    "values",
)
_OF_THINGS = Statement(
    lambda words: (
        select(table)
        .where(words.any_of(table.c.thing_uid, "thing_uids"))
        .where(table.c.account_id == bindparam("account_id"), table.c.kind == bindparam("kind"))
    ),
    "account_id",
    "kind",
    "thing_uids",
)
_REMOVE = Statement(
    lambda words: (
        table.delete()
        .where(table.c.account_id == bindparam("account_id"), table.c.kind == bindparam("kind"))
        .where(words.any_of(table.c.value, "values"))
    ),
    "account_id",
    "kind",
    "values",
)


class SqlOutsideIdentities:
    """Outside identities (``core.things.identities.OutsideIdentityStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, identities: Sequence[OutsideIdentity]) -> Sequence[OutsideIdentity]:
        """Insert those whose value is free; return the others, in the order given."""
        self._transaction.change_each(
            _ADD, [(each.account_id, each.kind.value, each.value, each.thing_uid) for each in identities]
        )
        there: set[OutsideIdentity] = set()
        for account_id, kind in {(each.account_id, each.kind) for each in identities}:
            values = {each.value for each in identities if each.account_id == account_id and each.kind is kind}
            there.update(self.of_values(account_id, kind, values))
        return [each for each in identities if each not in there]

    def of_values(self, account_id: AccountId, kind: IdentityKind, values: Collection[str]) -> list[OutsideIdentity]:
        """Return those that exist, in any order."""
        return _read(self._transaction.rows(_OF_VALUES, account_id, kind.value, list(values)))

    def of_things(
        self, account_id: AccountId, kind: IdentityKind, thing_uids: Collection[ThingUid]
    ) -> list[OutsideIdentity]:
        """Return those of the things, in any order."""
        return _read(self._transaction.rows(_OF_THINGS, account_id, kind.value, list(thing_uids)))

    def remove(self, account_id: AccountId, kind: IdentityKind, values: Collection[str]) -> None:
        """Delete them; those of a removed thing are gone already."""
        self._transaction.change(_REMOVE, account_id, kind.value, list(values))


def _read(rows: Iterable[Sequence[Any]]) -> list[OutsideIdentity]:
    return [OutsideIdentity(account_id, IdentityKind(kind), value, uid) for account_id, kind, value, uid in rows]
