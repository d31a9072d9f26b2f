"""From a typed query to the SQL condition that a document matches it.

Every condition is true or false, never null, so that it can be negated; that is why values that may be absent are
compared inside `ifNull`.
"""

# ruff: noqa: S608 (all outside text becomes SQL in cloudstead.search.sql)

from dataclasses import dataclass

from cloudstead.search import sql
from cloudstead.search.analysis import lowered
from cloudstead.search.dates import instant_of, looks_like_date
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.fields import ALL_FIELDS, Field, Index, Part, Paths, Reading, ValueType
from cloudstead.search.matching import expanded
from cloudstead.search.query import (
    Bool,
    Boosted,
    Boosting,
    Constant,
    DisMax,
    DomainLookup,
    EachField,
    Exists,
    Fuzzy,
    Ids,
    Keyword,
    Match,
    MatchAcross,
    MatchAll,
    MatchNone,
    OnIndices,
    Phrase,
    Prefix,
    Query,
    Range,
    Regexp,
    Terms,
    Wildcard,
    Word,
    required,
)
from cloudstead.search.reading import Scalar, numeric, spelled
from cloudstead.search.scope import SearchScope
from cloudstead.search.text_conditions import phrase_condition, texts_condition, word_condition
from cloudstead.search.zones import UTC_ZONE, zone_named

_TRUTHS = {"true": True, "false": False, "T": True, "F": False}
_LEAVES_BY_NAME = 32
_EARLIEST_MS = -2_208_988_800_000  # 1900-01-01
_LATEST_MS = 10_413_791_999_999  # 2299-12-31


@dataclass(frozen=True, slots=True)
class Conditions:
    """Writes conditions for one search: its index, what its state holds, its scope and its `now`."""

    index: Index
    paths: Paths
    scope: SearchScope
    now_ms: int

    def base(self, query: Query) -> tuple[str, ...]:
        """Write the conditions of the scope, then that of the query."""
        return (*self.scope.conditions(), self.of(query))

    def field(self, name: str) -> Field:
        """Resolve a field of the index."""
        return self.index.resolve(name, self.paths)

    def of(self, query: Query) -> str:
        """Write the condition of one query."""
        match query:
            case MatchAll():
                return "1"
            case MatchNone():
                return "0"
            case Terms(field=name) if name == ALL_FIELDS:
                words = (word_condition(self._searched(name), sql.text(spelled(value))) for value in query.values)
                return sql.any_of(words)
            case Terms():
                return self._terms(self.field(query.field), query.values)
            case DomainLookup():
                return self._lookup(query)
            case Range():
                return self._lenient_range(query) if query.lenient else self._range(query)
            case Exists():
                return self.exists(query.field)
            case Prefix() | Wildcard() | Regexp() | Fuzzy():
                by_word = query.by_word or query.field == ALL_FIELDS
                return texts_condition(self._searched(query.field), query, by_word=by_word)
            case Word():
                return word_condition(self._searched(query.field), lowered(query.word))
            case Phrase():
                return phrase_condition(self._searched(query.field), query)
            case Keyword():
                return self._keyword(query)
            case Ids():
                return self._ids(query)
            case Bool():
                return self._bool(query)
            case Boosted() | Constant():
                return self.of(query.query)
            case DisMax():
                return sql.any_of(self.of(one) for one in query.queries)
            case Boosting():
                return self.of(query.positive)
            case Match() | MatchAcross() | EachField() | OnIndices():
                return self.of(self.expanded(query))

    def expanded(self, query: Match | MatchAcross | EachField | OnIndices) -> Query:
        """Write a query in conditions on fields of this index."""
        return expanded(query, self.index, self.paths)

    def _searched(self, name: str) -> Field:
        return self.index.searched(name, self.paths)

    def exists(self, name: str) -> str:
        """Write that the document has any value at the field or below it."""
        own = self.field(name)
        leaves = self.index.leaves(name, self.paths)
        if len(leaves) > _LEAVES_BY_NAME:
            below = name.partition(".")[2]
            return (
                "notEmpty(JSONAllPaths(state))"
                if not below
                else f"({own.present} OR arrayExists(p -> startsWith(p, {sql.text(below + '.')}), JSONAllPaths(state)))"
            )
        return sql.any_of([own.present, *(leaf.present for leaf in leaves)])

    def _terms(self, found: Field, values: tuple[Scalar, ...]) -> str:
        return sql.any_of(condition for part in found.parts if (condition := self._equals(part, values)) != "0")

    def _equals(self, part: Part, values: tuple[Scalar, ...]) -> str:
        literals = sorted({literal for value in values if (literal := self._literal(part, value)) is not None})
        if not literals:
            return "0"
        if part.many:
            return f"hasAny({part.sql}, [{', '.join(literals)}])"
        one = literals[0] if len(literals) == 1 else None
        condition = f"{part.sql} = {one}" if one else f"{part.sql} IN ({', '.join(literals)})"
        return f"ifNull({condition}, 0)" if part.nullable else f"({condition})"

    def _literal(self, part: Part, value: Scalar) -> str | None:
        """Write a value as the part would hold it; None when the part cannot hold such a value."""
        match part.type:
            case ValueType.TEXT:
                return sql.text(spelled(value))
            case ValueType.DATE:
                return instant_sql(instant_of(value, now_ms=self.now_ms))
            case ValueType.BOOLEAN:
                truth = _TRUTHS.get(value) if isinstance(value, str) else value
                return ("true" if truth else "false") if isinstance(truth, bool) else None
            case ValueType.INTEGER | ValueType.FLOAT:
                found = numeric(value)
                if found is None:
                    return None
                # Lists hold floats, and ClickHouse compares lists of one type only.
                return sql.floating(found) if part.many else sql.number(found)

    def _keyword(self, query: Keyword) -> str:
        parts = [part for part in self._searched(query.field).parts if part.reading is not Reading.WORDS]
        return sql.any_of(self._whole(part, query) for part in parts)

    def _whole(self, part: Part, query: Keyword) -> str:
        if part.type is ValueType.TEXT:
            asked = spelled(query.value)
            literal = lowered(asked) if part.reading is Reading.LOWERED else sql.text(asked)
            if query.begins:
                one = f"startsWith({'assumeNotNull(x)' if part.many else part.sql}, {literal})"
                if part.many:
                    return f"arrayExists(x -> {one}, {part.sql})"
                return f"ifNull({one}, 0)" if part.nullable else f"({one})"
            if part.reading is Reading.LOWERED:
                if part.many:
                    return f"has({part.sql}, {literal})"
                return f"ifNull({part.sql} = {literal}, 0)" if part.nullable else f"({part.sql} = {literal})"
        try:
            return self._equals(part, (query.value,))
        except SearchInvalid:
            if query.lenient:
                return "0"
            raise

    def _lookup(self, query: DomainLookup) -> str:
        domains = self.scope.subtree(query.domain)
        if not domains:
            return "0"
        names = (
            f"(SELECT thing_name FROM things FINAL WHERE account_id = {sql.text(self.scope.account_id)}"
            f" AND domain IN {sql.texts(domains)})"
        )
        return sql.any_of(
            f"arrayExists(x -> x IN {names}, {part.sql})"
            if part.many
            else (f"ifNull({part.sql} IN {names}, 0)" if part.nullable else f"({part.sql} IN {names})")
            for part in self.field(query.field).textual.parts
        )

    def _lenient_range(self, query: Range) -> str:
        try:
            return self._range(query)
        except SearchInvalid:
            return "0"

    def _range(self, query: Range) -> str:
        found = self.field(query.field)
        bounds = [bound.value for bound in (query.lower, query.upper) if bound is not None]
        written = [numeric(bound) if query.spelled else bound for bound in bounds]
        if found.numeric.parts and bounds and not any(bound is None or isinstance(bound, str) for bound in written):
            # Texts that some documents hold at the path have no place between two numbers.
            found = found.numeric
        return sql.any_of(self._part_range(part, query) for part in found.parts)

    def _part_range(self, part: Part, query: Range) -> str:
        bounds = [bound for bound in (query.lower, query.upper) if bound is not None]
        dated = bool(bounds) and all(isinstance(b.value, str) and looks_like_date(b.value) for b in bounds)
        match part.type:
            case ValueType.BOOLEAN:
                return "0"
            case ValueType.DATE:
                return _between(part, part.sql, query, *self._dates(query))
            case ValueType.TEXT if dated:
                dates = "parseDateTime64BestEffortOrNull({}, 3, 'UTC')"
                return _between(part, dates, query, *self._dates(query))
            case ValueType.TEXT:
                ends = [
                    None if bound is None else sql.text(spelled(bound.value)) for bound in (query.lower, query.upper)
                ]
                return _between(part, "{}", query, *ends)
            case _ if dated:
                return _between(part, "fromUnixTimestamp64Milli(toInt64({}), 'UTC')", query, *self._dates(query))
            case _:
                numbers = [None if bound is None else numeric(bound.value) for bound in (query.lower, query.upper)]
                if any(
                    bound and found is None for bound, found in zip((query.lower, query.upper), numbers, strict=True)
                ):
                    return "0"
                return _between(part, "{}", query, *(None if n is None else sql.number(n) for n in numbers))

    def _dates(self, query: Range) -> tuple[str | None, str | None]:
        lower, upper = self.instants(query)
        return (
            None if lower is None else instant_sql(lower),
            None if upper is None else instant_sql(upper),
        )

    def instants(self, query: Range) -> tuple[int | None, int | None]:
        """Read the ends of a range as milliseconds."""
        zone = UTC_ZONE if query.time_zone is None else zone_named(query.time_zone)
        # gt and lte reach the end of a rounded unit, gte and lt stop at its beginning.
        lower, upper = (
            None
            if bound is None
            else instant_of(
                bound.value,
                now_ms=self.now_ms,
                zone=zone,
                written=query.format,
                round_up=bound.inclusive is rounds_up,
            )
            for bound, rounds_up in ((query.lower, False), (query.upper, True))
        )
        return lower, upper

    def time_bounds(self, query: Query, name: str) -> tuple[int | None, int | None]:
        """Return between which instants every match of the query must lie."""
        match query:
            case Range() if query.field == name and not query.lenient:
                return self.instants(query)
            case _:
                bounds = [self.time_bounds(clause, name) for clause in required(query)]
                lows = [low for low, _ in bounds if low is not None]
                highs = [high for _, high in bounds if high is not None]
                return max(lows, default=None), min(highs, default=None)

    def _ids(self, query: Ids) -> str:
        if query.types and not {self.index.document_type, "_all"} & set(query.types):
            return "0"
        return self._terms(self.field("_id"), query.values)

    def _bool(self, query: Bool) -> str:
        conditions = [self.of(clause) for clause in (*query.must, *query.filters)]
        if query.minimum == 1:
            conditions.append(sql.any_of(self.of(clause) for clause in query.should))
        elif query.minimum > 1:
            counted = " + ".join(f"({self.of(clause)})" for clause in query.should)
            conditions.append(f"(({counted}) >= {query.minimum})")
        conditions += [f"(NOT {self.of(clause)})" for clause in query.must_not]
        return "0" if "0" in conditions else sql.all_of(conditions)


def instant_sql(instant_ms: int) -> str:
    """Write an instant as DateTime64(3), cut to the years 1900 to 2299 that the type can hold."""
    bounded = min(max(instant_ms, _EARLIEST_MS), _LATEST_MS)
    return f"fromUnixTimestamp64Milli({sql.number(bounded)}, 'UTC')"


def _between(part: Part, reads: str, query: Range, lower: str | None, upper: str | None) -> str:
    """Compare a part, read through the template `reads`, with both ends at once."""
    value = reads.format("assumeNotNull(x)" if part.many else part.sql)
    ends: list[str] = []
    if query.lower and lower is not None:
        ends.append(f"{value} {'>=' if query.lower.inclusive else '>'} {lower}")
    if query.upper and upper is not None:
        ends.append(f"{value} {'<=' if query.upper.inclusive else '<'} {upper}")
    if not ends:
        return part.present
    condition = " AND ".join(ends)
    if part.many:
        return f"arrayExists(x -> ifNull({condition}, 0), {part.sql})"
    return f"ifNull({condition}, 0)" if part.nullable else f"({condition})"
