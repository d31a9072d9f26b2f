"""Histograms: groups of numbers and of instants, without gaps, in order."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from cloudstead.search import sql, values
from cloudstead.search.aggregation import By, DateHistogramBuckets, HistogramBuckets, Order
from cloudstead.search.conditions import Conditions
from cloudstead.search.date_formats import printed
from cloudstead.search.dates import instant_of
from cloudstead.search.errors import TooManyBuckets, crossed_bounds
from cloudstead.search.grouping import MAX_BUCKETS, Bucket, Fill, Group, Kept, Key, key_of, missing_number
from cloudstead.search.reading import Scalar, spelled
from cloudstead.search.value_texts import texts_of


@dataclass(frozen=True, slots=True)
class HistogramGrouping:
    """Groups numbers by interval."""

    spec: HistogramBuckets
    read: values.Values | None
    text: Callable[[float], str] | None = None

    @classmethod
    def of(cls, spec: HistogramBuckets, conditions: Conditions) -> "HistogramGrouping":
        """Prepare for one search."""
        found = conditions.field(spec.field)
        read = values.numbers(found)
        if spec.missing is not None:
            number = missing_number(spec.missing, spec.field)
            read = values.Values(number, nullable=False) if read is None else read.or_else(number)
        return cls(spec, read, texts_of(found, spec.format))

    def key(self, level: int) -> Key | None:
        """Group by the beginning of the interval."""
        if self.read is None:
            return None
        interval, offset = sql.number(self.spec.interval), sql.number(self.spec.offset)
        keys = self.read.mapped(lambda value: f"(floor(({value} - {offset}) / {interval}) * {interval} + {offset})")
        return key_of(keys, level, lambda raw: sql.number(float(raw)))

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
            head: Bucket = {} if self.text is None else {"key_as_string": self.text(key)}
            bucket = fill(head | {"key": _plain(key), "doc_count": count}, group)
            shaped.append((key, bucket))
            if group:
                kept.append((group.key, bucket))
        ordered = ordered_buckets(shaped, self.spec.order)
        if self.spec.keyed:
            named = ((spelled(key) if self.text is None else self.text(key), bucket) for key, bucket in ordered)
            return {"buckets": dict(named)}, kept
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


def _plain(value: float) -> float:
    return int(value) if value.is_integer() else value


@dataclass(frozen=True, slots=True)
class DateHistogramGrouping:
    """Groups instants by rounding."""

    spec: DateHistogramBuckets
    read: values.Values | None
    span: tuple[int, int]
    bounds: tuple[int | None, int | None]

    @classmethod
    def of(
        cls, spec: DateHistogramBuckets, conditions: Conditions, span: tuple[int, int], name: str
    ) -> "DateHistogramGrouping":
        """Prepare for one search whose values lie within `span`."""

        def read(bound: Scalar | None) -> int | None:
            if bound is None:
                return None
            return instant_of(bound, now_ms=conditions.now_ms, zone=spec.printed_in, written=spec.format)

        least, most = (read(bound) for bound in spec.bounds or (None, None))
        if least is not None and most is not None and least > most:
            raise crossed_bounds(name, least, most)
        return cls(spec, date_values(spec, conditions), span, (least, most))

    def key(self, level: int) -> Key | None:
        """Group by the rounded instant."""
        if self.read is None:
            return None
        keys = self.read.mapped(lambda value: self.spec.rounding.sql(value, self.span))
        return key_of(keys, level, lambda raw: sql.number(int(raw)))

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
        least, most = self.bounds
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


def date_values(spec: DateHistogramBuckets, conditions: Conditions) -> values.Values | None:
    """Read the instants that a date histogram groups."""
    read = values.instants(conditions.field(spec.field))
    if spec.missing is None:
        return read
    literal = sql.number(instant_of(spec.missing, now_ms=conditions.now_ms))
    return values.Values(literal, nullable=False) if read is None else read.or_else(literal)


def ordered_buckets(shaped: list[tuple[float, Bucket]], order: Order) -> list[tuple[float, Bucket]]:
    """Order histogram buckets; equal ones stay in the order of their keys.

    By a figure they are ordered when all that is nested in them is known, in `finishing`.
    """
    if order.by is By.COUNT:
        return sorted(shaped, key=lambda entry: _count(entry[1]), reverse=not order.ascending)
    return shaped if order.ascending or order.by is By.METRIC else shaped[::-1]


def _count(bucket: Bucket) -> int:
    count = bucket["doc_count"]
    return count if isinstance(count, int) else 0
