"""From the JSON of a query to a typed query; whatever is not served is refused by name, never skipped."""

import enum
from collections.abc import Callable, Mapping

from cloudstead.search.errors import SearchInvalid
from cloudstead.search.query import (
    Bool,
    Bound,
    DomainLookup,
    Exists,
    Ids,
    MatchAll,
    MatchNone,
    Prefix,
    Query,
    Range,
    Terms,
    Wildcard,
)
from cloudstead.search.reading import Scalar, listed, members, real, scalar, truth, word

MAX_DEPTH = 50
MAX_CLAUSES = 1024  # indices.query.bool.max_clause_count of Elasticsearch 2
MAX_VALUES = 10_000  # in all terms and ids of one search together

_LOOKUP = {"index": "domains", "type": "thing_mapping", "path": "thingNames"}
_BOOL_CLAUSES = {
    "must": "must",
    "should": "should",
    "filter": "filter",
    "must_not": "must_not",
    "mustNot": "must_not",
}
_MINIMUM = frozenset({"minimum_should_match", "minimumShouldMatch", "minimum_number_should_match"})
# These change how Elasticsearch caches or weighs a query, never which documents it finds.
_WITHOUT_EFFECT = frozenset({"_cache", "_cache_key", "cache", "disable_coord", "adjust_pure_negative"})


class Context(enum.Enum):
    """Where a clause stands: among what is scored, or among what only filters."""

    QUERY = enum.auto()
    FILTER = enum.auto()


class QueryParser:
    """Parses the queries of one search; it counts clauses and values over all of them."""

    def __init__(self) -> None:
        self._clauses = 0
        self._values = 0
        self._parsers: dict[str, Callable[[object, int, Context], Query]] = {
            "match_all": self._match_all,
            "matchAll": self._match_all,
            "term": self._term,
            "terms": self._terms,
            "in": self._terms,
            "range": self._range,
            "exists": self._exists,
            "missing": self._missing,
            "prefix": self._prefix,
            "wildcard": self._wildcard,
            "ids": self._ids,
            "bool": self._bool,
            "filtered": self._filtered,
            "constant_score": self._constant_score,
            "constantScore": self._constant_score,
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
        parse = self._parsers.get(kind)
        if parse is None:
            raise SearchInvalid(f"No query registered for [{kind}]")
        if others:
            raise SearchInvalid(f"[{kind}] malformed query, expected [END_OBJECT] but found [{others[0][0]}]")
        self._count()
        return parse(definition, depth, context)

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

    def _match_all(self, body: object, _depth: int, _context: Context) -> Query:
        if isinstance(body, Mapping):
            for key, value in body.items():
                _weighing("match_all", key, value)
        return MatchAll()

    def _term(self, body: object, _depth: int, _context: Context) -> Query:
        field, value = _one_field("term", body, ("value", "term"))
        return Terms(field, (_value("term", value),))

    def _terms(self, body: object, _depth: int, _context: Context) -> Query:
        found: Query | None = None
        for field, value in members(body, "terms").items():
            if field == "execution" and isinstance(value, str):
                continue
            if field in _MINIMUM and isinstance(value, int | str):
                if str(value) != "1":
                    raise SearchInvalid(f"[terms] query does not support [{field}] other than 1")
                continue
            if not isinstance(value, Mapping | list | tuple):
                _weighing("terms", field, value)
                continue
            if found is not None:
                raise SearchInvalid("[terms] query does not support multiple fields")
            if isinstance(value, Mapping):
                found = _lookup(field, value)
            else:
                self._count(len(value))
                found = Terms(field, tuple(_value("terms", entry) for entry in value))
        if found is None:
            raise SearchInvalid("terms query requires a field name, followed by array of terms")
        return found

    def _range(self, body: object, _depth: int, _context: Context) -> Query:
        found: Query | None = None
        for field, bounds in members(body, "range").items():
            if not isinstance(bounds, Mapping):
                if field in {"fielddata", "execution"}:
                    continue
                raise SearchInvalid(f"[range] query does not support [{field}]")
            if found is not None:
                raise SearchInvalid("[range] query does not support multiple fields")
            found = _bounds(field, bounds)
        if found is None:
            raise SearchInvalid("[range] query malformed, no field to range on")
        return found

    def _exists(self, body: object, _depth: int, _context: Context) -> Query:
        return Exists(_field_named("exists", body, {}))

    def _missing(self, body: object, _depth: int, _context: Context) -> Query:
        options = {"existence": True, "null_value": False}
        field = _field_named("missing", body, options)
        if not options["existence"] and not options["null_value"]:
            raise SearchInvalid("missing must have either existence, or null_value, or both set to true")
        # No mapping here replaces null by a value, so asking for such replacements alone finds nothing.
        return Bool(must_not=(Exists(field),)) if options["existence"] else MatchNone()

    def _prefix(self, body: object, _depth: int, _context: Context) -> Query:
        field, value = _one_field("prefix", body, ("value", "prefix"))
        return Prefix(field, word(value, "prefix"))

    def _wildcard(self, body: object, _depth: int, _context: Context) -> Query:
        field, value = _one_field("wildcard", body, ("wildcard", "value"))
        return Wildcard(field, word(value, "wildcard"))

    def _ids(self, body: object, _depth: int, _context: Context) -> Query:
        values: tuple[object, ...] | None = None
        types: tuple[str, ...] = ()
        for key, value in members(body, "ids").items():
            if key == "values":
                values = listed(value)
            elif key in {"type", "types", "_type"}:
                types = tuple(word(entry, "ids") for entry in listed(value) if entry is not None)
            else:
                _weighing("ids", key, value)
        if values is None:
            raise SearchInvalid("[ids] query, no ids values provided")
        self._count(len(values))
        return Ids(tuple(word(value, "ids") for value in values), types)

    def _bool(self, body: object, depth: int, context: Context) -> Query:
        must: list[Query] = []
        should: list[Query] = []
        must_not: list[Query] = []
        scoring = False
        minimum: object = None
        for key, value in members(body, "bool").items():
            clause = _BOOL_CLAUSES.get(key)
            if clause is None:
                if key in _MINIMUM:
                    minimum = value
                else:
                    _weighing("bool", key, value)
            elif clause == "must":
                scoring = True
                must += self._clauses_of(value, depth + 1, context)
            elif clause == "filter":
                must += self._clauses_of(value, depth + 1, Context.FILTER)
            elif clause == "should":
                scoring = True
                should += self._clauses_of(value, depth + 1, context)
            else:
                must_not += self._clauses_of(value, depth + 1, Context.FILTER)
        if not must and not should and not must_not:
            return MatchAll()
        least = _minimum(minimum, len(should))
        if minimum is None and should and (context is Context.FILTER or not must):
            least = 1
        if not must and should and least == 0:
            least = 1  # a Lucene boolean query without a required clause needs one optional clause
        if least > len(should):
            return MatchNone()
        return Bool(tuple(must), tuple(should), tuple(must_not), least, scoring or not must)

    def _filtered(self, body: object, depth: int, context: Context) -> Query:
        must: list[Query] = []
        scored = False
        for key, value in members(body, "filtered").items():
            if key == "query":
                scored = True
                must += self._clauses_of(_object(value), depth + 1, context)
            elif key == "filter":
                must += self._clauses_of(_object(value), depth + 1, Context.FILTER)
            elif key != "strategy":
                _weighing("filtered", key, value)
        # Without a query Elasticsearch puts match_all in its place, which scores 1.
        return Bool(must=tuple(must), scores=True) if must or scored else MatchAll()

    def _constant_score(self, body: object, depth: int, _context: Context) -> Query:
        found: tuple[Query, ...] | None = None
        for key, value in members(body, "constant_score").items():
            if key in {"filter", "query"}:
                found = self._clauses_of(_object(value), depth + 1, Context.FILTER)
            else:
                _weighing("constant_score", key, value)
        if found is None:
            raise SearchInvalid("[constant_score] requires either 'filter' or 'query' element")
        return Bool(must=found)

    def _wrapped(self, body: object, depth: int, _context: Context) -> Query:
        return self._clause(body, depth + 1, Context.QUERY) or MatchAll()

    def _and(self, body: object, depth: int, _context: Context) -> Query:
        return Bool(must=self._joined("and", body, depth))

    def _or(self, body: object, depth: int, _context: Context) -> Query:
        clauses = self._joined("or", body, depth)
        return Bool(should=clauses, minimum=1) if clauses else MatchAll()

    def _joined(self, kind: str, body: object, depth: int) -> tuple[Query, ...]:
        if not isinstance(body, Mapping):
            return self._clauses_of(body, depth + 1, Context.FILTER)
        clauses: tuple[Query, ...] | None = None
        for key, value in members(body, kind).items():
            if isinstance(value, list | tuple) and key in {"filters", "queries"}:
                clauses = self._clauses_of(value, depth + 1, Context.FILTER)
            else:
                _weighing(kind, key, value)
        if clauses is None:
            raise SearchInvalid(f"[{kind}] query requires 'filters' to be set on it'")
        return clauses

    def _not(self, body: object, depth: int, _context: Context) -> Query:
        inner = body
        if isinstance(body, Mapping):
            plain = {key: value for key, value in body.items() if key not in _WITHOUT_EFFECT}
            inner = plain.get("filter", plain.get("query", plain)) if len(plain) == 1 else plain
        clauses = self._clauses_of(inner, depth + 1, Context.FILTER)
        if not clauses:
            raise SearchInvalid("filter is required when using `not` query")
        return Bool(must_not=(Bool(must=clauses),))


def _object(value: object) -> object:
    if not isinstance(value, Mapping):
        raise SearchInvalid("[_na] query malformed, must start with start_object")
    return value


def _weighing(kind: str, key: str, value: object) -> None:
    """Accept what only weighs or caches a clause; refuse everything else by its name."""
    if key == "boost":
        real(value, f"{kind}.boost")
    elif key not in _WITHOUT_EFFECT or not isinstance(value, bool | str):
        raise SearchInvalid(f"[{kind}] query does not support [{key}]")


def _value(kind: str, value: object) -> Scalar:
    if value is None:
        raise SearchInvalid(f"No value specified for {kind} query")
    if isinstance(value, Mapping | list | tuple):
        raise SearchInvalid(f"[{kind}] query does not support array of values")
    return scalar(value, kind)


def _one_field(kind: str, body: object, value_keys: tuple[str, ...]) -> tuple[str, object]:
    found: tuple[str, object] | None = None
    for field, value in members(body, kind).items():
        if field in _WITHOUT_EFFECT or (field == "boost" and isinstance(value, int | float)):
            continue
        if found is not None or field == "_name":
            raise SearchInvalid(f"[{kind}] query does not support [{field}]")
        if not isinstance(value, Mapping):
            found = (field, value)
            continue
        inner: object = None
        for key, part in value.items():
            if key in value_keys:
                inner = part
            elif key != "rewrite":
                _weighing(kind, key, part)
        found = (field, inner)
    if found is None:
        raise SearchInvalid(f"No field name specified for {kind} query")
    if found[1] is None:
        raise SearchInvalid(f"No value specified for {kind} query")
    return found


def _field_named(kind: str, body: object, options: dict[str, bool]) -> str:
    field: str | None = None
    for key, value in members(body, kind).items():
        if key == "field":
            field = word(value, kind)
        elif key in options:
            options[key] = truth(value, kind)
        else:
            _weighing(kind, key, value)
    if field is None:
        raise SearchInvalid(f"{kind} must be provided with a [field]")
    return field


def _lookup(field: str, body: Mapping[str, object]) -> Query:
    named: dict[str, str] = {}
    for key, value in body.items():
        if key not in {"index", "type", "id", "path", "routing"}:
            raise SearchInvalid(f"[terms] query does not support [{key}] within lookup element")
        if value is not None:
            named[key] = word(value, "terms")
    for key in ("type", "id", "path"):
        if key not in named:
            raise SearchInvalid(f"[terms] query lookup element requires specifying the {key}")
    for key, served in _LOOKUP.items():
        if named.get(key) != served:
            raise SearchInvalid(f"[terms] query lookup serves [{key}] [{served}] only, not [{named.get(key)}]")
    return DomainLookup(field, named["id"])


def _bounds(field: str, body: Mapping[str, object]) -> Range:
    lower: object = None
    upper: object = None
    include_lower = include_upper = True
    time_zone: str | None = None
    written: str | None = None
    for key, value in body.items():
        match key:
            case "gt" | "gte" | "ge":
                lower, include_lower = value, key != "gt"
            case "lt" | "lte" | "le":
                upper, include_upper = value, key != "lt"
            case "from":
                lower = value
            case "to":
                upper = value
            case "include_lower" | "includeLower":
                include_lower = truth(value, "range")
            case "include_upper" | "includeUpper":
                include_upper = truth(value, "range")
            case "time_zone" | "timeZone":
                time_zone = word(value, "range")
            case "format":
                written = word(value, "range")
            case _:
                _weighing("range", key, value)
    return Range(
        field,
        None if lower is None else Bound(scalar(lower, "range"), include_lower),
        None if upper is None else Bound(scalar(upper, "range"), include_upper),
        time_zone,
        written,
    )


def _minimum(value: object, clauses: int) -> int:
    """Read `minimum_should_match`: a count, a negative count, or a percentage of the optional clauses."""
    if value is None:
        return 0
    written = word(value, "bool").strip()
    percent = written.endswith("%")
    try:
        amount = int(written.removesuffix("%")[:10])
    except ValueError:
        raise SearchInvalid(f"[bool] failed to parse minimum_should_match [{written[:80]}]") from None
    if percent:
        amount = int(clauses * amount / 100)  # towards zero, as Lucene does
        if written.startswith("-") and amount == 0:
            return clauses
    return max(0, clauses + amount) if amount < 0 else amount
