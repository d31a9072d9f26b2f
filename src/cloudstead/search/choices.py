"""Filters and ranges: groups by which of several conditions hold, where a document may be in many."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cloudstead.search import sql, values
from cloudstead.search.aggregation import FiltersBuckets, RangeBuckets
from cloudstead.search.conditions import Conditions
from cloudstead.search.date_formats import printed
from cloudstead.search.dates import instant_of
from cloudstead.search.grouping import Bucket, Fill, Group, Kept, Key, missing_number
from cloudstead.search.reading import Scalar, real
from cloudstead.search.value_texts import spelled_double, texts_of


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
    return Key(exploded, lambda raw: sql.number(int(raw)), nullable=False, single=False)


@dataclass(frozen=True, slots=True)
class RangeGrouping:
    """Groups by which of several ranges hold a value; ranges may overlap."""

    spec: RangeBuckets
    ranges: tuple[tuple[float | None, float | None, str | None], ...]
    read: values.Values | None
    text: Callable[[float], str]

    @classmethod
    def of(cls, spec: RangeBuckets, conditions: Conditions, name: str) -> "RangeGrouping":
        """Prepare for one search; ranges come sorted as Elasticsearch sorts them."""

        def end(value: Scalar | None) -> float | None:
            if value is None:
                return None
            if not dated:
                return real(value, name)
            return float(instant_of(value, now_ms=conditions.now_ms, zone=spec.zone, written=spec.format))

        def position(between: tuple[float | None, float | None, str | None]) -> tuple[float, float]:
            low, high, _ = between
            return (-math.inf if low is None else low, math.inf if high is None else high)

        found = conditions.field(spec.field)
        dated = spec.dated or found.is_date
        read = values.instants(found) if dated else values.numbers(found)
        if spec.missing is not None:
            literal = (
                sql.number(instant_of(spec.missing, now_ms=conditions.now_ms))
                if dated
                else missing_number(spec.missing, spec.field)
            )
            read = values.Values(literal, nullable=False) if read is None else read.or_else(literal)
        ends = sorted(((end(r.start), end(r.end), r.key) for r in spec.ranges), key=position)
        text = texts_of(found, spec.format) or spelled_double
        if spec.dated:
            text = _instants_in(spec)
        return cls(spec, tuple(ends), read, text)

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
        return "*" if value is None else self.text(value)


def _instants_in(spec: RangeBuckets) -> Callable[[float], str]:
    return lambda value: printed(int(value), zone=spec.zone, written=spec.format)
