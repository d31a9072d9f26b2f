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
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Percentiles:
    """The values below which the given percentages of all values lie."""

    field: str
    percents: tuple[float, ...]
    keyed: bool = True
    missing: Scalar | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class PercentileRanks:
    """How many of all values, in percent, lie at or below each of the given ones."""

    field: str
    values: tuple[float, ...]
    keyed: bool = True
    missing: Scalar | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class TopHits:
    """The first documents of a bucket."""

    start: int
    size: int
    sort: tuple[Sort, ...]
    source: SourceFilter
    track_scores: bool = False
    fields: tuple[str, ...] | None = None
    data_fields: tuple[str, ...] = ()
    version: bool = False
    explain: bool = False


class By(enum.Enum):
    """What buckets are ordered by."""

    KEY = enum.auto()
    COUNT = enum.auto()
    METRIC = enum.auto()


@dataclass(frozen=True, slots=True)
class ValuePath:
    """Where a number stands below a bucket: aggregations from the outside in, and a figure of the last one."""

    names: tuple[str, ...]
    figure: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One step of the order of buckets; `path` leads to the number that they are ordered by, if it is one."""

    by: By
    ascending: bool
    path: ValuePath | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which terms to keep or to drop: an expression of RE2, or a list of exact terms."""

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
    shows_error: bool = False


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
    format: str | None = None


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


@dataclass(frozen=True, slots=True)
class NestedBucket:
    """One bucket of the documents below a nested field, or above one; no field is nested, so that it is empty."""


class AcrossBuckets(enum.Enum):
    """What is worked out of one number of every bucket of a neighbour."""

    AVG = "avg_bucket"
    MIN = "min_bucket"
    MAX = "max_bucket"
    SUM = "sum_bucket"
    STATS = "stats_bucket"
    EXTENDED_STATS = "extended_stats_bucket"
    PERCENTILES = "percentiles_bucket"


@dataclass(frozen=True, slots=True)
class Across:
    """A figure over the buckets of the aggregation that `path` names first, told beside it."""

    figure: AcrossBuckets
    path: ValuePath
    inserts_zeros: bool = False
    format: str | None = None
    percents: tuple[float, ...] = ()
    sigma: float = 2.0


class AlongBuckets(enum.Enum):
    """What is worked out of one number of every bucket before."""

    DERIVATIVE = "derivative"
    CUMULATIVE_SUM = "cumulative_sum"
    SERIAL_DIFFERENCE = "serial_diff"


@dataclass(frozen=True, slots=True)
class Along:
    """A figure in each bucket of the histogram around it; a derivative may be told per `unit_ms` as well."""

    figure: AlongBuckets
    path: ValuePath
    inserts_zeros: bool = False
    format: str | None = None
    unit_ms: int | None = None
    lag: int = 1


Figures: TypeAlias = Metric | Percentiles | PercentileRanks
Leaf: TypeAlias = Figures | TopHits
SingleBucket: TypeAlias = FilterBucket | MissingBucket | NestedBucket
ManyBuckets: TypeAlias = TermsBuckets | HistogramBuckets | DateHistogramBuckets | RangeBuckets | FiltersBuckets
Buckets: TypeAlias = SingleBucket | ManyBuckets
Pipeline: TypeAlias = Across | Along  # works on the answers of other aggregations


@dataclass(frozen=True, slots=True)
class Aggregation:
    """A named aggregation with what is nested in its buckets and the words to echo.

    Pipelines stand after the aggregations that they work on.
    """

    name: str
    spec: Leaf | Buckets | Pipeline
    subs: tuple["Aggregation", ...] = ()
    meta: Mapping[str, object] | None = field(default=None, hash=False)
