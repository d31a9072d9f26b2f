"""From the JSON of bucket aggregations to typed ones."""

import math
import re
from collections.abc import Mapping

from cloudstead.search.aggregation import (
    Between,
    By,
    DateHistogramBuckets,
    HistogramBuckets,
    MissingBucket,
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
    options_of,
    unknown,
)
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.reading import Scalar, listed, members, real, scalar, token, truth, whole, word
from cloudstead.search.rounding import CalendarRounding, CalendarUnit, FixedRounding, Rounding
from cloudstead.search.selection import MAX_RESULT_WINDOW
from cloudstead.search.zones import UTC_ZONE, Zone, zone_of

_CALENDAR = {
    word_: unit
    for unit, words in (
        (CalendarUnit.YEAR, "year 1y"),
        (CalendarUnit.QUARTER, "quarter 1q"),
        (CalendarUnit.MONTH, "month 1M"),
        (CalendarUnit.WEEK, "week 1w"),
        (CalendarUnit.DAY, "day 1d"),
        (CalendarUnit.HOUR, "hour 1h"),
        (CalendarUnit.MINUTE, "minute 1m"),
        (CalendarUnit.SECOND, "second 1s"),
    )
    for word_ in words.split()
}
_LENGTH = re.compile(r"([+-]?)(\d{1,18}(?:\.\d{1,9})?)\s*(ms|s|m|h|d|w)$", re.IGNORECASE)
_LENGTHS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_LONGEST_MS = 36_525 * 86_400_000  # a hundred years
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


def parse_terms(name: str, body: object) -> TermsBuckets:
    """Read terms."""
    options = options_of(name, body, _TERMS_KEYS)
    least = whole(options.get("min_doc_count", 1), name)
    if least == 0:
        raise SearchInvalid(f"[min_doc_count] of 0 in [{name}] of type [terms] is not served")
    if flag_of(name, options, "show_term_doc_count_error", default=False):
        raise SearchInvalid(f"[show_term_doc_count_error] in [{name}] is not served")
    order = _orders(name, options.get("order"), key_words=("_term", "_key"))
    if not any(step.by is By.KEY for step in order):
        order = (*order, Order(By.KEY, ascending=True))
    return TermsBuckets(
        field_of(name, options),
        whole(options.get("size", 10), name),
        order,
        least,
        _pattern(name, options.get("include")),
        _pattern(name, options.get("exclude")),
        missing_of(name, options),
        format_of(name, options),
    )


def _pattern(name: str, value: object) -> Pattern | None:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        if len(value) > MAX_RESULT_WINDOW:
            raise SearchInvalid(f"too many terms to include or exclude in [{name}]")
        return Pattern(values=tuple(scalar(entry, name) for entry in value))
    if isinstance(value, Mapping):
        if set(value) != {"pattern"}:
            raise SearchInvalid(f"only [pattern] is served to include or exclude in [{name}]")
        value = value["pattern"]
    expression = word(value, name)
    if len(expression) > 1000:
        raise SearchInvalid(f"the pattern in [{name}] is too long")
    return Pattern(expression=expression)


def parse_histogram(name: str, body: object) -> HistogramBuckets:
    """Read a histogram of numbers."""
    known = "field interval offset order keyed min_doc_count extended_bounds missing"
    options = options_of(name, body, frozenset(known.split()))
    interval = real(options["interval"], name) if "interval" in options else 0.0
    if interval == 0:
        raise SearchInvalid(f"Missing required field [interval] for histogram aggregation [{name}]")
    if interval < 1e-9:
        raise SearchInvalid(f"[interval] must be positive for histogram aggregation [{name}]")
    bounds = _bounds(name, options.get("extended_bounds"))
    low, high = (None if bound is None else real(bound, name) for bound in bounds or (None, None))
    if low is not None and high is not None and low > high:
        raise SearchInvalid(f"[extended_bounds.min][{low}] cannot be greater than [extended_bounds.max][{high}]")
    offset = real(options.get("offset", 0), name)
    return HistogramBuckets(
        field_of(name, options),
        interval,
        math.fmod(offset, interval),
        _orders(name, options.get("order"), key_words=("_key",))[0],
        flag_of(name, options, "keyed", default=False),
        whole(options.get("min_doc_count", 0), name),
        (low, high) if bounds else None,
        missing_of(name, options),
    )


_DATE_HISTOGRAM_KEYS = frozenset(
    [
        "field",
        "interval",
        "time_zone",
        "offset",
        "format",
        "keyed",
        "min_doc_count",
        "order",
        "extended_bounds",
        "missing",
        "pre_zone",
        "post_zone",
        "pre_zone_adjust_large_interval",
        "pre_offset",
        "post_offset",
    ],
)


def parse_date_histogram(name: str, body: object) -> DateHistogramBuckets:
    """Read a histogram of instants."""
    options = options_of(name, body, _DATE_HISTOGRAM_KEYS)
    interval = options.get("interval")
    if interval is None:
        raise SearchInvalid(f"Missing required field [interval] for histogram aggregation [{name}]")
    if not isinstance(interval, str):
        raise unknown(name, "interval", interval)
    zone = _zone(name, options, "time_zone") or _zone(name, options, "pre_zone") or UTC_ZONE
    if "pre_zone_adjust_large_interval" in options:
        # It made the keys of day and longer intervals UTC; keys are UTC here whatever it says.
        truth(options["pre_zone_adjust_large_interval"], name)
    offset = sum(_length(name, word(options[key], name)) for key in ("offset", "pre_offset") if key in options)
    return DateHistogramBuckets(
        field_of(name, options),
        _rounding(name, interval, zone, offset),
        _orders(name, options.get("order"), key_words=("_key", "_time"))[0],
        flag_of(name, options, "keyed", default=False),
        whole(options.get("min_doc_count", 0), name),
        zone,
        _zone(name, options, "post_zone") or UTC_ZONE,
        format_of(name, options),
        _bounds(name, options.get("extended_bounds")),
        missing_of(name, options),
    )


def _zone(name: str, options: Options, key: str) -> Zone | None:
    return zone_of(options[key], name) if key in options else None


def _rounding(name: str, interval: str, zone: Zone, offset: int) -> Rounding:
    unit = _CALENDAR.get(interval)
    if unit is not None:
        return CalendarRounding(unit, zone, offset)
    length = _length(name, interval)
    if length < 1:
        raise SearchInvalid("Zero or negative time interval not supported")
    return FixedRounding(length, zone, offset)


def _length(name: str, written: str) -> int:
    match = _LENGTH.match(written.strip())
    if match is None:
        raise SearchInvalid(f"failed to parse setting [{name}] with value [{written[:40]}] as a time value")
    sign, amount, unit = match.groups()
    length = int(float(amount) * _LENGTHS[unit.lower()])
    if length > _LONGEST_MS:
        raise SearchInvalid(f"the time value [{written[:40]}] in [{name}] is longer than a hundred years")
    return -length if sign == "-" else length


def _bounds(name: str, body: object) -> tuple[Scalar | None, Scalar | None] | None:
    if body is None:
        return None
    ends: dict[str, Scalar | None] = {"min": None, "max": None}
    for key, value in members(body, name).items():
        if key not in ends:
            raise SearchInvalid(f"Unknown extended_bounds key for a {token(value)} in aggregation [{name}]: [{key}].")
        ends[key] = None if value is None else scalar(value, name)
    return None if ends["min"] is None and ends["max"] is None else (ends["min"], ends["max"])


def _orders(name: str, body: object, *, key_words: tuple[str, ...]) -> tuple[Order, ...]:
    """Read an order; without one terms come by count and histograms by key."""
    if body is None:
        by_count = "_term" in key_words
        return (Order(By.COUNT, ascending=False) if by_count else Order(By.KEY, ascending=True),)
    steps: list[Order] = []
    for entry in listed(body):
        if not isinstance(entry, Mapping) or len(entry) != 1:
            raise SearchInvalid(f"Must specify at least one field for [order] in [{name}]")
        ((path, direction),) = members(entry, name).items()
        lowered = word(direction, name).lower()
        if lowered not in {"asc", "desc"}:
            raise SearchInvalid(f"Unknown terms order direction [{direction}] in terms aggregation [{name}]")
        ascending = lowered == "asc"
        if path in key_words:
            steps.append(Order(By.KEY, ascending))
        elif path == "_count":
            steps.append(Order(By.COUNT, ascending))
        else:
            metric, _, figure = path.partition(".")
            if path.endswith("]") and "[" in path:
                metric, _, figure = path[:-1].partition("[")
            steps.append(Order(By.METRIC, ascending, metric, figure))
    if not steps:
        raise SearchInvalid(f"Must specify at least one field for [order] in [{name}]")
    return tuple(steps)


def parse_range(name: str, body: object) -> RangeBuckets:
    """Read ranges of numbers."""
    options = options_of(name, body, frozenset({"field", "ranges", "keyed", "missing"}))
    ranges = [
        Between(
            None if start is None else real(start, name),
            None if end is None else real(end, name),
            key,
        )
        for start, end, key in _betweens(name, options)
    ]
    return RangeBuckets(
        field_of(name, options),
        tuple(ranges),
        flag_of(name, options, "keyed", default=False),
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
        zone=_zone(name, options, "time_zone") or UTC_ZONE,
        missing=missing_of(name, options),
    )


def _betweens(name: str, options: Options) -> list[tuple[Scalar | None, Scalar | None, str | None]]:
    ranges = options.get("ranges")
    if not isinstance(ranges, list | tuple) or not ranges:
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
