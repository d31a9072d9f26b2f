"""Paths to a number below a bucket, as orders and pipelines write them: `filter>stats.avg`, `percentiles[99.9]`."""

from collections.abc import Mapping, Sequence

from cloudstead.search.aggregation import (
    Across,
    AcrossBuckets,
    Aggregation,
    Along,
    AlongBuckets,
    Figure,
    Metric,
    PercentileRanks,
    Percentiles,
    SingleBucket,
    ValuePath,
)
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.reading import numeric

COUNT = "_count"

_STATS = frozenset({"count", "min", "max", "avg", "sum"})
_EXTENDED = _STATS | {"sum_of_squares", "variance", "std_deviation", "std_upper", "std_lower"}
_SORTED_ON = (
    "Terms buckets can only be sorted on a sub-aggregator path that is built out of zero or more single-bucket"
    " aggregations within the path and a final single-bucket or a metrics aggregation at the path end."
)


def parse_path(written: str) -> ValuePath:
    """Read a path."""
    *outer, last = [name for name in written.split(">") if name] or [""]
    name, figure = last, None
    if "[" in last:
        name, _, rest = last.partition("[")
        figure = rest.removesuffix("]")
        if not name or not figure or not rest.endswith("]"):
            raise SearchInvalid(f"Invalid path element [{last}] in path [{written}]")
    elif "." in last:
        name, _, figure = last.partition(".")
        if not name or not figure:
            raise SearchInvalid(f"Invalid path element [{last}] in path [{written}]")
    if not name:
        raise SearchInvalid(f"Invalid path [{written}]")
    return ValuePath((*outer, name), figure)


def spelled_path(path: ValuePath) -> str:
    """Write a path back."""
    return ">".join(path.names) + (f".{path.figure}" if path.figure is not None else "")


def named(name: str, subs: Sequence[Aggregation]) -> Aggregation | None:
    """Find an aggregation by its name."""
    return next((sub for sub in subs if sub.name == name), None)


def percent_of(figure: str, percents: Sequence[float]) -> float | None:
    """Find the percentage that a figure names, `50` and `50.0` alike."""
    wanted = numeric(figure)
    return next((percent for percent in percents if percent == wanted), None)


def has_figure(spec: object, figure: str | None) -> bool:
    """Tell whether a metric answers with a number by that name."""
    match spec:
        case Metric(figure=Figure.STATS) | Across(figure=AcrossBuckets.STATS):
            return figure in _STATS
        case Metric(figure=Figure.EXTENDED_STATS) | Across(figure=AcrossBuckets.EXTENDED_STATS):
            return figure in _EXTENDED
        case Along(figure=AlongBuckets.DERIVATIVE, unit_ms=int()):
            return figure in {None, "value", "normalized_value"}
        case Across(figure=AcrossBuckets.PERCENTILES, percents=keys):
            return figure is not None and percent_of(figure, keys) is not None
        case Metric() | Along() | Across():
            return figure in {None, "value"}
        case Percentiles(percents=keys) | PercentileRanks(values=keys):
            return figure is not None and percent_of(figure, keys) is not None
        case _:
            return False


def _is_single(spec: object) -> bool:
    return isinstance(spec, Metric) and spec.figure not in {Figure.STATS, Figure.EXTENDED_STATS}


def check_terms_order(path: ValuePath, subs: Sequence[Aggregation]) -> None:
    """Refuse an order of terms by what is no number of a bucket, in Elasticsearch's words."""
    begins = f"Invalid terms aggregation order path [{spelled_path(path)}]."
    last = path.names[-1]
    found: Aggregation | None = None
    for place, name in enumerate(path.names):
        found = named(name, subs)
        if found is None:
            raise SearchInvalid(
                f"Invalid term-aggregator order path [{spelled_path(path)}]. Unknown aggregation [{name}]",
            )
        if place < len(path.names) - 1 and not isinstance(found.spec, SingleBucket):
            sub_path = ">".join(path.names[: place + 1])
            raise SearchInvalid(f"{begins} {_SORTED_ON} Sub-path [{sub_path}] points to non single-bucket aggregation")
        subs = found.subs
    spec = None if found is None else found.spec
    if isinstance(spec, SingleBucket):
        if path.figure not in {None, "doc_count"}:
            raise SearchInvalid(
                f"{begins} Ordering on a single-bucket aggregation can only be done on its doc_count. Either drop the"
                f' key (a la "{last}") or change it to "doc_count" (a la "{last}.doc_count")',
            )
    elif not isinstance(spec, Metric | Percentiles | PercentileRanks):
        raise SearchInvalid(f"{begins} {_SORTED_ON}")
    elif has_figure(spec, path.figure):
        return
    elif _is_single(spec):
        raise SearchInvalid(
            f"{begins} Ordering on a single-value metrics aggregation can only be done on its value. Either drop the"
            f' key (a la "{last}") or change it to "value" (a la "{last}.value")',
        )
    elif path.figure is None:
        raise SearchInvalid(
            f"{begins} When ordering on a multi-value metrics aggregation a metric name must be specified",
        )
    else:
        raise SearchInvalid(
            f"{begins} Unknown metric name [{path.figure}] on multi-value metrics aggregation [{last}]",
        )


def check_histogram_order(path: ValuePath, subs: Sequence[Aggregation]) -> None:
    """Refuse an order of a histogram by what is no number of a bucket, in Elasticsearch's words."""
    begins = f"Invalid order path [{spelled_path(path)}]."
    last = path.names[-1]
    for place, name in enumerate(path.names):
        found = named(name, subs)
        if found is None:
            raise SearchInvalid(f"{begins} Cannot find aggregation named [{name}]")
        is_last = place == len(path.names) - 1
        if isinstance(found.spec, SingleBucket):
            if is_last and path.figure not in {None, "doc_count"}:
                raise SearchInvalid(
                    f"{begins} Unknown value key [{path.figure}] for single-bucket aggregation [{last}]. Either use"
                    " [doc_count] as key or drop the key all together",
                )
        elif not is_last:
            following = path.names[place + 1]
            raise SearchInvalid(
                f"{begins} Metrics aggregations cannot have sub-aggregations (at [{name}>{following}]",
            )
        elif _is_single(found.spec) and not has_figure(found.spec, path.figure):
            raise SearchInvalid(
                f"{begins} Unknown value key [{path.figure}] for single-value metric aggregation [{last}]. Either use"
                " [value] as key or drop the key all together",
            )
        elif path.figure is None and not _is_single(found.spec):
            raise SearchInvalid(
                f"{begins} Missing value key in [{last}] which refers to a multi-value metric aggregation",
            )
        elif not has_figure(found.spec, path.figure):
            raise SearchInvalid(f"{begins} Unknown value [{path.figure}] in aggregation [{last}]")
        subs = found.subs


def number_at(bucket: Mapping[str, object], path: ValuePath) -> float | None:
    """Read the number at a path below a bucket of an answer; None when there is none."""
    *outer, last = path.names
    place: object = bucket
    for name in outer:
        place = place.get(name) if isinstance(place, Mapping) else None
    if not isinstance(place, Mapping):
        return None
    found: object = place.get("doc_count") if last == COUNT else place.get(last)
    if isinstance(found, Mapping):
        found = _figure(found, path.figure)
    return found if isinstance(found, int | float) else None


def _figure(answer: Mapping[str, object], figure: str | None) -> object:
    held = answer.get("values")
    if isinstance(held, Mapping):
        return held.get(next((key for key in held if percent_of(figure or "", [numeric(key) or 0.0]) is not None), ""))
    if isinstance(held, list):
        return next((entry["value"] for entry in held if percent_of(figure or "", [entry["key"]]) is not None), None)
    if figure in {"std_upper", "std_lower"}:
        bounds = answer.get("std_deviation_bounds")
        return bounds.get(figure.removeprefix("std_")) if isinstance(bounds, Mapping) and figure else None
    if figure is None:
        return answer.get("value", answer.get("doc_count"))
    return answer.get("doc_count" if figure == COUNT else figure)
