"""Bucket aggregations: what a statement groups by, and how its groups become buckets.

Each kind of bucket has a grouping. `key` is the expression of the bucket of a document, `shape` turns the groups of one
parent into that parent's answer and tells which bucket stands for which group, so that nested statements can fill it.
"""

# ruff: noqa: S608 (all outside text becomes SQL in cloudstead.search.sql)

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from cloudstead.search import sql, values
from cloudstead.search.aggregation import (
    Aggregation,
    By,
    Order,
    Pattern,
    TermsBuckets,
)
from cloudstead.search.conditions import Conditions
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.expressions import whole
from cloudstead.search.reading import Scalar
from cloudstead.search.terms import Terms, TermType, terms_of

MAX_BUCKETS = 10_000

Bucket: TypeAlias = dict[str, object]
Raw: TypeAlias = Any
Rows: TypeAlias = Sequence[Sequence[Any]]
Path: TypeAlias = tuple[Raw, ...]  # the keys of all aggregations down to a bucket
Statements: TypeAlias = Generator[str, Rows, None]


@dataclass(frozen=True, slots=True)
class Group:
    """One row of a statement, within its parent: the key, the count, the count of all groups, the figures."""

    key: Raw
    count: int
    total: int
    figures: Sequence[Any]
    ordered_by: Sequence[float | None] = ()  # the numbers of the order's steps that are figures


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
class Level:
    """The buckets to fill: keys of the aggregations above, conditions, and each bucket by its path of keys."""

    keys: tuple[Key, ...]
    where: tuple[str, ...]
    kept: str
    parents: dict[Path, Bucket]

    @property
    def aliases(self) -> list[str]:
        """Name the keys in a statement."""
        return [f"k{number}" for number in range(len(self.keys))]

    @property
    def present(self) -> list[str]:
        """Write that a document has all the keys."""
        return [f"isNotNull(k{number})" for number, key in enumerate(self.keys) if key.nullable]

    def documents(self, table: str, where: Sequence[str], columns: Sequence[str]) -> str:
        """Write the statement that reads the keys and some columns of each document."""
        keys = [f"{key.sql} AS k{number}" for number, key in enumerate(self.keys)]
        selected = [*keys, *columns] or ["1 AS one"]
        return f"SELECT {', '.join(selected)} FROM {table} WHERE {sql.all_of(where)}"


def hashable(raw: Raw) -> Raw:
    """Return a key of a row in a form that can be looked up."""
    return tuple(raw) if isinstance(raw, list) else raw


def missing_number(value: Scalar, field: str) -> str:
    """Write the number that stands for an absent value."""
    try:
        return sql.number(float(value))
    except ValueError:
        raise SearchInvalid(f"[missing] must be a number for field [{field}]") from None


def with_meta(aggregation: Aggregation, answer: Bucket) -> Bucket:
    """Put the caller's own words before an answer."""
    return answer if aggregation.meta is None else {"meta": aggregation.meta, **answer}


def path_of(cells: Sequence[Any]) -> Path:
    """Return the keys of a row as a path."""
    return tuple(hashable(cell) for cell in cells)


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
    # The terms of all documents in reach, of which those without a match are told as well; None tells matches alone.
    everything: tuple[Raw, ...] | None = None

    @classmethod
    def of(cls, spec: TermsBuckets, conditions: Conditions, name: str) -> "TermsGrouping":
        """Prepare for one search."""
        found = terms_of(conditions.field(spec.field), spec.missing, conditions.now_ms)
        for pattern in (spec.include, spec.exclude):
            texts = found is None or found.type in {TermType.TEXT, TermType.TAGGED}
            if pattern is not None and pattern.expression is not None and not texts:
                raise SearchInvalid(
                    f"Aggregation [{name}] cannot support regular expression style include/exclude settings as they"
                    " can only be applied to string fields. Use an array of numeric values for include/exclude clauses"
                    " used to filter numeric fields",
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
            return f"ifNull(match({text}, {sql.text(whole(pattern.expression))}), 0)"
        named = (self.terms.named(value, self.now_ms) for value in pattern.values)
        literals = sorted({literal for literal in named if literal is not None})
        return f"ifNull({alias} IN ({', '.join(literals)}), 0)" if literals else "0"

    def top(self) -> Top:
        """Keep the first of each parent."""
        return Top(self.spec.order, self.spec.size, self.spec.min_doc_count)

    def shape(self, groups: list[Group], fill: Fill) -> tuple[Bucket, Kept]:
        """List the terms in the order of the statement."""
        kept: Kept = []
        buckets: list[Bucket] = []
        chosen = groups if self.everything is None else self._with_everything(groups)
        for group in chosen:
            if self.terms is None:
                break
            key, text = self.terms.shown(group.key, self.spec.format)
            head: Bucket = {"key": key} if text is None else {"key": key, "key_as_string": text}
            head["doc_count"] = group.count
            if self.spec.shows_error:
                head["doc_count_error_upper_bound"] = 0  # counts are exact
            buckets.append(fill(head, group if group.count else None))
            if group.count:
                kept.append((group.key, buckets[-1]))
        others = (groups[0].total if groups else 0) - sum(group.count for group in chosen)
        return {
            "doc_count_error_upper_bound": 0,
            "sum_other_doc_count": max(0, others),
            "buckets": buckets,
        }, kept

    def _with_everything(self, groups: list[Group]) -> list[Group]:
        """Add the terms without a match, order all and keep the first."""
        found = {hashable(group.key) for group in groups}
        absent = (None,) * sum(step.path is not None for step in self.spec.order)
        every = [*groups]
        every += [Group(raw, 0, 0, (), absent) for raw in self.everything or () if hashable(raw) not in found]
        figure = len(absent)
        for step in reversed(self.spec.order):
            if step.by is By.KEY:
                every.sort(key=lambda group: group.key, reverse=not step.ascending)
            elif step.by is By.COUNT:
                every.sort(key=lambda group: group.count, reverse=not step.ascending)
            else:
                figure -= 1
                every = _by_figure(every, figure, ascending=step.ascending)
        return every[: self.spec.size or None]


def _by_figure(groups: list[Group], figure: int, *, ascending: bool) -> list[Group]:
    present = [(number, group) for group in groups if (number := group.ordered_by[figure]) is not None]
    present.sort(key=lambda entry: entry[0], reverse=not ascending)
    return [group for _, group in present] + [group for group in groups if group.ordered_by[figure] is None]
