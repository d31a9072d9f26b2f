"""Devices that are provisioned by archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import and_, bindparam, func, or_, select

from cloudstead.core.ids import AccountId, DomainId
from cloudstead.core.provisioning.model import DeviceId, ProvisionedDevice
from cloudstead.core.provisioning.ports import Order
from cloudstead.storage.sql.statements import Statement, adding_if_free, columns, replacing
from cloudstead.storage.sql.tables import things
from cloudstead.storage.sql.tables_provisioning import provisioned_devices as table

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    from sqlalchemy import ColumnElement, Select

    from cloudstead.core.ids import CertificateId, ThingUid
    from cloudstead.storage.sql.transaction import Transaction

_BEFORE_ALL = ("", "")
_BEHIND_ALL = ("\U0010ffff", "\U0010ffff")
_EARLIEST, _LATEST = -1, 1 << 62


def _devices() -> Select[Any]:
    """Return a query of devices, each with domain and description of its thing where there is one."""
    return select(table, things.c.domain_id, things.c.description, things.c.uid).select_from(
        table.outerjoin(things, table.c.thing_uid == things.c.uid)
    )


_ADD = adding_if_free(table)
_REPLACE = replacing(table, "id", "account_id")
_REMOVE = Statement(
    lambda _: table.delete().where(table.c.account_id == bindparam("account_id"), table.c.id == bindparam("id")),
    "account_id",
    "id",
)
_GET = Statement(
    lambda _: _devices().where(table.c.account_id == bindparam("account_id"), table.c.id == bindparam("id")),
    "account_id",
    "id",
)
_BY_NAME = Statement(
    lambda _: _devices().where(
        table.c.account_id == bindparam("account_id"),
        table.c.region == bindparam("region"),
        table.c.name == bindparam("name"),
    ),
    "account_id",
    "region",
    "name",
)
_BY_CLAIM = Statement(lambda _: _devices().where(table.c.claim_id == bindparam("claim_id")), "claim_id")
_COUNT = Statement(
    lambda _: select(func.count()).select_from(table).where(table.c.account_id == bindparam("account_id")),
    "account_id",
)
_FIRST_CONTACTS = Statement(
    lambda words: (
        table.update()
        .where(words.any_of(table.c.thing_uid, "uids"))
        .where(table.c.connected_at_ms == 0)
        .values(connected_at_ms=bindparam("now_ms"))
        .returning(table.c.account_id, table.c.id)
    ),
    "uids",
    "now_ms",
)
_CONTACTS = Statement(
    lambda words: (
        table.update().where(words.any_of(table.c.thing_uid, "uids")).values(last_contact_ms=bindparam("now_ms"))
    ),
    "uids",
    "now_ms",
)

_NEVER_CAME = Statement(
    lambda _: (
        _devices()
        .where(table.c.thing_uid.is_(None), table.c.claim_ends_at_ms < bindparam("before_ms"))
        .order_by(table.c.claim_ends_at_ms, table.c.id)
        .limit(bindparam("limit"))
    ),
    "before_ms",
    "limit",
)
_REMOVE_EACH = Statement(lambda words: table.delete().where(words.any_of(table.c.id, "ids")), "ids")


def _after(order: Order, *, is_descending: bool) -> Statement:
    key: ColumnElement[Any] = {
        Order.DEVICE_ID: table.c.id,
        Order.NAME: table.c.name,
        Order.CREATED_TIME: table.c.created_at_ms,
    }[order]
    last, last_id = bindparam("last", type_=key.type), bindparam("last_id", type_=table.c.id.type)
    if is_descending:
        behind = or_(key < last, and_(key == last, table.c.id < last_id))
        by = (key.desc(), table.c.id.desc())
    else:
        behind = or_(key > last, and_(key == last, table.c.id > last_id))
        by = (key.asc(), table.c.id.asc())
    return Statement(
        lambda _: (
            _devices()
            .where(table.c.account_id == bindparam("account_id"), table.c.region == bindparam("region"))
            .where(behind)
            .order_by(*by)
            .limit(bindparam("limit"))
        ),
        "account_id",
        "region",
        "last",
        "last_id",
        "limit",
    )


_AFTER: Mapping[tuple[Order, bool], Statement] = {
    (order, is_descending): _after(order, is_descending=is_descending)
    for order in Order
    for is_descending in (False, True)
}


class SqlProvisionedDevices:
    """Provisioned devices (``core.provisioning.ports.ProvisionedDeviceStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, device: ProvisionedDevice) -> bool:
        """Insert a device; return false when the name is taken in its region."""
        return self._transaction.change(_ADD, *_values(device)) == 1

    def replace(self, device: ProvisionedDevice) -> None:
        """Write what is the device's own; domain and description of the thing are not touched."""
        self._transaction.change(_REPLACE, *_values(device))

    def remove(self, account_id: AccountId, device_id: DeviceId) -> None:
        """Delete a device."""
        self._transaction.change(_REMOVE, account_id, device_id)

    def get(self, account_id: AccountId, device_id: DeviceId) -> ProvisionedDevice | None:
        """Return the device."""
        return _device(self._transaction.row(_GET, account_id, device_id))

    def by_name(self, account_id: AccountId, region: str, name: str) -> ProvisionedDevice | None:
        """Return the device of that name in the region."""
        return _device(self._transaction.row(_BY_NAME, account_id, region, name))

    def by_claim(self, claim_id: CertificateId) -> ProvisionedDevice | None:
        """Return the device, of whatever account, whose claim certificate has that fingerprint."""
        return _device(self._transaction.row(_BY_CLAIM, claim_id))

    def touch(self, thing_uids: Collection[ThingUid], now_ms: int) -> list[tuple[AccountId, DeviceId]]:
        """Note that the things were in contact; return the devices, of all accounts, that came for the first time."""
        uids = list(thing_uids)
        first = [(AccountId(row[0]), DeviceId(row[1])) for row in self._transaction.rows(_FIRST_CONTACTS, uids, now_ms)]
        self._transaction.change(_CONTACTS, uids, now_ms)
        return first

    def never_came(self, before_ms: int, *, limit: int) -> list[ProvisionedDevice]:
        """Return devices of all accounts that have no thing and whose claim ended before then, oldest first."""
        rows = self._transaction.rows(_NEVER_CAME, before_ms, limit)
        return [device for device in map(_device, rows) if device is not None]

    def remove_each(self, device_ids: Collection[DeviceId]) -> None:
        """Delete devices, of whatever account; one statement."""
        self._transaction.change(_REMOVE_EACH, list(device_ids))

    def count(self, account_id: AccountId) -> int:
        """Return how many the account has."""
        row = self._transaction.row(_COUNT, account_id)
        return 0 if row is None else int(row[0])

    def after(
        self,
        account_id: AccountId,
        region: str,
        *,
        order: Order,
        last: tuple[str, str] | None,
        is_descending: bool,
        limit: int,
    ) -> list[ProvisionedDevice]:
        """Return devices behind ``last``, a pair of what they are ordered by (times as decimal digits) and id."""
        key: str | int
        key, last_id = last or (_BEHIND_ALL if is_descending else _BEFORE_ALL)
        if order is Order.CREATED_TIME:
            key = int(last[0]) if last else _LATEST if is_descending else _EARLIEST
        rows = self._transaction.rows(_AFTER[order, is_descending], account_id, region, key, last_id, limit)
        return [device for device in map(_device, rows) if device is not None]


def _values(device: ProvisionedDevice) -> tuple[object, ...]:
    named = {name: getattr(device, name) for name in columns(table) if name != "tags"}
    named["tags"] = msgspec.json.encode(device.tags).decode()
    return tuple(named[name] for name in columns(table))


def _device(row: Sequence[Any] | None) -> ProvisionedDevice | None:
    if row is None:
        return None
    *own, domain_id, description, thing_uid = row
    fields = dict(zip(columns(table), own, strict=True))
    fields |= {"tags": msgspec.json.decode(fields["tags"]), "has_failed": bool(fields["has_failed"])}
    if thing_uid is not None:
        fields |= {"domain_id": DomainId(domain_id), "description": description or ""}
    return ProvisionedDevice(**fields)
