"""Bucket aggregations: what a statement groups by, and how its groups become buckets.

Each kind of bucket has a grouping. `key` is the expression of the bucket of a document, `shape` turns the groups of one
parent into that parent's answer and tells which bucket stands for which group, so that nested statements can fill it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from cloudstead.search import sql, values
from cloudstead.search.aggregation import (
    By,
    DateHistogramBuckets,
    FiltersBuckets,
    HistogramBuckets,
    Order,
    Pattern,
    RangeBuckets,
    TermsBuckets,
)
from cloudstead.search.conditions import Conditions
from cloudstead.search.dates import instant_of, printed
from cloudstead.search.errors import SearchInvalid, TooManyBuckets
from cloudstead.search.reading import Scalar, spelled
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
        return Key(read.exploded(level), self.terms.literal, nullable=read.nullable and not read.many)

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


@dataclass(frozen=True, slots=True)
class HistogramGrouping:
    """Groups numbers by interval."""

    spec: HistogramBuckets
    read: values.Values | None

    @classmethod
    def of(cls, spec: HistogramBuckets, conditions: Conditions) -> "HistogramGrouping":
        """Prepare for one search."""
        read = values.numbers(conditions.field(spec.field))
        if spec.missing is not None:
            number = _number(spec.missing, spec.field)
            read = values.Values(number, nullable=False) if read is None else read.or_else(number)
        return cls(spec, read)

    def key(self, level: int) -> Key | None:
        """Group by the beginning of the interval."""
        if self.read is None:
            return None
        interval, offset = sql.number(self.spec.interval), sql.number(self.spec.offset)
        keys = self.read.mapped(lambda value: f"(floor(({value} - {offset}) / {interval}) * {interval} + {offset})")
        return Key(keys.exploded(level), lambda raw: sql.number(float(raw)), nullable=keys.nullable and not keys.many)

    def wanted(self, alias: str) -> str:
        """Keep what is a number."""
        return f"isFinite({alias})"

    def top(self) -> None:
        """Keep all."""

    def shape(self, groups: list[Group], fill: Fill) -> tuple[Bucket, Kept]:
        """Fill the gaps, order the buckets."""
        found = {float(group.key): group for group in groups}
        keys = sorted(found)
        if self.spec.min_doc_count == 0:
            keys = self._without_gaps(keys)
        kept: Kept = []
        shaped: list[tuple[float, Bucket]] = []
        for key in keys:
            group = found.get(key)
            count = group.count if group else 0
            if count < self.spec.min_doc_count:
                continue
            bucket = fill({"key": _plain(key), "doc_count": count}, group)
            shaped.append((key, bucket))
            if group:
                kept.append((group.key, bucket))
        ordered = ordered_buckets(shaped, self.spec.order)
        if self.spec.keyed:
            return {"buckets": {spelled(key): bucket for key, bucket in ordered}}, kept
        return {"buckets": [bucket for _, bucket in ordered]}, kept

    def _without_gaps(self, keys: list[float]) -> list[float]:
        low, high = (keys[0], keys[-1]) if keys else (None, None)
        least, most = self.spec.bounds or (None, None)
        if least is not None:
            least = self._floor(least)
            low = least if low is None else min(low, least)
        if most is not None:
            most = self._floor(most)
            high = most if high is None else max(high, most)
        if low is None or high is None:
            return keys
        steps = round((high - low) / self.spec.interval)
        if steps >= MAX_BUCKETS:
            raise TooManyBuckets(MAX_BUCKETS)
        known = {round((key - low) / self.spec.interval): key for key in keys}
        return [known.get(step, low + step * self.spec.interval) for step in range(steps + 1)]

    def _floor(self, value: float) -> float:
        spec = self.spec
        return math.floor((value - spec.offset) / spec.interval) * spec.interval + spec.offset


def _number(value: Scalar, field: str) -> str:
    try:
        return sql.number(float(value))
    except ValueError:
        raise SearchInvalid(f"[missing] must be a number for field [{field}]") from None


def _plain(value: float) -> float:
    return int(value) if value.is_integer() else value


@dataclass(frozen=True, slots=True)
class DateHistogramGrouping:
    """Groups instants by rounding."""

    spec: DateHistogramBuckets
    read: values.Values | None
    span: tuple[int, int]
    now_ms: int

    @classmethod
    def of(cls, spec: DateHistogramBuckets, conditions: Conditions, span: tuple[int, int]) -> "DateHistogramGrouping":
        """Prepare for one search whose values lie within `span`."""
        return cls(spec, date_values(spec, conditions), span, conditions.now_ms)

    def key(self, level: int) -> Key | None:
        """Group by the rounded instant."""
        if self.read is None:
            return None
        keys = self.read.mapped(lambda value: self.spec.rounding.sql(value, self.span))
        return Key(keys.exploded(level), lambda raw: sql.number(int(raw)), nullable=keys.nullable and not keys.many)

    def wanted(self, alias: str) -> str:
        """Keep all that is there."""
        del alias
        return "1"

    def top(self) -> None:
        """Keep all."""

    def shape(self, groups: list[Group], fill: Fill) -> tuple[Bucket, Kept]:
        """Fill the gaps, print the keys, order the buckets."""
        found = {int(group.key): group for group in groups}
        keys = sorted(found)
        if self.spec.min_doc_count == 0:
            keys = self._without_gaps(keys)
        kept: Kept = []
        shaped: list[tuple[float, Bucket]] = []
        for key in keys:
            group = found.get(key)
            count = group.count if group else 0
            if count < self.spec.min_doc_count:
                continue
            shown = key + self.spec.key_shift.offset_ms(key)
            text = printed(shown, zone=self.spec.printed_in, written=self.spec.format)
            bucket = fill({"key_as_string": text, "key": shown, "doc_count": count}, group)
            shaped.append((key, bucket))
            if group:
                kept.append((group.key, bucket))
        buckets = [bucket for _, bucket in ordered_buckets(shaped, self.spec.order)]
        if self.spec.keyed:
            return {"buckets": {str(bucket["key_as_string"]): bucket for bucket in buckets}}, kept
        return {"buckets": buckets}, kept

    def _without_gaps(self, keys: list[int]) -> list[int]:
        least, most = (self._bound(bound) for bound in self.spec.bounds or (None, None))
        if least is not None and most is not None and least > most:
            raise SearchInvalid(f"[extended_bounds.min][{least}] cannot be greater than [extended_bounds.max][{most}]")
        rounding = self.spec.rounding
        lows = [*keys[:1], *([] if least is None else [rounding.floor(least)])]
        highs = [*keys[-1:], *([] if most is None else [rounding.floor(most)])]
        if not lows or not highs:
            return keys
        filled: list[int] = []
        known = set(keys)
        cursor, last = min(lows), max(highs)
        while cursor <= last:
            filled.append(cursor)
            if len(filled) > MAX_BUCKETS:
                raise TooManyBuckets(MAX_BUCKETS)
            cursor = rounding.following(cursor)
        # Rows decide: should a zone of ClickHouse disagree with Python's, no bucket with documents is lost.
        return filled if known <= set(filled) else sorted(known | set(filled))

    def _bound(self, bound: Scalar | None) -> int | None:
        if bound is None:
            return None
        return instant_of(bound, now_ms=self.now_ms, zone=self.spec.printed_in, written=self.spec.format)


def date_values(spec: DateHistogramBuckets, conditions: Conditions) -> values.Values | None:
    """Read the instants that a date histogram groups."""
    read = values.instants(conditions.field(spec.field))
    if spec.missing is None:
        return read
    literal = sql.number(instant_of(spec.missing, now_ms=conditions.now_ms))
    return values.Values(literal, nullable=False) if read is None else read.or_else(literal)


def ordered_buckets(shaped: list[tuple[float, Bucket]], order: Order) -> list[tuple[float, Bucket]]:
    """Order histogram buckets; equal ones stay in the order of their keys, absent figures come last."""
    if order.by is By.KEY:
        return shaped if order.ascending else shaped[::-1]
    if order.by is By.COUNT:
        return sorted(shaped, key=lambda entry: _count(entry[1]), reverse=not order.ascending)
    figures = [(_figure(bucket, order), key, bucket) for key, bucket in shaped]
    present = [(figure, key, bucket) for figure, key, bucket in figures if figure is not None]
    present.sort(key=lambda entry: entry[0], reverse=not order.ascending)
    absent = [(key, bucket) for figure, key, bucket in figures if figure is None]
    return [(key, bucket) for _, key, bucket in present] + absent


def _count(bucket: Bucket) -> int:
    count = bucket["doc_count"]
    return count if isinstance(count, int) else 0


def _figure(bucket: Bucket, order: Order) -> float | None:
    metric = bucket.get(order.metric)
    if not isinstance(metric, dict):
        return None
    figure = metric.get(order.figure or "value")
    held = metric.get("values")
    if isinstance(held, dict):
        figure = held.get(order.figure, held.get(f"{order.figure}.0"))
    elif isinstance(held, list):
        figure = next((entry["value"] for entry in held if f"{entry['key']:g}" == order.figure), None)
    return figure if isinstance(figure, int | float) else None


@dataclass(frozen=True, slots=True)
class FiltersGrouping:
    """Groups by which of several conditions hold; a document may be in many buckets."""

    spec: FiltersBuckets
    conditions: tuple[str, ...]

    @classmethod
    def of(cls, spec: FiltersBuckets, conditions: Conditions) -> "FiltersGrouping":
        """Prepare for one search."""
        written = [conditions.of(query) for _, query in spec.filters]
        if spec.other is not None:
            written.append(f"(NOT {sql.any_of(written)})")
        return cls(spec, tuple(written))

    def key(self, level: int) -> Key:
        """Group by the number of the condition."""
        return indexed_key(self.conditions, level)

    def wanted(self, alias: str) -> str:
        """Keep all."""
        del alias
        return "1"

    def top(self) -> None:
        """Keep all."""

    def shape(self, groups: list[Group], fill: Fill) -> tuple[Bucket, Kept]:
        """Answer every filter, matched or not."""
        found = {int(group.key): group for group in groups}
        names = [name for name, _ in self.spec.filters]
        if self.spec.other is not None:
            names.append(self.spec.other)
        kept: Kept = []
        buckets: list[Bucket] = []
        for number in range(len(names)):
            group = found.get(number)
            bucket = fill({"doc_count": group.count if group else 0}, group)
            buckets.append(bucket)
            if group:
                kept.append((group.key, bucket))
        if self.spec.named:
            return {"buckets": dict(zip(names, buckets, strict=True))}, kept
        return {"buckets": buckets}, kept


def indexed_key(conditions: Sequence[str], level: int) -> Key:
    """Write one row per condition that holds, keyed by its number."""
    numbered = ", ".join(f"if({condition}, {number}, -1)" for number, condition in enumerate(conditions))
    exploded = f"arrayJoin(arraySlice(arrayFilter(i -> i >= 0, [{numbered}]), 1, {1_000_000 + level}))"
    return Key(exploded, lambda raw: sql.number(int(raw)), nullable=False)


@dataclass(frozen=True, slots=True)
class RangeGrouping:
    """Groups by which of several ranges hold a value; ranges may overlap."""

    spec: RangeBuckets
    ranges: tuple[tuple[float | None, float | None, str | None], ...]
    read: values.Values | None

    @classmethod
    def of(cls, spec: RangeBuckets, conditions: Conditions) -> "RangeGrouping":
        """Prepare for one search; ranges come sorted as Elasticsearch sorts them."""

        def end(value: Scalar | None) -> float | None:
            if value is None:
                return None
            if not spec.dated:
                return float(value)
            return float(instant_of(value, now_ms=conditions.now_ms, zone=spec.zone, written=spec.format))

        def position(between: tuple[float | None, float | None, str | None]) -> tuple[float, float]:
            low, high, _ = between
            return (-math.inf if low is None else low, math.inf if high is None else high)

        found = conditions.field(spec.field)
        read = values.instants(found) if spec.dated else values.numbers(found)
        if spec.missing is not None:
            literal = (
                sql.number(instant_of(spec.missing, now_ms=conditions.now_ms))
                if spec.dated
                else _number(spec.missing, spec.field)
            )
            read = values.Values(literal, nullable=False) if read is None else read.or_else(literal)
        ends = sorted(((end(r.start), end(r.end), r.key) for r in spec.ranges), key=position)
        return cls(spec, tuple(ends), read)

    def key(self, level: int) -> Key | None:
        """Group by the number of the range."""
        read = self.read
        if read is None:
            return None
        conditions: list[str] = []
        for low, high, _ in self.ranges:
            value = "v" if read.many else read.sql
            ends = [f"isNotNull({value})"] if read.nullable and not read.many else []
            if low is not None:
                ends.append(f"{value} >= {sql.number(low)}")
            if high is not None:
                ends.append(f"{value} < {sql.number(high)}")
            condition = f"ifNull({' AND '.join(ends) or '1'}, 0)"
            conditions.append(f"arrayExists(v -> {condition}, {read.sql})" if read.many else condition)
        return indexed_key(conditions, level)

    def wanted(self, alias: str) -> str:
        """Keep all."""
        del alias
        return "1"

    def top(self) -> None:
        """Keep all."""

    def shape(self, groups: list[Group], fill: Fill) -> tuple[Bucket, Kept]:
        """Answer every range, matched or not."""
        found = {int(group.key): group for group in groups}
        kept: Kept = []
        shaped: list[tuple[str, Bucket]] = []
        for number, (low, high, label) in enumerate(self.ranges):
            group = found.get(number)
            key = label or f"{self._end(low)}-{self._end(high)}"
            head: Bucket = {} if self.spec.keyed else {"key": key}
            for name, value in (("from", low), ("to", high)):
                if value is not None:
                    head |= {name: value, f"{name}_as_string": self._end(value)}
            bucket = fill(head | {"doc_count": group.count if group else 0}, group)
            shaped.append((key, bucket))
            if group:
                kept.append((group.key, bucket))
        if self.spec.keyed:
            return {"buckets": dict(shaped)}, kept
        return {"buckets": [bucket for _, bucket in shaped]}, kept

    def _end(self, value: float | None) -> str:
        if value is None:
            return "*"
        if self.spec.dated:
            return printed(int(value), zone=self.spec.zone, written=self.spec.format)
        return str(value)
