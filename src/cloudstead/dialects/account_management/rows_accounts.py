"""The rows of accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.dialects.account_management.handlers.accounts import AccountHandlers
from cloudstead.dialects.account_management.shapes.accounts import (
    AccountCreationReq,
    AccountInfo,
    AccountListQuery,
    AccountQuery,
    AccountUpdateReq,
    AccountUpdateRootReq,
    CreationQuery,
)
from cloudstead.dialects.account_management.shapes.answers import ListOf
from cloudstead.web.table import op

if TYPE_CHECKING:
    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.web.table import Operation

_ALL = "/v3/accounts"
_ONE = "/v3/accounts/{account_id}"
_MINE = "/v3/accounts/me"


def rows(backend: Backend) -> tuple[Operation, ...]:
    """Return the rows."""
    accounts = AccountHandlers(backend)
    return (
        op("GET", _MINE, name="get_my_account", run=accounts.get, query=AccountQuery, gives=AccountInfo),
        op("PUT", _MINE, name="update_my_account", run=accounts.update_mine, takes=AccountUpdateReq, gives=AccountInfo),
        op(
            "GET",
            _ALL,
            name="list_accounts",
            run=accounts.list_all,
            query=AccountListQuery,
            gives=ListOf[AccountInfo],
        ),
        op(
            "POST",
            _ALL,
            name="create_account",
            run=accounts.create,
            takes=AccountCreationReq,
            query=CreationQuery,
            gives=AccountInfo,
            status=201,
        ),
        op("GET", _ONE, name="get_account", run=accounts.get, query=AccountQuery, gives=AccountInfo),
        op("PUT", _ONE, name="update_account", run=accounts.update, takes=AccountUpdateRootReq, gives=AccountInfo),
    )
