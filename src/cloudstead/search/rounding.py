"""Rounding of instants to calendar units and fixed lengths, in Python for the gaps and in SQL for the rows.

Both sides must agree to the millisecond, on the days when clocks change too (Cloud Connect 2.11, section 8):

- a calendar unit floors in its zone: a day has 23 or 25 hours when the clock changes;
- a fixed length floors the wall clock to a multiple since 1970 and shifts back; when that lands before a change of
  the clock, the last rounded value before the change is used.
"""

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from cloudstead.search import sql
from cloudstead.search.zones import DAY_MS, UTC_ZONE, Zone


class CalendarUnit(enum.Enum):
    """A unit whose length may vary; the value is ClickHouse's word for it."""

    YEAR = "YEAR"
    QUARTER = "QUARTER"
    MONTH = "MONTH"
    WEEK = "WEEK"
    DAY = "DAY"
    HOUR = "HOUR"
    MINUTE = "MINUTE"
    SECOND = "SECOND"


_CLOCK_UNITS = {CalendarUnit.HOUR: 3_600_000, CalendarUnit.MINUTE: 60_000, CalendarUnit.SECOND: 1_000}
_MONTHS_IN = {CalendarUnit.YEAR: 12, CalendarUnit.QUARTER: 3, CalendarUnit.MONTH: 1}


def floor_to_unit(instant_ms: int, unit: CalendarUnit, zone: Zone) -> int:
    """Return the beginning of the unit that holds the instant."""
    length = _CLOCK_UNITS.get(unit)
    if length is not None:
        floor = _clock_floor(instant_ms, length, zone)
        # A change by less than the unit can land on a value that is not rounded itself: round again.
        if zone.offset_ms(floor) != zone.offset_ms(instant_ms):
            return _clock_floor(floor, length, zone)
        return floor
    wall = zone.local(instant_ms).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    if unit is CalendarUnit.WEEK:
        wall -= timedelta(days=wall.weekday())
    elif unit is not CalendarUnit.DAY:
        months = _MONTHS_IN[unit]
        wall = wall.replace(day=1, month=(wall.month - 1) // months * months + 1)
    return zone.instant_ms(wall)


def _clock_floor(instant_ms: int, length: int, zone: Zone) -> int:
    offset = zone.offset_ms(instant_ms)
    return (instant_ms + offset) // length * length - offset


def add_units(instant_ms: int, unit: CalendarUnit, amount: int, zone: Zone) -> int:
    """Move an instant by whole units of the wall clock; the day of a month is cut to the month's length."""
    length = _CLOCK_UNITS.get(unit)
    if length is not None:
        return instant_ms + amount * length
    wall = zone.local(instant_ms).replace(tzinfo=None)
    try:
        if unit is CalendarUnit.DAY or unit is CalendarUnit.WEEK:
            moved = wall + timedelta(days=amount * (7 if unit is CalendarUnit.WEEK else 1))
        else:
            months = wall.year * 12 + wall.month - 1 + amount * _MONTHS_IN[unit]
            year, month = divmod(months, 12)
            moved = wall.replace(year=year, month=month + 1, day=min(wall.day, _month_days(year, month + 1)))
    except (OverflowError, ValueError):
        # Beyond the years 1 to 9999; the caller's own bounds refuse what is left.
        return instant_ms + amount * DAY_MS
    return zone.instant_ms(moved)


def _month_days(year: int, month: int) -> int:
    following = datetime(year + month // 12, month % 12 + 1, 1)  # noqa: DTZ001 (a calendar, not an instant)
    return (following - timedelta(days=1)).day


class Rounding(Protocol):
    """Rounds instants down to the keys of a date histogram."""

    def floor(self, instant_ms: int) -> int:
        """Return the key of the bucket that holds the instant."""
        ...

    def following(self, key: int) -> int:
        """Return the key after `key`, always greater."""
        ...

    def spans_changes(self) -> bool:
        """Tell whether `sql` needs to know between which instants the values lie."""
        ...

    def sql(self, millis: str, span: tuple[int, int]) -> str:
        """Write the key of an Int64 expression of milliseconds, right for values within `span`."""
        ...


@dataclass(frozen=True, slots=True)
class CalendarRounding:
    """Rounds to a calendar unit of a zone, shifted by an offset."""

    unit: CalendarUnit
    zone: Zone = UTC_ZONE
    offset_ms: int = 0

    def floor(self, instant_ms: int) -> int:
        """Return the key of the bucket that holds the instant."""
        return floor_to_unit(instant_ms - self.offset_ms, self.unit, self.zone) + self.offset_ms

    def following(self, key: int) -> int:
        """Return the key after `key`."""
        start = key - self.offset_ms
        found = floor_to_unit(add_units(start, self.unit, 1, self.zone), self.unit, self.zone)
        if found <= start:
            # On the long day of a change one unit further is still the same unit.
            found = floor_to_unit(add_units(start, self.unit, 2, self.zone), self.unit, self.zone)
        return max(found, start + 1) + self.offset_ms

    def spans_changes(self) -> bool:
        """Tell that ClickHouse knows the zone itself."""
        return False

    def sql(self, millis: str, span: tuple[int, int]) -> str:
        """Write the key of an Int64 expression of milliseconds."""
        del span  # ClickHouse has the zone's changes
        shifted = f"({millis} - {sql.number(self.offset_ms)})" if self.offset_ms else millis
        length = _CLOCK_UNITS.get(self.unit)
        if length is not None:
            key = self._clock_sql(shifted, length)
        elif self.zone.fixed:
            ahead = self.zone.offset_ms(0)
            local = f"({shifted} + {sql.number(ahead)})" if ahead else shifted
            key = _calendar_sql(local, self.unit, "UTC")
            key = f"({key} - {sql.number(ahead)})" if ahead else key
        else:
            key = _calendar_sql(shifted, self.unit, self.zone.name)
        return f"({key} + {sql.number(self.offset_ms)})" if self.offset_ms else key

    def _clock_sql(self, millis: str, length: int) -> str:
        if self.zone.fixed:
            return _floor_sql(millis, length, self.zone.offset_ms(0))
        first = _zoned_floor_sql(millis, length, self.zone)
        if self.unit is not CalendarUnit.HOUR:
            return first  # no clock changes by a part of a minute in the years that observations have
        again = _zoned_floor_sql(first, length, self.zone)
        return f"if({_ahead(first, self.zone)} = {_ahead(millis, self.zone)}, {first}, {again})"


@dataclass(frozen=True, slots=True)
class FixedRounding:
    """Rounds to a multiple of a fixed length of the wall clock of a zone, shifted by an offset."""

    length_ms: int
    zone: Zone = UTC_ZONE
    offset_ms: int = 0

    def floor(self, instant_ms: int) -> int:
        """Return the key of the bucket that holds the instant."""
        return self._floor(instant_ms - self.offset_ms) + self.offset_ms

    def _floor(self, instant_ms: int) -> int:
        while True:
            ahead = self.zone.offset_ms(instant_ms)
            wall = (instant_ms + ahead) // self.length_ms * self.length_ms
            found = wall - ahead
            change = max(self.zone.changes(found, instant_ms), default=None)
            if change is None:
                return found
            if wall - self.zone.offset_ms(change - 1) >= change:
                return change  # the change skipped this reading of the clock, so the change stands for it
            instant_ms = change - 1

    def following(self, key: int) -> int:
        """Return the key after `key`."""
        start = key - self.offset_ms
        if self.zone.fixed:
            return key + self.length_ms
        wall = start + self.zone.offset_ms(start) + self.length_ms
        ahead = self.zone.offset_ms(wall - self.zone.offset_ms(start))
        found = self._floor(wall - ahead)
        step = self.length_ms
        while found <= start:
            found = self._floor(start + step)
            step += self.length_ms
        return found + self.offset_ms

    def spans_changes(self) -> bool:
        """Tell whether the zone's changes must be written into the statement."""
        return not self.zone.fixed

    def sql(self, millis: str, span: tuple[int, int]) -> str:
        """Write the key of an Int64 expression of milliseconds, right for values within `span`."""
        shifted = f"({millis} - {sql.number(self.offset_ms)})" if self.offset_ms else millis
        if self.zone.fixed:
            key = _floor_sql(shifted, self.length_ms, self.zone.offset_ms(0))
        else:
            key = self._changing_sql(shifted, (span[0] - self.offset_ms, span[1] - self.offset_ms))
        return f"({key} + {sql.number(self.offset_ms)})" if self.offset_ms else key

    def _changing_sql(self, millis: str, span: tuple[int, int]) -> str:
        """Give every stretch between two changes its own constant offset.

        Within a stretch only the values of the one interval that holds its first instant can round to before it,
        and all of them round to the same key, which is worked out here.
        """
        changes = list(self.zone.changes(*span))
        before = _floor_sql(millis, self.length_ms, self.zone.offset_ms(span[0]))
        branches: list[str] = []
        expression = self._stretch_sql(millis, changes[-1]) if changes else before
        for index, change in enumerate(changes):
            stretch = before if index == 0 else self._stretch_sql(millis, changes[index - 1])
            branches.append(f"{millis} < {sql.number(change)}, {stretch}")
        return f"multiIf({', '.join(branches)}, {expression})" if branches else expression

    def _stretch_sql(self, millis: str, change: int) -> str:
        ahead = self.zone.offset_ms(change)
        floor = _floor_sql(millis, self.length_ms, ahead)
        if (change + ahead) % self.length_ms == 0:
            return floor
        return f"if({floor} < {sql.number(change)}, {sql.number(self._floor(change))}, {floor})"


def _floor_sql(millis: str, length: int, ahead: int) -> str:
    local = f"({millis} + {sql.number(ahead)})" if ahead else millis
    return f"({millis} - positiveModulo({local}, {sql.number(length)}))"


def _ahead(millis: str, zone: Zone) -> str:
    return f"timezoneOffset(fromUnixTimestamp64Milli({millis}, {sql.text(zone.name)})) * 1000"


def _zoned_floor_sql(millis: str, length: int, zone: Zone) -> str:
    return f"({millis} - positiveModulo({millis} + {_ahead(millis, zone)}, {sql.number(length)}))"


def _calendar_sql(millis: str, unit: CalendarUnit, zone: str) -> str:
    quoted = sql.text(zone)
    start = f"toStartOfInterval(fromUnixTimestamp64Milli({millis}, {quoted}), INTERVAL 1 {unit.value})"
    return f"toUnixTimestamp64Milli(toDateTime64({start}, 3, {quoted}))"
