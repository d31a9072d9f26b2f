"""From the JSON of aggregations to typed ones, with the refusals of Elasticsearch 2."""

import functools
import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cloudstead.search.aggregation import (
    Aggregation,
    Between,
    Buckets,
    By,
    DateHistogramBuckets,
    Figure,
    FilterBucket,
    FiltersBuckets,
    HistogramBuckets,
    Leaf,
    Metric,
    MissingBucket,
    Order,
    Pattern,
    Percentiles,
    RangeBuckets,
    TermsBuckets,
    TopHits,
)
from cloudstead.search.dates import check_format
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.query_parser import QueryParser
from cloudstead.search.reading import Scalar, listed, members, real, scalar, token, truth, whole, word
from cloudstead.search.rounding import CalendarRounding, CalendarUnit, FixedRounding, Rounding
from cloudstead.search.selection import SourceFilter, parse_filter, parse_sort, parse_source
from cloudstead.search.zones import UTC_ZONE, Zone, zone_of

if TYPE_CHECKING:
    from cloudstead.search.query import Query

MAX_DEPTH = 10
MAX_AGGREGATIONS = 64  # in one search; each bucket aggregation is a statement of its own
MAX_RESULT_WINDOW = 10_000

_NAME = re.compile(r"[A-Za-z0-9_\-]{1,256}")
_DEFAULT_PERCENTS: tuple[float, ...] = (1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0)
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
_PIPELINES = frozenset(
    [
        "avg_bucket",
        "max_bucket",
        "min_bucket",
        "sum_bucket",
        "stats_bucket",
        "extended_stats_bucket",
        "percentiles_bucket",
        "derivative",
        "moving_avg",
        "cumulative_sum",
        "bucket_script",
        "bucket_selector",
        "serial_diff",
    ],
)
_SCRIPTED = frozenset({"script", "script_file", "script_id", "inline", "scripts", "value_script"})

_Options = dict[str, object]


class AggregationParser:
    """Parses the aggregations of one search; it counts them, and shares the count of clauses with the query."""

    def __init__(self, queries: QueryParser) -> None:
        self._queries = queries
        self._count = 0
        self._kinds: dict[str, Callable[[str, object], Leaf | Buckets]] = {
            "terms": _terms,
            "histogram": _histogram,
            "date_histogram": _date_histogram,
            "range": _range,
            "date_range": _date_range,
            "filter": self._filter,
            "filters": self._filters,
            "missing": _missing,
            "percentiles": _percentiles,
            "top_hits": _top_hits,
            **{figure.value: functools.partial(_metric, figure) for figure in Figure},
        }

    def parse(self, body: object, depth: int = 1) -> tuple[Aggregation, ...]:
        """Parse an object of named aggregations."""
        if depth > MAX_DEPTH:
            raise SearchInvalid(f"aggregations are nested deeper than [{MAX_DEPTH}] levels")
        return tuple(self._one(name, definition, depth) for name, definition in members(body, "aggs").items())

    def _one(self, name: str, definition: object, depth: int) -> Aggregation:
        if not _NAME.fullmatch(name):
            raise SearchInvalid(
                f"Invalid aggregation name [{name[:256]}]. Aggregation names must be alpha-numeric and can only"
                " contain '_' and '-'",
            )
        if not isinstance(definition, Mapping):
            raise SearchInvalid(
                f"Aggregation definition for [{name} starts with a [{token(definition)}], expected a [START_OBJECT].",
            )
        self._count += 1
        if self._count > MAX_AGGREGATIONS:
            raise SearchInvalid(f"a search may hold [{MAX_AGGREGATIONS}] aggregations")
        kind: str | None = None
        spec: Leaf | Buckets | None = None
        subs: tuple[Aggregation, ...] | None = None
        meta: Mapping[str, object] | None = None
        for key, value in members(definition, "aggs").items():
            if not isinstance(value, Mapping):
                raise SearchInvalid(f"Expected [START_OBJECT] under [{key}], but got a [{token(value)}] in [{name}]")
            if key == "meta":
                meta = value
            elif key in {"aggs", "aggregations"}:
                if subs is not None:
                    raise SearchInvalid(f"Found two sub aggregation definitions under [{name}]")
                subs = self.parse(value, depth + 1)
            elif kind is not None:
                raise SearchInvalid(f"Found two aggregation type definitions in [{name}]: [{kind}] and [{key}]")
            else:
                kind, spec = key, self._spec(key, name, value)
        if spec is None:
            raise SearchInvalid(f"Missing definition for aggregation [{name}]")
        if subs and isinstance(spec, Leaf):
            raise SearchInvalid(f"Aggregator [{name}] of type [{kind}] cannot accept sub-aggregations")
        _check_order(name, spec, subs or ())
        return Aggregation(name, spec, subs or (), meta)

    def _spec(self, kind: str, name: str, body: Mapping[str, object]) -> Leaf | Buckets:
        if kind == "global":
            raise SearchInvalid(f"global aggregations are not allowed: [{name}]")
        if kind in _PIPELINES:
            raise SearchInvalid(f"pipeline aggregator [{kind}] in [{name}] is not served")
        parse = self._kinds.get(kind)
        if parse is None:
            raise SearchInvalid(f"Could not find aggregator type [{kind}] in [{name}]")
        return parse(name, body)

    def _filter(self, _name: str, body: object) -> FilterBucket:
        return FilterBucket(parse_filter(self._queries, body))

    def _filters(self, name: str, body: object) -> FiltersBuckets:
        filters: list[tuple[str, Query]] | None = None
        named = True
        other = False
        other_key: str | None = None
        for key, value in members(body, name).items():
            if key == "filters" and isinstance(value, Mapping):
                filters = [(label, parse_filter(self._queries, entry)) for label, entry in members(value, name).items()]
            elif key == "filters" and isinstance(value, list | tuple):
                named = False
                filters = [(str(index), parse_filter(self._queries, entry)) for index, entry in enumerate(value)]
            elif key == "other_bucket":
                other = truth(value, name)
            elif key == "other_bucket_key":
                other, other_key = True, word(value, name)
            else:
                raise _unknown(name, key, value)
        if not filters:
            raise SearchInvalid(f"[filters] cannot be empty in [{name}]")
        return FiltersBuckets(tuple(filters), named, (other_key or "_other_") if other else None)


def _unknown(name: str, key: str, value: object) -> SearchInvalid:
    if key in _SCRIPTED:
        return SearchInvalid("scripts of type [inline], operation [aggs] and lang [groovy] are disabled")
    return SearchInvalid(f"Unknown key for a {token(value)} in [{name}]: [{key}].")


def _options(name: str, body: object, known: frozenset[str]) -> _Options:
    """Take the members that the aggregation knows; camel case is accepted as Elasticsearch 2 does."""
    found: _Options = {}
    for key, value in members(body, name).items():
        plain = re.sub(r"(?<=[a-z])[A-Z]", lambda match: "_" + match[0].lower(), key)
        if plain not in known:
            raise _unknown(name, key, value)
        if value is not None:
            found[plain] = value
    return found


def _field(name: str, options: _Options) -> str:
    if "field" not in options:
        raise SearchInvalid("Required one of fields [field, script], but none were specified. ")
    return word(options["field"], name)


def _missing_value(name: str, options: _Options) -> Scalar | None:
    return scalar(options["missing"], name) if "missing" in options else None


def _flag(name: str, options: _Options, key: str, *, default: bool) -> bool:
    return truth(options[key], name) if key in options else default


def _format(name: str, options: _Options) -> str | None:
    return check_format(word(options["format"], name)) if "format" in options else None


_METRIC_KEYS = frozenset({"field", "missing"})
_COST_KEYS = frozenset({"precision_threshold", "rehash"})


def _metric(figure: Figure, name: str, body: object) -> Metric:
    known = _METRIC_KEYS
    if figure is Figure.EXTENDED_STATS:
        known |= {"sigma"}
    if figure is Figure.CARDINALITY:
        known |= _COST_KEYS  # they trade memory for precision; the answer here is exact or better
    options = _options(name, body, known)
    sigma = real(options.get("sigma", 2.0), name)
    if sigma < 0:
        raise SearchInvalid(f"[sigma] must not be negative in [{name}]")
    if "precision_threshold" in options:
        whole(options["precision_threshold"], name)
    return Metric(figure, _field(name, options), _missing_value(name, options), sigma)


def _percentiles(name: str, body: object) -> Percentiles:
    options = _options(name, body, frozenset({"field", "percents", "keyed", "missing", "compression"}))
    percents = _DEFAULT_PERCENTS
    if "percents" in options:
        percents = tuple(sorted({real(value, name) for value in listed(options["percents"])}))
        if not percents or len(percents) > 100 or percents[0] < 0 or percents[-1] > 100:
            raise SearchInvalid(f"[percents] must be one to a hundred numbers between 0 and 100 in [{name}]")
    if "compression" in options:
        real(options["compression"], name)
    keyed = _flag(name, options, "keyed", default=True)
    return Percentiles(_field(name, options), percents, keyed, _missing_value(name, options))


def _top_hits(name: str, body: object) -> TopHits:
    options = _options(
        name,
        body,
        frozenset({"from", "size", "sort", "_source", "track_scores", "version", "explain"}),
    )
    for key in ("version", "explain"):
        if _flag(name, options, key, default=False):
            raise SearchInvalid(f"[{key}] in [{name}] is not served")
    start = whole(options.get("from", 0), name)
    size = whole(options.get("size", 3), name)
    if start + size > MAX_RESULT_WINDOW:
        raise SearchInvalid(f"Result window of [{name}] is too large, from + size must be at most {MAX_RESULT_WINDOW}")
    sort = parse_sort(options["sort"]) if "sort" in options else ()
    source = parse_source(options["_source"]) if "_source" in options else SourceFilter()
    return TopHits(start, size, sort, source, _flag(name, options, "track_scores", default=False))


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


def _terms(name: str, body: object) -> TermsBuckets:
    options = _options(name, body, _TERMS_KEYS)
    least = whole(options.get("min_doc_count", 1), name)
    if least == 0:
        raise SearchInvalid(f"[min_doc_count] of 0 in [{name}] of type [terms] is not served")
    if _flag(name, options, "show_term_doc_count_error", default=False):
        raise SearchInvalid(f"[show_term_doc_count_error] in [{name}] is not served")
    order = _orders(name, options.get("order"), key_words=("_term", "_key"))
    if not any(step.by is By.KEY for step in order):
        order = (*order, Order(By.KEY, ascending=True))
    return TermsBuckets(
        _field(name, options),
        whole(options.get("size", 10), name),
        order,
        least,
        _pattern(name, options.get("include")),
        _pattern(name, options.get("exclude")),
        _missing_value(name, options),
        _format(name, options),
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


def _histogram(name: str, body: object) -> HistogramBuckets:
    known = "field interval offset order keyed min_doc_count extended_bounds missing"
    options = _options(name, body, frozenset(known.split()))
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
        _field(name, options),
        interval,
        math.fmod(offset, interval),
        _orders(name, options.get("order"), key_words=("_key",))[0],
        _flag(name, options, "keyed", default=False),
        whole(options.get("min_doc_count", 0), name),
        (low, high) if bounds else None,
        _missing_value(name, options),
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


def _date_histogram(name: str, body: object) -> DateHistogramBuckets:
    options = _options(name, body, _DATE_HISTOGRAM_KEYS)
    interval = options.get("interval")
    if interval is None:
        raise SearchInvalid(f"Missing required field [interval] for histogram aggregation [{name}]")
    if not isinstance(interval, str):
        raise _unknown(name, "interval", interval)
    zone = _zone(name, options, "time_zone") or _zone(name, options, "pre_zone") or UTC_ZONE
    if "pre_zone_adjust_large_interval" in options:
        # It made the keys of day and longer intervals UTC; keys are UTC here whatever it says.
        truth(options["pre_zone_adjust_large_interval"], name)
    offset = sum(_length(name, word(options[key], name)) for key in ("offset", "pre_offset") if key in options)
    return DateHistogramBuckets(
        _field(name, options),
        _rounding(name, interval, zone, offset),
        _orders(name, options.get("order"), key_words=("_key", "_time"))[0],
        _flag(name, options, "keyed", default=False),
        whole(options.get("min_doc_count", 0), name),
        zone,
        _zone(name, options, "post_zone") or UTC_ZONE,
        _format(name, options),
        _bounds(name, options.get("extended_bounds")),
        _missing_value(name, options),
    )


def _zone(name: str, options: _Options, key: str) -> Zone | None:
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


_STATS = frozenset({"count", "min", "max", "avg", "sum"})
_EXTENDED = _STATS | {"sum_of_squares", "variance", "std_deviation"}


def _check_order(name: str, spec: Leaf | Buckets, subs: tuple[Aggregation, ...]) -> None:
    """Refuse an order by a sub-aggregation that is not there or is no single number."""
    match spec:
        case TermsBuckets(order=steps):
            orders = steps
        case HistogramBuckets(order=step) | DateHistogramBuckets(order=step):
            orders = (step,)
        case _:
            return
    for order in orders:
        if order.by is By.METRIC and not _orders_by(order, subs):
            path = f"{order.metric}.{order.figure}" if order.figure else order.metric
            raise SearchInvalid(
                f"Invalid aggregator order path [{path}]. The path must name a metric of [{name}] that is one number.",
            )


def _orders_by(order: Order, subs: tuple[Aggregation, ...]) -> bool:
    for sub in subs:
        if sub.name != order.metric:
            continue
        match sub.spec:
            case Metric(figure=Figure.STATS):
                return order.figure in _STATS
            case Metric(figure=Figure.EXTENDED_STATS):
                return order.figure in _EXTENDED
            case Metric():
                return order.figure in {"", "value"}
            case Percentiles(percents=percents):
                return any(order.figure in {str(percent), f"{percent:g}"} for percent in percents)
            case _:
                return False
    return False


def _range(name: str, body: object) -> RangeBuckets:
    options = _options(name, body, frozenset({"field", "ranges", "keyed", "missing"}))
    ranges = [
        Between(
            None if start is None else real(start, name),
            None if end is None else real(end, name),
            key,
        )
        for start, end, key in _betweens(name, options)
    ]
    return RangeBuckets(
        _field(name, options),
        tuple(ranges),
        _flag(name, options, "keyed", default=False),
        missing=_missing_value(name, options),
    )


def _date_range(name: str, body: object) -> RangeBuckets:
    options = _options(name, body, frozenset({"field", "ranges", "keyed", "format", "time_zone", "missing"}))
    return RangeBuckets(
        _field(name, options),
        tuple(Between(start, end, key) for start, end, key in _betweens(name, options)),
        _flag(name, options, "keyed", default=False),
        dated=True,
        format=_format(name, options),
        zone=_zone(name, options, "time_zone") or UTC_ZONE,
        missing=_missing_value(name, options),
    )


def _betweens(name: str, options: _Options) -> list[tuple[Scalar | None, Scalar | None, str | None]]:
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
                raise _unknown(name, key, value)
            ends[key] = None if value is None else scalar(value, name)
        label = ends.get("key")
        found.append((ends.get("from"), ends.get("to"), None if label is None else word(label, name)))
    return found


def _missing(name: str, body: object) -> MissingBucket:
    return MissingBucket(_field(name, _options(name, body, frozenset({"field"}))))
