"""The body of a search: its top-level keys, parsed once into a value that can be answered many times."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cloudstead.search.aggregation import (
    Aggregation,
    FilterBucket,
    FiltersBuckets,
)
from cloudstead.search.aggregation_parser import AggregationParser
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.fields import Index
from cloudstead.search.query import MatchAll, Query, domains_named, lower_bounded
from cloudstead.search.query_parser import QueryParser
from cloudstead.search.reading import listed, members, real, truth, whole, word
from cloudstead.search.selection import MAX_RESULT_WINDOW, Sort, SourceFilter, parse_filter, parse_sort, parse_source

_FILTERS = frozenset({"filter", "post_filter", "postFilter"})
_SCRIPTED = frozenset({"script_fields", "scriptFields"})
_UNSERVED = frozenset({"highlight", "suggest", "rescore", "inner_hits"})
_TIMEOUT = re.compile(r"(\d{1,12})(ms|s|m)?$")


@dataclass(frozen=True, slots=True)
class ParsedSearch:
    """A search that can be answered."""

    start: int = 0
    size: int = 10
    query: Query = field(default_factory=MatchAll)
    post_filter: Query | None = None
    sort: tuple[Sort, ...] = ()
    source: SourceFilter = field(default_factory=SourceFilter)
    fields: tuple[str, ...] | None = None
    aggregations: tuple[Aggregation, ...] = ()
    aggregates: bool = False
    track_scores: bool = False
    min_score: float | None = None
    timeout_ms: int | None = None
    data_fields: tuple[str, ...] = ()
    version: bool = False
    explain: bool = False
    terminates: bool = False
    index_boosts: tuple[tuple[str, float], ...] = ()

    def index_boost(self, index: Index) -> float:
        """Return by how much the scores of an index are multiplied."""
        return dict(self.index_boosts).get(index.name, 1.0)

    @property
    def lookups(self) -> frozenset[str]:
        """The domains whose subtrees the search asks for; the scope must bring them."""
        found = domains_named(self.query)
        if self.post_filter is not None:
            found |= domains_named(self.post_filter)
        return found | _aggregated_domains(self.aggregations)

    def lower_bounded(self, name: str) -> bool:
        """Tell whether everything found, hits or buckets, must pass a lower bound on the field."""
        return lower_bounded(self.query, name) or (
            self.post_filter is not None and lower_bounded(self.post_filter, name)
        )


def _aggregated_domains(aggregations: tuple[Aggregation, ...]) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for aggregation in aggregations:
        match aggregation.spec:
            case FilterBucket(query=query):
                found |= domains_named(query)
            case FiltersBuckets(filters=filters):
                found = found.union(*(domains_named(query) for _, query in filters))
            case _:
                pass
        found |= _aggregated_domains(aggregation.subs)
    return found


def parse_search(body: object) -> ParsedSearch:
    """Read the body of a search; refuse what Elasticsearch 2 refuses and name what is not served."""
    if not isinstance(body, Mapping):
        raise SearchInvalid("failed to parse search source: it must be an object")
    queries = QueryParser()
    aggregations = AggregationParser(queries)
    read: dict[str, object] = {}
    for key, value in body.items():
        if not isinstance(key, str):
            raise SearchInvalid("failed to parse search source: a key is not text")
        _read_element(key, value, read, queries, aggregations)
    start, size = read.get("start", 0), read.get("size", 10)
    if isinstance(start, int) and isinstance(size, int) and start + size > MAX_RESULT_WINDOW:
        raise SearchInvalid(
            f"Result window is too large, from + size must be less than or equal to: [{MAX_RESULT_WINDOW}] but was"
            f" [{start + size}].",
        )
    if read.get("fields") is not None and "source" not in read:
        # Asking for fields leaves the source out unless it is asked for as well.
        fields = read["fields"]
        read["source"] = SourceFilter(wanted=isinstance(fields, tuple) and "_source" in fields)
    return ParsedSearch(**read)  # type: ignore[arg-type] # each key was read as its own type above


def _read_element(
    key: str,
    value: object,
    read: dict[str, object],
    queries: QueryParser,
    aggregations: AggregationParser,
) -> None:
    match key:
        case "from":
            read["start"] = whole(value, key)
        case "size":
            read["size"] = whole(value, key)
        case "query":
            read["query"] = queries.query(value)
        case _ if key in _FILTERS:
            read["post_filter"] = parse_filter(queries, value)
        case "sort":
            read["sort"] = parse_sort(value)
        case "_source":
            read["source"] = parse_source(value)
        case "fields":
            read["fields"] = tuple(word(entry, key) for entry in listed(value))
        case "aggs" | "aggregations":
            if "aggregates" in read:
                raise SearchInvalid("failed to parse search source: both [aggs] and [aggregations] are given")
            read["aggregations"] = aggregations.parse(value)
            read["aggregates"] = True
        case "track_scores" | "trackScores":
            read["track_scores"] = truth(value, key)
        case "min_score" | "minScore":
            read["min_score"] = real(value, key)
        case "timeout":
            read["timeout_ms"] = _timeout(value)
        case "fielddata_fields" | "fielddataFields":
            read["data_fields"] = tuple(word(entry, key) for entry in listed(value))
        case "version" | "explain":
            read[key] = truth(value, key)
        case "terminate_after" | "terminateAfter":
            # More documents may be looked at than a caller would be content with, never fewer: nothing ends early.
            read["terminates"] = whole(value, key) > 0
        case "indices_boost" | "indicesBoost":
            read["index_boosts"] = tuple((name, real(boost, key)) for name, boost in members(value, key).items())
        case "stats":
            for entry in listed(value):
                word(entry, key)  # groups of statistics that only a cluster's operator sees
        case _ if key in _SCRIPTED and value:
            raise SearchInvalid("scripts of type [inline], operation [search] and lang [groovy] are disabled")
        case _ if key in _UNSERVED | _SCRIPTED:
            # What is empty or off asks for nothing.
            if value:
                raise SearchInvalid(f"search element [{key}] is not served")
        case _:
            raise SearchInvalid(f"failed to parse search source. unknown search element [{key}]")


def _timeout(value: object) -> int | None:
    written = word(value, "timeout").strip()
    match = _TIMEOUT.match(written)
    if match is None:
        if written == "-1":
            return None
        raise SearchInvalid(f"failed to parse setting [timeout] with value [{written[:40]}] as a time value")
    amount, unit = match.groups()
    return int(amount) * {None: 1, "ms": 1, "s": 1_000, "m": 60_000}[unit] or None
