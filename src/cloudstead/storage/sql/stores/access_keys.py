"""Access keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from cloudstead.core.credentials.access_keys import AccessKey
from cloudstead.storage.sql.statements import Statement, adding, columns, replacing
from cloudstead.storage.sql.tables_identities import access_keys as table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cloudstead.core.ids import AccessKeyId, AccountId, PersonId
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding(table)
_REPLACE = replacing(table, "id", "account_id")
_GET = Statement(lambda _: select(table).where(table.c.id == bindparam("id")), "id")
_OF_PERSON = Statement(
    lambda _: (
        select(table)
        .where(table.c.person_id == bindparam("person_id"), table.c.account_id == bindparam("account_id"))
        .order_by(table.c.created_at_ms, table.c.id)
    ),
    "account_id",
    "person_id",
)
_REMOVE = Statement(
    lambda _: table.delete().where(table.c.id == bindparam("id"), table.c.account_id == bindparam("account_id")),
    "account_id",
    "id",
)


class SqlAccessKeys:
    """Access keys (``core.credentials.access_keys.AccessKeyStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, key: AccessKey) -> None:
        """Insert a key."""
        self._transaction.change(_ADD, *_values(key))

    def replace(self, key: AccessKey) -> None:
        """Write all columns of a key."""
        self._transaction.change(_REPLACE, *_values(key))

    def get(self, key_id: AccessKeyId) -> AccessKey | None:
        """Return the key, whosever it is."""
        row = self._transaction.row(_GET, key_id)
        return None if row is None else _key(row)

    def of_person(self, account_id: AccountId, person_id: PersonId) -> list[AccessKey]:
        """Return the person's keys in that account, oldest first."""
        return [_key(row) for row in self._transaction.rows(_OF_PERSON, account_id, person_id)]

    def remove(self, account_id: AccountId, key_id: AccessKeyId) -> None:
        """Delete a key."""
        self._transaction.change(_REMOVE, account_id, key_id)


def _values(key: AccessKey) -> tuple[object, ...]:
    return (
        key.id,
        key.account_id,
        key.person_id,
        key.sealed_secret,
        key.domain_id,
        key.is_active,
        key.created_at_ms,
    )


def _key(row: Sequence[Any]) -> AccessKey:
    fields = dict(zip(columns(table), row, strict=True))
    return AccessKey(**{**fields, "is_active": bool(fields["is_active"])})
