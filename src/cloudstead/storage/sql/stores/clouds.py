"""Device clouds, what is kept apart from them, their usage, and the authorities of accounts that they live in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, func, select, tuple_

from cloudstead.core.clouds.authorities import KeptAuthority
from cloudstead.core.clouds.errors import CloudNameTaken
from cloudstead.core.clouds.model import Cloud, CloudSecret, CloudState, CloudType, MonthlyUsage
from cloudstead.core.things.model import Thing
from cloudstead.storage.sql.json_text import from_optional_text, from_text, to_optional_text, to_text
from cloudstead.storage.sql.statements import Statement, adding, adding_if_free, columns, putting, replacing
from cloudstead.storage.sql.tables import shadows, things
from cloudstead.storage.sql.tables_clouds import cloud_authorities, cloud_secrets, cloud_usage, clouds
from cloudstead.storage.sql.wiping import wipes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.clouds.model import CloudId
    from cloudstead.core.ids import AccountId
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding_if_free(clouds)
_REPLACE = replacing(clouds, "id")
_ADD_SECRET = adding(cloud_secrets)
_PUT_SECRET = putting(cloud_secrets, "cloud_id")
_PUT_USAGE = putting(cloud_usage, "cloud_id", "month")
_PUT_AUTHORITY = putting(cloud_authorities, "account_id")

_of_account: Final = clouds.c.account_id == bindparam("account_id")
_GET = Statement(lambda _: select(clouds).where(clouds.c.id == bindparam("id")).where(_of_account), "account_id", "id")
_CALLED = Statement(
    lambda _: select(clouds.c.id).where(_of_account).where(clouds.c.name == bindparam("name")), "account_id", "name"
)
_REMOVE = Statement(
    lambda _: clouds.delete().where(clouds.c.id == bindparam("id")).where(_of_account), "account_id", "id"
)
_COUNT = Statement(lambda _: select(func.count()).select_from(clouds).where(_of_account), "account_id")
_SECRET = Statement(lambda _: select(cloud_secrets).where(cloud_secrets.c.cloud_id == bindparam("id")), "id")
_AFTER = Statement(
    lambda _: (
        select(clouds)
        .where(_of_account)
        .where(clouds.c.id > bindparam("after"))
        .order_by(clouds.c.id)
        .limit(bindparam("limit"))
    ),
    "account_id",
    "after",
    "limit",
)
_BEFORE = Statement(
    lambda _: (
        select(clouds)
        .where(_of_account)
        .where(clouds.c.id < bindparam("before"))
        .order_by(clouds.c.id.desc())
        .limit(bindparam("limit"))
    ),
    "account_id",
    "before",
    "limit",
)
_by_name: Final = tuple_(clouds.c.name, clouds.c.id)
_NAMED_AFTER = Statement(
    lambda _: (
        select(clouds)
        .where(_of_account)
        .where(_by_name > tuple_(bindparam("name", type_=clouds.c.name.type), bindparam("id", type_=clouds.c.id.type)))
        .order_by(clouds.c.name, clouds.c.id)
        .limit(bindparam("limit"))
    ),
    "account_id",
    "name",
    "id",
    "limit",
)
_NAMED_BEFORE = Statement(
    lambda _: (
        select(clouds)
        .where(_of_account)
        .where(_by_name < tuple_(bindparam("name", type_=clouds.c.name.type), bindparam("id", type_=clouds.c.id.type)))
        .order_by(clouds.c.name.desc(), clouds.c.id.desc())
        .limit(bindparam("limit"))
    ),
    "account_id",
    "name",
    "id",
    "limit",
)
_HOSTS = Statement(
    lambda _: (
        select(clouds)
        .where(clouds.c.type == CloudType.HOST.value)
        .where(clouds.c.id > bindparam("after"))
        .order_by(clouds.c.id)
        .limit(bindparam("limit"))
    ),
    "after",
    "limit",
)
_OF_TENANT = Statement(lambda _: select(clouds).where(clouds.c.tenant_id == bindparam("tenant_id")), "tenant_id")
_CARRIED = Statement(
    lambda _: (
        select(func.count())
        .select_from(clouds)
        .where(clouds.c.host == bindparam("host"))
        .where(clouds.c.type == CloudType.HOSTED.value)
    ),
    "host",
)
_UNMEASURED = Statement(
    lambda _: (
        select(clouds)
        .outerjoin(cloud_usage, (cloud_usage.c.cloud_id == clouds.c.id) & (cloud_usage.c.month == bindparam("month")))
        .where(clouds.c.tenant_id.is_not(None))
        .where(cloud_usage.c.cloud_id.is_(None))
        .where(clouds.c.id > bindparam("after"))
        .order_by(clouds.c.id)
        .limit(bindparam("limit"))
    ),
    "month",
    "after",
    "limit",
)
_USAGE = Statement(
    lambda _: (
        select(cloud_usage)
        .where(cloud_usage.c.cloud_id == bindparam("cloud_id"))
        .order_by(cloud_usage.c.month.desc())
        .limit(bindparam("limit"))
    ),
    "cloud_id",
    "limit",
)
_AUTHORITY = Statement(
    lambda _: select(cloud_authorities).where(cloud_authorities.c.account_id == bindparam("account_id")), "account_id"
)
_DROP_AUTHORITY = Statement(
    lambda _: cloud_authorities.delete().where(cloud_authorities.c.account_id == bindparam("account_id")),
    "account_id",
)
_AUTHORITIES = Statement(lambda _: select(cloud_authorities.c.certificate_pem).order_by(cloud_authorities.c.account_id))
_SHADOWS = Statement(
    lambda _: (
        select(func.count())
        .select_from(things.join(shadows, shadows.c.thing_uid == things.c.uid))
        .where(things.c.account_id == bindparam("account_id"))
        .where(shadows.c.updated_at_s >= bindparam("since_s"))
    ),
    "account_id",
    "since_s",
)
_THINGS_AFTER = Statement(
    lambda _: (
        select(things)
        .where(things.c.account_id == bindparam("account_id"))
        .where(things.c.name > bindparam("after"))
        .order_by(things.c.name)
        .limit(bindparam("limit"))
    ),
    "account_id",
    "after",
    "limit",
)
_NAMES: Final = columns(clouds)


class SqlClouds:
    """Device clouds (``core.clouds.ports.CloudStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, cloud: Cloud, secret: CloudSecret) -> None:
        """Insert a cloud; raise ``CloudNameTaken``."""
        if not self._transaction.change(_ADD, *_values(cloud)):
            raise CloudNameTaken
        self._transaction.change(_ADD_SECRET, *_secret_values(secret))

    def get(self, account_id: AccountId, cloud_id: CloudId) -> Cloud | None:
        """Return a cloud of the account."""
        row = self._transaction.row(_GET, account_id, cloud_id)
        return None if row is None else _cloud(row)

    def replace(self, cloud: Cloud) -> None:
        """Write all columns of a cloud; raise ``CloudNameTaken``."""
        # Looked at first: an error would leave a PostgreSQL transaction unusable.
        other = self._transaction.row(_CALLED, cloud.account_id, cloud.name)
        if other is not None and other[0] != cloud.id:
            raise CloudNameTaken
        self._transaction.change(_REPLACE, *_values(cloud))

    def remove(self, account_id: AccountId, cloud_id: CloudId) -> bool:
        """Delete a cloud with its secret and its usage; return whether there was one."""
        return self._transaction.change(_REMOVE, account_id, cloud_id) > 0

    def count(self, account_id: AccountId) -> int:
        """Return how many clouds the account has."""
        return self._number(_COUNT, account_id)

    def secret(self, cloud_id: CloudId) -> CloudSecret | None:
        """Return what is kept apart."""
        row = self._transaction.row(_SECRET, cloud_id)
        return None if row is None else CloudSecret(row[0], bytes(row[1]), row[2])

    def put_secret(self, secret: CloudSecret) -> None:
        """Store it in place of what was there."""
        self._transaction.change(_PUT_SECRET, *_secret_values(secret))

    def after(self, account_id: AccountId, after: str, *, limit: int) -> Sequence[Cloud]:
        """Return clouds of the account whose ids sort behind ``after``, in the order of their ids."""
        return self._many(_AFTER, account_id, after, limit)

    def before(self, account_id: AccountId, before: str, *, limit: int) -> Sequence[Cloud]:
        """Return clouds of the account whose ids sort before ``before``, the nearest first."""
        return self._many(_BEFORE, account_id, before, limit)

    def by_name_after(self, account_id: AccountId, after: tuple[str, str], *, limit: int) -> Sequence[Cloud]:
        """Return clouds of the account in the order of name and id, behind that pair."""
        return self._many(_NAMED_AFTER, account_id, *after, limit)

    def by_name_before(self, account_id: AccountId, before: tuple[str, str], *, limit: int) -> Sequence[Cloud]:
        """Return clouds of the account before that pair of name and id, the nearest first."""
        return self._many(_NAMED_BEFORE, account_id, *before, limit)

    def hosts_after(self, after: str, *, limit: int) -> Sequence[Cloud]:
        """Return host clouds of every account whose ids sort behind ``after``, in the order of their ids."""
        return self._many(_HOSTS, after, limit)

    def of_tenant(self, tenant_id: AccountId) -> Cloud | None:
        """Return the cloud that lives in an account."""
        row = self._transaction.row(_OF_TENANT, tenant_id)
        return None if row is None else _cloud(row)

    def carried_by(self, host: str) -> int:
        """Return how many hosted clouds stand on the host cloud of that name."""
        return self._number(_CARRIED, host)

    def unmeasured(self, month: str, after: str, *, limit: int) -> Sequence[Cloud]:
        """Return clouds of all accounts that live in accounts of ours and have no row for the month."""
        return self._many(_UNMEASURED, month, after, limit)

    def authority(self, account_id: AccountId) -> KeptAuthority | None:
        """Return the issuing authority of an account that has its own."""
        row = self._transaction.row(_AUTHORITY, account_id)
        return None if row is None else KeptAuthority(row[0], row[1], bytes(row[2]), row[3])

    def put_authority(self, authority: KeptAuthority) -> None:
        """Store it in place of what was there."""
        self._transaction.change(
            _PUT_AUTHORITY,
            authority.account_id,
            authority.certificate_pem,
            authority.sealed_key,
            authority.created_at_ms,
        )

    def drop_authority(self, account_id: AccountId) -> bool:
        """Delete it; return whether there was one."""
        return self._transaction.change(_DROP_AUTHORITY, account_id) > 0

    def authorities(self) -> Sequence[str]:
        """Return the certificates (PEM) of all of them, for handshakes."""
        return [row[0] for row in self._transaction.rows(_AUTHORITIES)]

    def shadows_changed(self, tenant_id: AccountId, *, since_s: int) -> int:
        """Return how many things of an account have a shadow that was changed since then."""
        return self._number(_SHADOWS, tenant_id, since_s)

    def things_after(self, tenant_id: AccountId, after: str, *, limit: int) -> Sequence[Thing]:
        """Return things of an account in the order of their names."""
        return [Thing(*row) for row in self._transaction.rows(_THINGS_AFTER, tenant_id, after, limit)]

    def wipe(self, tenant_id: AccountId) -> None:
        """Delete everything of an account but itself, its audit trail and what of it was revoked."""
        for statement in wipes():
            self._transaction.change(statement, tenant_id)

    def put_usage(self, usage: MonthlyUsage) -> None:
        """Store what a cloud reported for a month in place of what was there."""
        self._transaction.change(
            _PUT_USAGE,
            usage.cloud_id,
            usage.account_id,
            usage.month,
            usage.devices,
            usage.tenants,
            float(usage.load),
            None if usage.count is None else float(usage.count),
            usage.reported_at_ms,
        )

    def usage(self, cloud_id: CloudId, *, limit: int) -> Sequence[MonthlyUsage]:
        """Return what a cloud reported, the newest month first."""
        return [
            MonthlyUsage(**dict(zip(columns(cloud_usage), row, strict=True)))
            for row in self._transaction.rows(_USAGE, cloud_id, limit)
        ]

    def _many(self, statement: Statement, *values: object) -> Sequence[Cloud]:
        return [_cloud(row) for row in self._transaction.rows(statement, *values)]

    def _number(self, statement: Statement, *values: object) -> int:
        row = self._transaction.row(statement, *values)
        return 0 if row is None else int(row[0])


def _values(cloud: Cloud) -> list[object]:
    values: dict[str, Any] = {name: getattr(cloud, name) for name in _NAMES}
    values |= {
        "type": cloud.type.value,
        "state": cloud.state.value,
        "schema": to_optional_text(cloud.schema),
        "quota": to_text(cloud.quota),
        "load": None if cloud.load is None else float(cloud.load),
    }
    return list(values.values())


def _cloud(row: Sequence[Any]) -> Cloud:
    values = dict(zip(_NAMES, row, strict=True))
    values |= {
        "type": CloudType(values["type"]),
        "state": CloudState(values["state"]),
        "schema": from_optional_text(values["schema"]),
        "quota": from_text(values["quota"]),
        "is_open": None if values["is_open"] is None else bool(values["is_open"]),
    }
    for name in ("enabled", "suspended", "connected", "shadows", "sync"):
        values[name] = bool(values[name])
    return Cloud(**values)


def _secret_values(secret: CloudSecret) -> tuple[object, ...]:
    return secret.cloud_id, secret.sealed_external, secret.role_arn
