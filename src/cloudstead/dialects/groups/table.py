"""The operations of Groups, by path, at ``/v1`` and bare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.dialects.groups.auth import TokenCallers
from cloudstead.dialects.groups.errors import ERRORS
from cloudstead.dialects.groups.handlers.groups import GroupHandlers
from cloudstead.dialects.groups.handlers.tokens import TokenHandlers
from cloudstead.dialects.groups.paging import Connection, ListQuery
from cloudstead.dialects.groups.shapes.groups import Group, GroupInput, ParentQuery, UpdateGroupInput
from cloudstead.dialects.groups.shapes.tokens import TokenQuery
from cloudstead.dialects.groups.shapes.words import GenericReturn, GroupQuery
from cloudstead.web.face import Document, Face
from cloudstead.web.routes import PathRoutes
from cloudstead.web.table import op

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import Scope

    from cloudstead.dialects.groups.ports import Backend
    from cloudstead.web.table import Operation

PREFIX: Final = "/v1"

DOCUMENT: Final = Document(
    name="groups",
    title="Groups",
    version="1",
    summary="Groups in a tree, their members, roles and devices, and what networks hand in. Send an access token, which"
    " POST /oauth2/token gives for the id and the secret of an API key. Every path is served below /v1 as well.",
)


def operations(backend: Backend) -> tuple[Operation, ...]:
    """Return the rows."""
    return (*_tokens(backend), *_groups(backend))


def groups_face(backend: Backend) -> Face:
    """Return the face of all paths of the table, with ``/v1`` in front of them or without."""
    rows = operations(backend)
    return Face(
        name="groups",
        matches=_any_of(rows),
        routes=PathRoutes(rows, ignore_last_slash=True, optional_prefix=PREFIX),
        errors=ERRORS,
        authenticate=TokenCallers(backend.clients, backend.callers).of_call,
        document=DOCUMENT,
    )


def _tokens(backend: Backend) -> tuple[Operation, ...]:
    tokens = TokenHandlers(backend)
    return (op("POST", "/oauth2/token", name="issueAccessToken", run=tokens.issue, query=TokenQuery, is_open=True),)


def _groups(backend: Backend) -> tuple[Operation, ...]:
    groups = GroupHandlers(backend)
    return (
        op("GET", "/user/groups", name="listUserGroups", run=groups.list_all, query=ListQuery, gives=Connection[Group]),
        op("GET", "/group", name="getGroup", run=groups.get, query=GroupQuery, gives=list[Group]),
        op(
            "POST",
            "/group",
            name="createGroup",
            run=groups.create,
            query=ParentQuery,
            takes=GroupInput,
            gives=Group,
        ),
        op("PUT", "/group", name="updateGroup", run=groups.update, takes=UpdateGroupInput, gives=Group),
        op("DELETE", "/group", name="deleteGroup", run=groups.remove, query=GroupQuery, gives=GenericReturn),
    )


def _any_of(rows: Iterable[Operation]) -> Callable[[Scope], bool]:
    """Match the paths of the rows and no others, for all that others do not claim belongs to the operator's page."""
    bare = {row.path.encode() for row in rows}
    served = frozenset(bare | {PREFIX.encode() + path for path in bare})

    def matches(scope: Scope) -> bool:
        path: bytes = scope["raw_path"]
        return path in served or (path.endswith(b"/") and path[:-1] in served)

    return matches
