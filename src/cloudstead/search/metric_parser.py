"""From the JSON of metrics to typed ones."""

from cloudstead.search.aggregation import Figure, Metric, Percentiles, TopHits
from cloudstead.search.aggregation_options import field_of, flag_of, missing_of, options_of
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.reading import listed, real, whole
from cloudstead.search.selection import MAX_RESULT_WINDOW, SourceFilter, parse_sort, parse_source

_DEFAULT_PERCENTS: tuple[float, ...] = (1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0)
_METRIC_KEYS = frozenset({"field", "missing"})
_COST_KEYS = frozenset({"precision_threshold", "rehash"})


def parse_metric(figure: Figure, name: str, body: object) -> Metric:
    """Read a figure over one field."""
    known = _METRIC_KEYS
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
    return Metric(figure, field_of(name, options), missing_of(name, options), sigma)


def parse_percentiles(name: str, body: object) -> Percentiles:
    """Read percentiles."""
    options = options_of(name, body, frozenset({"field", "percents", "keyed", "missing", "compression"}))
    percents = _DEFAULT_PERCENTS
    if "percents" in options:
        percents = tuple(sorted({real(value, name) for value in listed(options["percents"])}))
        if not percents or len(percents) > 100 or percents[0] < 0 or percents[-1] > 100:
            raise SearchInvalid(f"[percents] must be one to a hundred numbers between 0 and 100 in [{name}]")
    if "compression" in options:
        real(options["compression"], name)
    keyed = flag_of(name, options, "keyed", default=True)
    return Percentiles(field_of(name, options), percents, keyed, missing_of(name, options))


def parse_top_hits(name: str, body: object) -> TopHits:
    """Read top hits."""
    options = options_of(
        name,
        body,
        frozenset({"from", "size", "sort", "_source", "track_scores", "version", "explain"}),
    )
    for key in ("version", "explain"):
        if flag_of(name, options, key, default=False):
            raise SearchInvalid(f"[{key}] in [{name}] is not served")
    start = whole(options.get("from", 0), name)
    size = whole(options.get("size", 3), name)
    if start + size > MAX_RESULT_WINDOW:
        raise SearchInvalid(f"Result window of [{name}] is too large, from + size must be at most {MAX_RESULT_WINDOW}")
    sort = parse_sort(options["sort"]) if "sort" in options else ()
    source = parse_source(options["_source"]) if "_source" in options else SourceFilter()
    return TopHits(start, size, sort, source, flag_of(name, options, "track_scores", default=False))
