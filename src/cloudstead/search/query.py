"""The queries that a search may hold, after parsing: plain values, without any trace of how they were written."""

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
    """Documents with a value between two ends, either of which may be open."""

    field: str
    lower: Bound | None
    upper: Bound | None
    time_zone: str | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Exists:
    """Documents that hold any value at the field, or below it when the field is an object."""

    field: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """Documents with a text that begins so."""

    field: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Documents with a text that matches a pattern of `*` and `?`."""

    field: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Ids:
    """Documents by their `_id`, perhaps only of some types."""

    values: tuple[str, ...]
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bool:
    """All of `must`, at least `minimum` of `should`, none of `must_not`."""

    must: tuple["Query", ...] = ()
    should: tuple["Query", ...] = ()
    must_not: tuple["Query", ...] = ()
    minimum: int = 0
    scores: bool = True


Query: TypeAlias = MatchAll | MatchNone | Terms | DomainLookup | Range | Exists | Prefix | Wildcard | Ids | Bool


def lower_bounded(query: Query, field: str) -> bool:
    """Tell whether every match of the query must pass a lower bound on `field`.

    Only what holds for all matches counts: a bound inside `should` or `must_not` does not.
    """
    match query:
        case Range():
            return query.field == field and query.lower is not None
        case Bool():
            return any(lower_bounded(clause, field) for clause in query.must)
        case _:
            return False


def domains_named(query: Query) -> frozenset[str]:
    """Collect the domains whose subtree the query looks up."""
    match query:
        case DomainLookup():
            return frozenset({query.domain})
        case Bool():
            clauses = query.must + query.should + query.must_not
            return frozenset().union(*(domains_named(clause) for clause in clauses))
        case _:
            return frozenset()
