"""From the JSON of the queries that compare values as they are to typed queries."""

from collections.abc import Mapping
from typing import Protocol

from cloudstead.search import expressions
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.query import (
    Bool,
    Bound,
    DomainLookup,
    Exists,
    Fuzzy,
    Ids,
    MatchAll,
    MatchNone,
    Prefix,
    Query,
    Range,
    Regexp,
    Terms,
    Wildcard,
)
from cloudstead.search.reading import Scalar, listed, members, scalar, spelled, truth, whole, word
from cloudstead.search.weights import WITHOUT_EFFECT, Weights

MINIMUM = frozenset(
    {"minimum_should_match", "minimumShouldMatch", "minimum_number_should_match", "min_match", "minMatch"}
)
_LOOKUP = {"index": "domains", "type": "thing_mapping", "path": "thingNames"}


class Count(Protocol):
    """Counts a clause and the values that it names, and refuses what is too much."""

    def __call__(self, values: int = 0) -> None:
        """Count one clause more."""


def parse_match_all(body: object) -> Query:
    """Read `match_all`."""
    weights = Weights("match_all")
    if isinstance(body, Mapping):
        for key, value in body.items():
            weights.take(key, value)
    return weights.on(MatchAll())


def parse_term(body: object) -> Query:
    """Read `term`."""
    field, value, weights = _one_field("term", body, ("value", "term"))
    return weights.on(Terms(field, (_value("term", value),)))


def parse_terms(body: object, count: Count) -> Query:
    """Read `terms`, whose values may be those of a lookup; `minimum_should_match` asks for several of them."""
    found: tuple[str, object] | None = None
    least = "1"
    weights = Weights("terms")
    for field, value in members(body, "terms").items():
        if field == "execution" and isinstance(value, str):
            continue
        if field in MINIMUM and isinstance(value, int | str):
            least = word(value, "terms")
        elif not isinstance(value, Mapping | list | tuple):
            weights.take(field, value)
        elif found is not None:
            raise SearchInvalid("[terms] query does not support multiple fields")
        else:
            found = (field, value)
    if found is None:
        raise SearchInvalid("terms query requires a field name, followed by array of terms")
    field, listing = found
    if least != "1":
        raise SearchInvalid("[terms] query does not support [minimum_should_match] other than 1")
    if isinstance(listing, Mapping):
        return weights.on(_lookup(field, listing))
    values = listed(listing)
    count(len(values))
    return weights.on(Terms(field, tuple(_value("terms", entry) for entry in values)))


def parse_range(body: object) -> Query:
    """Read `range`."""
    found: tuple[str, Mapping[str, object]] | None = None
    weights = Weights("range")
    for field, bounds in members(body, "range").items():
        if isinstance(bounds, Mapping):
            if found is not None:
                raise SearchInvalid("[range] query does not support multiple fields")
            found = (field, members(bounds, "range"))
        elif field not in {"fielddata", "execution"}:
            weights.take(field, bounds)
    if found is None:
        raise SearchInvalid("[range] query malformed, no field to range on")
    return _bounds(*found, weights)


def parse_exists(body: object) -> Query:
    """Read `exists`."""
    field, weights = _field_named("exists", body, {})
    return weights.on(Exists(field))


def parse_missing(body: object) -> Query:
    """Read `missing`."""
    options = {"existence": True, "null_value": False}
    field, weights = _field_named("missing", body, options)
    if not options["existence"] and not options["null_value"]:
        raise SearchInvalid("missing must have either existence, or null_value, or both set to true")
    # No mapping here replaces null by a value, so asking for such replacements alone finds nothing.
    return weights.on(Bool(must_not=(Exists(field),)) if options["existence"] else MatchNone())


def parse_prefix(body: object) -> Query:
    """Read `prefix`."""
    field, value, weights = _one_field("prefix", body, ("value", "prefix"))
    return weights.on(Prefix(field, word(value, "prefix")))


def parse_wildcard(body: object) -> Query:
    """Read `wildcard`."""
    field, value, weights = _one_field("wildcard", body, ("wildcard", "value"))
    return weights.on(Wildcard(field, word(value, "wildcard")))


def parse_regexp(body: object) -> Query:
    """Read `regexp`, an expression of Lucene over whole texts."""
    options: dict[str, object] = {"flags": "ALL", "flags_value": None, "max_determinized_states": 0}
    field, value, weights = _one_field("regexp", body, ("value",), options)
    if options["flags_value"] is not None:
        raise SearchInvalid("[regexp] query does not support [flags_value]: name the flags in [flags]")
    whole(options["max_determinized_states"], "regexp")
    operators = expressions.operators_of(word(options["flags"], "regexp"))
    return weights.on(Regexp(field, expressions.translated(word(value, "regexp"), operators)))


def parse_fuzzy(body: object) -> Query:
    """Read `fuzzy` over whole texts."""
    options: dict[str, object] = {
        "fuzziness": "AUTO",
        "prefix_length": 0,
        "max_expansions": 50,
        "transpositions": True,
    }
    field, value, weights = _one_field("fuzzy", body, ("value",), options)
    text = spelled(_value("fuzzy", value))
    whole(options["max_expansions"], "fuzzy")
    edits = edits_of(options["fuzziness"], text)
    return weights.on(Fuzzy(field, text, edits, whole(options["prefix_length"], "fuzzy")))


def edits_of(value: object, text: str | None) -> int:
    """Read a fuzziness: 0, 1 or 2 edits, or AUTO by the length of the text; -1 when the text comes later."""
    written = word(value, "fuzziness").strip()
    if written.upper() == "AUTO":
        if text is None:
            return -1
        return 0 if len(text) < 3 else 1 if len(text) < 6 else 2
    edits = whole(written, "fuzziness")
    if edits > 2:
        raise SearchInvalid("Valid edit distances are [0, 1, 2] but was [" + written[:20] + "]")
    return edits


def parse_ids(body: object, count: Count) -> Query:
    """Read `ids`."""
    values: tuple[object, ...] | None = None
    types: tuple[str, ...] = ()
    weights = Weights("ids")
    for key, value in members(body, "ids").items():
        if key == "values":
            values = listed(value)
        elif key in {"type", "types", "_type"}:
            types = tuple(word(entry, "ids") for entry in listed(value) if entry is not None)
        else:
            weights.take(key, value)
    if values is None:
        raise SearchInvalid("[ids] query, no ids values provided")
    if any(value is None for value in values):
        raise SearchInvalid("No value specified for term filter")
    count(len(values))
    return weights.on(Ids(tuple(word(value, "ids") for value in values), types))


def parse_type(body: object) -> Query:
    """Read `type`."""
    weights = Weights("type")
    named: str | None = None
    for key, value in members(body, "type").items():
        if key == "value":
            named = word(value, "type")
        else:
            weights.take(key, value)
    if named is None:
        raise SearchInvalid("[type] filter needs to be provided with a value for the type")
    return weights.on(Terms("_type", (named,)))


def parse_limit(body: object) -> Query:
    """Read `limit`, which finds everything in Elasticsearch 2 as well."""
    weights = Weights("limit")
    limit: object = None
    for key, value in members(body, "limit").items():
        if key == "value":
            limit = whole(value, "limit", least=-(2**31))
        else:
            weights.take(key, value)
    if limit is None:
        raise SearchInvalid("No value specified for limit query")
    return weights.on(MatchAll())


def _value(kind: str, value: object) -> Scalar:
    if value is None:
        raise SearchInvalid(f"No value specified for {kind} query")
    if isinstance(value, Mapping | list | tuple):
        raise SearchInvalid(f"[{kind}] query does not support array of values")
    return scalar(value, kind)


def _one_field(
    kind: str,
    body: object,
    value_keys: tuple[str, ...],
    options: dict[str, object] | None = None,
) -> tuple[str, object, Weights]:
    """Read a field and its value, plain or in an object; `options` are read into the dictionary given."""
    found: tuple[str, object] | None = None
    weights = Weights(kind)
    for field, value in members(body, kind).items():
        if field in WITHOUT_EFFECT or field == "_name" or (field == "boost" and isinstance(value, int | float)):
            weights.take(field, value)
            continue
        if found is not None:
            raise SearchInvalid(f"[{kind}] query does not support [{field}]")
        if not isinstance(value, Mapping):
            found = (field, value)
            continue
        inner: object = None
        for key, part in members(value, kind).items():
            if key in value_keys:
                inner = part
            elif options is not None and key in options:
                options[key] = part
            elif key != "rewrite":
                weights.take(key, part)
        found = (field, inner)
    if found is None:
        raise SearchInvalid(f"No field name specified for {kind} query")
    if found[1] is None:
        raise SearchInvalid(f"No value specified for {kind} query")
    return found[0], found[1], weights


def _field_named(kind: str, body: object, options: dict[str, bool]) -> tuple[str, Weights]:
    field: str | None = None
    weights = Weights(kind)
    for key, value in members(body, kind).items():
        if key == "field":
            field = word(value, kind)
        elif key in options:
            options[key] = truth(value, kind)
        else:
            weights.take(key, value)
    if field is None:
        raise SearchInvalid(f"{kind} must be provided with a [field]")
    return field, weights


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


def _bounds(field: str, body: Mapping[str, object], weights: Weights) -> Query:
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
                weights.take(key, value)
    found = Range(
        field,
        None if lower is None else Bound(scalar(lower, "range"), include_lower),
        None if upper is None else Bound(scalar(upper, "range"), include_upper),
        time_zone,
        written,
    )
    return weights.on(found)
