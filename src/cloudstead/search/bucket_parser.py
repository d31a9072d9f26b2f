"""From the JSON of bucket aggregations to typed ones."""

from collections.abc import Mapping

from cloudstead.search.aggregation import (
    Between,
    By,
    MissingBucket,
    NestedBucket,
    Order,
    Pattern,
    RangeBuckets,
    TermsBuckets,
)
from cloudstead.search.aggregation_options import (
    Options,
    field_of,
    flag_of,
    format_of,
    missing_of,
    number_format_of,
    options_of,
    unknown,
    zone_option,
)
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.expressions import translated
from cloudstead.search.reading import Scalar, listed, members, scalar, token, whole, word
from cloudstead.search.selection import MAX_RESULT_WINDOW
from cloudstead.search.value_paths import parse_path
from cloudstead.search.zones import UTC_ZONE

_TERMS_KEYS = frozenset(
    [
        "field",
        "size",
        "order",
        "min_doc_count",
        "include",
        "exclude",
        "missing",
        "format",
        "shard_size",
        "shard_min_doc_count",
        "collect_mode",
        "execution_hint",
        "show_term_doc_count_error",
    ],
)
_COLLECT_MODES = frozenset({"depth_first", "breadth_first"})  # both give the same answer


def parse_terms(name: str, body: object) -> TermsBuckets:
    """Read terms."""
    options = options_of(name, body, _TERMS_KEYS)
    mode = word(options.get("collect_mode", "depth_first"), name)
    if mode not in _COLLECT_MODES:
        raise SearchInvalid(f"no [collect_mode] found for value [{mode[:80]}]")
    if "execution_hint" in options:
        word(options["execution_hint"], name)
    for key in ("shard_size", "shard_min_doc_count"):
        if key in options:
            whole(options[key], name, least=-1)
    size, least = whole(options.get("size", 10), name, least=-1), whole(options.get("min_doc_count", 1), name, least=-1)
    if size < 0 or least < 0:
        raise SearchInvalid("parameters [requiredSize] and [minDocCount] must be >=0 in terms aggregation.")
    order = _order(name, options.get("order"))
    if not any(step.by is By.KEY for step in order):
        order = (*order, Order(By.KEY, ascending=True))
    return TermsBuckets(
        field_of(name, options),
        size,
        order,
        least,
        _pattern(name, options.get("include")),
        _pattern(name, options.get("exclude")),
        missing_of(name, options),
        number_format_of(name, options),
        flag_of(name, options, "show_term_doc_count_error", default=False),
    )


def _order(name: str, body: object) -> tuple[Order, ...]:
    """Read an order; without one terms come by count."""
    if body is None:
        return (Order(By.COUNT, ascending=False),)
    steps = [_step(name, entry) for entry in listed(body)]
    return tuple(steps) if steps else (Order(By.COUNT, ascending=False),)


def _step(name: str, entry: object) -> Order:
    """Read one step of an order; of several members the last counts."""
    if not isinstance(entry, Mapping):
        raise SearchInvalid(f"Order elements must be of type object in [{name}] found token of type [{token(entry)}].")
    step: Order | None = None
    for path, direction in members(entry, name).items():
        if not isinstance(direction, str):
            raise SearchInvalid(f"Unexpected token {token(direction)} for [order] in [{name}].")
        if direction.lower() not in {"asc", "desc"}:
            raise SearchInvalid(f"Unknown terms order direction [{direction[:80]}] in terms aggregation [{name}]")
        ascending = direction.lower() == "asc"
        if path in {"_term", "_key"}:
            step = Order(By.KEY, ascending)
        elif path == "_count":
            step = Order(By.COUNT, ascending)
        else:
            step = Order(By.METRIC, ascending, parse_path(path))
    if step is None:
        raise SearchInvalid(f"Must specify at least one field for [order] in [{name}].")
    return step


def _pattern(name: str, value: object) -> Pattern | None:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        if len(value) > MAX_RESULT_WINDOW:
            raise SearchInvalid(f"too many terms to include or exclude in [{name}]")
        for entry in value:
            if entry is None or isinstance(entry, Mapping | list | tuple):
                raise SearchInvalid("Array elements in include/exclude clauses should be string values")
        return Pattern(values=tuple(scalar(entry, name) for entry in value))
    if isinstance(value, Mapping):
        for key in members(value, name):
            if key != "pattern":
                raise SearchInvalid(f"Unknown string parameter in Include/Exclude clause: {key[:80]}")
        value = value.get("pattern", "")
    return Pattern(expression=translated(word(value, name)))


def parse_range(name: str, body: object) -> RangeBuckets:
    """Read ranges of numbers."""
    options = options_of(name, body, frozenset({"field", "ranges", "keyed", "missing", "format"}))
    return RangeBuckets(
        field_of(name, options),
        tuple(Between(start, end, key) for start, end, key in _betweens(name, options)),
        flag_of(name, options, "keyed", default=False),
        format=number_format_of(name, options),
        missing=missing_of(name, options),
    )


def parse_date_range(name: str, body: object) -> RangeBuckets:
    """Read ranges of instants."""
    options = options_of(name, body, frozenset({"field", "ranges", "keyed", "format", "time_zone", "missing"}))
    return RangeBuckets(
        field_of(name, options),
        tuple(Between(start, end, key) for start, end, key in _betweens(name, options)),
        flag_of(name, options, "keyed", default=False),
        dated=True,
        format=format_of(name, options),
        zone=zone_option(name, options, "time_zone") or UTC_ZONE,
        missing=missing_of(name, options),
    )


def _betweens(name: str, options: Options) -> list[tuple[Scalar | None, Scalar | None, str | None]]:
    ranges = options.get("ranges", ())
    if not isinstance(ranges, list | tuple):
        raise unknown(name, "ranges", ranges)
    if not ranges:
        raise SearchInvalid(f"Missing [ranges] in ranges aggregator [{name}]")
    if len(ranges) > 1000:
        raise SearchInvalid(f"more than 1000 ranges in [{name}]")
    found: list[tuple[Scalar | None, Scalar | None, str | None]] = []
    for entry in ranges:
        ends: dict[str, Scalar | None] = {}
        for key, value in members(entry, name).items():
            if key not in {"from", "to", "key"}:
                raise unknown(name, key, value)
            ends[key] = None if value is None else scalar(value, name)
        label = ends.get("key")
        found.append((ends.get("from"), ends.get("to"), None if label is None else word(label, name)))
    return found


def parse_missing(name: str, body: object) -> MissingBucket:
    """Read the bucket of what has no value."""
    return MissingBucket(field_of(name, options_of(name, body, frozenset({"field"}))))


def parse_nested(name: str, body: object) -> NestedBucket:
    """Read the bucket of a nested field."""
    options = options_of(name, body, frozenset({"path"}))
    if "path" not in options:
        raise SearchInvalid(f"Missing [path] field for nested aggregation [{name}]")
    word(options["path"], name)
    return NestedBucket()


def parse_reverse_nested(name: str, body: object) -> NestedBucket:
    """Read the bucket of what stands around a nested field."""
    options = options_of(name, body, frozenset({"path"}))
    if "path" in options:
        word(options["path"], name)
    return NestedBucket()
