"""The aggregations that a search may hold, after parsing."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from cloudstead.search.query import Query
from cloudstead.search.reading import Scalar
from cloudstead.search.rounding import Rounding
from cloudstead.search.selection import Sort, SourceFilter
from cloudstead.search.zones import UTC_ZONE, Zone


class Figure(enum.Enum):
    """A metric that is worked out of the values of one field."""

    AVG = "avg"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    VALUE_COUNT = "value_count"
    STATS = "stats"
    EXTENDED_STATS = "extended_stats"
    CARDINALITY = "cardinality"


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure, or a family of figures, over a field."""

    figure: Figure
    field: str
    missing: Scalar | None = None
    sigma: float = 2.0


@dataclass(frozen=True, slots=True)
class Percentiles:
    """The values below which the given percentages of all values lie."""

    field: str
    percents: tuple[float, ...]
    keyed: bool = True
    missing: Scalar | None = None


@dataclass(frozen=True, slots=True)
class TopHits:
    """The first documents of a bucket."""

    start: int
    size: int
    sort: tuple[Sort, ...]
    source: SourceFilter
    track_scores: bool = False


class By(enum.Enum):
    """What buckets are ordered by."""

    KEY = enum.auto()
    COUNT = enum.auto()
    METRIC = enum.auto()


@dataclass(frozen=True, slots=True)
class Order:
    """One step of the order of buckets; `metric` and `figure` name a sub-aggregation's value."""

    by: By
    ascending: bool
    metric: str = ""
    figure: str = ""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which terms to keep or to drop: an expression, or a list of exact terms."""

    expression: str | None = None
    values: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class TermsBuckets:
    """A bucket per value; `size` 0 keeps all."""

    field: str
    size: int
    order: tuple[Order, ...]
    min_doc_count: int = 1
    include: Pattern | None = None
    exclude: Pattern | None = None
    missing: Scalar | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class HistogramBuckets:
    """A bucket per interval of numbers."""

    field: str
    interval: float
    offset: float
    order: Order
    keyed: bool
    min_doc_count: int
    bounds: tuple[float | None, float | None] | None = None
    missing: Scalar | None = None


@dataclass(frozen=True, slots=True)
class DateHistogramBuckets:
    """A bucket per stretch of time. `printed_in` is the zone of the printed keys, `key_shift` the zone they move by."""

    field: str
    rounding: Rounding
    order: Order
    keyed: bool
    min_doc_count: int
    printed_in: Zone = UTC_ZONE
    key_shift: Zone = UTC_ZONE
    format: str | None = None
    bounds: tuple[Scalar | None, Scalar | None] | None = None
    missing: Scalar | None = None


@dataclass(frozen=True, slots=True)
class Between:
    """One bucket of a range aggregation, `end` exclusive; either end may be open."""

    start: Scalar | None
    end: Scalar | None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class RangeBuckets:
    """A bucket per given range of numbers, or of dates when `dated`."""

    field: str
    ranges: tuple[Between, ...]
    keyed: bool
    dated: bool = False
    format: str | None = None
    zone: Zone = UTC_ZONE
    missing: Scalar | None = None


@dataclass(frozen=True, slots=True)
class FilterBucket:
    """One bucket of the documents that match."""

    query: Query


@dataclass(frozen=True, slots=True)
class FiltersBuckets:
    """A bucket per filter, by name or in a list; `other` names the bucket of what no filter matched."""

    filters: tuple[tuple[str, Query], ...]
    named: bool
    other: str | None = None


@dataclass(frozen=True, slots=True)
class MissingBucket:
    """One bucket of the documents without a value."""

    field: str


Leaf: TypeAlias = Metric | Percentiles | TopHits
Buckets: TypeAlias = (
    TermsBuckets
    | HistogramBuckets
    | DateHistogramBuckets
    | RangeBuckets
    | FilterBucket
    | FiltersBuckets
    | MissingBucket
)


@dataclass(frozen=True, slots=True)
class Aggregation:
    """A named aggregation with what is nested in its buckets and the words to echo."""

    name: str
    spec: Leaf | Buckets
    subs: tuple["Aggregation", ...] = ()
    meta: Mapping[str, object] | None = field(default=None, hash=False)
