"""Metrics: which columns a statement must bring for one, and the shape of its answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudstead.search import sql, values
from cloudstead.search.aggregation import Figure, Metric, Percentiles
from cloudstead.search.conditions import Conditions
from cloudstead.search.date_formats import printed
from cloudstead.search.dates import instant_of
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.fields import Field
from cloudstead.search.reading import Scalar, numeric
from cloudstead.search.terms import terms_of
from cloudstead.search.values import Values

# Up to so many documents percentiles and cardinalities are exact; above it memory would grow with the documents.
EXACT_DOCUMENTS = 1_000_000

Shape = Callable[[Sequence[Any]], dict[str, object]]


@dataclass(slots=True)
class Inputs:
    """The expressions that a statement reads per document, each under one alias however often it is used."""

    aliases: dict[str, str] = field(default_factory=dict)

    def add(self, expression: str) -> str:
        """Return the alias of an expression."""
        return self.aliases.setdefault(expression, f"m{len(self.aliases)}")


@dataclass(frozen=True, slots=True)
class FigureColumns:
    """The columns of one metric: `outputs` over the inputs, `shape` from their values, `orders` by figure name.

    In `orders` the text `{0}` stands for the first output column and so on.
    """

    outputs: tuple[str, ...]
    shape: Shape
    orders: dict[str, str] = field(default_factory=dict)


def figure_columns(spec: Metric | Percentiles, conditions: Conditions, inputs: Inputs, *, exact: bool) -> FigureColumns:
    """Plan the columns of one metric; with `exact` off, memory stays bounded and the answer is close."""
    found = conditions.field(spec.field)
    if isinstance(spec, Percentiles):
        return _percentiles(spec, found, conditions, inputs, exact=exact)
    if spec.figure is Figure.VALUE_COUNT:
        return _value_count(found, inputs, counts_all=spec.missing is not None)
    if spec.figure is Figure.CARDINALITY:
        return _cardinality(found, inputs, exact=exact, missing=spec.missing, now_ms=conditions.now_ms)
    read = _numbers(found, spec.missing, conditions)
    return _family(spec, found, read, inputs)


def _numbers(found: Field, missing: Scalar | None, conditions: Conditions) -> Values | None:
    literal = None if missing is None else sql.number(_missing(found, missing, conditions))
    read = values.numbers(found)
    if read is None:
        return None if literal is None else Values(literal, nullable=False)
    return read.or_else(literal)


def _missing(found: Field, missing: Scalar, conditions: Conditions) -> float:
    if found.is_date:
        return float(instant_of(missing, now_ms=conditions.now_ms))
    number = numeric(missing)
    if number is None:
        raise SearchInvalid(f"[missing] must be a number for field [{found.name}]")
    return float(number)


def _family(spec: Metric, found: Field, read: Values | None, inputs: Inputs) -> FigureColumns:
    """Plan count, sum, min, max and sum of squares, of which every simple metric is made."""
    if read is None:
        outputs = ("0", "0", "0", "0", "0")
    else:
        alias = inputs.add(read.sql)
        many = "Array" if read.many else ""
        counted = f"sum(length({alias}))" if read.many else f"count({alias})"
        squares = f"sumArray(arrayMap(v -> v * v, {alias}))" if read.many else f"sum({alias} * {alias})"
        outputs = (counted, f"sum{many}({alias})", f"min{many}({alias})", f"max{many}({alias})", squares)
    # What a metric does not answer is not asked for.
    if spec.figure is not Figure.EXTENDED_STATS:
        outputs = (*outputs[:4], "0")
    if spec.figure in {Figure.AVG, Figure.SUM}:
        outputs = (*outputs[:2], "0", "0", "0")

    def shape(row: Sequence[Any]) -> dict[str, object]:
        return _shaped(spec, row, dated=found.is_date)

    average = "if({0} = 0, NULL, {1} / {0})"
    variance = "if({0} = 0, NULL, ({4} - {1} * {1} / {0}) / {0})"
    orders = {
        "count": "{0}",
        "sum": "{1}",
        "min": "if({0} = 0, NULL, {2})",
        "max": "if({0} = 0, NULL, {3})",
        "avg": average,
        "sum_of_squares": "{4}",
        "variance": variance,
        "std_deviation": variance,
    }
    orders |= {"value": orders.get(spec.figure.value, "{1}"), "": orders.get(spec.figure.value, "{1}")}
    return FigureColumns(outputs, shape, orders)


def _shaped(spec: Metric, row: Sequence[Any], *, dated: bool) -> dict[str, object]:
    count = int(row[0])
    total, least, most, squares = (float(cell or 0.0) for cell in row[1:5])
    average = total / count if count else None
    numbers: dict[str, float | None] = {
        "min": least if count else None,
        "max": most if count else None,
        "avg": average,
        "sum": total if count else None,
    }
    if spec.figure in {Figure.AVG, Figure.MIN, Figure.MAX, Figure.SUM}:
        value = total if spec.figure is Figure.SUM else numbers[spec.figure.value]
        answer: dict[str, object] = {"value": value}
        if dated and value is not None:
            answer["value_as_string"] = printed(int(value))
        return answer
    answer = {"count": count, **numbers}
    if dated and count:
        answer |= {
            f"{name}_as_string": printed(int(value)) for name, value in numbers.items() if value and name != "sum"
        }
    if spec.figure is Figure.EXTENDED_STATS:
        variance = max(0.0, (squares - total * total / count) / count) if count else None
        deviation = None if variance is None else variance**0.5
        bounds: dict[str, float | None] = {"upper": None, "lower": None}
        if deviation is not None and average is not None:
            bounds = {"upper": average + spec.sigma * deviation, "lower": average - spec.sigma * deviation}
        answer |= {
            "sum_of_squares": squares if count else None,
            "variance": variance,
            "std_deviation": deviation,
            "std_deviation_bounds": bounds,
        }
    return answer


def _value_count(found: Field, inputs: Inputs, *, counts_all: bool) -> FigureColumns:
    counts = " + ".join(f"length({part.sql})" if part.many else f"toUInt64({part.present})" for part in found.parts)
    if counts_all:
        counts = f"greatest(1, {counts})" if counts else "toUInt64(1)"
    output = f"sum({inputs.add(counts)})" if counts else "0"
    return FigureColumns((output,), lambda row: {"value": int(row[0])}, {"": "{0}", "value": "{0}"})


def _cardinality(
    found: Field,
    inputs: Inputs,
    *,
    exact: bool,
    missing: Scalar | None,
    now_ms: int,
) -> FigureColumns:
    terms = terms_of(found, missing, now_ms)
    output = "0"
    if terms is not None:
        many = "Array" if terms.values.many else ""
        alias = inputs.add(terms.values.sql)
        output = f"uniqExact{many}({alias})" if exact else f"uniqCombined64{many}(17)({alias})"
    return FigureColumns((output,), lambda row: {"value": int(row[0])}, {"": "{0}", "value": "{0}"})


def _percentiles(
    spec: Percentiles,
    found: Field,
    conditions: Conditions,
    inputs: Inputs,
    *,
    exact: bool,
) -> FigureColumns:
    read = _numbers(found, spec.missing, conditions)

    def shape(row: Sequence[Any]) -> dict[str, object]:
        quantiles: list[float | None] = [None] * len(spec.percents)
        if read is not None and int(row[0]):
            quantiles = [None if cell is None else float(cell) for cell in row[1]]
        return _percentile_answer(spec, quantiles, dated=found.is_date)

    if read is None:
        return FigureColumns(("0", "0"), shape, {})
    alias = inputs.add(read.sql)
    levels = ", ".join(repr(percent / 100) for percent in spec.percents)
    function = "quantilesExactInclusive" if exact else "quantiles"
    many = "Array" if read.many else ""
    counted = f"sum(length({alias}))" if read.many else f"count({alias})"
    orders = {
        name: f"{{1}}[{index}]"
        for index, percent in enumerate(spec.percents, start=1)
        for name in (str(percent), f"{percent:g}")
    }
    return FigureColumns((counted, f"{function}{many}({levels})({alias})"), shape, orders)


def _percentile_answer(spec: Percentiles, quantiles: list[float | None], *, dated: bool) -> dict[str, object]:
    pairs = list(zip(spec.percents, quantiles, strict=True))
    if not spec.keyed:
        listed: list[dict[str, object]] = []
        for percent, value in pairs:
            entry: dict[str, object] = {"key": percent, "value": "NaN" if value is None else value}
            if dated and value is not None:
                entry["value_as_string"] = printed(int(value))
            listed.append(entry)
        return {"values": listed}
    keyed: dict[str, object] = {}
    for percent, value in pairs:
        keyed[str(percent)] = "NaN" if value is None else value
        if dated and value is not None:
            keyed[f"{percent}_as_string"] = printed(int(value))
    return {"values": keyed}
