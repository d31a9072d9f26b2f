"""Metrics: which columns a statement must bring for one, and the shape of its answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloudstead.search import sql, values
from cloudstead.search.aggregation import Figure, Metric, PercentileRanks, Percentiles
from cloudstead.search.conditions import Conditions
from cloudstead.search.dates import instant_of
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.fields import Field
from cloudstead.search.reading import Scalar, numeric
from cloudstead.search.terms import terms_of
from cloudstead.search.value_texts import spelled_double, texts_of
from cloudstead.search.values import Values

# Up to so many documents percentiles and cardinalities are exact; above it memory would grow with the documents.
EXACT_DOCUMENTS = 1_000_000

Shape = Callable[[Sequence[Any]], dict[str, object]]
Text = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The expressions that a statement reads per document, each under one alias however often it is used.

    With a condition, documents for which it does not hold give nothing.
    """

    aliases: dict[str, str] = field(default_factory=dict)
    condition: str = "1"

    def add(self, expression: str, nothing: str = "NULL") -> str:
        """Return the alias of an expression."""
        if self.condition != "1":
            expression = f"if({self.condition}, {expression}, {nothing})"
        return self.aliases.setdefault(expression, f"m{len(self.aliases)}")

    def read(self, read: Values) -> str:
        """Return the alias of the values of a field."""
        return self.add(read.sql, "[]" if read.many else "NULL")

    def within(self, condition: str) -> "Inputs":
        """Return the same inputs for those documents alone for which a condition holds as well."""
        return Inputs(self.aliases, sql.all_of([self.condition, condition]))


@dataclass(frozen=True, slots=True)
class FigureColumns:
    """The columns of one metric: `outputs` over the inputs, `shape` from their values, `orders` by figure name.

    In `orders` the text `{0}` stands for the first output column and so on.
    """

    outputs: tuple[str, ...]
    shape: Shape
    orders: dict[str, str] = field(default_factory=dict)


def counted_column(inputs: Inputs) -> FigureColumns:
    """Plan the count of the documents for which the condition of the inputs holds."""
    output = f"sum({inputs.add('1', '0')})"
    return FigureColumns((output,), lambda row: {"doc_count": int(row[0])}, {"": "{0}", "doc_count": "{0}"})


def figure_columns(
    spec: Metric | Percentiles | PercentileRanks,
    conditions: Conditions,
    inputs: Inputs,
    *,
    exact: bool,
) -> FigureColumns:
    """Plan the columns of one metric; with `exact` off, memory stays bounded and the answer is close."""
    found = conditions.field(spec.field)
    if isinstance(spec, Percentiles):
        return _percentiles(spec, found, conditions, inputs, exact=exact)
    if isinstance(spec, PercentileRanks):
        return _ranks(spec, found, conditions, inputs)
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
    text = texts_of(found, spec.format)
    if read is None:
        outputs = ("0", "0", "0", "0", "0")
    else:
        alias = inputs.read(read)
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
        return _shaped(spec, row, text)

    average = "if({0} = 0, NULL, {1} / {0})"
    variance = "if({0} = 0, NULL, greatest(0, ({4} - {1} * {1} / {0}) / {0}))"
    deviation = f"sqrt({variance})"
    spread = f"{sql.number(spec.sigma)} * {deviation}"
    orders = {
        "count": "{0}",
        "sum": "ifNull({1}, 0)",  # the sum of nothing is nothing, and stands among the others
        "min": "if({0} = 0, NULL, {2})",
        "max": "if({0} = 0, NULL, {3})",
        "avg": average,
        "sum_of_squares": "{4}",
        "variance": variance,
        "std_deviation": deviation,
        "std_upper": f"{average} + {spread}",
        "std_lower": f"{average} - {spread}",
    }
    orders |= {"value": orders.get(spec.figure.value, "{1}"), "": orders.get(spec.figure.value, "{1}")}
    return FigureColumns(outputs, shape, orders)


def _shaped(spec: Metric, row: Sequence[Any], text: Text | None) -> dict[str, object]:
    count = int(row[0])
    total, least, most, squares = (float(cell or 0.0) for cell in row[1:5])
    if spec.figure in {Figure.AVG, Figure.MIN, Figure.MAX, Figure.SUM}:
        value: float | None = total
        if spec.figure is not Figure.SUM:
            several = {Figure.AVG: total / count, Figure.MIN: least, Figure.MAX: most} if count else {}
            value = several.get(spec.figure)
        return one_value(value, text)
    answer = stats(count, total, least, most, text)
    if spec.figure is Figure.EXTENDED_STATS:
        answer |= spread(count, total, squares, spec.sigma, text)
    return answer


def one_value(value: float | None, text: Text | None) -> dict[str, object]:
    """Answer with one number, and with its text if it has one."""
    if value is None or text is None:
        return {"value": value}
    return {"value": value, "value_as_string": text(value)}


def stats(count: int, total: float, least: float, most: float, text: Text | None) -> dict[str, object]:
    """Answer with the simple figures of some values."""
    if not count:
        return {"count": 0, "min": None, "max": None, "avg": None, "sum": None}
    numbers = {"min": least, "max": most, "avg": total / count, "sum": total}
    return {"count": count, **numbers, **_as_strings(numbers, text)}


def spread(count: int, total: float, squares: float, sigma: float, text: Text | None) -> dict[str, object]:
    """Answer with how far some values lie from their average; the variance is that of the whole population."""
    if not count:
        bounds: dict[str, float | None] = {"upper": None, "lower": None}
        absent = dict.fromkeys(("sum_of_squares", "variance", "std_deviation"))
        return {**absent, "std_deviation_bounds": bounds}
    average = total / count
    variance = max(0.0, (squares - total * total / count) / count)
    deviation = variance**0.5
    numbers = {"sum_of_squares": squares, "variance": variance, "std_deviation": deviation}
    ends = {"upper": average + sigma * deviation, "lower": average - sigma * deviation}
    answer: dict[str, object] = {**numbers, "std_deviation_bounds": ends, **_as_strings(numbers, text)}
    if text is not None:
        answer["std_deviation_bounds_as_string"] = {name: text(value) for name, value in ends.items()}
    return answer


def _as_strings(numbers: Mapping[str, float], text: Text | None) -> dict[str, str]:
    return {} if text is None else {f"{name}_as_string": text(value) for name, value in numbers.items()}


def _value_count(found: Field, inputs: Inputs, *, counts_all: bool) -> FigureColumns:
    counts = " + ".join(f"length({part.sql})" if part.many else f"toUInt64({part.present})" for part in found.parts)
    if counts_all:
        counts = f"greatest(1, {counts})" if counts else "toUInt64(1)"
    output = f"sum({inputs.add(counts, '0')})" if counts else "0"
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
        alias = inputs.read(terms.values)
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
    text = texts_of(found, spec.format)

    def shape(row: Sequence[Any]) -> dict[str, object]:
        quantiles: list[float | None] = [None] * len(spec.percents)
        if read is not None and int(row[0]):
            quantiles = [None if cell is None else float(cell) for cell in row[1]]
        return keyed_values(spec.percents, quantiles, text, keyed=spec.keyed)

    if read is None:
        return FigureColumns(("0", "0"), shape, dict.fromkeys(map(str, spec.percents), "NULL"))
    alias = inputs.read(read)
    levels = ", ".join(repr(percent / 100) for percent in spec.percents)
    function = "quantilesExactInclusive" if exact else "quantiles"
    many = "Array" if read.many else ""
    counted = f"sum(length({alias}))" if read.many else f"count({alias})"
    orders = {str(percent): f"{{1}}[{index}]" for index, percent in enumerate(spec.percents, start=1)}
    return FigureColumns((counted, f"{function}{many}({levels})({alias})"), shape, orders)


def _ranks(spec: PercentileRanks, found: Field, conditions: Conditions, inputs: Inputs) -> FigureColumns:
    """Plan how many percent of the values lie at or below the given ones."""
    read = _numbers(found, spec.missing, conditions)
    # The text of a rank is that of a percentage, so that the dates of a field do not write it.
    text = None if found.is_date else texts_of(found, spec.format)

    def shape(row: Sequence[Any]) -> dict[str, object]:
        count = int(row[0])
        ranks = [100.0 * int(cell) / count if count else None for cell in row[1:]]
        return keyed_values(spec.values, ranks, text, keyed=spec.keyed)

    if read is None:
        outputs = ("0",) * (1 + len(spec.values))
    else:
        alias = inputs.read(read)
        below = [f"v <= {sql.number(value)}" for value in spec.values]
        if read.many:
            counts = [f"sum(arrayCount(v -> {condition}, {alias}))" for condition in below]
            outputs = (f"sum(length({alias}))", *counts)
        else:
            outputs = (f"count({alias})", *(f"countIf({alias} {condition[2:]})" for condition in below))
    rank = "if({{0}} = 0, NULL, 100 * {{{}}} / {{0}})"
    orders = {str(value): rank.format(place) for place, value in enumerate(spec.values, start=1)}
    return FigureColumns(outputs, shape, orders)


def keyed_values(
    keys: Sequence[float],
    numbers: Sequence[float | None],
    text: Text | None,
    *,
    keyed: bool,
) -> dict[str, object]:
    """Answer with a number for each key, as an object or as a list; what has none is `NaN`."""
    named: dict[str, object] = {}
    entries: list[dict[str, object]] = []
    for key, number in zip(keys, numbers, strict=True):
        value: object = "NaN" if number is None else number
        entry = {"key": key, "value": value}
        named[spelled_double(key)] = value
        if text is not None and number is not None:
            named[f"{spelled_double(key)}_as_string"] = entry["value_as_string"] = text(number)
        entries.append(entry)
    return {"values": named if keyed else entries}
