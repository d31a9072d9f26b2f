"""Date formats as Elasticsearch 2 knows them: its named ones, Joda patterns, and what they print."""

import functools
import re
from collections.abc import Callable
from datetime import datetime, timedelta

from cloudstead.search.errors import SearchInvalid
from cloudstead.search.zones import UTC_ZONE, Zone

DEFAULT_FORMAT = "strict_date_optional_time||epoch_millis"
MAX_LENGTH = 200

_DAY_MS = 86_400_000
_CYCLE_YEARS = 400  # after which the calendar repeats itself to the weekday
_CYCLE_MS = 146_097 * _DAY_MS
_LEAST_MS = -62_000_000_000_000  # in the year 5
_MOST_MS = 253_000_000_000_000  # in the year 9987
_LARGEST_MS = 2**63 - 1

_DATE = "yyyy-MM-dd"
_TIME = "HH:mm:ss"
ISO = f"{_DATE}'T'{_TIME}.SSSZZ"
_NAMED = {
    "date": _DATE,
    "year_month_day": _DATE,
    "date_time": ISO,
    "date_optional_time": ISO,
    "date_time_no_millis": f"{_DATE}'T'{_TIME}ZZ",
    "date_hour": f"{_DATE}'T'HH",
    "date_hour_minute": f"{_DATE}'T'HH:mm",
    "date_hour_minute_second": f"{_DATE}'T'{_TIME}",
    "date_hour_minute_second_millis": f"{_DATE}'T'{_TIME}.SSS",
    "date_hour_minute_second_fraction": f"{_DATE}'T'{_TIME}.SSS",
    "basic_date": "yyyyMMdd",
    "basic_date_time": "yyyyMMdd'T'HHmmss.SSSZ",
    "basic_date_time_no_millis": "yyyyMMdd'T'HHmmssZ",
    "basic_ordinal_date": "yyyyDDD",
    "basic_ordinal_date_time": "yyyyDDD'T'HHmmss.SSSZ",
    "basic_ordinal_date_time_no_millis": "yyyyDDD'T'HHmmssZ",
    "basic_time": "HHmmss.SSSZ",
    "basic_time_no_millis": "HHmmssZ",
    "basic_t_time": "'T'HHmmss.SSSZ",
    "basic_t_time_no_millis": "'T'HHmmssZ",
    "basic_week_date": "xxxx'W'wwe",
    "basic_week_date_time": "xxxx'W'wwe'T'HHmmss.SSSZ",
    "basic_week_date_time_no_millis": "xxxx'W'wwe'T'HHmmssZ",
    "hour": "HH",
    "hour_minute": "HH:mm",
    "hour_minute_second": _TIME,
    "hour_minute_second_millis": f"{_TIME}.SSS",
    "hour_minute_second_fraction": f"{_TIME}.SSS",
    "ordinal_date": "yyyy-DDD",
    "ordinal_date_time": f"yyyy-DDD'T'{_TIME}.SSSZZ",
    "ordinal_date_time_no_millis": f"yyyy-DDD'T'{_TIME}ZZ",
    "time": f"{_TIME}.SSSZZ",
    "time_no_millis": f"{_TIME}ZZ",
    "t_time": f"'T'{_TIME}.SSSZZ",
    "t_time_no_millis": f"'T'{_TIME}ZZ",
    "week_date": "xxxx-'W'ww-e",
    "week_date_time": f"xxxx-'W'ww-e'T'{_TIME}.SSSZZ",
    "week_date_time_no_millis": f"xxxx-'W'ww-e'T'{_TIME}ZZ",
    "weekyear": "xxxx",
    "weekyear_week": "xxxx-'W'ww",
    "weekyear_week_day": "xxxx-'W'ww-e",
    "year": "yyyy",
    "year_month": "yyyy-MM",
}
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_QUOTED = re.compile(r"'((?:[^']|'')*)'")
_LETTERS = frozenset("GCYyxwedDEaMKhHkmsSzZ")


def named(choice: str) -> str | None:
    """Return the pattern of a format that has a name; `strict_` and camel case are spellings of it."""
    plain = re.sub(r"(?<=[a-z])[A-Z]", lambda match: "_" + match[0].lower(), choice)
    return _NAMED.get(plain.removeprefix("strict_"))


@functools.lru_cache(maxsize=256)
def tokens(pattern: str) -> tuple[tuple[str, int], ...]:
    """Split a Joda pattern into letters and how often they stand; literal text comes with 0."""
    found: list[tuple[str, int]] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "'":
            quoted = _QUOTED.match(pattern, position)
            if quoted is None:
                raise SearchInvalid(f"Invalid format: [{pattern[:80]}]: unterminated quote")
            found.append((quoted[1].replace("''", "'") or "'", 0))
            position = quoted.end()
        elif char.isascii() and char.isalpha():
            end = position
            while end < len(pattern) and pattern[end] == char:
                end += 1
            if char not in _LETTERS:
                raise SearchInvalid(f"Invalid format: [{pattern[:80]}]: Illegal pattern component: {char}")
            found.append((char, end - position))
            position = end
        else:
            found.append((char, 0))
            position += 1
    return tuple(found)


def check_format(written: str) -> str:
    """Refuse a format that could not be printed; return it."""
    if len(written) > MAX_LENGTH:
        raise SearchInvalid(f"Invalid format: longer than {MAX_LENGTH} characters")
    for choice in written.split("||"):
        if choice not in {"epoch_millis", "epoch_second"}:
            tokens(named(choice) or choice)
    return written


def printed(instant_ms: int, *, zone: Zone = UTC_ZONE, written: str | None = None) -> str:
    """Print an instant in a zone; the first of several formats prints. Any instant of 64 bits has a text."""
    choice = (written or "date_time").partition("||")[0]
    if choice == "epoch_millis":
        return str(instant_ms)
    if choice == "epoch_second":
        return str(instant_ms // 1000)
    bounded = min(max(instant_ms, -_LARGEST_MS), _LARGEST_MS)
    cycles = 0
    if not _LEAST_MS <= bounded <= _MOST_MS:
        # Sums of instants lie far outside of the years that Python counts, and are printed all the same.
        cycles = (bounded - _LEAST_MS) // _CYCLE_MS
    pattern = named(choice)
    wall = zone.local(bounded - cycles * _CYCLE_MS)
    letters = _Letters(wall, zone, cycles * _CYCLE_YEARS, is_iso=pattern is not None)
    return "".join(letters.text(letter, count) if count else letter for letter, count in tokens(pattern or choice))


class _Letters:
    """The letters of a pattern at one reading of the wall clock."""

    def __init__(self, wall: datetime, zone: Zone, later_years: int, *, is_iso: bool) -> None:
        self._wall = wall
        self._zone = zone
        self._later_years = later_years
        self._is_iso = is_iso

    def text(self, letter: str, count: int) -> str:
        """Print one letter that stands so often."""
        wall = self._wall
        match letter:
            case "y" | "Y":
                return self._year(wall.year, count)
            case "x":
                return self._year(wall.isocalendar().year, count)
            case "G":
                return "AD" if wall.year + self._later_years > 0 else "BC"
            case "C":
                return str((wall.year + self._later_years) // 100).zfill(count)
            case "M":
                return _name(_MONTHS, wall.month - 1, count) if count > 2 else str(wall.month).zfill(count)
            case "E":
                return _name(_DAYS, wall.weekday(), count)
            case "a":
                return "AM" if wall.hour < 12 else "PM"
            case "S":
                return f"{wall.microsecond // 1000:03}".ljust(count, "0")[:count]
            case "z":
                return self._zone_name(count)
            case "Z":
                return self._zone.name if count > 2 else self._shift(count)
            case _:
                return str(_COUNTED[letter](wall)).zfill(count)

    def _year(self, year: int, count: int) -> str:
        later = year + self._later_years
        return f"{later % 100:02}" if count == 2 else str(later).zfill(count)

    def _zone_name(self, count: int) -> str:
        return self._zone.name if self._zone.fixed or count > 3 else self._wall.tzname() or self._zone.name

    def _shift(self, count: int) -> str:
        minutes = round((self._wall.utcoffset() or timedelta()).total_seconds() / 60)
        if self._is_iso and minutes == 0:
            return "Z"
        sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
        return f"{sign}{minutes // 60:02}{':' if count == 2 else ''}{minutes % 60:02}"


def _name(names: list[str], index: int, count: int) -> str:
    return names[index] if count > 3 else names[index][:3]


_COUNTED: dict[str, Callable[[datetime], int]] = {
    "w": lambda wall: wall.isocalendar().week,
    "e": lambda wall: wall.isoweekday(),
    "d": lambda wall: wall.day,
    "D": lambda wall: wall.timetuple().tm_yday,
    "H": lambda wall: wall.hour,
    "k": lambda wall: wall.hour or 24,
    "K": lambda wall: wall.hour % 12,
    "h": lambda wall: wall.hour % 12 or 12,
    "m": lambda wall: wall.minute,
    "s": lambda wall: wall.second,
}
