"""The rows of policy groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.dialects.account_management.handlers.policy_groups import PolicyGroupHandlers
from cloudstead.dialects.account_management.paging import ListQuery
from cloudstead.dialects.account_management.rows import both
from cloudstead.dialects.account_management.shapes.answers import ListOf, UpdatedResponse
from cloudstead.dialects.account_management.shapes.api_keys import ApiKeyInfoResp
from cloudstead.dialects.account_management.shapes.policy_groups import (
    GroupCreationInfo,
    GroupQuery,
    GroupSummary,
    GroupUpdateInfo,
)
from cloudstead.dialects.account_management.shapes.users import GroupMemberQuery, UserInfoResp
from cloudstead.dialects.account_management.shapes.words import REMOVAL, SubjectList
from cloudstead.web.table import op

if TYPE_CHECKING:
    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.web.table import Operation

_ALL = "/v3/policy-groups"
_ONE = "/v3/policy-groups/{group_id}"


def rows(backend: Backend) -> tuple[Operation, ...]:
    """Return the rows."""
    groups = PolicyGroupHandlers(backend)
    return (
        *both(
            op("GET", _ALL, name="list_groups", run=groups.list_all, query=GroupQuery, gives=ListOf[GroupSummary]),
            "list_account_groups",
        ),
        *both(
            op(
                "POST",
                _ALL,
                name="create_group",
                run=groups.create,
                takes=GroupCreationInfo,
                gives=GroupSummary,
                status=201,
            ),
            "create_account_group",
        ),
        *both(op("GET", _ONE, name="get_group", run=groups.get, gives=GroupSummary), "get_account_group"),
        *both(
            op(
                "POST",
                _ONE,
                name="add_subjects_to_group",
                run=groups.add_subjects,
                takes=SubjectList,
                gives=UpdatedResponse,
            ),
            "add_subjects_to_account_group",
        ),
        *both(
            op("PUT", _ONE, name="rename_group", run=groups.update, takes=GroupUpdateInfo, gives=UpdatedResponse),
            "rename_account_group",
        ),
        *both(op("DELETE", _ONE, name="delete_group", run=groups.remove, status=204), "delete_account_group"),
        *both(
            op(
                "GET",
                f"{_ONE}/api-keys",
                name="list_api_keys_of_group",
                run=groups.list_keys,
                query=ListQuery,
                gives=ListOf[ApiKeyInfoResp],
            ),
            "list_api_keys_of_account_group",
        ),
        *both(
            op(
                "DELETE",
                f"{_ONE}/api-keys",
                name="remove_api_keys_from_group",
                run=groups.remove_keys,
                takes=REMOVAL,
                gives=UpdatedResponse,
            ),
            "remove_api_keys_from_account_group",
        ),
        *both(
            op(
                "GET",
                f"{_ONE}/users",
                name="list_users_of_group",
                run=groups.list_people,
                query=GroupMemberQuery,
                gives=ListOf[UserInfoResp],
            ),
            "list_users_of_account_group",
        ),
        *both(
            op(
                "DELETE",
                f"{_ONE}/users",
                name="remove_users_from_group",
                run=groups.remove_people,
                takes=REMOVAL,
                gives=UpdatedResponse,
            ),
            "remove_users_from_account_group",
        ),
    )
