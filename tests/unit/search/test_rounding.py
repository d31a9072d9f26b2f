"""Rounding of instants, by its laws and on days that were worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.search.rounding import CalendarRounding, CalendarUnit, FixedRounding
from cloudstead.search.zones import zone_named

HOUR = 3_600_000
ZONES = ["UTC", "Europe/Oslo", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca"]
FROM, TO = 1_420_070_400_000, 1_577_836_800_000


def millis(text):
    return int(datetime.fromisoformat(text).timestamp() * 1000)


roundings = st.one_of(
    st.builds(CalendarRounding, st.sampled_from(list(CalendarUnit)), st.sampled_from(ZONES).map(zone_named)),
    st.builds(
        FixedRounding,
        st.sampled_from([1_800_000, HOUR, 5 * HOUR, 24 * HOUR, 72 * HOUR]),
        st.sampled_from(ZONES).map(zone_named),
    ),
)


@settings(max_examples=300)
@given(roundings, st.integers(FROM, TO))
def test_a_key_is_not_after_its_instant_and_rounds_to_itself(rounding, instant):
    key = rounding.floor(instant)
    assert key <= instant
    assert rounding.floor(key) == key


@settings(max_examples=300)
@given(roundings, st.integers(FROM, TO), st.integers(0, 4 * 24 * HOUR))
def test_rounding_never_turns_time_around(rounding, instant, later):
    assert rounding.floor(instant) <= rounding.floor(instant + later)


@settings(max_examples=200)
@given(roundings, st.integers(FROM, TO))
def test_the_key_that_follows_is_the_next_one(rounding, instant):
    key = rounding.floor(instant)
    following = rounding.following(key)
    assert following > key
    assert rounding.floor(following) == following
    assert rounding.floor(following - 1) == key


@pytest.mark.parametrize(
    ("rounding", "instant", "key"),
    [
        (
            CalendarRounding(CalendarUnit.DAY, zone_named("Europe/Oslo")),
            "2016-03-27T23:59:59+02:00",
            "2016-03-27T00:00:00+01:00",
        ),
        (
            CalendarRounding(CalendarUnit.DAY, zone_named("Europe/Oslo")),
            "2016-10-30T23:59:59+01:00",
            "2016-10-30T00:00:00+02:00",
        ),
        (
            CalendarRounding(CalendarUnit.WEEK, zone_named("Europe/Oslo")),
            "2016-04-03T23:00:00+02:00",
            "2016-03-28T00:00:00+02:00",
        ),
        (CalendarRounding(CalendarUnit.QUARTER), "2016-06-30T23:59:59+00:00", "2016-04-01T00:00:00+00:00"),
        # Midnight was skipped in Brazil on this day: the day begins at one.
        (
            CalendarRounding(CalendarUnit.DAY, zone_named("America/Sao_Paulo")),
            "2016-10-16T12:00:00-02:00",
            "2016-10-16T01:00:00-02:00",
        ),
        (
            CalendarRounding(CalendarUnit.DAY, offset_ms=6 * HOUR),
            "2016-04-15T05:00:00+00:00",
            "2016-04-14T06:00:00+00:00",
        ),
        (FixedRounding(12 * HOUR, zone_named("Europe/Oslo")), "2016-03-27T11:59:00+02:00", "2016-03-27T00:00:00+01:00"),
        (FixedRounding(12 * HOUR, zone_named("Europe/Oslo")), "2016-03-27T12:00:00+02:00", "2016-03-27T12:00:00+02:00"),
        # The reading 02:00 was skipped: the change itself, 03:00, stands for it.
        (FixedRounding(2 * HOUR, zone_named("Europe/Oslo")), "2016-03-27T03:30:00+02:00", "2016-03-27T03:00:00+02:00"),
        (FixedRounding(1_800_000, zone_named("+01:00")), "2016-04-15T00:44:00+01:00", "2016-04-15T00:30:00+01:00"),
        (FixedRounding(5_000), "1969-12-31T23:59:59+00:00", "1969-12-31T23:59:55+00:00"),
    ],
    ids=str,
)
def test_an_instant_rounds_to_its_key(rounding, instant, key):
    assert rounding.floor(millis(instant)) == millis(key)


BEGINNINGS = {
    CalendarUnit.DAY: lambda wall: wall.date(),
    CalendarUnit.WEEK: lambda wall: wall.date() - timedelta(days=wall.weekday()),
    CalendarUnit.MONTH: lambda wall: (wall.year, wall.month),
    CalendarUnit.QUARTER: lambda wall: (wall.year, (wall.month - 1) // 3),
    CalendarUnit.YEAR: lambda wall: wall.year,
}
NAIVE_ZONES = [*ZONES, "America/Havana", "Asia/Beirut", "America/St_Johns", "Pacific/Chatham", "Asia/Tehran"]


@settings(max_examples=150)
@given(st.sampled_from(list(BEGINNINGS)), st.sampled_from(NAIVE_ZONES), st.integers(FROM, TO))
def test_a_key_is_the_first_instant_that_the_calendar_of_its_zone_puts_there(unit, name, instant):
    zone = ZoneInfo(name)

    def unit_at(millis_):
        return BEGINNINGS[unit](datetime.fromtimestamp(millis_ / 1000, UTC).astimezone(zone))

    key = CalendarRounding(unit, zone_named(name)).floor(instant)
    assert unit_at(key) == unit_at(instant)
    assert unit_at(key - 1) != unit_at(instant)


@settings(max_examples=150)
@given(
    st.sampled_from([900_000, 1_800_000, HOUR, 2 * HOUR, 12 * HOUR, 24 * HOUR]),
    st.sampled_from(NAIVE_ZONES),
    st.integers(FROM, TO),
)
def test_a_fixed_length_counts_on_the_wall_clock_from_1970(length, name, instant):
    def wall_ms(millis_):
        wall = datetime.fromtimestamp(millis_ / 1000, UTC).astimezone(ZoneInfo(name)).replace(tzinfo=UTC)
        return round(wall.timestamp() * 1000)

    key = FixedRounding(length, zone_named(name)).floor(instant)
    shift, key_shift = wall_ms(instant) - instant, wall_ms(key) - key
    if shift == key_shift:
        # No clock changed on the way, or twice the same way: the key is a multiple, or the change that skipped one.
        is_change = wall_ms(key - 1) - (key - 1) != key_shift
        assert wall_ms(key) % length == 0 or is_change
    assert instant - key < length + abs(shift - key_shift)


def test_the_clock_of_oslo_changes_twice_a_year():
    changes = list(
        zone_named("Europe/Oslo").changes(millis("2016-01-01T00:00:00+00:00"), millis("2017-01-01T00:00:00+00:00"))
    )
    assert changes == [millis("2016-03-27T01:00:00+00:00"), millis("2016-10-30T01:00:00+00:00")]
