"""One request on its way to its handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec
from starlette.datastructures import Headers, QueryParams
from starlette.requests import ClientDisconnect

from cloudstead.web.errors import BodyTooLarge, FieldInvalid

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from cloudstead.web.table import Operation

P = TypeVar("P")
Q = TypeVar("Q", bound=msgspec.Struct)


class Call(Generic[P]):
    """A request, with what has been learnt of it so far.

    ``operation`` and ``path`` (the path's parameters by name) are there once the row is found, ``caller`` once the face
    has authenticated the call.
    """

    __slots__ = (
        "_body",
        "_headers",
        "_query",
        "_receive",
        "body_limit",
        "caller",
        "operation",
        "path",
        "request_id",
        "scope",
    )

    caller: P
    operation: Operation | None

    def __init__(self, scope: Scope, receive: Receive, *, request_id: str, body_limit: int) -> None:
        self.scope = scope
        self.request_id = request_id
        self.body_limit = body_limit
        self.operation = None
        self.path: dict[str, str] = {}
        self._receive = receive
        self._headers: Headers | None = None
        self._query: QueryParams | None = None
        self._body: bytes | None = None

    @property
    def method(self) -> str:
        """The method, in upper case."""
        return str(self.scope["method"])

    @property
    def raw_path(self) -> str:
        """The path as it was sent, still percent-encoded, without the query."""
        raw: bytes = self.scope["raw_path"]
        return raw.decode("latin-1")

    @property
    def raw_query(self) -> str:
        """The query as it was sent, without its question mark."""
        return bytes(self.scope["query_string"]).decode("latin-1")

    @property
    def headers(self) -> Headers:
        """The headers; look-ups ignore case."""
        if self._headers is None:
            self._headers = Headers(scope=self.scope)
        return self._headers

    @property
    def query(self) -> QueryParams:
        """The decoded query."""
        if self._query is None:
            self._query = QueryParams(self.scope["query_string"])
        return self._query

    @property
    def host(self) -> str:
        """The host that the client asked for: lower case, without the port; empty when it named none."""
        host = self.headers.get("host", "").lower()
        if host.startswith("["):
            return host.partition("]")[0].removeprefix("[")
        return host.partition(":")[0]

    @property
    def peer_address(self) -> str | None:
        """The network address at the other end."""
        client = self.scope.get("client")
        return None if client is None else str(client[0])

    def options(self, shape: type[Q]) -> Q:
        """Return the query as ``shape``, which must be the one that the row declares; raise ``FieldInvalid``.

        Names that ``shape`` does not know are ignored unless it forbids them.
        """
        if self.operation is None or self.operation.query is not shape:
            raise LookupError(f"The row does not declare {shape.__name__} as its query.")
        try:
            return msgspec.convert(dict(self.query), shape, strict=False)
        except msgspec.ValidationError as error:
            raise FieldInvalid.from_text(str(error)) from None

    async def body(self) -> bytes:
        """Return the whole body; raise ``BodyTooLarge`` as soon as more than the limit is announced or has arrived."""
        if self._body is None:
            self._body = await self._read()
        return self._body

    async def _read(self) -> bytes:
        announced = self.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self.body_limit:
            raise BodyTooLarge(self.body_limit)
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            part = message.get("body", b"")
            size += len(part)
            if size > self.body_limit:
                raise BodyTooLarge(self.body_limit)
            parts.append(part)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)
