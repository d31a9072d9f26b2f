"""Histograms: groups of numbers and of instants, without gaps, in order."""

import math
from dataclasses import dataclass

from cloudstead.search import sql, values
from cloudstead.search.aggregation import By, DateHistogramBuckets, HistogramBuckets, Order
from cloudstead.search.conditions import Conditions
from cloudstead.search.date_formats import printed
from cloudstead.search.dates import instant_of
from cloudstead.search.errors import SearchInvalid, TooManyBuckets
from cloudstead.search.grouping import MAX_BUCKETS, Bucket, Fill, Group, Kept, Key, key_of, missing_number
from cloudstead.search.reading import Scalar, spelled


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
            number = missing_number(spec.missing, spec.field)
            read = values.Values(number, nullable=False) if read is None else read.or_else(number)
        return cls(spec, read)

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
