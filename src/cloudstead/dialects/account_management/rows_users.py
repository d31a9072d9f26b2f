"""The rows of users, invitations and notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.dialects.account_management.handlers.invitations import InvitationHandlers
from cloudstead.dialects.account_management.handlers.users import UserHandlers
from cloudstead.dialects.account_management.paging import ListQuery
from cloudstead.dialects.account_management.rows import TENANT, both
from cloudstead.dialects.account_management.shapes.answers import ListOf, UpdatedResponse
from cloudstead.dialects.account_management.shapes.invitations import (
    InvitationQuery,
    NotificationEntry,
    UserInvitationReq,
    UserInvitationResp,
)
from cloudstead.dialects.account_management.shapes.policy_groups import GroupSummary
from cloudstead.dialects.account_management.shapes.users import (
    CreateQuery,
    MyQuery,
    UserInfoReq,
    UserInfoResp,
    UserQuery,
    UserUpdateReq,
)
from cloudstead.dialects.account_management.shapes.words import Ids
from cloudstead.web.table import op

if TYPE_CHECKING:
    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.web.table import Operation

_ALL: Final = "/v3/users"
_ONE: Final = "/v3/users/{user_id}"
_MINE: Final = "/v3/users/me"
_GROUPS: Final = f"{_ONE}/groups"
_INVITATIONS: Final = "/v3/user-invitations"
_INVITATION: Final = "/v3/user-invitations/{invitation_id}"


def rows(backend: Backend) -> tuple[Operation, ...]:
    """Return the rows."""
    return (*_users(backend), *_invitations(backend))


def _users(backend: Backend) -> tuple[Operation, ...]:
    users = UserHandlers(backend)
    ids, info, change = Ids, UserInfoResp, UserUpdateReq
    return (
        *both(
            op("GET", _ALL, name="list_users", run=users.list_all, query=UserQuery, gives=ListOf[UserInfoResp]),
            "list_account_users",
        ),
        *both(
            op(
                "POST",
                _ALL,
                name="create_user",
                run=users.create,
                takes=UserInfoReq,
                query=CreateQuery,
                gives=info,
                status=201,
            ),
            "create_account_user",
        ),
        op("GET", _MINE, name="get_my_user", run=users.get_mine, query=MyQuery, gives=info),
        op("PUT", _MINE, name="update_my_user", run=users.update_mine, takes=change, gives=info),
        *both(op("GET", _ONE, name="get_user", run=users.get, gives=info), "get_account_user"),
        *both(op("PUT", _ONE, name="update_user", run=users.update, takes=change, gives=info), "update_account_user"),
        *both(op("DELETE", _ONE, name="delete_user", run=users.remove, status=204), "delete_account_user"),
        *both(
            op(
                "GET",
                _GROUPS,
                name="list_groups_of_user",
                run=users.list_groups,
                query=ListQuery,
                gives=ListOf[GroupSummary],
            ),
            "list_groups_of_account_user",
        ),
        *both(
            op("POST", _GROUPS, name="add_user_to_groups", run=users.join, takes=ids, gives=UpdatedResponse),
            "add_account_user_to_groups",
        ),
        *both(
            op("DELETE", _GROUPS, name="remove_user_from_groups", run=users.leave, takes=ids, gives=UpdatedResponse),
            "remove_account_user_from_groups",
        ),
        op(
            "POST",
            f"{TENANT}users/{{user_id}}/validate-email",
            name="validate_account_user_email",
            run=users.validate_email,
            status=204,
        ),
    )


def _invitations(backend: Backend) -> tuple[Operation, ...]:
    run = InvitationHandlers(backend)
    info = UserInvitationResp
    return (
        *both(
            op(
                "GET",
                _INVITATIONS,
                name="list_user_invitations",
                run=run.list_all,
                query=InvitationQuery,
                gives=ListOf[UserInvitationResp],
            ),
            "list_account_user_invitations",
        ),
        *both(
            op(
                "POST",
                _INVITATIONS,
                name="create_user_invitation",
                run=run.create,
                takes=UserInvitationReq,
                gives=info,
                status=201,
            ),
            "create_account_user_invitation",
        ),
        *both(
            op("GET", _INVITATION, name="get_user_invitation", run=run.get, gives=info), "get_account_user_invitation"
        ),
        *both(
            op("DELETE", _INVITATION, name="delete_user_invitation", run=run.withdraw, status=204),
            "delete_account_user_invitation",
        ),
        *(
            op(
                "GET",
                path,
                name=name,
                run=run.list_notifications,
                query=ListQuery,
                gives=ListOf[NotificationEntry],
            )
            for path, name in (
                ("/v3/accounts/me/notifications", "list_notification_entries"),
                (f"{TENANT}notifications", "list_account_notification_entries"),
            )
        ),
    )
