"""From the JSON of a query to a typed query; whatever is not served is refused by name, never skipped."""

import enum
from collections.abc import Callable, Mapping
from functools import partial

from cloudstead.search import leaf_parser
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.leaf_parser import MINIMUM
from cloudstead.search.match_parser import parse_match, parse_multi_match
from cloudstead.search.minimum import check, least_of
from cloudstead.search.query import (
    Bool,
    Boosting,
    Constant,
    DisMax,
    MatchAll,
    MatchNone,
    OnIndices,
    Query,
)
from cloudstead.search.query_string import parse_query_string
from cloudstead.search.reading import listed, members, real, word
from cloudstead.search.simple_query_string import parse_simple_query_string
from cloudstead.search.weights import WITHOUT_EFFECT, Weights

MAX_DEPTH = 50
MAX_CLAUSES = 1024  # indices.query.bool.max_clause_count of Elasticsearch 2
MAX_VALUES = 10_000  # in all terms and ids of one search together

_BOOL_CLAUSES = {
    "must": "must",
    "should": "should",
    "filter": "filter",
    "must_not": "must_not",
    "mustNot": "must_not",
}

# Queries of Elasticsearch 2 that need what these indexes do not have: shapes, parents, spans, term statistics.
_UNSERVED = frozenset(
    [
        "common",
        "field_masking_span",
        "fquery",
        "function_score",
        "functionScore",
        "geo_bbox",
        "geoBbox",
        "geo_bounding_box",
        "geo_distance",
        "geoDistance",
        "geo_distance_range",
        "geo_polygon",
        "geo_shape",
        "geohash_cell",
        "has_child",
        "has_parent",
        "mlt",
        "more_like_this",
        "span_containing",
        "span_first",
        "span_multi",
        "span_near",
        "span_not",
        "span_or",
        "span_term",
        "span_within",
        "top_children",
        "wrapper",
    ],
)


class Context(enum.Enum):
    """Where a clause stands: among what is scored, or among what only filters."""

    QUERY = enum.auto()
    FILTER = enum.auto()


_Leaf = Callable[[object], Query]
_Compound = Callable[[object, int, Context], Query]


class QueryParser:
    """Parses the queries of one search; it counts clauses and values over all of them."""

    def __init__(self) -> None:
        self._clauses = 0
        self._values = 0
        self._leaves: dict[str, _Leaf] = {
            "match_all": leaf_parser.parse_match_all,
            "matchAll": leaf_parser.parse_match_all,
            "term": leaf_parser.parse_term,
            "terms": partial(leaf_parser.parse_terms, count=self._count),
            "in": partial(leaf_parser.parse_terms, count=self._count),
            "range": leaf_parser.parse_range,
            "exists": leaf_parser.parse_exists,
            "missing": leaf_parser.parse_missing,
            "prefix": leaf_parser.parse_prefix,
            "wildcard": leaf_parser.parse_wildcard,
            "regexp": leaf_parser.parse_regexp,
            "fuzzy": leaf_parser.parse_fuzzy,
            "ids": partial(leaf_parser.parse_ids, count=self._count),
            "type": leaf_parser.parse_type,
            "limit": leaf_parser.parse_limit,
            "multi_match": partial(parse_multi_match, count=self._count),
            "multiMatch": partial(parse_multi_match, count=self._count),
            "query_string": partial(parse_query_string, count=self._count),
            "queryString": partial(parse_query_string, count=self._count),
            "simple_query_string": partial(parse_simple_query_string, count=self._count),
            "simpleQueryString": partial(parse_simple_query_string, count=self._count),
        }
        for kind in ("match", "match_phrase", "matchPhrase", "match_phrase_prefix", "matchPhrasePrefix"):
            self._leaves[kind] = partial(parse_match, kind, count=self._count)
        self._compounds: dict[str, _Compound] = {
            "bool": self._bool,
            "filtered": self._filtered,
            "constant_score": self._constant_score,
            "constantScore": self._constant_score,
            "dis_max": self._dis_max,
            "disMax": self._dis_max,
            "boosting": self._boosting,
            "nested": self._nested,
            "indices": self._indices,
            "query": self._wrapped,
            "and": self._and,
            "or": self._or,
            "not": self._not,
        }

    def query(self, body: object) -> Query:
        """Parse a query whose matches are scored; an empty object matches everything."""
        return self._clause(body, 1, Context.QUERY) or MatchAll()

    def filter(self, body: object) -> Query:
        """Parse a filter; inside it a `bool` with `should` needs one of them to match."""
        return self._clause(body, 1, Context.FILTER) or MatchAll()

    def _clause(self, body: object, depth: int, context: Context) -> Query | None:
        if depth > MAX_DEPTH:
            raise SearchInvalid(f"query is nested deeper than [{MAX_DEPTH}] levels")
        if not isinstance(body, Mapping):
            raise SearchInvalid("[_na] query malformed, must start with start_object")
        if not body:
            return None
        found, *others = body.items()
        kind, definition = found
        if not isinstance(kind, str) or not isinstance(definition, Mapping | list | tuple):
            raise SearchInvalid("[_na] query malformed, no field after start_object")
        if kind not in self._leaves and kind not in self._compounds:
            raise _unknown(kind)
        if others:
            raise SearchInvalid(f"[{kind}] malformed query, expected [END_OBJECT] but found [{others[0][0]}]")
        self._count()
        leaf = self._leaves.get(kind)
        return self._compounds[kind](definition, depth, context) if leaf is None else leaf(definition)

    def _clauses_of(self, body: object, depth: int, context: Context) -> tuple[Query, ...]:
        parsed = (self._clause(clause, depth, context) for clause in listed(body))
        return tuple(clause for clause in parsed if clause is not None)

    def _count(self, values: int = 0) -> None:
        self._clauses += 1
        self._values += values
        if self._clauses > MAX_CLAUSES:
            raise SearchInvalid(f"too_many_clauses: maxClauseCount is set to {MAX_CLAUSES}")
        if self._values > MAX_VALUES:
            raise SearchInvalid(f"too many values: a search may name {MAX_VALUES}")

    def _bool(self, body: object, depth: int, context: Context) -> Query:
        clauses: dict[str, list[Query]] = {"must": [], "should": [], "filter": [], "must_not": []}
        minimum: str | None = None
        weights = Weights("bool")
        for key, value in members(body, "bool").items():
            clause = _BOOL_CLAUSES.get(key)
            if clause is not None:
                inner = Context.FILTER if clause in {"filter", "must_not"} else context
                clauses[clause] += self._clauses_of(value, depth + 1, inner)
            elif key in MINIMUM:
                minimum = None if value is None else check(word(value, "bool"))
            else:
                weights.take(key, value)
        must, should, filters = (tuple(clauses[kind]) for kind in ("must", "should", "filter"))
        if not any(clauses.values()):
            return weights.on(MatchAll())
        least = 0 if minimum is None else least_of(len(should), minimum)
        if minimum is None and should and (context is Context.FILTER or not (must or filters)):
            least = 1
        if should and not must and not filters and least == 0:
            least = 1  # a Lucene boolean query without a required clause needs one optional clause
        return weights.on(Bool(must, should, tuple(clauses["must_not"]), least, filters))

    def _filtered(self, body: object, depth: int, context: Context) -> Query:
        # Without a query Elasticsearch puts match_all in its place, which scores 1.
        must: tuple[Query, ...] = (MatchAll(),)
        filters: tuple[Query, ...] = ()
        weights = Weights("filtered")
        for key, value in members(body, "filtered").items():
            if key == "query":
                must = self._clauses_of(_object(value), depth + 1, context) or must
            elif key == "filter":
                filters = self._clauses_of(_object(value), depth + 1, Context.FILTER)
            elif key != "strategy":
                weights.take(key, value)
        return weights.on(Bool(must, filters=filters) if filters else must[0])

    def _constant_score(self, body: object, depth: int, _context: Context) -> Query:
        found: tuple[Query, ...] | None = None
        weights = Weights("constant_score")
        for key, value in members(body, "constant_score").items():
            if key in {"filter", "query"}:
                found = self._clauses_of(_object(value), depth + 1, Context.FILTER)
            else:
                weights.take(key, value)
        if found is None:
            raise SearchInvalid("[constant_score] requires either 'filter' or 'query' element")
        return weights.on(Constant(found[0]) if found else MatchAll())

    def _dis_max(self, body: object, depth: int, context: Context) -> Query:
        found: tuple[Query, ...] | None = None
        tie_breaker = 0.0
        weights = Weights("dis_max")
        for key, value in members(body, "dis_max").items():
            if key == "queries":
                found = (found or ()) + self._clauses_of(value, depth + 1, context)
            elif key in {"tie_breaker", "tieBreaker"}:
                tie_breaker = real(value, "dis_max")
            else:
                weights.take(key, value)
        if found is None:
            raise SearchInvalid("[dis_max] requires 'queries' field")
        return weights.on(DisMax(found, tie_breaker) if found else MatchNone())

    def _boosting(self, body: object, depth: int, context: Context) -> Query:
        parts: dict[str, tuple[Query, ...]] = {}
        negative_boost = -1.0
        weights = Weights("boosting")
        for key, value in members(body, "boosting").items():
            if key in {"positive", "negative"}:
                inner = context if key == "positive" else Context.FILTER
                parts[key] = self._clauses_of(_object(value), depth + 1, inner)
            elif key in {"negative_boost", "negativeBoost"}:
                negative_boost = real(value, "boosting")
            else:
                weights.take(key, value)
        for part in ("positive", "negative"):
            if part not in parts:
                raise SearchInvalid(f"[boosting] query requires '{part}' query to be set'")
        if negative_boost < 0:
            raise SearchInvalid("[boosting] query requires 'negative_boost' to be set'")
        positive, negative = (parts[part][0] if parts[part] else MatchAll() for part in ("positive", "negative"))
        return weights.on(Boosting(positive, negative, negative_boost))

    def _nested(self, body: object, depth: int, _context: Context) -> Query:
        """Read `nested`: no field of these indexes is of that type, so it finds nothing, whatever it holds."""
        path: str | None = None
        found = False
        weights = Weights("nested")
        for key, value in members(body, "nested").items():
            if key in {"query", "filter"}:
                self._clauses_of(_object(value), depth + 1, Context.FILTER)
                found = True
            elif key == "path":
                path = word(value, "nested")
            elif key in {"score_mode", "scoreMode"}:
                if word(value, "nested") not in {"avg", "min", "max", "total", "sum", "none"}:
                    raise SearchInvalid(f"illegal score_mode for nested query [{word(value, 'nested')[:40]}]")
            elif key == "inner_hits":
                raise SearchInvalid("[nested] query does not serve [inner_hits]")
            else:
                weights.take(key, value)
        if path is None:
            raise SearchInvalid("[nested] requires 'path' field")
        if not found:
            raise SearchInvalid("[nested] requires either 'query' or 'filter' field")
        return MatchNone()

    def _indices(self, body: object, depth: int, context: Context) -> Query:
        names: tuple[str, ...] | None = None
        query: Query | None = None
        otherwise: Query = MatchAll()
        weights = Weights("indices")
        for key, value in members(body, "indices").items():
            if key in {"query", "filter"}:
                query = self._clause(_object(value), depth + 1, context) or MatchAll()
            elif key in {"no_match_query", "no_match_filter", "noMatchFilter"}:
                otherwise = self._otherwise(value, depth, context)
            elif key in {"indices", "index"}:
                names = tuple(word(entry, "indices") for entry in listed(value))
            else:
                weights.take(key, value)
        if query is None:
            raise SearchInvalid("[indices] requires 'query' element")
        if names is None:
            raise SearchInvalid("[indices] requires 'indices' or 'index' element")
        return weights.on(OnIndices(names, query, otherwise))

    def _otherwise(self, value: object, depth: int, context: Context) -> Query:
        if value == "none":
            return MatchNone()
        return MatchAll() if value == "all" else self._clause(value, depth + 1, context) or MatchAll()

    def _wrapped(self, body: object, depth: int, _context: Context) -> Query:
        return self._clause(body, depth + 1, Context.QUERY) or MatchAll()

    def _and(self, body: object, depth: int, _context: Context) -> Query:
        clauses, weights = self._joined("and", body, depth)
        return weights.on(Bool(must=clauses) if clauses else MatchAll())

    def _or(self, body: object, depth: int, _context: Context) -> Query:
        clauses, weights = self._joined("or", body, depth)
        return weights.on(Bool(should=clauses, minimum=1) if clauses else MatchAll())

    def _joined(self, kind: str, body: object, depth: int) -> tuple[tuple[Query, ...], Weights]:
        weights = Weights(kind)
        if not isinstance(body, Mapping):
            return self._clauses_of(body, depth + 1, Context.FILTER), weights
        clauses: tuple[Query, ...] | None = None
        for key, value in members(body, kind).items():
            if isinstance(value, list | tuple) and key in {"filters", "queries"}:
                clauses = self._clauses_of(value, depth + 1, Context.FILTER)
            else:
                weights.take(key, value)
        if clauses is None:
            raise SearchInvalid(f"[{kind}] query requires 'filters' to be set on it'")
        return clauses, weights

    def _not(self, body: object, depth: int, _context: Context) -> Query:
        inner = body
        if isinstance(body, Mapping):
            beside = WITHOUT_EFFECT | {"_name", "boost"}
            plain = {key: value for key, value in body.items() if key not in beside}
            inner = plain.get("filter", plain.get("query", plain)) if len(plain) == 1 else plain
        clauses = self._clauses_of(inner, depth + 1, Context.FILTER)
        if not clauses:
            raise SearchInvalid("filter is required when using `not` query")
        return Bool(must_not=(clauses[0] if len(clauses) == 1 else Bool(must=clauses),))


def _object(value: object) -> object:
    if not isinstance(value, Mapping):
        raise SearchInvalid("[_na] query malformed, must start with start_object")
    return value


def _unknown(kind: str) -> SearchInvalid:
    if kind in {"script", "template"}:
        return SearchInvalid("scripts of type [inline], operation [search] and lang [groovy] are disabled")
    if kind in _UNSERVED:
        return SearchInvalid(f"[{kind}] query is not served")
    return SearchInvalid(f"No query registered for [{kind[:80]}]")
