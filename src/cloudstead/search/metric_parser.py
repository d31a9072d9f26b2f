"""From the JSON of metrics to typed ones."""

from collections.abc import Mapping

from cloudstead.search.aggregation import Figure, Metric, PercentileRanks, Percentiles, TopHits
from cloudstead.search.aggregation_options import (
    Options,
    field_of,
    flag_of,
    missing_of,
    number_format_of,
    options_of,
    unknown,
)
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.reading import listed, members, real, whole, word
from cloudstead.search.selection import MAX_RESULT_WINDOW, SourceFilter, parse_sort, parse_source

_DEFAULT_PERCENTS: tuple[float, ...] = (1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0)
_METRIC_KEYS = frozenset({"field", "missing"})
_PERCENTILE_KEYS = frozenset({"field", "keyed", "missing", "format", "compression", "tdigest", "hdr"})
_MOST_NUMBERS = 100
_HITS_KEYS = frozenset(
    [
        "from",
        "size",
        "sort",
        "_source",
        "fields",
        "fielddata_fields",
        "track_scores",
        "version",
        "explain",
        "highlight",
        "highlighter",
        "script_fields",
    ],
)
_COST_KEYS = frozenset({"precision_threshold", "rehash"})


def parse_metric(figure: Figure, name: str, body: object) -> Metric:
    """Read a figure over one field."""
    known = _METRIC_KEYS
    if figure not in {Figure.CARDINALITY, Figure.VALUE_COUNT}:
        known |= {"format"}
    if figure is Figure.EXTENDED_STATS:
        known |= {"sigma"}
    if figure is Figure.CARDINALITY:
        known |= _COST_KEYS  # they trade memory for precision; the answer here is exact or better
    options = options_of(name, body, known)
    sigma = real(options.get("sigma", 2.0), name)
    if sigma < 0:
        raise SearchInvalid(f"[sigma] must not be negative in [{name}]")
    if "precision_threshold" in options:
        whole(options["precision_threshold"], name)
    return Metric(figure, field_of(name, options), missing_of(name, options), sigma, number_format_of(name, options))


def parse_percentiles(name: str, body: object) -> Percentiles:
    """Read percentiles."""
    options = options_of(name, body, _PERCENTILE_KEYS | {"percents"})
    percents = _DEFAULT_PERCENTS
    if "percents" in options:
        percents = _numbers(name, options, "percents")
        if not percents or percents[0] < 0 or percents[-1] > 100:
            raise SearchInvalid(f"[percents] must be one to a hundred numbers between 0 and 100 in [{name}]")
    _check_method(name, options)
    keyed = flag_of(name, options, "keyed", default=True)
    return Percentiles(
        field_of(name, options), percents, keyed, missing_of(name, options), number_format_of(name, options)
    )


def parse_percentile_ranks(name: str, body: object) -> PercentileRanks:
    """Read percentile ranks."""
    options = options_of(name, body, _PERCENTILE_KEYS | {"values"})
    if "values" not in options:
        raise SearchInvalid(f"Missing token values in [{name}].")
    _check_method(name, options)
    return PercentileRanks(
        field_of(name, options),
        _numbers(name, options, "values"),
        flag_of(name, options, "keyed", default=True),
        missing_of(name, options),
        number_format_of(name, options),
    )


def _numbers(name: str, options: Options, key: str) -> tuple[float, ...]:
    """Take a list of numbers, each once and in order."""
    numbers = options[key]
    if not isinstance(numbers, list | tuple):
        raise unknown(name, key, numbers)
    if len(numbers) > _MOST_NUMBERS:
        raise SearchInvalid(f"[{key}] may hold {_MOST_NUMBERS} numbers in [{name}]")
    return tuple(sorted({real(number, name) for number in numbers}))


def _check_method(name: str, options: Options) -> None:
    """Check what trades memory for precision; the answer here is exact or close whatever it says."""
    if "compression" in options:
        real(options["compression"], name)
    for method, setting in (("tdigest", "compression"), ("hdr", "number_of_significant_value_digits")):
        if method not in options:
            continue
        if not isinstance(options[method], Mapping):
            raise unknown(name, method, options[method])
        for key, value in members(options[method], name).items():
            if key != setting:
                raise unknown(name, key, value)
            real(value, name)


def parse_top_hits(name: str, body: object) -> TopHits:
    """Read top hits."""
    options = options_of(name, body, _HITS_KEYS)
    for key in ("highlight", "highlighter"):
        if options.get(key):
            raise SearchInvalid(f"[{key}] in [{name}] is not served")
    if options.get("script_fields"):
        raise unknown(name, "script", options["script_fields"])
    start = whole(options.get("from", 0), name)
    size = whole(options.get("size", 3), name)
    if start + size > MAX_RESULT_WINDOW:
        raise SearchInvalid(f"Result window of [{name}] is too large, from + size must be at most {MAX_RESULT_WINDOW}")
    fields = tuple(word(entry, name) for entry in listed(options["fields"])) if "fields" in options else None
    # Asking for fields leaves the source out unless it is asked for as well.
    source = SourceFilter(wanted=fields is None or "_source" in fields)
    return TopHits(
        start,
        size,
        parse_sort(options["sort"]) if "sort" in options else (),
        parse_source(options["_source"]) if "_source" in options else source,
        flag_of(name, options, "track_scores", default=False),
        fields,
        tuple(word(entry, name) for entry in listed(options.get("fielddata_fields", ()))),
        flag_of(name, options, "version", default=False),
        flag_of(name, options, "explain", default=False),
    )
