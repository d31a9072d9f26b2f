"""Thing types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from cloudstead.core.thingtypes.errors import ThingTypeIdTaken
from cloudstead.core.thingtypes.model import ThingType
from cloudstead.storage.sql.json_text import from_optional_text, from_text, to_optional_text, to_text
from cloudstead.storage.sql.statements import Statement, adding_if_free, replacing
from cloudstead.storage.sql.tables import thing_types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.ids import AccountId, ThingTypeId
    from cloudstead.core.thingtypes.model import JsonObject
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding_if_free(thing_types)
_REPLACE = replacing(thing_types, "account_id", "id")
_REMOVE = Statement(
    lambda _: (
        thing_types.delete()
        .where(thing_types.c.account_id == bindparam("account_id"))
        .where(thing_types.c.id == bindparam("id"))
    ),
    "account_id",
    "id",
)
_GET = Statement(
    lambda _: (
        select(thing_types)
        .where(thing_types.c.account_id == bindparam("account_id"))
        .where(thing_types.c.id == bindparam("id"))
    ),
    "account_id",
    "id",
)
_ALL = Statement(
    lambda _: select(thing_types).where(thing_types.c.account_id == bindparam("account_id")).order_by(thing_types.c.id),
    "account_id",
)
_RESOURCES = Statement(
    lambda _: (
        select(thing_types.c.resources)
        .where(thing_types.c.account_id == bindparam("account_id"))
        .where(thing_types.c.id == bindparam("id"))
    ),
    "account_id",
    "id",
)
_SET_RESOURCES = Statement(
    lambda _: (
        thing_types.update()
        .where(thing_types.c.account_id == bindparam("wanted_account_id"))
        .where(thing_types.c.id == bindparam("wanted_id"))
        .values(resources=bindparam("resources"))
    ),
    "resources",
    "account_id",
    "id",
)


class SqlThingTypes:
    """Thing types of one account at a time (``core.thingtypes.ports.ThingTypeStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, thing_type: ThingType) -> None:
        """Insert a type; raise ``ThingTypeIdTaken``."""
        if not self._transaction.change(_ADD, *_values(thing_type)):
            raise ThingTypeIdTaken(thing_type.id)

    def replace(self, thing_type: ThingType) -> None:
        """Write all columns of a type."""
        self._transaction.change(_REPLACE, *_values(thing_type))

    def remove(self, account_id: AccountId, thing_type_id: ThingTypeId) -> None:
        """Delete a type."""
        self._transaction.change(_REMOVE, account_id, thing_type_id)

    def get(self, account_id: AccountId, thing_type_id: ThingTypeId) -> ThingType | None:
        """Return the type with that id."""
        row = self._transaction.row(_GET, account_id, thing_type_id)
        return None if row is None else _thing_type(row)

    def all(self, account_id: AccountId) -> Sequence[ThingType]:
        """Return the account's types, ordered by id."""
        return [_thing_type(row) for row in self._transaction.rows(_ALL, account_id)]

    def add_resources(self, account_id: AccountId, thing_type_id: ThingTypeId, resources: JsonObject) -> None:
        """Merge newly learnt resources into the type; known keys are overwritten. A missing type is no error."""
        row = self._transaction.row(_RESOURCES, account_id, thing_type_id)
        if row is None:
            return
        merged = {**from_text(row[0]), **resources}
        self._transaction.change(_SET_RESOURCES, to_text(merged), account_id, thing_type_id)


def _values(thing_type: ThingType) -> tuple[object, ...]:
    return (
        thing_type.account_id,
        thing_type.id,
        thing_type.domain_id,
        thing_type.label,
        thing_type.description,
        to_optional_text(thing_type.data),
        to_text(thing_type.resources),
        thing_type.view_mode,
        to_text(thing_type.view_modes),
        to_text(thing_type.extra),
        thing_type.created_at_ms,
    )


def _thing_type(row: Sequence[Any]) -> ThingType:
    account_id, type_id, domain_id, label, description, data, resources, view_mode, view_modes, extra, created = row
    return ThingType(
        account_id,
        type_id,
        domain_id,
        label,
        description,
        from_optional_text(data),
        from_text(resources),
        view_mode,
        from_text(view_modes),
        from_text(extra),
        created,
    )
