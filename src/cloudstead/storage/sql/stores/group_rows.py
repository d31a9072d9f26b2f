"""Outside keys of groups, and what groups know of things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select

from cloudstead.core.groups.model import DeviceFacts, OutsideKey
from cloudstead.storage.sql.json_text import from_text, to_text
from cloudstead.storage.sql.statements import Statement, putting
from cloudstead.storage.sql.tables_groups import device_facts, outside_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.ids import AccountId, DomainId, ThingUid
    from cloudstead.storage.sql.transaction import Transaction

_PUT_KEY = putting(outside_keys, "account_id", "domain_id", "type")
_GET_KEY = Statement(
    lambda _: (
        select(outside_keys)
        .where(outside_keys.c.account_id == bindparam("account_id"))
        .where(outside_keys.c.domain_id == bindparam("domain_id"))
        .where(outside_keys.c.type == bindparam("type"))
    ),
    "account_id",
    "domain_id",
    "type",
)
_COUNT_KEYS = Statement(
    lambda _: (
        select(func.count())
        .select_from(outside_keys)
        .where(outside_keys.c.account_id == bindparam("account_id"))
        .where(outside_keys.c.domain_id == bindparam("domain_id"))
    ),
    "account_id",
    "domain_id",
)
_REMOVE_KEY = Statement(
    lambda _: (
        outside_keys.delete()
        .where(outside_keys.c.account_id == bindparam("account_id"))
        .where(outside_keys.c.domain_id == bindparam("domain_id"))
        .where(outside_keys.c.type == bindparam("type"))
    ),
    "account_id",
    "domain_id",
    "type",
)
_PUT_FACTS = putting(device_facts, "thing_uid")
_OF_THINGS = Statement(
    lambda words: select(device_facts).where(words.any_of(device_facts.c.thing_uid, "thing_uids")), "thing_uids"
)


class SqlOutsideKeys:
    """Credentials of outside systems (``core.groups.ports.OutsideKeyStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def put(self, key: OutsideKey) -> None:
        """Insert or replace a credential."""
        self._transaction.change(
            _PUT_KEY,
            key.account_id,
            key.domain_id,
            key.type,
            key.name,
            key.sealed_token,
            key.created_by,
            key.updated_by,
            key.created_at_ms,
            key.updated_at_ms,
        )

    def get(self, account_id: AccountId, domain_id: DomainId, kind: str) -> OutsideKey | None:
        """Return the group's credential of a type."""
        row = self._transaction.row(_GET_KEY, account_id, domain_id, kind)
        return None if row is None else OutsideKey(**dict(zip(outside_keys.c.keys(), row, strict=True)))

    def count(self, account_id: AccountId, domain_id: DomainId) -> int:
        """Return how many credentials the group has."""
        row = self._transaction.row(_COUNT_KEYS, account_id, domain_id)
        return 0 if row is None else int(row[0])

    def remove(self, account_id: AccountId, domain_id: DomainId, kind: str) -> None:
        """Delete a credential."""
        self._transaction.change(_REMOVE_KEY, account_id, domain_id, kind)


class SqlDeviceFacts:
    """What groups know of things (``core.groups.ports.DeviceFactStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def put(self, facts: Sequence[DeviceFacts]) -> None:
        """Insert or replace what is known of several things."""
        self._transaction.change_each(
            _PUT_FACTS,
            [
                (
                    each.thing_uid,
                    each.account_id,
                    to_text(each.tags),
                    each.created_by,
                    each.updated_by,
                    each.updated_at_ms,
                )
                for each in facts
            ],
        )

    def of_things(self, thing_uids: Collection[ThingUid]) -> dict[ThingUid, DeviceFacts]:
        """Return what is known of these things. One query."""
        found = [_device(row) for row in self._transaction.rows(_OF_THINGS, list(thing_uids))]
        return {facts.thing_uid: facts for facts in found}


def _device(row: Sequence[Any]) -> DeviceFacts:
    read = dict(zip(device_facts.c.keys(), row, strict=True))
    return DeviceFacts(**{**read, "tags": tuple(from_text(read["tags"]))})
