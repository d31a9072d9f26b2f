"""From a request to its row: by path (a trie), or by a key that stands elsewhere in the request.

Paths are split before they are decoded, so that an encoded slash stays inside its segment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from cloudstead.web.errors import MethodNotAllowed, RouteNotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from cloudstead.web.call import Call
    from cloudstead.web.table import Operation


class Routes(Protocol):
    """Finds the row that answers a call."""

    @property
    def operations(self) -> Sequence[Operation]:
        """Every row, in the order of the table."""
        ...

    async def find(self, call: Call[Any]) -> Operation:
        """Return the row and set the call's path parameters; raise ``RouteNotFound`` or ``MethodNotAllowed``."""
        ...

    def methods(self, call: Call[Any]) -> Sequence[str]:
        """Return the methods served at the call's path, in order; empty when nothing is."""
        ...


@dataclass(slots=True)
class _Place:
    """What is served at one path: a row for each method, with the names of its parameters."""

    by_method: dict[str, tuple[Operation, tuple[str, ...]]] = field(default_factory=dict)


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    place: _Place = field(default_factory=_Place)
    rest: _Place = field(default_factory=_Place)


class PathRoutes:
    """A trie of path segments. A literal segment wins over a parameter, a parameter over the rest of the path.

    With ``ignore_last_slash`` the paths ``/x`` and ``/x/`` are one, with ``optional_prefix`` ``/v1`` so are ``/x`` and
    ``/v1/x``. A GET row answers HEAD too.
    """

    def __init__(
        self, operations: Iterable[Operation], *, ignore_last_slash: bool = False, optional_prefix: str = ""
    ) -> None:
        self.operations = tuple(operations)
        self._ignore_last_slash = ignore_last_slash
        self._optional_start = f"{optional_prefix}/" if optional_prefix else ""
        self._root = _Node()
        for operation in self.operations:
            self._add(operation)

    def _add(self, operation: Operation) -> None:
        node = self._root
        place = None
        names: list[str] = []
        for segment in self._segments(operation.path.partition("#")[0]):
            if not segment.startswith("{"):
                node = node.literals.setdefault(segment, _Node())
                continue
            name = segment[1:-1]
            names.append(name)
            if name.endswith("*"):
                place = node.rest
                break
            if node.parameter is None:
                node.parameter = _Node()
            node = node.parameter
        place = node.place if place is None else place
        if operation.method in place.by_method:
            raise ValueError(f"Two rows claim {operation.method} {operation.path}.")
        place.by_method[operation.method] = (operation, tuple(names))

    def _segments(self, path: str) -> list[str]:
        if self._optional_start and path.startswith(self._optional_start):
            path = path[len(self._optional_start) - 1 :]
        segments = path.split("/")[1:]
        if self._ignore_last_slash and len(segments) > 1 and not segments[-1]:
            segments.pop()
        return segments

    async def find(self, call: Call[Any]) -> Operation:
        """Return the row and set the call's path parameters; raise ``RouteNotFound`` or ``MethodNotAllowed``."""
        place, values = self._place(call.raw_path)
        method = call.method
        row = place.by_method.get(method)
        if row is None and method == "HEAD":
            row = place.by_method.get("GET")
        if row is None:
            raise MethodNotAllowed(method, _served(place))
        operation, names = row
        if names:
            call.path = {
                name.removesuffix(":raw").removesuffix("*"): value if name.endswith(":raw") else _decoded(value)
                for name, value in zip(names, values, strict=True)
            }
        return operation

    def methods(self, call: Call[Any]) -> Sequence[str]:
        """Return the methods served at the call's path, in order; empty when nothing is."""
        try:
            place, _ = self._place(call.raw_path)
        except RouteNotFound:
            return ()
        return _served(place)

    def _place(self, raw_path: str) -> tuple[_Place, list[str]]:
        sent = self._segments(raw_path)
        texts = [_decoded(segment) for segment in sent] if "%" in raw_path else sent
        values: list[str] = []
        place = _walk(self._root, 0, texts, sent, values)
        if place is None:
            raise RouteNotFound(raw_path)
        return place, values


def _walk(node: _Node, depth: int, texts: list[str], sent: list[str], values: list[str]) -> _Place | None:
    """Follow the segments from ``depth`` on, filling ``values`` with what the parameters took, as it was sent."""
    if depth == len(texts):
        return node.place if node.place.by_method else None
    literal = node.literals.get(texts[depth])
    if literal is not None:
        place = _walk(literal, depth + 1, texts, sent, values)
        if place is not None:
            return place
    if node.parameter is not None and sent[depth]:
        values.append(sent[depth])
        place = _walk(node.parameter, depth + 1, texts, sent, values)
        if place is not None:
            return place
        values.pop()
    if node.rest.by_method:
        values.append("/".join(sent[depth:]))
        return node.rest
    return None


def _served(place: _Place) -> tuple[str, ...]:
    methods = set(place.by_method)
    if "GET" in methods:
        methods.add("HEAD")
    return tuple(sorted(methods))


def _decoded(segment: str) -> str:
    if "%" not in segment:
        return segment
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise RouteNotFound(segment) from None


class KeyRoutes:
    """Rows found by a key beside the path, such as a header or a form field.

    A row's key stands behind ``#name=`` in its path: ``/#X-Amz-Target=Service.Operation``. All rows share one method.
    """

    def __init__(self, operations: Iterable[Operation], *, key_of: Callable[[Call[Any]], Awaitable[str]]) -> None:
        self.operations = tuple(operations)
        self._key_of = key_of
        self._method = self.operations[0].method
        self._by_key = {row.path.partition("#")[2].partition("=")[2]: row for row in self.operations}

    async def find(self, call: Call[Any]) -> Operation:
        """Return the row under the call's key; raise ``RouteNotFound`` or ``MethodNotAllowed``."""
        if call.method != self._method:
            raise MethodNotAllowed(call.method, (self._method,))
        key = await self._key_of(call)
        operation = self._by_key.get(key)
        if operation is None:
            raise RouteNotFound(key)
        return operation

    def methods(self, call: Call[Any]) -> Sequence[str]:  # noqa: ARG002 - the port names it; here every path serves the same
        """Return the one method that is served."""
        return (self._method,)
