"""Which documents of the matches come back, in which order and with which parts of their source."""

import fnmatch
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cloudstead.search.errors import SearchInvalid
from cloudstead.search.query import Query
from cloudstead.search.query_parser import QueryParser
from cloudstead.search.reading import Scalar, listed, members, scalar, token, truth, word

MAX_SORTS = 16
MAX_RESULT_WINDOW = 10_000  # index.max_result_window of Elasticsearch 2
_MODES = frozenset({"min", "max", "sum", "avg", "median"})


@dataclass(frozen=True, slots=True)
class Sort:
    """One step of an order; `field` may be `_score` or `_doc`."""

    field: str
    ascending: bool
    missing: Scalar = "_last"
    mode: str | None = None
    tolerates_unmapped: bool = False


@dataclass(frozen=True, slots=True)
class SourceFilter:
    """Which paths of the source come back; `wanted` False leaves it out altogether."""

    wanted: bool = True
    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Tell whether the source comes back untouched."""
        return self.wanted and not self.includes and not self.excludes

    def of(self, source: Mapping[str, object]) -> dict[str, object]:
        """Cut a source down to the wanted paths; objects that lose all their members disappear."""
        kept = _cut(source, "", _matcher(self.includes), _matcher(self.excludes), inside=not self.includes)
        return kept if isinstance(kept, dict) else {}


_NOTHING = object()


@functools.lru_cache(maxsize=256)
def _matcher(patterns: tuple[str, ...]) -> re.Pattern[str] | None:
    if not patterns:
        return None
    # Only the star is special in a source pattern. fnmatch writes stars so that matching never backtracks.
    written = (fnmatch.translate(pattern.replace("[", "[[]").replace("?", "[?]")) for pattern in patterns)
    return re.compile("|".join(written))


def _cut(
    value: object,
    path: str,
    includes: re.Pattern[str] | None,
    excludes: re.Pattern[str] | None,
    *,
    inside: bool,
) -> object:
    if isinstance(value, Mapping):
        kept: dict[str, object] = {}
        for key, member in value.items():
            below = f"{path}.{key}" if path else str(key)
            if excludes and excludes.match(below):
                continue
            found = _cut(member, below, includes, excludes, inside=inside or bool(includes and includes.match(below)))
            if found is not _NOTHING:
                kept[str(key)] = found
        return kept if kept or inside or not path else _NOTHING
    if isinstance(value, list | tuple):
        entries = [_cut(entry, path, includes, excludes, inside=inside) for entry in value]
        kept_entries = [entry for entry in entries if entry is not _NOTHING]
        return kept_entries if kept_entries or inside else _NOTHING
    return value if inside else _NOTHING


def parse_source(body: object) -> SourceFilter:
    """Read `_source`: false, a pattern, a list of patterns, or includes and excludes."""
    if isinstance(body, bool):
        return SourceFilter(wanted=body)
    if isinstance(body, str):
        return SourceFilter(includes=(body,))
    if isinstance(body, list | tuple):
        return SourceFilter(includes=_patterns(body))
    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    for key, value in members(body, "_source").items():
        if key in {"include", "includes"}:
            includes = _patterns(value)
        elif key in {"exclude", "excludes"}:
            excludes = _patterns(value)
        else:
            raise SearchInvalid(f"Unknown key for a {token(value)} in [_source]: [{key}].")
    return SourceFilter(includes=includes, excludes=excludes)


def _patterns(value: object) -> tuple[str, ...]:
    patterns = tuple(word(entry, "_source") for entry in listed(value))
    if len(patterns) > 256 or any(len(pattern) > 1024 for pattern in patterns):
        raise SearchInvalid("[_source] holds too many or too long patterns")
    return patterns


def parse_sort(body: object) -> tuple[Sort, ...]:
    """Read `sort`: a field, an object of fields, or a list of both."""
    sorts: list[Sort] = []
    for entry in listed(body):
        if isinstance(entry, str):
            sorts.append(Sort(entry, ascending=entry != "_score"))
        else:
            sorts += [_sort(field, options) for field, options in members(entry, "sort").items()]
    if len(sorts) > MAX_SORTS:
        raise SearchInvalid(f"[sort] may hold {MAX_SORTS} fields")
    return tuple(sorts)


def _sort(field: str, options: object) -> Sort:
    if field == "_script":
        raise SearchInvalid("scripts of type [inline], operation [search] and lang [groovy] are disabled")
    if field in {"_geo_distance", "_geoDistance"}:
        raise SearchInvalid(f"sort by [{field}] is not served")
    ascending = field != "_score"
    if isinstance(options, str):
        return Sort(field, _ascending(options))
    missing: Scalar = "_last"
    mode: str | None = None
    tolerates = False
    for key, value in members(options, "sort").items():
        match key:
            case "order":
                ascending = _ascending(word(value, "sort"))
            case "reverse":
                ascending = not truth(value, "sort")
            case "missing":
                missing = scalar(value, "sort")
            case "mode" | "sort_mode" | "sortMode":
                mode = word(value, "sort").lower()
                if mode not in _MODES:
                    raise SearchInvalid(f"Unknown sort mode [{mode}]")
            case "unmapped_type" | "unmappedType":
                tolerates = True
            case "ignore_unmapped" | "ignoreUnmapped":
                tolerates = truth(value, "sort")
            case "nested_path" | "nestedPath":
                raise SearchInvalid(f"[nested] failed to find nested object under path [{word(value, 'sort')[:80]}]")
            case "nested_filter" | "nestedFilter":
                raise SearchInvalid("[nested] requires 'path' field")
            case _:
                raise SearchInvalid(f"sort option [{key}] not supported")
    return Sort(field, ascending, missing, mode, tolerates)


def _ascending(order: str) -> bool:
    if order.lower() not in {"asc", "desc"}:
        raise SearchInvalid(f"Unknown sort order [{order}]")
    return order.lower() == "asc"


def parse_filter(parser: QueryParser, body: object) -> Query:
    """Read a filter where an object must stand."""
    if not isinstance(body, Mapping):
        raise SearchInvalid("[_na] query malformed, must start with start_object")
    return parser.filter(body)
