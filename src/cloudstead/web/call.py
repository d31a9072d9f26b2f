"""One request on its way to its handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Generic, TypeVar

import msgspec
from starlette.datastructures import Headers, QueryParams

from cloudstead.web.errors import FieldInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import Receive, Scope

    from cloudstead.web.intake import BodyIntake
    from cloudstead.web.table import Operation

P = TypeVar("P")
Q = TypeVar("Q", bound=msgspec.Struct)

_ANNOUNCE_BODY: Final = frozenset({b"content-length", b"transfer-encoding"})


class Call(Generic[P]):
    """A request, with what has been learnt of it so far.

    ``operation`` and ``path`` (the path's parameters by name) are there once the row is found, ``caller`` once the face
    has authenticated the call.
    """

    __slots__ = (
        "_body",
        "_headers",
        "_intake",
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

    def __init__(self, scope: Scope, receive: Receive, *, request_id: str, body_limit: int, intake: BodyIntake) -> None:
        self.scope = scope
        self.request_id = request_id
        self.body_limit = body_limit
        self.operation = None
        self.path: dict[str, str] = {}
        self._receive = receive
        self._intake = intake
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
    def authorization(self) -> str | None:
        """The ``Authorization`` header, ``None`` without one."""
        # Every request is asked for it, often for nothing else: making the whole of the headers takes longer.
        for name, value in self.scope["headers"]:
            if name == b"authorization":
                return bytes(value).decode("latin-1")
        return None

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

    @property
    def peer_certificate(self) -> bytes | None:
        """The client's certificate (DER), checked against our authority in the handshake; ``None`` without one."""
        certificate: bytes | None = self.scope.get("state", {}).get("peer_certificate")
        return certificate

    def certificates_sent(self) -> Sequence[bytes] | None:
        """Return all certificates (DER) that the client sent; ``None`` when it resumed a TLS session and sent none."""
        tell: Callable[[], Sequence[bytes] | None] | None = self.scope.get("state", {}).get("certificates_sent")
        return None if tell is None else tell()

    def options(self, shape: type[Q]) -> Q:
        """Return the query as ``shape``, which must be the one that the row declares; raise ``FieldInvalid``.

        Names that ``shape`` does not know are ignored unless it forbids them.
        """
        if self.operation is None or self.operation.query is not shape:
            raise LookupError(f"The row does not declare {shape.__name__} as its query.")
        try:
            return msgspec.convert(dict(self.query) if self.scope["query_string"] else {}, shape, strict=False)
        except msgspec.ValidationError as error:
            raise FieldInvalid.from_text(str(error)) from None

    async def body(self) -> bytes:
        """Return the whole body; raise ``BodyTooLarge``, ``BodyTooSlow`` or ``TooBusy``."""
        if self._body is None:
            if not self._has_body():
                return b""
            body = self._intake.take(self.scope, self._receive, limit=self.body_limit)
            if body is None:
                announced = self.headers.get("content-length")
                body = await self._intake.read(self._receive, announced=announced, limit=self.body_limit)
            self._body = body
        return self._body

    def _has_body(self) -> bool:
        """Tell whether a body may follow: in HTTP/1.1 one of two headers announces it (RFC 9112, section 6.3)."""
        if self.scope.get("http_version") != "1.1":
            return True
        return any(name in _ANNOUNCE_BODY for name, _ in self.scope["headers"])

    def close(self) -> None:
        """Let go of the body; the application calls it when the request is over."""
        if self._body is not None:
            self._intake.release(self._body)
            self._body = None
