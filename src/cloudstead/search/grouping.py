"""Bucket aggregations: what a statement groups by, and how its groups become buckets.

Each kind of bucket has a grouping. `key` is the expression of the bucket of a document, `shape` turns the groups of one
parent into that parent's answer and tells which bucket stands for which group, so that nested statements can fill it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from cloudstead.search import sql, values
from cloudstead.search.aggregation import (
    Order,
    Pattern,
    TermsBuckets,
)
from cloudstead.search.conditions import Conditions
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.reading import Scalar
from cloudstead.search.terms import Terms, TermType, terms_of

MAX_BUCKETS = 10_000

Bucket: TypeAlias = dict[str, object]
Raw: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Group:
    """One row of a statement, within its parent: the key, the count, the count of all groups, the figures."""

    key: Raw
    count: int
    total: int
    figures: Sequence[Any]


Fill: TypeAlias = Callable[[Bucket, Group | None], Bucket]
Kept: TypeAlias = list[tuple[Raw, Bucket]]


@dataclass(frozen=True, slots=True)
class Key:
    """The expression of a bucket; `literal` writes a key of a row back into SQL."""

    sql: str
    literal: Callable[[Raw], str]
    nullable: bool = True
    single: bool = True  # a document is in one bucket at most


def key_of(read: values.Values, level: int, literal: Callable[[Raw], str]) -> Key:
    """Group by a value, or by each different value of a list."""
    if read.many:
        return Key(read.exploded(level), literal, nullable=False, single=False)
    return Key(read.sql, literal, nullable=read.nullable)


@dataclass(frozen=True, slots=True)
class Top:
    """How the statement itself cuts the groups of each parent."""

    order: tuple[Order, ...]
    size: int
    least: int


class Grouping(Protocol):
    """One bucket aggregation at work."""

    def key(self, level: int) -> Key | None:
        """Return what to group by, None when no document can be in a bucket."""
        ...

    def wanted(self, alias: str) -> str:
        """Write which keys to keep."""
        ...

    def top(self) -> Top | None:
        """Tell how many groups of each parent to keep; None keeps all."""
        ...

    def shape(self, groups: list[Group], fill: Fill) -> tuple[Bucket, Kept]:
        """Shape the groups of one parent."""
        ...


@dataclass(frozen=True, slots=True)
class TermsGrouping:
    """Groups by the terms of a field."""

    spec: TermsBuckets
    terms: Terms | None
    now_ms: int

    @classmethod
    def of(cls, spec: TermsBuckets, conditions: Conditions) -> "TermsGrouping":
        """Prepare for one search."""
        found = terms_of(conditions.field(spec.field), spec.missing, conditions.now_ms)
        for pattern in (spec.include, spec.exclude):
            texts = found is None or found.type in {TermType.TEXT, TermType.TAGGED}
            if pattern is not None and pattern.expression is not None and not texts:
                raise SearchInvalid(
                    f"Aggregation on [{spec.field}] cannot support regular expression style include/exclude settings"
                    " as they can only be applied to string fields",
                )
        return cls(spec, found, conditions.now_ms)

    def key(self, level: int) -> Key | None:
        """Group by term."""
        if self.terms is None:
            return None
        read = self.terms.values
        return key_of(read, level, self.terms.literal)

    def wanted(self, alias: str) -> str:
        """Keep what include names and exclude does not."""
        conditions = []
        if self.spec.include is not None:
            conditions.append(self._matches(self.spec.include, alias))
        if self.spec.exclude is not None:
            conditions.append(f"(NOT {self._matches(self.spec.exclude, alias)})")
        return sql.all_of(conditions)

    def _matches(self, pattern: Pattern, alias: str) -> str:
        if self.terms is None:
            return "0"
        if pattern.expression is not None:
            text = self.terms.text.format(alias)
            return f"ifNull(match({text}, {sql.text(f'^(?s:{pattern.expression})$')}), 0)"
        named = (self.terms.named(value, self.now_ms) for value in pattern.values)
        literals = sorted({literal for literal in named if literal is not None})
        return f"ifNull({alias} IN ({', '.join(literals)}), 0)" if literals else "0"

    def top(self) -> Top:
        """Keep the first of each parent."""
        return Top(self.spec.order, self.spec.size, self.spec.min_doc_count)

    def shape(self, groups: list[Group], fill: Fill) -> tuple[Bucket, Kept]:
        """List the terms in the order of the statement."""
        kept: Kept = []
        for group in groups:
            if self.terms is None:
                break
            key, text = self.terms.shown(group.key, self.spec.format)
            head: Bucket = {"key": key} if text is None else {"key": key, "key_as_string": text}
            kept.append((group.key, fill(head | {"doc_count": group.count}, group)))
        others = (groups[0].total if groups else 0) - sum(group.count for group in groups)
        return {
            "doc_count_error_upper_bound": 0,
            "sum_other_doc_count": max(0, others),
            "buckets": [bucket for _, bucket in kept],
        }, kept


def missing_number(value: Scalar, field: str) -> str:
    """Write the number that stands for an absent value."""
    try:
        return sql.number(float(value))
    except ValueError:
        raise SearchInvalid(f"[missing] must be a number for field [{field}]") from None
