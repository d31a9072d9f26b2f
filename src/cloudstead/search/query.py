"""The queries that a search may hold, after parsing: plain values, without any trace of how they were written.

`Match`, `MatchAcross` and `EachField` say what was asked; which fields and words that means is known only where the
index is, in `matching`. Everything else is a condition as it stands.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from cloudstead.search.reading import Scalar


@dataclass(frozen=True, slots=True)
class MatchAll:
    """Every document."""


@dataclass(frozen=True, slots=True)
class MatchNone:
    """No document."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Documents that hold one of the values, compared exactly."""

    field: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class DomainLookup:
    """Documents whose field is the name of a thing in the subtree of a domain."""

    field: str
    domain: str


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range."""

    value: Scalar
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Range:
    """Documents with a value between two ends, either of which may be open.

    A `lenient` range finds nothing where one of its ends cannot be read. The ends of a `spelled` one are texts that may
    as well be meant as numbers.
    """

    field: str
    lower: Bound | None
    upper: Bound | None
    time_zone: str | None = None
    format: str | None = None
    lenient: bool = False
    spelled: bool = False


@dataclass(frozen=True, slots=True)
class Exists:
    """Documents that hold any value at the field, or below it when the field is an object."""

    field: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """Documents with a text that begins so; with `by_word`, a word of a text where texts are read by words."""

    field: str
    prefix: str
    by_word: bool = False


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Documents with a text, or a word, that matches a pattern of `*` and `?`."""

    field: str
    pattern: str
    by_word: bool = False


@dataclass(frozen=True, slots=True)
class Regexp:
    """Documents with a text, or a word, that an expression of RE2 matches from its beginning to its end."""

    field: str
    expression: str
    by_word: bool = False


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """Documents with a text, or a word, that few edits turn into the given one; its first letters must be the same."""

    field: str
    text: str
    edits: int
    prefix_length: int = 0
    by_word: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """Documents with the word in a text that is read by words."""

    field: str
    word: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Documents with the words in one text, in order, moved by at most `slop` places; the last may be a beginning."""

    field: str
    words: tuple[str, ...]
    slop: int = 0
    last_is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Keyword:
    """Documents with the value where texts are not read by words; `begins` asks for its beginning alone."""

    field: str
    value: Scalar
    lenient: bool = False
    begins: bool = False


class MatchKind(enum.Enum):
    """How the words of a text are looked for."""

    WORDS = "boolean"
    PHRASE = "phrase"
    PHRASE_PREFIX = "phrase_prefix"


@dataclass(frozen=True, slots=True)
class Match:
    """Documents that hold a text, as the field reads texts; `edits` -1 means that each word's length decides."""

    field: str
    text: Scalar
    kind: MatchKind = MatchKind.WORDS
    conjunctive: bool = False
    minimum: str | None = None
    slop: int = 0
    edits: int = 0
    prefix_length: int = 0
    lenient: bool = False
    all_if_wordless: bool = False


@dataclass(frozen=True, slots=True)
class MatchAcross:
    """Documents that hold the words of a text, each in any of the fields; a field may be a pattern."""

    fields: tuple[tuple[str, float], ...]
    text: Scalar
    conjunctive: bool = False
    minimum: str | None = None
    tie_breaker: float = 0.0
    lenient: bool = False
    all_if_wordless: bool = False


@dataclass(frozen=True, slots=True)
class EachField:
    """Documents that a query finds in any of the fields that the pattern in its own `field` covers."""

    query: "FieldQuery"


@dataclass(frozen=True, slots=True)
class Ids:
    """Documents by their `_id`, perhaps only of some types."""

    values: tuple[str, ...]
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bool:
    """All of `must` and of `filters`, at least `minimum` of `should`, none of `must_not`; filters never score."""

    must: tuple["Query", ...] = ()
    should: tuple["Query", ...] = ()
    must_not: tuple["Query", ...] = ()
    minimum: int = 0
    filters: tuple["Query", ...] = ()


@dataclass(frozen=True, slots=True)
class Boosted:
    """A query whose score is multiplied."""

    query: "Query"
    boost: float


@dataclass(frozen=True, slots=True)
class Constant:
    """A query all of whose matches score 1."""

    query: "Query"


@dataclass(frozen=True, slots=True)
class DisMax:
    """Any of the queries; the best of them scores, and the others by `tie_breaker` of theirs."""

    queries: tuple["Query", ...]
    tie_breaker: float = 0.0


@dataclass(frozen=True, slots=True)
class Boosting:
    """A query whose matches score `boost` times as much when they match `negative` too."""

    positive: "Query"
    negative: "Query"
    boost: float


@dataclass(frozen=True, slots=True)
class OnIndices:
    """One query on the indices that are named, another one on all others."""

    names: tuple[str, ...]
    query: "Query"
    otherwise: "Query"


FieldQuery: TypeAlias = Terms | Range | Exists | Prefix | Wildcard | Regexp | Fuzzy | Match
Query: TypeAlias = (
    MatchAll
    | MatchNone
    | DomainLookup
    | FieldQuery
    | Word
    | Phrase
    | Keyword
    | MatchAcross
    | EachField
    | Ids
    | Bool
    | Boosted
    | Constant
    | DisMax
    | Boosting
    | OnIndices
)


def required(query: Query) -> tuple[Query, ...]:
    """Return the queries inside of a query that every match must match."""
    match query:
        case Bool():
            alone = query.should if query.minimum == len(query.should) else ()
            return (*query.must, *query.filters, *alone)
        case Boosted() | Constant():
            return (query.query,)
        case Boosting():
            return (query.positive,)
        case DisMax(queries=(only,)):
            return (only,)
        case _:
            return ()


def inside(query: Query) -> Iterator[Query]:
    """Yield the queries directly inside of a query."""
    match query:
        case Bool():
            yield from (*query.must, *query.filters, *query.should, *query.must_not)
        case Boosted() | Constant():
            yield query.query
        case DisMax():
            yield from query.queries
        case Boosting():
            yield from (query.positive, query.negative)
        case OnIndices():
            yield from (query.query, query.otherwise)
        case _:
            return


def lower_bounded(query: Query, field: str) -> bool:
    """Tell whether every match of the query must pass a lower bound on `field`.

    Only what holds for all matches counts: a bound inside `should` or `must_not` does not.
    """
    if isinstance(query, Range):
        return query.field == field and query.lower is not None
    if isinstance(query, Bool):
        return any(lower_bounded(clause, field) for clause in (*query.must, *query.filters))
    return any(lower_bounded(clause, field) for clause in required(query))


def domains_named(query: Query) -> frozenset[str]:
    """Collect the domains whose subtree the query looks up."""
    if isinstance(query, DomainLookup):
        return frozenset({query.domain})
    return frozenset().union(*(domains_named(clause) for clause in inside(query)))
