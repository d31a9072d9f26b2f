"""Devices of device clouds, by their claim ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, func, select

from cloudstead.core.clouds.device_model import CloudDevice
from cloudstead.core.paging import Page
from cloudstead.storage.sql.statements import Statement, adding_if_free, columns, replacing
from cloudstead.storage.sql.tables_clouds import cloud_devices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.clouds.model import CloudId
    from cloudstead.core.ids import AccountId
    from cloudstead.core.paging import PageRequest
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding_if_free(cloud_devices)
_REPLACE = replacing(cloud_devices, "account_id", "id")
_of_account: Final = cloud_devices.c.account_id == bindparam("account_id")
_of_cloud: Final = cloud_devices.c.cloud_id == bindparam("cloud_id")
_is_it: Final = cloud_devices.c.id == bindparam("id")
_GET = Statement(lambda _: select(cloud_devices).where(_of_account).where(_is_it), "account_id", "id")
_REMOVE = Statement(lambda _: cloud_devices.delete().where(_of_account).where(_is_it), "account_id", "id")
_COUNT = Statement(
    lambda _: select(func.count()).select_from(cloud_devices).where(_of_account).where(_of_cloud),
    "account_id",
    "cloud_id",
)
_COUNT_ALL = Statement(lambda _: select(func.count()).select_from(cloud_devices).where(_of_account), "account_id")
_ALL = Statement(
    lambda _: (
        select(cloud_devices)
        .where(_of_account)
        .where(cloud_devices.c.id > bindparam("after"))
        .order_by(cloud_devices.c.id)
        .limit(bindparam("limit"))
    ),
    "account_id",
    "after",
    "limit",
)
_IN_CLOUD = Statement(
    lambda _: (
        select(cloud_devices)
        .where(_of_account)
        .where(_of_cloud)
        .where(cloud_devices.c.id > bindparam("after"))
        .order_by(cloud_devices.c.id)
        .limit(bindparam("limit"))
    ),
    "account_id",
    "cloud_id",
    "after",
    "limit",
)
_NAMES: Final = columns(cloud_devices)


class SqlCloudDevices:
    """Devices of one account at a time (``core.clouds.ports.CloudDeviceStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, device: CloudDevice) -> bool:
        """Insert a device; return whether its claim id was free in the account."""
        return self._transaction.change(_ADD, *_values(device)) > 0

    def get(self, account_id: AccountId, device_id: str) -> CloudDevice | None:
        """Return a device."""
        row = self._transaction.row(_GET, account_id, device_id)
        return None if row is None else _device(row)

    def replace(self, device: CloudDevice) -> None:
        """Write all columns of a device."""
        self._transaction.change(_REPLACE, *_values(device))

    def remove(self, account_id: AccountId, device_id: str) -> bool:
        """Delete a device; return whether there was one."""
        return self._transaction.change(_REMOVE, account_id, device_id) > 0

    def page(
        self, account_id: AccountId, request: PageRequest, *, cloud_id: CloudId | None = None
    ) -> Page[CloudDevice]:
        """Return devices in the order of their claim ids: all, or those of a cloud."""
        after, limit = request.after or "", request.limit + 1
        if cloud_id is None:
            rows = self._transaction.rows(_ALL, account_id, after, limit)
        else:
            rows = self._transaction.rows(_IN_CLOUD, account_id, cloud_id, after, limit)
        items = tuple(_device(row) for row in rows[: request.limit])
        return Page(items, items[-1].id if len(rows) > request.limit else None)

    def count(self, account_id: AccountId, cloud_id: CloudId) -> int:
        """Return how many devices a cloud has."""
        row = self._transaction.row(_COUNT, account_id, cloud_id)
        return 0 if row is None else int(row[0])

    def count_all(self, account_id: AccountId) -> int:
        """Return how many devices of the account are registered, claimed or not."""
        row = self._transaction.row(_COUNT_ALL, account_id)
        return 0 if row is None else int(row[0])


def _values(device: CloudDevice) -> list[object]:
    return [getattr(device, name) for name in _NAMES]


def _device(row: Sequence[Any]) -> CloudDevice:
    return CloudDevice(**dict(zip(_NAMES, row, strict=True)))
