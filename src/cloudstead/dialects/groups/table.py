"""The operations of Groups, by path, at ``/v1`` and bare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudstead.dialects.groups.auth import TokenCallers, group_token
from cloudstead.dialects.groups.errors import ERRORS
from cloudstead.dialects.groups.handlers.callbacks import CallbackHandlers, Downlinks
from cloudstead.dialects.groups.handlers.devices import DeviceHandlers
from cloudstead.dialects.groups.handlers.groups import GroupHandlers
from cloudstead.dialects.groups.handlers.keys import KeyHandlers
from cloudstead.dialects.groups.handlers.members import MemberHandlers
from cloudstead.dialects.groups.handlers.roles import RoleHandlers
from cloudstead.dialects.groups.handlers.tokens import TokenHandlers
from cloudstead.dialects.groups.paging import Connection, ListQuery
from cloudstead.dialects.groups.shapes.callbacks import (
    ActilityData,
    SigfoxAcknowledge,
    SigfoxData,
    SigfoxLocation,
    SigfoxStatus,
)
from cloudstead.dialects.groups.shapes.devices import (
    Device,
    DeviceBatchCreate,
    DeviceBatchDelete,
    DeviceBatchTransfer,
    DeviceBatchUpdate,
    DeviceQuery,
)
from cloudstead.dialects.groups.shapes.groups import Group, GroupInput, ParentQuery, UpdateGroupInput
from cloudstead.dialects.groups.shapes.keys import AddApiKeyInput, ApiKeyQuery, ExternalApiKey, UpdateApiKeyInput
from cloudstead.dialects.groups.shapes.roles import (
    Permission,
    Role,
    RoleInput,
    RoleListQuery,
    RoleQuery,
    UpdateRoleInput,
)
from cloudstead.dialects.groups.shapes.tokens import Token, TokenQuery
from cloudstead.dialects.groups.shapes.users import (
    GroupListQuery,
    InviteInput,
    MemberQuery,
    MemberResult,
    PublicUser,
    UpdateMemberInput,
    UserQuery,
)
from cloudstead.dialects.groups.shapes.words import GenericReturn, GenericReturnBoolean, GroupQuery
from cloudstead.web.face import Document, Face
from cloudstead.web.routes import PathRoutes
from cloudstead.web.table import op

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from starlette.types import Scope

    from cloudstead.dialects.groups.ports import Backend
    from cloudstead.web.call import Call
    from cloudstead.web.table import Operation

PREFIX: Final = "/v1"

_AREAS: Final = (
    ("/user/groups", "groups"),
    ("/user", "members"),
    ("/group/user", "members"),
    ("/group/invite", "members"),
    ("/group/apiKey", "keys of outside systems"),
    ("/group/devices", "devices"),
    ("/group/roles", "roles"),
    ("/group", "groups"),
    ("/device", "devices"),
    ("/role", "roles"),
    ("/permission", "roles"),
    ("/oauth2", "access tokens"),
    ("/sigfox", "networks"),
    ("/actility", "networks"),
)
"""What the paths are about that begin so; the first that fits counts."""

DOCUMENT: Final = Document(
    name="groups",
    title="Groups",
    version="1",
    summary="Groups in a tree, their members, roles and devices, and what networks hand in. Send an access token, which"
    " POST /oauth2/token gives for the id and the secret of an API key; networks send the token of a group. Every path"
    " is served below /v1 as well.",
)


def groups_faces(backend: Backend) -> tuple[Face, Face]:
    """Return the faces of people and of networks, with ``/v1`` in front of their paths or without."""
    people = (
        *_groups(backend),
        *_members(backend),
        *_keys(backend),
        *_devices(backend),
        *_roles(backend),
        *_tokens(backend),
    )
    of_people = TokenCallers(backend.clients, backend.callers).of_call
    return _face("groups", people, of_people), _face("networks", _callbacks(backend), group_token)


def _face(name: str, rows: Sequence[Operation], authenticate: Callable[[Call[Any]], Awaitable[object]]) -> Face:
    return Face(
        name=name,
        matches=_any_of(rows),
        routes=PathRoutes(rows, ignore_last_slash=True, optional_prefix=PREFIX),
        errors=ERRORS,
        authenticate=authenticate,
        document=DOCUMENT,
        tag_of=area_of,
    )


def area_of(path: str) -> str:
    """Return what a path is about, for the document."""
    return next(area for start, area in _AREAS if path.startswith(start))


def _groups(backend: Backend) -> tuple[Operation, ...]:
    run = GroupHandlers(backend)
    return (
        op("GET", "/user/groups", name="listUserGroups", run=run.list_all, query=ListQuery, gives=Connection[Group]),
        op("GET", "/group", name="getGroup", run=run.get, query=GroupQuery, gives=list[Group]),
        op("POST", "/group", name="createGroup", run=run.create, query=ParentQuery, takes=GroupInput, gives=Group),
        op("PUT", "/group", name="updateGroup", run=run.update, takes=UpdateGroupInput, gives=Group),
        op("DELETE", "/group", name="deleteGroup", run=run.remove, query=GroupQuery, gives=GenericReturn),
    )


def _members(backend: Backend) -> tuple[Operation, ...]:
    run, left = MemberHandlers(backend), GenericReturnBoolean
    return (
        op(
            "GET",
            "/group/users",
            name="listGroupUsers",
            run=run.list_all,
            query=GroupListQuery,
            gives=Connection[PublicUser],
        ),
        op("PUT", "/group/invite", name="inviteToGroup", run=run.invite, takes=InviteInput, gives=MemberResult),
        op("PUT", "/group/user", name="updateGroupUser", run=run.update, takes=UpdateMemberInput, gives=MemberResult),
        op("DELETE", "/group/user", name="removeGroupUser", run=run.remove, query=MemberQuery, gives=left),
        op("GET", "/user", name="getUser", run=run.get, query=UserQuery, gives=PublicUser),
    )


def _keys(backend: Backend) -> tuple[Operation, ...]:
    run, path, gives = KeyHandlers(backend), "/group/apiKey", ExternalApiKey
    return (
        op("POST", path, name="addGroupApiKey", run=run.add, takes=AddApiKeyInput, gives=gives),
        op("PUT", path, name="updateGroupApiKey", run=run.update, takes=UpdateApiKeyInput, gives=gives),
        op("DELETE", path, name="deleteGroupApiKey", run=run.remove, query=ApiKeyQuery, gives=gives),
    )


def _devices(backend: Backend) -> tuple[Operation, ...]:
    run, said = DeviceHandlers(backend), GenericReturn
    return (
        op(
            "GET",
            "/group/devices",
            name="listGroupDevices",
            run=run.list_all,
            query=GroupListQuery,
            gives=Connection[Device],
        ),
        op("GET", "/device", name="getDevice", run=run.get, query=DeviceQuery, gives=Device),
        op("POST", "/devices", name="createDevices", run=run.register, takes=DeviceBatchCreate, gives=said),
        op("PUT", "/devices", name="updateDevices", run=run.update, takes=DeviceBatchUpdate, gives=said),
        op("PUT", "/devices/transfer", name="transferDevices", run=run.transfer, takes=DeviceBatchTransfer, gives=said),
        op("POST", "/devices/delete", name="deleteDevices", run=run.remove, takes=DeviceBatchDelete, gives=said),
    )


def _roles(backend: Backend) -> tuple[Operation, ...]:
    run, words = RoleHandlers(backend), Connection[Permission]
    return (
        op("GET", "/group/roles", name="listGroupRoles", run=run.list_all, query=RoleListQuery, gives=Connection[Role]),
        op("POST", "/role", name="createRole", run=run.create, query=RoleQuery, takes=RoleInput, gives=Role),
        op("PUT", "/role", name="updateRole", run=run.update, takes=UpdateRoleInput, gives=Role),
        op("DELETE", "/role", name="deleteRole", run=run.remove, query=RoleQuery, gives=Role),
        op("GET", "/permission", name="listPermissions", run=run.list_permissions, query=ListQuery, gives=words),
        op("POST", "/permission", name="createPermission", run=run.keep_permissions),
        op("PUT", "/permission", name="updatePermission", run=run.keep_permissions),
        op("DELETE", "/permission", name="deletePermission", run=run.keep_permissions),
    )


def _tokens(backend: Backend) -> tuple[Operation, ...]:
    run, path = TokenHandlers(backend).issue, "/oauth2/token"
    return (op("POST", path, name="issueAccessToken", run=run, query=TokenQuery, gives=Token, is_open=True),)


def _callbacks(backend: Backend) -> tuple[Operation, ...]:
    run, said = CallbackHandlers(backend), GenericReturn
    return (
        op(
            "POST",
            "/sigfox/data",
            name="takeSigfoxData",
            run=run.sigfox_data,
            takes=SigfoxData,
            gives=Downlinks,
        ),
        op(
            "POST",
            "/sigfox/status",
            name="takeSigfoxStatus",
            run=run.sigfox_status,
            takes=SigfoxStatus,
            gives=said,
        ),
        op(
            "POST",
            "/sigfox/acknowledge",
            name="takeSigfoxAcknowledge",
            run=run.sigfox_acknowledge,
            takes=SigfoxAcknowledge,
            gives=said,
        ),
        op(
            "POST",
            "/sigfox/location",
            name="takeSigfoxLocation",
            run=run.sigfox_location,
            takes=SigfoxLocation,
            gives=said,
        ),
        op(
            "POST",
            "/actility/data",
            name="takeActilityData",
            run=run.actility_data,
            takes=ActilityData,
            gives=said,
        ),
    )


def _any_of(rows: Iterable[Operation]) -> Callable[[Scope], bool]:
    """Match the paths of the rows and no others, for all that others do not claim belongs to the operator's page."""
    bare = {row.path.encode() for row in rows}
    served = frozenset(bare | {PREFIX.encode() + path for path in bare})

    def matches(scope: Scope) -> bool:
        path: bytes = scope["raw_path"]
        return path in served or (path.endswith(b"/") and path[:-1] in served)

    return matches
