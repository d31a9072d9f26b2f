"""Tokens of device clouds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, func, select

from cloudstead.core.clouds.tokens import CloudToken, TokenKind, TokenState
from cloudstead.storage.sql.statements import Statement, adding, columns, replacing
from cloudstead.storage.sql.stores.paging import Pages
from cloudstead.storage.sql.tables_clouds import cloud_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.clouds.model import CloudId
    from cloudstead.core.clouds.tokens import CloudTokenId
    from cloudstead.core.ids import AccountId
    from cloudstead.core.paging import Page, PageRequest
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding(cloud_tokens)
_REPLACE = replacing(cloud_tokens, "id")
_of_account: Final = cloud_tokens.c.account_id == bindparam("account_id")
_no_device: Final = cloud_tokens.c.device_id.is_(None)
_of_cloud: Final = cloud_tokens.c.cloud_id == bindparam("cloud_id")
_GET = Statement(lambda _: select(cloud_tokens).where(cloud_tokens.c.id == bindparam("id")), "id")
_REMOVE = Statement(
    lambda _: cloud_tokens.delete().where(_of_account).where(cloud_tokens.c.id == bindparam("id")), "account_id", "id"
)
_COUNT = Statement(
    lambda _: select(func.count()).select_from(cloud_tokens).where(_of_account).where(_no_device), "account_id"
)
_PAGES = Pages.of(lambda _: select(cloud_tokens).where(_of_account).where(_no_device), cloud_tokens.c.id, "account_id")
_END_MOST = Statement(
    lambda _: (
        cloud_tokens.delete()
        .where(_of_account)
        .where(_of_cloud)
        .where(cloud_tokens.c.kind != TokenKind.CLOUD_TO_BUILDER.value)
    ),
    "account_id",
    "cloud_id",
)
_ends: Final = cloud_tokens.c.expires_at_ms
_END_CALLS = Statement(
    lambda _: (
        cloud_tokens.update()
        .where(_of_account)
        .where(_of_cloud)
        .where(_ends.is_(None) | (_ends > bindparam("wanted_expires", type_=_ends.type)))
        .values(expires_at_ms=bindparam("expires"))
    ),
    "account_id",
    "cloud_id",
    "expires",
)
_DROP_DEVICE = Statement(
    lambda _: cloud_tokens.delete().where(_of_account).where(cloud_tokens.c.device_id == bindparam("device_id")),
    "account_id",
    "device_id",
)
_DROP_EXPIRED = Statement(
    lambda _: cloud_tokens.delete().where(cloud_tokens.c.expires_at_ms < bindparam("before_ms")), "before_ms"
)
_NAMES: Final = columns(cloud_tokens)


class SqlCloudTokens:
    """Tokens of device clouds (``core.clouds.ports.CloudTokenStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, token: CloudToken) -> None:
        """Insert a token."""
        self._transaction.change(_ADD, *_values(token))

    def get(self, token_id: CloudTokenId) -> CloudToken | None:
        """Return the token with that id, whatever its state."""
        row = self._transaction.row(_GET, token_id)
        return None if row is None else _token(row)

    def replace(self, token: CloudToken) -> None:
        """Write all columns of a token."""
        self._transaction.change(_REPLACE, *_values(token))

    def remove(self, account_id: AccountId, token_id: CloudTokenId) -> bool:
        """Delete a token of the account; return whether there was one."""
        return self._transaction.change(_REMOVE, account_id, token_id) > 0

    def count(self, account_id: AccountId) -> int:
        """Return how many tokens the account has, those of its devices aside."""
        row = self._transaction.row(_COUNT, account_id)
        return 0 if row is None else int(row[0])

    def page(self, account_id: AccountId, request: PageRequest) -> Page[CloudToken]:
        """Return tokens of the account in the order of their ids, those of its devices aside."""
        return _PAGES.read(
            self._transaction,
            request,
            lambda rows: [_token(row) for row in rows],
            account_id,
            id_of=lambda token: token.id,
        )

    def end_cloud(self, account_id: AccountId, cloud_id: CloudId, *, late_until_ms: int) -> None:
        """Delete the tokens of a cloud that is gone, but let those with which it calls back live until then."""
        self._transaction.change(_END_MOST, account_id, cloud_id)
        self._transaction.change(_END_CALLS, account_id, cloud_id, late_until_ms)

    def drop_device(self, account_id: AccountId, device_id: str) -> None:
        """Delete the tokens of a device."""
        self._transaction.change(_DROP_DEVICE, account_id, device_id)

    def drop_expired(self, before_ms: int) -> int:
        """Delete what expired before then; return how many."""
        return self._transaction.change(_DROP_EXPIRED, before_ms)


def _values(token: CloudToken) -> list[object]:
    values: dict[str, Any] = {name: getattr(token, name) for name in _NAMES}
    return list((values | {"kind": token.kind.value, "state": token.state.value}).values())


def _token(row: Sequence[Any]) -> CloudToken:
    values = dict(zip(_NAMES, row, strict=True))
    values |= {
        "kind": TokenKind(values["kind"]),
        "state": TokenState(values["state"]),
        "secret_hash": bytes(values["secret_hash"]),
        "is_launch": bool(values["is_launch"]),
    }
    return CloudToken(**values)
