"""Dates as Elasticsearch 2 reads them: ISO text, milliseconds, date math and Joda patterns."""

import functools
import re
from datetime import datetime

from cloudstead.search.date_formats import DEFAULT_FORMAT, named, tokens
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.reading import Scalar, spelled
from cloudstead.search.rounding import CalendarUnit, add_units, floor_to_unit
from cloudstead.search.zones import UTC_ZONE, Zone, zone_named

_ISO = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?"
    r"(?:T(?:(\d{2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$",
)
_MILLIS = re.compile(r"-?\d{1,17}$")
_MATH = re.compile(r"(?:[+-]\d*[yMwdhHms]|/[yMwdhHms])")
_MAX_STEP = 10_000_000
_ISO_FORMATS = frozenset(
    {"dateOptionalTime", "date_optional_time", "strictDateOptionalTime", "strict_date_optional_time"},
)
_MATH_UNITS = {
    "y": CalendarUnit.YEAR,
    "M": CalendarUnit.MONTH,
    "w": CalendarUnit.WEEK,
    "d": CalendarUnit.DAY,
    "h": CalendarUnit.HOUR,
    "H": CalendarUnit.HOUR,
    "m": CalendarUnit.MINUTE,
    "s": CalendarUnit.SECOND,
}


def looks_like_date(text: str) -> bool:
    """Tell whether a text can be meant as a date: ISO with at least a full day, or date math."""
    base, _, _ = text.partition("||")
    return text.startswith("now") or (len(base) >= 10 and _ISO.match(base) is not None)


def instant_of(
    value: Scalar,
    *,
    now_ms: int,
    zone: Zone = UTC_ZONE,
    written: str | None = None,
    round_up: bool = False,
) -> int:
    """Read a date as milliseconds.

    `round_up` makes a rounding step of date math, and the time of day that an ISO text leaves out, end at the last
    millisecond of its unit, as `gt` and `lte` of a range need it; a month or day left out is the first, as in
    Elasticsearch 2. Numbers are milliseconds whatever the format.
    """
    if isinstance(value, bool):
        raise SearchInvalid(f"failed to parse date field [{spelled(value)}] with format [{written or DEFAULT_FORMAT}]")
    if isinstance(value, int | float):
        return _bounded(int(value), spelled(value))
    text = value.strip()
    if text.startswith("now"):
        return _math(now_ms, text[3:], text, zone=zone, round_up=round_up)
    base, separator, steps = text.partition("||")
    instant = _written(base, zone=zone, written=written or DEFAULT_FORMAT, round_up=round_up and not separator)
    return _math(instant, steps, text, zone=zone, round_up=round_up) if separator else instant


def _bounded(instant: int, text: str) -> int:
    if not -62_000_000_000_000 <= instant <= 253_000_000_000_000:
        raise SearchInvalid(f"the date [{text[:80]}] is out of range")
    return instant


def _math(instant: int, steps: str, text: str, *, zone: Zone, round_up: bool) -> int:
    position = 0
    while position < len(steps):
        step = _MATH.match(steps, position)
        if step is None:
            raise SearchInvalid(f"operator not supported for date math [{text[:80]}]")
        position = step.end()
        sign, unit = step[0][0], _MATH_UNITS[step[0][-1]]
        if sign == "/":
            floor = floor_to_unit(instant, unit, zone)
            instant = add_units(floor, unit, 1, zone) - 1 if round_up else floor
        else:
            amount = int(step[0][1:-1][:12] or "1")
            if amount > _MAX_STEP:
                raise SearchInvalid(f"the date [{text[:80]}] is out of range")
            instant = add_units(instant, unit, amount if sign == "+" else -amount, zone)
    return _bounded(instant, text)


def _written(text: str, *, zone: Zone, written: str, round_up: bool) -> int:
    for choice in written.split("||"):
        if choice == "epoch_millis":
            found = _bounded(int(text), text) if _MILLIS.match(text) else None
        elif choice == "epoch_second":
            found = _bounded(int(text) * 1000, text) if _MILLIS.match(text) else None
        elif choice in _ISO_FORMATS:
            found = _iso(text, zone, round_up=round_up)
        else:
            found = _pattern_parsed(text, named(choice) or choice, zone)
        if found is not None:
            return found
    raise SearchInvalid(f"failed to parse date field [{text[:80]}] with format [{written[:120]}]")


def _iso(text: str, zone: Zone, *, round_up: bool) -> int | None:
    match = _ISO.match(text)
    if match is None:
        return None
    *numbers, fraction, shift = match.groups()
    year, month, day, hour, minute, second = (int(part) if part else None for part in numbers)
    try:
        wall = datetime(year or 1, month or 1, day or 1, hour or 0, minute or 0, second or 0)  # noqa: DTZ001 (the zone follows)
    except ValueError:
        return None
    missing = next(
        (
            unit
            for part, unit in (
                (hour, CalendarUnit.DAY),
                (minute, CalendarUnit.HOUR),
                (second, CalendarUnit.MINUTE),
                (fraction, CalendarUnit.SECOND),
            )
            if part is None
        ),
        None,
    )
    place = zone_named(shift) if shift else zone
    instant = place.instant_ms(wall)
    if fraction:
        instant += int(fraction[:3].ljust(3, "0"))
    if round_up and missing is not None:
        return add_units(instant, missing, 1, place) - 1
    return instant


_READ = {
    "y": r"(?P<y>\d{4})",
    "Y": r"(?P<y>\d{4})",
    "M": r"(?P<M>\d{1,2})",
    "d": r"(?P<d>\d{1,2})",
    "H": r"(?P<H>\d{1,2})",
    "m": r"(?P<m>\d{1,2})",
    "s": r"(?P<s>\d{1,2})",
    "S": r"(?P<S>\d{1,9})",
    "Z": r"(?P<Z>Z|[+-]\d{2}:?\d{2})",
}


@functools.lru_cache(maxsize=256)
def _reader(pattern: str) -> re.Pattern[str] | None:
    parts: list[str] = []
    seen: set[str] = set()
    for letter, count in tokens(pattern):
        if not count:
            parts.append(re.escape(letter))
            continue
        key = "y" if letter == "Y" else letter
        if letter not in _READ or key in seen or (letter == "M" and count > 2):
            return None
        seen.add(key)
        digits = f"{{{count}}}"
        fixed = count > 1 and letter in "MdHms"
        parts.append(_READ[letter].replace("{1,2}", digits) if fixed else _READ[letter])
    return re.compile("".join(parts) + "$")


def _pattern_parsed(text: str, pattern: str, zone: Zone) -> int | None:
    reader = _reader(pattern)
    if reader is None:
        raise SearchInvalid(f"dates cannot be read in the format [{pattern[:80]}]")
    match = reader.match(text)
    if match is None:
        return None
    parts = match.groupdict()
    try:
        wall = datetime(  # noqa: DTZ001 (the zone follows)
            int(parts.get("y") or 1970),
            int(parts.get("M") or 1),
            int(parts.get("d") or 1),
            int(parts.get("H") or 0),
            int(parts.get("m") or 0),
            int(parts.get("s") or 0),
        )
    except ValueError:
        return None
    place = zone_named(parts["Z"]) if parts.get("Z") else zone
    return place.instant_ms(wall) + int((parts.get("S") or "0")[:3].ljust(3, "0"))
