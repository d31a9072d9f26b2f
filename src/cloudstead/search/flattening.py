"""Bringing the state of a document into the form in which it can be searched.

A state becomes one flat object of dotted paths: `{"a": {"b": 1}}` is `{"a.b": 1}`, and lists of objects become one list
per path, as Elasticsearch's own index does. That leaves nothing for the store to stumble over: no duplicate key, no
`a.b` beside a nested one, no null, no list of mixed types. The text that was received is stored beside it.
"""

import math
from functools import lru_cache
from typing import TypeAlias

import msgspec

from cloudstead.search.fields import Kind

MAX_DEPTH = 32
MAX_PATHS = 1_000  # an 8 KB shadow document cannot hold more
MAX_PATH_LENGTH = 512
_LARGEST_INT64 = 2**63 - 1
_SMALLEST_INT64 = -(2**63)

Leaf: TypeAlias = "bool | int | float | str"


_INTEGER = int(Kind.INTEGER)
_KINDS: dict[type, int] = {
    bool: int(Kind.BOOLEAN),
    int: int(Kind.INTEGER),
    float: int(Kind.FLOAT),
    str: int(Kind.TEXT),
}


class FlatState(msgspec.Struct, frozen=True):
    """The indexed form: values by path, the kind of each, and why nothing could be indexed, if so."""

    values: dict[str, object] = {}
    kinds: dict[str, int] = {}
    refused: str | None = None


def flatten(source: bytes) -> FlatState:
    """Flatten the JSON text of a state; what cannot be indexed gives an empty form that says why."""
    try:
        document = msgspec.json.decode(source)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return FlatState(refused=f"not JSON: {error}")
    if not isinstance(document, dict):
        return FlatState(refused="not an object")
    kinds = _kinds_of(tuple(document), tuple(map(type, document.values())))
    if kinds is not None and _holds_integers(document, kinds):
        return FlatState(document, kinds)
    try:
        return _plain(document) or _gathered(document)
    except _Refused as refusal:
        return FlatState(refused=str(refusal))


@lru_cache(maxsize=1_024)
def _kinds_of(paths: tuple[str, ...], types: tuple[type, ...]) -> dict[str, int] | None:
    """Return the kinds of a state of single values with good paths, None for any other.

    Told by its form alone, and things report in a few: nearly every observation is one look-up. Do not alter it.
    """
    if not all(map(_is_good, paths)) or len(paths) > MAX_PATHS or not _KINDS.keys() >= set(types):
        return None
    return {path: _KINDS[kind] for path, kind in zip(paths, types, strict=True)}


def _holds_integers(document: dict[str, object], kinds: dict[str, int]) -> bool:
    """Tell whether the store has room for every integer."""
    for path, kind in kinds.items():
        if kind == _INTEGER and not _SMALLEST_INT64 <= document[path] <= _LARGEST_INT64:  # type: ignore[operator]
            return False
    return True


def _plain(document: dict[str, object]) -> FlatState | None:
    """Flatten a state of objects and single values, as nearly all are, in one pass; None for any other.

    Every observation goes through here, so this loop asks as little as it can for each value.
    """
    values: dict[str, object] = {}
    kinds: dict[str, int] = {}
    count = 0
    kind_of, is_good = _KINDS.get, _is_good
    objects: list[tuple[str, dict[str, object], int]] = [("", document, 1)]
    for prefix, members, depth in objects:
        for key, member in members.items():
            kind = kind_of(type(member))
            path = prefix + key
            if kind is None:
                if member is None:
                    continue
                if not isinstance(member, dict) or depth == MAX_DEPTH:
                    return None
                objects.append((path + ".", member, depth + 1))
                continue
            if not is_good(path):
                return None
            if kind == _INTEGER and not _SMALLEST_INT64 <= member <= _LARGEST_INT64:  # type: ignore[operator]
                return None
            values[path] = member
            kinds[path] = kind
            count += 1
    # Fewer paths than values: two values met at one path, as those of {"a.b": 1, "a": {"b": 2}} do.
    return FlatState(values, kinds) if len(values) == count <= MAX_PATHS else None


@lru_cache(maxsize=16_384)
def _is_good(path: str) -> bool:
    """Tell whether a path may be indexed as it is; the same few come again with every message."""
    return bool(path) and "\0" not in path and len(path) <= MAX_PATH_LENGTH


def _gathered(document: dict[str, object]) -> FlatState:
    """Flatten any state: lists, paths that meet, limits."""
    gathered: dict[str, list[Leaf]] = {}
    listed: set[str] = set()
    _gather(document, "", 1, gathered, listed, inside_list=False)
    values: dict[str, object] = {}
    kinds: dict[str, int] = {}
    for path, leaves in gathered.items():
        if path in listed or len(leaves) > 1:
            values[path], kinds[path] = _list(leaves)
        else:
            values[path], kinds[path] = _one(leaves[0])
    return FlatState(values, kinds)


class _Refused(Exception):
    """The state is beyond a limit."""


def _gather(
    value: object,
    path: str,
    depth: int,
    gathered: dict[str, list[Leaf]],
    listed: set[str],
    *,
    inside_list: bool,
) -> None:
    if isinstance(value, dict):
        if depth > MAX_DEPTH:
            raise _Refused(f"nested deeper than {MAX_DEPTH}")
        for key, member in value.items():
            below = f"{path}.{key}" if path else key
            _gather(member, below, depth + 1, gathered, listed, inside_list=inside_list)
    elif isinstance(value, list):
        if depth > MAX_DEPTH:
            raise _Refused(f"nested deeper than {MAX_DEPTH}")
        for entry in value:
            _gather(entry, path, depth + 1, gathered, listed, inside_list=True)
    elif isinstance(value, bool | int | float | str):
        # An empty path cannot be named in a search either; NUL would end a name early in the store.
        if not path or "\0" in path:
            return
        if len(path) > MAX_PATH_LENGTH:
            raise _Refused(f"a path longer than {MAX_PATH_LENGTH}")
        gathered.setdefault(path, []).append(value)
        if len(gathered) > MAX_PATHS:
            raise _Refused(f"more than {MAX_PATHS} paths")
        if inside_list:
            listed.add(path)


def _number(value: float) -> float:
    """Keep whole numbers of 64 bits exact; larger ones become floats, which JSON cannot hold when infinite."""
    if isinstance(value, int) and _SMALLEST_INT64 <= value <= _LARGEST_INT64:
        return value
    try:
        floating = float(value)
    except OverflowError:
        floating = math.inf
    return math.copysign(1.7976931348623157e308, value) if math.isinf(floating) else floating


def _one(value: Leaf) -> tuple[object, int]:
    match value:
        case bool():
            return value, Kind.BOOLEAN
        case str():
            return value, Kind.TEXT
        case _:
            number = _number(value)
            return number, Kind.INTEGER if isinstance(number, int) else Kind.FLOAT


def _list(leaves: list[Leaf]) -> tuple[object, int]:
    """Give a list one type: numbers become floats, a mixture becomes texts."""
    if all(isinstance(leaf, bool) for leaf in leaves):
        return list(leaves), Kind.BOOLEANS
    if all(isinstance(leaf, int | float) and not isinstance(leaf, bool) for leaf in leaves):
        return [float(_number(leaf)) for leaf in leaves if not isinstance(leaf, str)], Kind.NUMBERS
    return [leaf if isinstance(leaf, str) else msgspec.json.encode(leaf).decode() for leaf in leaves], Kind.TEXTS
