"""One dialect as the outside sees it: its rows, its credentials, its errors, its cross-origin policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.responses import Response
    from starlette.types import Scope

    from cloudstead.web.call import Call
    from cloudstead.web.routes import Routes

    Wording = Callable[[Any, Call[Any]], Response]

MEBIBYTE: Final = 1024 * 1024
BEARER: Final[Mapping[str, str]] = MappingProxyType({"type": "http", "scheme": "bearer"})


class ErrorMap:
    """Words every error in a face's own form.

    An error is answered by the wording of its own class, else by that of its nearest named ancestor. Whatever is left
    is a fault of ours, and ``unexpected`` answers it without telling anything about it.
    """

    def __init__(
        self, wordings: Mapping[type[Exception], Wording], *, unexpected: Callable[[Call[Any]], Response]
    ) -> None:
        self._wordings = dict(wordings)
        self.unexpected = unexpected

    def answer(self, error: Exception, call: Call[Any]) -> Response | None:
        """Return the answer to ``error``, ``None`` when it has no wording."""
        for kind in type(error).__mro__:
            wording = self._wordings.get(kind)
            if wording is not None:
                return wording(error, call)
        return None

    def unworded(self, root: type[Exception]) -> set[type[Exception]]:
        """Return the classes below ``root`` that no wording reaches: a total map has none of them."""
        open_classes = set()
        waiting = [root]
        while waiting:
            below = waiting.pop().__subclasses__()
            waiting += below
            open_classes |= {kind for kind in below if not any(part in self._wordings for part in kind.__mro__)}
        return open_classes


@dataclass(frozen=True, slots=True, kw_only=True)
class CorsPolicy:
    """What pages of other origins may do (WHATWG Fetch, section 3.2). Every origin is allowed, none with cookies."""

    allowed_headers: Sequence[str]
    exposed_headers: Sequence[str]
    max_age_s: int = 86_400

    def on_preflight(self, methods: Sequence[str]) -> list[tuple[bytes, bytes]]:
        """Return what the answer to a preflight request carries beside the headers of every answer."""
        return [
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            (b"access-control-allow-headers", ", ".join(self.allowed_headers).encode()),
            (b"access-control-max-age", str(self.max_age_s).encode()),
        ]

    def on_answer(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that every answer carries."""
        return [
            (b"access-control-allow-origin", b"*"),
            (b"access-control-expose-headers", ", ".join(self.exposed_headers).encode()),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The OpenAPI document that a face appears in; several faces may share one."""

    name: str  # its place below /docs/
    title: str
    version: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One dialect, or one part of a dialect that words its errors in its own way.

    ``matches`` looks at path, method and headers only and must cost next to nothing: faces are asked in turn.
    ``authenticate`` makes the caller, or raises what ``errors`` words; it is not asked for open rows.
    ``request_id_header`` is the header, in lower case, that carries the request's id back, beside ``x-request-id``.
    ``security_scheme`` describes the credential in the OpenAPI document. ``path_items`` are shown there instead of the
    rows, for a face whose rows do not tell what they take: operations by path and method, without their tags.
    ``tag_of`` names the group of the document that the row of a path belongs to; without it that is the face's name.
    """

    name: str
    matches: Callable[[Scope], bool]
    routes: Routes
    errors: ErrorMap
    authenticate: Callable[[Call[Any]], Awaitable[Any]] | None = None
    body_limit: int = MEBIBYTE
    media_type: str = "application/json"
    request_id_header: str | None = None
    cors: CorsPolicy | None = None
    document: Document | None = None
    security_scheme: Mapping[str, str] = field(default_factory=lambda: BEARER)
    path_items: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    tag_of: Callable[[str], str] | None = None

    def __post_init__(self) -> None:
        if self.authenticate is None and not all(row.is_open for row in self.routes.operations):
            raise ValueError(f"The face {self.name} has rows that ask for a credential, but nobody who reads it.")


def below(prefix: str) -> Callable[[Scope], bool]:
    """Return a ``matches`` for every path that begins with ``prefix``."""
    start = prefix.encode()

    def matches(scope: Scope) -> bool:
        # Every face before the right one is asked at every request, so the path is not even decoded.
        return bool(scope["raw_path"].startswith(start))

    return matches
