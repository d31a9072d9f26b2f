"""Time zones as searches name them, and when their clocks change."""

import functools
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cloudstead.search.errors import SearchInvalid

DAY_MS = 86_400_000
# Clock changes are looked up between these instants only: zones have no others that observations could meet.
EARLIEST_MS = 0
LATEST_MS = 4_102_444_800_000  # 2100-01-01

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MIN_MS = -62_135_596_800_000  # 0001-01-01
_MAX_MS = 253_402_300_799_999  # 9999-12-31
_OFFSET = re.compile(r"([+-])(\d{1,2})(?::?(\d{2}))?$")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]*(?:/[A-Za-z0-9_+\-]+)*$")


class Zone:
    """A time zone; equal by its name, `fixed` when its clock never changes."""

    __slots__ = ("_tz", "fixed", "name")

    def __init__(self, name: str, tz: tzinfo, *, fixed: bool) -> None:
        self.name = name
        self.fixed = fixed
        self._tz = tz

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Zone) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Zone({self.name!r})"

    def local(self, instant_ms: int) -> datetime:
        """Return the wall clock at an instant; instants beyond the years 1 to 9999 are refused."""
        if not _MIN_MS + DAY_MS <= instant_ms <= _MAX_MS - DAY_MS:
            raise SearchInvalid(f"the time [{instant_ms}] is out of range")
        return (_EPOCH + timedelta(milliseconds=instant_ms)).astimezone(self._tz)

    def offset_ms(self, instant_ms: int) -> int:
        """Return how far the wall clock is ahead of UTC at an instant."""
        bounded = min(max(instant_ms, _MIN_MS + DAY_MS), _MAX_MS - DAY_MS)
        offset = self.local(bounded).utcoffset()
        return 0 if offset is None else round(offset.total_seconds() * 1000)

    def instant_ms(self, wall: datetime) -> int:
        """Return the instant of a wall clock reading; one that a change skips counts as the moment of the change.

        A reading that happens twice is taken the first time.
        """
        aware = wall.replace(tzinfo=self._tz, fold=0)
        try:
            instant = aware.astimezone(UTC)
        except OverflowError:
            raise SearchInvalid(f"the time [{wall.isoformat()}] is out of range") from None
        found = (instant - _EPOCH) // timedelta(milliseconds=1)
        if self.fixed or self.local(found).replace(tzinfo=None) == wall:
            return found
        return next(iter(self.changes(found - DAY_MS, found + DAY_MS)), found)

    def changes(self, start_ms: int, end_ms: int) -> Iterator[int]:
        """Yield the first instants of each new offset in `start < change <= end`, in order."""
        if self.fixed:
            return
        start = max(start_ms, EARLIEST_MS)
        end = min(end_ms, LATEST_MS)
        if start >= end:
            return
        for year in range(self.local(start).year - 1, self.local(end).year + 2):
            for change in _changes_of_year(self.name, year):
                if start < change <= end:
                    yield change


UTC_ZONE = Zone("UTC", UTC, fixed=True)


@functools.lru_cache(maxsize=4096)
def _changes_of_year(name: str, year: int) -> tuple[int, ...]:
    """Find the clock changes of one UTC year: no zone has changed twice within a day."""
    zone = zone_named(name)
    cursor = (datetime(year, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
    end = (datetime(year + 1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
    found: list[int] = []
    offset = zone.offset_ms(cursor)
    while cursor < end:
        following = cursor + DAY_MS
        if zone.offset_ms(following) != offset:
            low, high = cursor, following
            while high - low > 1:
                middle = (low + high) // 2
                if zone.offset_ms(middle) == offset:
                    low = middle
                else:
                    high = middle
            found.append(high)
            offset = zone.offset_ms(following)
        cursor = following
    return tuple(found)


@functools.lru_cache(maxsize=1024)
def zone_named(name: str) -> Zone:
    """Find a zone by what a search may write: `Z`, `UTC`, `+01:00`, `-5`, `Europe/Oslo`."""
    if name in {"Z", "UTC", "GMT", "Etc/UTC"}:
        return UTC_ZONE
    shift = _OFFSET.match(name)
    if shift:
        sign, hours, minutes = shift.groups()
        total = int(hours) * 60 + int(minutes or 0)
        if int(hours) > 23 or int(minutes or 0) > 59:
            raise SearchInvalid(f"The datetime zone id '{name}' is not recognised")
        if total == 0:
            return UTC_ZONE
        ahead = timedelta(minutes=total if sign == "+" else -total)
        return Zone(f"{sign}{total // 60:02}:{total % 60:02}", timezone(ahead), fixed=True)
    if len(name) > 64 or not _NAME.match(name):
        raise SearchInvalid(f"The datetime zone id '{name[:64]}' is not recognised")
    try:
        return Zone(name, ZoneInfo(name), fixed=False)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SearchInvalid(f"The datetime zone id '{name}' is not recognised") from None


def zone_of(value: object, where: str) -> Zone:
    """Read a zone as text, or as a number of whole hours."""
    if isinstance(value, str):
        return zone_named(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 23:
        return zone_named(f"{value:+d}")
    raise SearchInvalid(f"[{where}] the time zone must be text or a number of whole hours")
