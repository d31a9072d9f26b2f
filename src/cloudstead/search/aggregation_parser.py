"""From the JSON of aggregations to typed ones, with the refusals of Elasticsearch 2."""

import functools
import re
from collections.abc import Callable, Mapping

from cloudstead.search import bucket_parser, histogram_parser, metric_parser, pipeline_parser
from cloudstead.search.aggregation import (
    AcrossBuckets,
    Aggregation,
    AlongBuckets,
    Buckets,
    DateHistogramBuckets,
    Figure,
    FilterBucket,
    FiltersBuckets,
    HistogramBuckets,
    Leaf,
    Order,
    Pipeline,
    TermsBuckets,
    ValuePath,
)
from cloudstead.search.aggregation_options import unknown
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.query_parser import QueryParser
from cloudstead.search.reading import members, token, truth, word
from cloudstead.search.selection import parse_filter
from cloudstead.search.value_paths import check_histogram_order, check_terms_order

MAX_DEPTH = 10
MAX_AGGREGATIONS = 64  # in one search; each bucket aggregation is a statement of its own

_NAME = re.compile(r"[A-Za-z0-9_\-]{1,256}")
_SCRIPTED = frozenset({"scripted_metric", "bucket_script", "bucket_selector"})
_UNSERVED = frozenset(
    [
        "children",
        "geo_bounds",
        "geo_centroid",
        "geo_distance",
        "geohash_grid",
        "ip_range",
        "moving_avg",
        "sampler",
        "significant_terms",
    ],
)


class AggregationParser:
    """Parses the aggregations of one search; it counts them, and shares the count of clauses with the query."""

    def __init__(self, queries: QueryParser) -> None:
        self._queries = queries
        self._count = 0
        self._kinds: dict[str, Callable[[str, object], Leaf | Buckets | Pipeline]] = {
            "terms": bucket_parser.parse_terms,
            "histogram": histogram_parser.parse_histogram,
            "date_histogram": histogram_parser.parse_date_histogram,
            "range": bucket_parser.parse_range,
            "date_range": bucket_parser.parse_date_range,
            "filter": self._filter,
            "filters": self._filters,
            "missing": bucket_parser.parse_missing,
            "nested": bucket_parser.parse_nested,
            "reverse_nested": bucket_parser.parse_reverse_nested,
            "percentiles": metric_parser.parse_percentiles,
            "percentile_ranks": metric_parser.parse_percentile_ranks,
            "top_hits": metric_parser.parse_top_hits,
            **{figure.value: functools.partial(metric_parser.parse_metric, figure) for figure in Figure},
            **{along.value: functools.partial(pipeline_parser.parse_along, along) for along in AlongBuckets},
            **{across.value: functools.partial(pipeline_parser.parse_across, across) for across in AcrossBuckets},
        }

    def parse(self, body: object) -> tuple[Aggregation, ...]:
        """Parse an object of named aggregations."""
        return pipeline_parser.arranged(self._level(body, 1, is_nested=False), None)

    def _level(self, body: object, depth: int, *, is_nested: bool) -> tuple[Aggregation, ...]:
        if depth > MAX_DEPTH:
            raise SearchInvalid(f"aggregations are nested deeper than [{MAX_DEPTH}] levels")
        return tuple(
            self._one(name, definition, depth, is_nested=is_nested)
            for name, definition in members(body, "aggs").items()
        )

    def _one(self, name: str, definition: object, depth: int, *, is_nested: bool) -> Aggregation:
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
        spec: Leaf | Buckets | Pipeline | None = None
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
                subs = self._level(value, depth + 1, is_nested=is_nested or "nested" in definition)
            elif kind is not None:
                raise SearchInvalid(f"Found two aggregation type definitions in [{name}]: [{kind}] and [{key}]")
            else:
                if key == "reverse_nested" and not is_nested:
                    raise SearchInvalid(
                        f"Reverse nested aggregation [{name}] can only be used inside a [nested] aggregation",
                    )
                kind, spec = key, self._spec(key, name, value)
        if spec is None:
            raise SearchInvalid(f"Missing definition for aggregation [{name}]")
        if subs and isinstance(spec, Leaf):
            raise SearchInvalid(f"Aggregator [{name}] of type [{kind}] cannot accept sub-aggregations")
        if subs and isinstance(spec, Pipeline):
            raise SearchInvalid(f"Aggregation [{name}] cannot define sub-aggregations")
        arranged = pipeline_parser.arranged(subs or (), spec)
        _check_order(spec, arranged)
        return Aggregation(name, spec, arranged, meta)

    def _spec(self, kind: str, name: str, body: Mapping[str, object]) -> Leaf | Buckets | Pipeline:
        if kind == "global":
            raise SearchInvalid(f"global aggregations are not allowed: [{name}]")
        if kind in _SCRIPTED:
            raise unknown(name, "script", body)
        if kind in _UNSERVED:
            raise SearchInvalid(f"aggregator type [{kind}] in [{name}] is not served")
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
        for written, value in members(body, name).items():
            key = {"otherBucket": "other_bucket", "otherBucketKey": "other_bucket_key"}.get(written, written)
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


def _check_order(spec: Leaf | Buckets | Pipeline, subs: tuple[Aggregation, ...]) -> None:
    """Refuse an order by a sub-aggregation that is not there or is no single number."""
    match spec:
        case TermsBuckets(order=steps):
            for step in steps:
                if step.path is not None:
                    check_terms_order(step.path, subs)
        case (
            HistogramBuckets(order=Order(path=ValuePath() as path))
            | DateHistogramBuckets(order=Order(path=ValuePath() as path))
        ):
            check_histogram_order(path, subs)
        case _:
            return
