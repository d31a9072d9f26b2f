"""From the JSON of histograms to typed ones."""

import math
import re
from collections.abc import Mapping

from cloudstead.search.aggregation import By, DateHistogramBuckets, HistogramBuckets, Order
from cloudstead.search.aggregation_options import (
    Options,
    field_of,
    flag_of,
    format_of,
    missing_of,
    number_format_of,
    options_of,
    unknown,
    zone_option,
)
from cloudstead.search.errors import SearchInvalid, crossed_bounds
from cloudstead.search.reading import Scalar, members, real, scalar, spelled, token, truth, whole
from cloudstead.search.rounding import CalendarRounding, CalendarUnit, FixedRounding, Rounding
from cloudstead.search.value_paths import parse_path
from cloudstead.search.zones import UTC_ZONE, Zone

_CALENDAR = {
    word_: unit
    for unit, words in (
        (CalendarUnit.YEAR, "year 1y"),
        (CalendarUnit.QUARTER, "quarter 1q"),
        (CalendarUnit.MONTH, "month 1M"),
        (CalendarUnit.WEEK, "week 1w"),
        (CalendarUnit.DAY, "day 1d"),
        (CalendarUnit.HOUR, "hour 1h"),
        (CalendarUnit.MINUTE, "minute 1m"),
        (CalendarUnit.SECOND, "second 1s"),
    )
    for word_ in words.split()
}
_LENGTH = re.compile(r"([+-]?)(\d{1,18}(?:\.\d{1,9})?)\s*(ms|s|m|h|d|w)$", re.IGNORECASE)
_LENGTHS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_LONGEST_MS = 36_525 * 86_400_000  # a hundred years
_AVERAGES_MS = {
    CalendarUnit.SECOND: 1_000,
    CalendarUnit.MINUTE: 60_000,
    CalendarUnit.HOUR: 3_600_000,
    CalendarUnit.DAY: 86_400_000,
    CalendarUnit.WEEK: 604_800_000,
    CalendarUnit.MONTH: 2_629_746_000,
    CalendarUnit.QUARTER: 7_889_238_000,
    CalendarUnit.YEAR: 31_556_952_000,
}
_SHORTEST = 1e-9  # of a histogram of numbers


def parse_histogram(name: str, body: object) -> HistogramBuckets:
    """Read a histogram of numbers."""
    known = "field interval offset order keyed min_doc_count extended_bounds missing format"
    options = options_of(name, body, frozenset(known.split()))
    interval = real(options["interval"], name) if "interval" in options else 0.0
    if interval < _SHORTEST:
        raise SearchInvalid(f"Missing required field [interval] for histogram aggregation [{name}]")
    bounds = _bounds(name, options.get("extended_bounds"))
    low, high = (None if bound is None else real(bound, name) for bound in bounds or (None, None))
    if low is not None and high is not None and low > high:
        raise crossed_bounds(name, spelled(low), spelled(high))
    offset = real(options.get("offset", 0), name)
    return HistogramBuckets(
        field_of(name, options),
        interval,
        math.fmod(offset, interval),
        _order(name, options, ("_key",)),
        flag_of(name, options, "keyed", default=False),
        whole(options.get("min_doc_count", 0), name),
        (low, high) if bounds else None,
        missing_of(name, options),
        number_format_of(name, options),
    )


_DATE_HISTOGRAM_KEYS = frozenset(
    [
        "field",
        "interval",
        "time_zone",
        "offset",
        "format",
        "keyed",
        "min_doc_count",
        "order",
        "extended_bounds",
        "missing",
        "pre_zone",
        "post_zone",
        "pre_zone_adjust_large_interval",
        "pre_offset",
        "post_offset",
    ],
)


def parse_date_histogram(name: str, body: object) -> DateHistogramBuckets:
    """Read a histogram of instants."""
    options = options_of(name, body, _DATE_HISTOGRAM_KEYS)
    interval = options.get("interval")
    if interval is None:
        raise SearchInvalid(f"Missing required field [interval] for histogram aggregation [{name}]")
    if not isinstance(interval, str):
        raise unknown(name, "interval", interval)
    zone = zone_option(name, options, "time_zone") or zone_option(name, options, "pre_zone") or UTC_ZONE
    if "pre_zone_adjust_large_interval" in options:
        # It made the keys of day and longer intervals UTC; keys are UTC here whatever it says.
        truth(options["pre_zone_adjust_large_interval"], name)
    offset = sum(_offset(name, key, options[key]) for key in ("offset", "pre_offset") if key in options)
    return DateHistogramBuckets(
        field_of(name, options),
        _rounding(interval, zone, offset),
        _order(name, options, ("_key", "_time")),
        flag_of(name, options, "keyed", default=False),
        whole(options.get("min_doc_count", 0), name),
        zone,
        zone_option(name, options, "post_zone") or UTC_ZONE,
        format_of(name, options),
        _bounds(name, options.get("extended_bounds")),
        missing_of(name, options),
    )


def _rounding(interval: str, zone: Zone, offset: int) -> Rounding:
    unit = _CALENDAR.get(interval)
    if unit is not None:
        return CalendarRounding(unit, zone, offset)
    length = length_ms("DateHistogramParser.interval", interval)
    if length < 1:
        raise SearchInvalid("Zero or negative time interval not supported")
    return FixedRounding(length, zone, offset)


def _offset(name: str, key: str, value: object) -> int:
    if not isinstance(value, str):
        raise unknown(name, key, value)
    return length_ms("DateHistogramParser.parseOffset", value)


def unit_ms(setting: str, written: str) -> int:
    """Read a unit of time, on average where it varies, or a length of time, as milliseconds."""
    unit = _CALENDAR.get(written)
    return length_ms(setting, written) if unit is None else _AVERAGES_MS[unit]


def length_ms(setting: str, written: str) -> int:
    """Read a length of time such as `90m`, `1.5h` or `-1d`, up to a hundred years."""
    match = _LENGTH.match(written.strip())
    if match is None:
        raise SearchInvalid(
            f"failed to parse setting [{setting}] with value [{written[:40]}] as a time value: unit is missing or"
            " unrecognized",
        )
    sign, amount, unit = match.groups()
    length = int(float(amount) * _LENGTHS[unit.lower()])
    if length > _LONGEST_MS:
        raise SearchInvalid(f"the time value [{written[:40]}] is longer than a hundred years")
    return -length if sign == "-" else length


def _bounds(name: str, body: object) -> tuple[Scalar | None, Scalar | None] | None:
    if body is None:
        return None
    ends: dict[str, Scalar | None] = {"min": None, "max": None}
    for key, value in members(body, name).items():
        if key not in ends:
            raise SearchInvalid(f"Unknown extended_bounds key for a {token(value)} in aggregation [{name}]: [{key}].")
        ends[key] = None if value is None else scalar(value, name)
    return None if ends["min"] is None and ends["max"] is None else (ends["min"], ends["max"])


def _order(name: str, options: Options, key_words: tuple[str, ...]) -> Order:
    """Read an order; without one buckets come by key, and of several members the last counts."""
    if "order" not in options:
        return Order(By.KEY, ascending=True)
    body = options["order"]
    if not isinstance(body, Mapping):
        raise unknown(name, "order", body)
    order = Order(By.KEY, ascending=True)
    for path, direction in members(body, name).items():
        if direction not in {"asc", "desc"}:
            written = direction if isinstance(direction, str) else token(direction)
            raise SearchInvalid(
                f"Unknown order direction in aggregation [{name}]: [{written[:80]}]. Should be either [asc] or [desc]",
            )
        ascending = direction == "asc"
        if path in key_words:
            order = Order(By.KEY, ascending)
        elif path == "_count":
            order = Order(By.COUNT, ascending)
        else:
            order = Order(By.METRIC, ascending, parse_path(path))
    return order
