"""Finishing an answer: what can be worked out only when all that is nested in a bucket is known.

Histograms are put in the order of a figure, and pipelines work on the answers of other aggregations. As in
Elasticsearch the innermost come first, so that a pipeline may read what another one has written.
"""

from collections import deque
from collections.abc import Sequence

from cloudstead.search.aggregation import (
    Across,
    AcrossBuckets,
    Aggregation,
    Along,
    AlongBuckets,
    By,
    DateHistogramBuckets,
    HistogramBuckets,
    Order,
    Pipeline,
    ValuePath,
)
from cloudstead.search.figures import Text, keyed_values, one_value, spread, stats
from cloudstead.search.grouping import Bucket, with_meta
from cloudstead.search.reading import Scalar, spelled
from cloudstead.search.value_paths import COUNT, number_at
from cloudstead.search.value_texts import formatted


def needs_finishing(aggregations: Sequence[Aggregation]) -> bool:
    """Tell whether any aggregation, at any depth, can be answered only at the end."""
    return any(
        isinstance(aggregation.spec, Pipeline)
        or _figure_order(aggregation) is not None
        or needs_finishing(aggregation.subs)
        for aggregation in aggregations
    )


def finish(aggregations: Sequence[Aggregation], bucket: Bucket) -> None:
    """Finish the aggregations of one bucket, and all that is nested in them."""
    for aggregation in aggregations:
        if isinstance(aggregation.spec, Pipeline):
            continue
        answer = bucket[aggregation.name]
        if not isinstance(answer, dict):
            continue
        for inner in _inside(answer, aggregation):
            finish([sub for sub in aggregation.subs if not isinstance(sub.spec, Along)], inner)
        _order(answer, aggregation)
        for sub in aggregation.subs:
            if isinstance(sub.spec, Along):
                _along(sub, sub.spec, _buckets(answer))
    for aggregation in aggregations:
        if isinstance(aggregation.spec, Across):
            over = bucket[aggregation.spec.path.names[0]]
            answer = _across(aggregation.spec, over if isinstance(over, dict) else {})
            bucket[aggregation.name] = with_meta(aggregation, answer)


def _figure_order(aggregation: Aggregation) -> Order | None:
    spec = aggregation.spec
    if isinstance(spec, HistogramBuckets | DateHistogramBuckets) and spec.order.by is By.METRIC:
        return spec.order
    return None


def _inside(answer: Bucket, aggregation: Aggregation) -> list[Bucket]:
    """List the buckets of an answer; an aggregation of one bucket is that bucket itself."""
    if not aggregation.subs:
        return []
    return _buckets(answer) if "buckets" in answer else [answer]


def _buckets(answer: Bucket) -> list[Bucket]:
    held = answer["buckets"]
    found = held.values() if isinstance(held, dict) else held if isinstance(held, list) else ()
    return [bucket for bucket in found if isinstance(bucket, dict)]


def _order(answer: Bucket, aggregation: Aggregation) -> None:
    """Put buckets in the order of a figure; those without one come last, equal ones stay as they are."""
    order = _figure_order(aggregation)
    if order is None or order.path is None:
        return
    path = order.path
    held = answer["buckets"]
    names = list(held) if isinstance(held, dict) else []
    placed = list(enumerate(_buckets(answer)))
    present = [(number, place) for place, bucket in placed if (number := number_at(bucket, path)) is not None]
    present.sort(key=lambda entry: entry[0], reverse=not order.ascending)
    absent = [place for place, bucket in placed if number_at(bucket, path) is None]
    places = [place for _, place in present] + absent
    buckets = [bucket for _, bucket in placed]
    if names:
        answer["buckets"] = {names[place]: buckets[place] for place in places}
    else:
        answer["buckets"] = [buckets[place] for place in places]


def _number(bucket: Bucket, path: ValuePath, *, inserts_zeros: bool) -> float | None:
    """Read the number of one bucket; a gap is skipped or counts as zero."""
    found = number_at(bucket, path)
    if path.names != (COUNT,) and not bucket.get("doc_count"):
        found = None
    return 0.0 if found is None and inserts_zeros else found


def _text(spec: Across | Along) -> Text | None:
    written = spec.format
    return None if written is None else lambda value: formatted(value, written)


def _across(spec: Across, over: Bucket) -> Bucket:
    """Work out a figure over the buckets of a neighbour."""
    path = ValuePath(spec.path.names[1:], spec.path.figure)
    held = over.get("buckets")
    names = list(held) if isinstance(held, dict) else []
    numbers: list[tuple[str, float]] = []
    for place, bucket in enumerate(_buckets(over)):
        number = _number(bucket, path, inserts_zeros=spec.inserts_zeros)
        if number is not None:
            numbers.append((names[place] if names else _key_text(bucket), float(number)))
    plain = sorted(number for _, number in numbers)
    text = _text(spec)
    count, total = len(plain), sum(number for _, number in numbers)
    match spec.figure:
        case AcrossBuckets.AVG:
            return one_value(total / count if count else None, text)
        case AcrossBuckets.SUM:
            return one_value(float(total), text)
        case AcrossBuckets.MIN | AcrossBuckets.MAX:
            chosen = plain and (plain[0] if spec.figure is AcrossBuckets.MIN else plain[-1])
            value = float(chosen) if isinstance(chosen, int | float) else None
            return {**one_value(value, text), "keys": [key for key, number in numbers if number == value]}
        case AcrossBuckets.STATS | AcrossBuckets.EXTENDED_STATS:
            answer = stats(count, total, plain[0] if plain else 0.0, plain[-1] if plain else 0.0, text)
            if spec.figure is AcrossBuckets.EXTENDED_STATS:
                answer |= spread(count, total, sum(number * number for number in plain), spec.sigma, text)
            return answer
        case AcrossBuckets.PERCENTILES:
            # The nearest of the numbers themselves, not a value between two of them.
            places = [min(int(percent / 100 * count), count - 1) for percent in spec.percents]
            return keyed_values(spec.percents, [plain[p] if plain else None for p in places], text, keyed=True)


def _key_text(bucket: Bucket) -> str:
    key = bucket.get("key_as_string", bucket.get("key"))
    return spelled(key) if isinstance(key, Scalar) else ""


def _along(aggregation: Aggregation, spec: Along, buckets: Sequence[Bucket]) -> None:
    """Work out a figure in each bucket of a histogram, from those before it."""
    text = _text(spec)
    if spec.figure is AlongBuckets.CUMULATIVE_SUM:
        total = 0.0
        for bucket in buckets:
            total += _number(bucket, spec.path, inserts_zeros=True) or 0.0
            bucket[aggregation.name] = with_meta(aggregation, one_value(total, text))
        return
    lag = spec.lag if spec.figure is AlongBuckets.SERIAL_DIFFERENCE else 1
    before: deque[tuple[float | None, object]] = deque(maxlen=lag)
    for bucket in buckets:
        number = _number(bucket, spec.path, inserts_zeros=spec.inserts_zeros)
        if len(before) == lag:
            earlier, key = before[0]
            change = None if number is None or earlier is None else float(number - earlier)
            if spec.figure is AlongBuckets.DERIVATIVE:
                answer = one_value(change, text)
                if spec.unit_ms is not None:
                    answer |= _normalized(change, bucket.get("key"), key, spec.unit_ms, text)
                bucket[aggregation.name] = with_meta(aggregation, answer)
            elif change is not None:
                bucket[aggregation.name] = with_meta(aggregation, one_value(change, text))
        before.append((number, bucket.get("key")))


def _normalized(change: float | None, key: object, earlier: object, unit_ms: int, text: Text | None) -> Bucket:
    """Tell a change per unit of time."""
    apart = key - earlier if isinstance(key, int | float) and isinstance(earlier, int | float) else 0
    value = change * unit_ms / apart if change is not None and apart else None
    if value is None or text is None:
        return {"normalized_value": value}
    return {"normalized_value": value, "normalized_value_string": text(value)}
