"""From the JSON of pipeline aggregations to typed ones, and the order in which they can be worked out."""

from collections.abc import Sequence

from cloudstead.search.aggregation import (
    Across,
    AcrossBuckets,
    Aggregation,
    Along,
    AlongBuckets,
    DateHistogramBuckets,
    HistogramBuckets,
    ManyBuckets,
    Pipeline,
    SingleBucket,
    ValuePath,
)
from cloudstead.search.aggregation_options import Options, number_format_of, options_of, unknown
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.histogram_parser import unit_ms
from cloudstead.search.reading import listed, real, whole, word
from cloudstead.search.value_paths import COUNT, has_figure, named, parse_path, spelled_path
from cloudstead.search.value_texts import check_number_format

_PERCENTS = (1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0)
_MOST_PERCENTS = 100
_MOST_LAG = 10_000
_TITLES = {
    AlongBuckets.DERIVATIVE: "derivative",
    AlongBuckets.CUMULATIVE_SUM: "cumulative sum",
    AlongBuckets.SERIAL_DIFFERENCE: "serial differencing",
}


def parse_across(figure: AcrossBuckets, name: str, body: object) -> Across:
    """Read a figure over the buckets of a neighbour."""
    known = {"buckets_path", "format", "gap_policy"}
    if figure is AcrossBuckets.PERCENTILES:
        known |= {"percents"}
    if figure is AcrossBuckets.EXTENDED_STATS:
        known |= {"sigma"}
    options = options_of(name, body, frozenset(known))
    path = _path(name, "aggregation", options)
    percents: tuple[float, ...] = _PERCENTS
    if "percents" in options:
        written = options["percents"]
        if not isinstance(written, list | tuple):
            raise unknown(name, "percents", written)
        percents = tuple(sorted({real(percent, name) for percent in written[: _MOST_PERCENTS + 1]}))
        if not percents or len(percents) > _MOST_PERCENTS or percents[0] < 0 or percents[-1] > 100:
            raise SearchInvalid(f"[percents] must be one to a hundred numbers between 0 and 100 in [{name}]")
    sigma = real(options.get("sigma", 2.0), name)
    if sigma < 0:
        raise SearchInvalid(f"[sigma] must not be negative in [{name}]")
    return Across(figure, path, _inserts_zeros(name, options), _format(name, options), percents, sigma)


def parse_along(figure: AlongBuckets, name: str, body: object) -> Along:
    """Read a figure in each bucket of the histogram around it."""
    known = {"buckets_path", "format"}
    if figure is not AlongBuckets.CUMULATIVE_SUM:
        known |= {"gap_policy"}
    if figure is AlongBuckets.DERIVATIVE:
        known |= {"unit"}
    if figure is AlongBuckets.SERIAL_DIFFERENCE:
        known |= {"lag"}
    options = options_of(name, body, frozenset(known))
    path = _path(name, f"{_TITLES[figure]} aggregation", options)
    unit: int | None = None
    if "unit" in options:
        unit = unit_ms("DerivativeParser.unit", word(options["unit"], name))
        if unit < 1:
            raise SearchInvalid("Zero or negative time interval not supported")
    lag = whole(options.get("lag", 1), name)
    if not 1 <= lag <= _MOST_LAG:
        raise SearchInvalid(f"Lag must be a positive integer, at most {_MOST_LAG} in [{name}]")
    return Along(figure, path, _inserts_zeros(name, options), _format(name, options), unit, lag)


def _format(name: str, options: Options) -> str | None:
    written = number_format_of(name, options)
    return None if written is None else check_number_format(written)


def _path(name: str, what: str, options: Options) -> ValuePath:
    if "buckets_path" not in options:
        raise SearchInvalid(f"Missing required field [buckets_path] for {what} [{name}]")
    paths = listed(options["buckets_path"])
    if len(paths) != 1:
        raise SearchInvalid(f"buckets_path must contain a single entry for aggregation [{name}]")
    return parse_path(word(paths[0], name))


def _inserts_zeros(name: str, options: Options) -> bool:
    policy = word(options.get("gap_policy", "skip"), name)
    if policy not in {"skip", "insert_zeros"}:
        raise SearchInvalid(f"Invalid gap policy: [{policy[:80]}], accepted values: [insert_zeros, skip]")
    return policy == "insert_zeros"


def arranged(aggregations: Sequence[Aggregation], around: object) -> tuple[Aggregation, ...]:
    """Put pipelines after what they work on; refuse one that cannot find it. `around` is the spec of the parent."""
    placed = [aggregation for aggregation in aggregations if not isinstance(aggregation.spec, Pipeline)]
    waiting = [aggregation for aggregation in aggregations if isinstance(aggregation.spec, Pipeline)]
    for pipeline in waiting:
        if isinstance(pipeline.spec, Across):
            _check_across(pipeline.name, pipeline.spec, aggregations)
        elif isinstance(pipeline.spec, Along):
            _check_along(pipeline.name, pipeline.spec, aggregations, around)
    while waiting:
        names = {pipeline.name for pipeline in waiting}
        ready = [pipeline for pipeline in waiting if _first(pipeline) not in names]
        if not ready:
            raise SearchInvalid(f"Cyclical dependency found with pipeline aggregator [{waiting[0].name}]")
        placed += ready
        waiting = [pipeline for pipeline in waiting if pipeline not in ready]
    return tuple(placed)


def _first(pipeline: Aggregation) -> str:
    return pipeline.spec.path.names[0] if isinstance(pipeline.spec, Pipeline) else ""


def _check_across(name: str, spec: Across, neighbours: Sequence[Aggregation]) -> None:
    first, *rest = spec.path.names
    over = named(first, neighbours)
    if over is None:
        raise SearchInvalid(f"No aggregation found for path [{spelled_path(spec.path)}]")
    if not isinstance(over.spec, ManyBuckets):
        raise SearchInvalid(
            f"The first aggregation in buckets_path must be a multi-bucket aggregation for aggregation [{name}]",
        )
    _check_number(spec.path, rest, over.subs)


def _check_along(name: str, spec: Along, neighbours: Sequence[Aggregation], around: object) -> None:
    title = _TITLES[spec.figure]
    if not isinstance(around, HistogramBuckets | DateHistogramBuckets):
        raise SearchInvalid(f"{title} aggregation [{name}] must have a histogram as parent")
    if around.min_doc_count:
        raise SearchInvalid(f"parent histogram of {title} aggregation [{name}] must have min_doc_count of 0")
    _check_number(spec.path, spec.path.names, neighbours)


def _check_number(path: ValuePath, names: Sequence[str], subs: Sequence[Aggregation]) -> None:
    """Refuse a path that does not lead to one number in each bucket."""
    found: Aggregation | None = None
    for name in names:
        if found is not None and not isinstance(found.spec, SingleBucket):
            break
        if name == COUNT:
            found = None
            continue
        found = named(name, subs)
        if found is None:
            raise SearchInvalid(f"No aggregation found for path [{spelled_path(path)}]")
        subs = found.subs
    else:
        is_count = bool(names) and names[-1] == COUNT and path.figure is None
        is_bucket = found is not None and isinstance(found.spec, SingleBucket) and path.figure in {None, COUNT}
        if is_count or is_bucket or (found is not None and has_figure(found.spec, path.figure)):
            return
    raise SearchInvalid(
        "buckets_path must reference either a number value or a single value numeric metric aggregation"
    )
