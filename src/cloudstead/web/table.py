"""Operations are rows: routing, decoding, documents, metrics labels and test ids all come from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, overload

import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cloudstead.core.access.permissions import Permission
    from cloudstead.web.call import Call

B = TypeVar("B")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row. ``op`` makes it and says what the columns mean."""

    method: str
    path: str
    name: str
    run: Callable[..., Awaitable[object]]
    gives: Any
    takes: msgspec.json.Decoder[Any] | None
    reads: Mapping[str, Any] | None
    query: type[msgspec.Struct] | None
    permission: Permission | None
    status: int
    is_open: bool
    summary: str


@overload
def op(
    method: str,
    path: str,
    *,
    name: str,
    run: Callable[[Call[Any]], Awaitable[object]],
    reads: Mapping[str, Any] | None = None,
    gives: Any = None,
    query: type[msgspec.Struct] | None = None,
    permission: Permission | None = None,
    status: int = 200,
    is_open: bool = False,
    summary: str = "",
) -> Operation: ...


@overload
def op(
    method: str,
    path: str,
    *,
    name: str,
    run: Callable[[Call[Any], B], Awaitable[object]],
    takes: type[B],
    gives: Any = None,
    query: type[msgspec.Struct] | None = None,
    permission: Permission | None = None,
    status: int = 200,
    is_open: bool = False,
    summary: str = "",
) -> Operation: ...


def op(
    method: str,
    path: str,
    *,
    name: str,
    run: Callable[..., Awaitable[object]],
    takes: Any = None,
    reads: Mapping[str, Any] | None = None,
    gives: Any = None,
    query: type[msgspec.Struct] | None = None,
    permission: Permission | None = None,
    status: int = 200,
    is_open: bool = False,
    summary: str = "",
) -> Operation:
    """Make a row.

    ``path`` is matched segment by segment: ``{x}`` takes one segment, percent-decoded; ``{x:raw}`` takes it as it was
    sent; ``{x*}`` as the last one takes all that is left, decoded, with its slashes. What stands behind ``#`` is a key
    for faces that do not dispatch by path (``routes.KeyRoutes``); it also keeps their rows apart in the OpenAPI
    document.

    ``run`` is called with the call, and with the decoded body when the row ``takes`` one. What it returns is written
    as JSON (``gives`` says as what) with ``status``; ``None`` is written as no body; a Starlette ``Response``, made
    for this call alone, is sent as it is. ``query`` is the shape that ``call.options`` decodes. ``permission`` is
    asked of the caller before the body is decoded. ``is_open`` rows need no credential. ``summary`` defaults to the
    first line of the handler's docstring. ``reads`` is for rows whose handler reads a body that is no JSON: its schemas
    by media type (OpenAPI 3.1), for documents alone.
    """
    return Operation(
        method=method,
        path=path,
        name=name,
        run=run,
        gives=gives,
        takes=None if takes is None else msgspec.json.Decoder(takes),
        reads=reads,
        query=query,
        permission=permission,
        status=status,
        is_open=is_open,
        summary=summary or (run.__doc__ or "").strip().partition("\n")[0],
    )
