"""From the JSON of aggregations to typed ones, with the refusals of Elasticsearch 2."""

import functools
import re
from collections.abc import Callable, Mapping

from cloudstead.search import bucket_parser, metric_parser
from cloudstead.search.aggregation import (
    Aggregation,
    Buckets,
    By,
    DateHistogramBuckets,
    Figure,
    FilterBucket,
    FiltersBuckets,
    HistogramBuckets,
    Leaf,
    Metric,
    Order,
    Percentiles,
    TermsBuckets,
)
from cloudstead.search.aggregation_options import unknown
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.query_parser import QueryParser
from cloudstead.search.reading import members, token, truth, word
from cloudstead.search.selection import parse_filter

MAX_DEPTH = 10
MAX_AGGREGATIONS = 64  # in one search; each bucket aggregation is a statement of its own

_NAME = re.compile(r"[A-Za-z0-9_\-]{1,256}")
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


class AggregationParser:
    """Parses the aggregations of one search; it counts them, and shares the count of clauses with the query."""

    def __init__(self, queries: QueryParser) -> None:
        self._queries = queries
        self._count = 0
        self._kinds: dict[str, Callable[[str, object], Leaf | Buckets]] = {
            "terms": bucket_parser.parse_terms,
            "histogram": bucket_parser.parse_histogram,
            "date_histogram": bucket_parser.parse_date_histogram,
            "range": bucket_parser.parse_range,
            "date_range": bucket_parser.parse_date_range,
            "filter": self._filter,
            "filters": self._filters,
            "missing": bucket_parser.parse_missing,
            "percentiles": metric_parser.parse_percentiles,
            "top_hits": metric_parser.parse_top_hits,
            **{figure.value: functools.partial(metric_parser.parse_metric, figure) for figure in Figure},
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
        filters = None
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
                raise unknown(name, key, value)
        if not filters:
            raise SearchInvalid(f"[filters] cannot be empty in [{name}]")
        return FiltersBuckets(tuple(filters), named, (other_key or "_other_") if other else None)


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
