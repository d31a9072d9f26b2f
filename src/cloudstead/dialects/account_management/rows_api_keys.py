"""The rows of API keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.dialects.account_management.handlers.api_keys import ApiKeyHandlers
from cloudstead.dialects.account_management.paging import ListQuery
from cloudstead.dialects.account_management.rows import both
from cloudstead.dialects.account_management.shapes.answers import ListOf, UpdatedResponse
from cloudstead.dialects.account_management.shapes.api_keys import (
    ApiKeyInfoReq,
    ApiKeyInfoResp,
    ApiKeyQuery,
    ApiKeyUpdateReq,
)
from cloudstead.dialects.account_management.shapes.policy_groups import GroupSummary
from cloudstead.dialects.account_management.shapes.words import Ids
from cloudstead.web.table import op

if TYPE_CHECKING:
    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.web.table import Operation

_ALL = "/v3/api-keys"
_ONE = "/v3/api-keys/{apikey_id}"
_MINE = "/v3/api-keys/me"


def rows(backend: Backend) -> tuple[Operation, ...]:
    """Return the rows."""
    keys = ApiKeyHandlers(backend)
    return (
        *both(
            op("GET", _ALL, name="list_api_keys", run=keys.list_all, query=ApiKeyQuery, gives=ListOf[ApiKeyInfoResp]),
            "list_account_api_keys",
        ),
        *both(
            op(
                "POST",
                _ALL,
                name="create_api_key",
                run=keys.create,
                takes=ApiKeyInfoReq,
                gives=ApiKeyInfoResp,
                status=201,
            ),
            "create_account_api_key",
        ),
        *both(op("GET", _ONE, name="get_api_key", run=keys.get, gives=ApiKeyInfoResp), "get_account_api_key"),
        *both(
            op("PUT", _ONE, name="update_api_key", run=keys.update, takes=ApiKeyUpdateReq, gives=ApiKeyInfoResp),
            "update_account_api_key",
        ),
        *both(op("DELETE", _ONE, name="delete_api_key", run=keys.remove, status=204), "delete_account_api_key"),
        *both(
            op(
                "POST",
                f"{_ONE}/reset-secret",
                name="reset_api_key_secret",
                run=keys.reset_secret,
                gives=ApiKeyInfoResp,
            ),
            "reset_account_api_key_secret",
        ),
        *both(
            op(
                "GET",
                f"{_ONE}/groups",
                name="list_groups_of_api_key",
                run=keys.list_groups,
                query=ListQuery,
                gives=ListOf[GroupSummary],
            ),
            "list_groups_of_account_api_key",
        ),
        *both(
            op(
                "POST",
                f"{_ONE}/groups",
                name="add_api_key_to_groups",
                run=keys.join_groups,
                takes=Ids,
                gives=UpdatedResponse,
            ),
            "add_account_api_key_to_groups",
        ),
        *both(
            op(
                "DELETE",
                f"{_ONE}/groups",
                name="remove_api_key_from_groups",
                run=keys.leave_groups,
                takes=Ids,
                gives=UpdatedResponse,
            ),
            "remove_account_api_key_from_groups",
        ),
        op("GET", _MINE, name="get_my_api_key", run=keys.get_mine, gives=ApiKeyInfoResp),
        op("PUT", _MINE, name="update_my_api_key", run=keys.update_mine, takes=ApiKeyUpdateReq, gives=ApiKeyInfoResp),
        op(
            "GET",
            f"{_MINE}/groups",
            name="list_groups_of_my_api_key",
            run=keys.list_my_groups,
            query=ListQuery,
            gives=ListOf[GroupSummary],
        ),
        op(
            "POST",
            f"{_MINE}/groups",
            name="add_my_api_key_to_groups",
            run=keys.join_my_groups,
            takes=Ids,
            gives=UpdatedResponse,
        ),
        op(
            "DELETE",
            f"{_MINE}/groups",
            name="remove_my_api_key_from_groups",
            run=keys.leave_my_groups,
            takes=Ids,
            gives=UpdatedResponse,
        ),
    )
