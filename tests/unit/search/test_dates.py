"""Dates are read and printed as Elasticsearch 2 does."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.search.date_formats import check_format, printed
from cloudstead.search.dates import instant_of
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.zones import zone_named


def millis(text):
    return int(datetime.fromisoformat(text).timestamp() * 1000)


NOW = millis("2016-04-15T13:37:42.123+00:00")


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        (1460661813164, "2016-04-14T19:23:33.164+00:00"),
        ("1460661813164", "2016-04-14T19:23:33.164+00:00"),
        ("2016", "2016-01-01T00:00:00+00:00"),
        ("2016-04", "2016-04-01T00:00:00+00:00"),
        ("2016-04-15", "2016-04-15T00:00:00+00:00"),
        ("2016-04-15T10", "2016-04-15T10:00:00+00:00"),
        ("2016-04-15T10:11:12.5Z", "2016-04-15T10:11:12.500+00:00"),
        ("2016-04-15T10:11+02:00", "2016-04-15T08:11:00+00:00"),
        ("now", "2016-04-15T13:37:42.123+00:00"),
        ("now-1d", "2016-04-14T13:37:42.123+00:00"),
        ("now/d", "2016-04-15T00:00:00+00:00"),
        ("now-1d/d", "2016-04-14T00:00:00+00:00"),
        ("now/w", "2016-04-11T00:00:00+00:00"),
        ("2016-01-31||+1M", "2016-02-29T00:00:00+00:00"),
        ("2016-01-31||+1M/M", "2016-02-01T00:00:00+00:00"),
        ("2016-01-31||/y+6h", "2016-01-01T06:00:00+00:00"),
    ],
)
def test_a_date_is_read(value, instant):
    assert instant_of(value, now_ms=NOW) == millis(instant)


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("2016-04-15", "2016-04-15T23:59:59.999+00:00"),
        ("2016", "2016-01-01T23:59:59.999+00:00"),
        ("2016-04-15T10", "2016-04-15T10:59:59.999+00:00"),
        ("2016-04-15T10:11:12", "2016-04-15T10:11:12.999+00:00"),
        ("now/M", "2016-04-30T23:59:59.999+00:00"),
        ("2016-04-15||/d", "2016-04-15T23:59:59.999+00:00"),
    ],
)
def test_an_upper_end_reaches_the_end_of_what_was_named(value, instant):
    assert instant_of(value, now_ms=NOW, round_up=True) == millis(instant)


def test_a_zone_moves_what_has_none_of_its_own():
    oslo = zone_named("Europe/Oslo")
    assert instant_of("2016-07-01", now_ms=NOW, zone=oslo) == millis("2016-07-01T00:00:00+02:00")
    assert instant_of("2016-07-01T00:00Z", now_ms=NOW, zone=oslo) == millis("2016-07-01T00:00:00+00:00")
    assert instant_of("now/d", now_ms=NOW, zone=oslo) == millis("2016-04-15T00:00:00+02:00")


def test_a_format_reads_its_own_dates():
    assert instant_of("15.04.2016", now_ms=NOW, written="dd.MM.yyyy") == millis("2016-04-15T00:00:00+00:00")
    assert instant_of("20160415", now_ms=NOW, written="basic_date||epoch_millis") == millis("2016-04-15T00:00:00+00:00")


@pytest.mark.parametrize(
    "value", ["soon", "2016-13-01", "2016-04-15||+1x", "now+1", "99999999999999999", "2016-1-1", True, ""]
)
def test_what_is_no_date_is_refused(value):
    with pytest.raises(SearchInvalid):
        instant_of(value, now_ms=NOW)


@pytest.mark.parametrize(
    ("zone", "written", "text"),
    [
        ("UTC", None, "2016-04-15T13:37:42.123Z"),
        ("+01:00", None, "2016-04-15T14:37:42.123+01:00"),
        ("Europe/Oslo", "yyyy-MM-dd HH:mm", "2016-04-15 15:37"),
        ("UTC", "EEE, d MMM yy h:mm a", "Fri, 15 Apr 16 1:37 PM"),
        ("UTC", "EEEE MMMM D", "Friday April 106"),
        ("UTC", "xxxx-'W'ww-e", "2016-W15-5"),
        ("+05:30", "HHmmssSSZ", "19074212+0530"),
        ("UTC", "epoch_millis", "1460727462123"),
        ("UTC", "yyyy-MM-dd||epoch_millis", "2016-04-15"),
        # Named formats write Z for no shift at all, patterns write the shift.
        ("UTC", "basic_date_time_no_millis", "20160415T133742Z"),
        ("+01:00", "basicDateTimeNoMillis", "20160415T143742+0100"),
        ("UTC", "HH:mmZZ", "13:37+00:00"),
        ("UTC", "HH:mmZ", "13:37+0000"),
        ("Europe/Oslo", "HH 'o''clock' z ZZZ", "15 o'clock CEST Europe/Oslo"),
        ("+05:30", "z", "+05:30"),
        ("UTC", "G CC yy MMM MMMM", "AD 20 16 Apr April"),
        ("UTC", "K k a", "1 13 PM"),
        ("UTC", "strict_week_date", "2016-W15-5"),
        ("UTC", "ordinal_date", "2016-106"),
        ("UTC", "time", "13:37:42.123Z"),
        ("UTC", "dateHourMinute", "2016-04-15T13:37"),
        ("UTC", "epoch_second", "1460727462"),
    ],
)
def test_a_date_is_printed(zone, written, text):
    assert printed(NOW, zone=zone_named(zone), written=written) == text


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        # 10^15 ms are 31,688 years, 269 days, 1:46:40 after 1970; the largest one is what Joda prints for it.
        (10**15, "33658-09-27T01:46:40.000Z"),
        (2**63 - 1, "292278994-08-17T07:12:55.807Z"),
        (10**30, "292278994-08-17T07:12:55.807Z"),
    ],
)
def test_an_instant_far_beyond_all_dates_has_a_text(instant, text):
    assert printed(instant) == text


@pytest.mark.parametrize("written", ["nonsense", "yyyy-QQ", "'open", "y" * 300])
def test_a_format_that_cannot_be_printed_is_refused(written):
    with pytest.raises(SearchInvalid):
        check_format(written)


@pytest.mark.parametrize("name", ["Mars/Base", "../etc/passwd", "+25:00", "+01:99", "", "UTC'"])
def test_an_unknown_zone_is_refused(name):
    with pytest.raises(SearchInvalid):
        zone_named(name)


@settings(max_examples=100)
@given(st.integers(-2_000_000_000_000, 4_000_000_000_000), st.sampled_from(["UTC", "+05:45", "-03:30"]))
def test_what_is_printed_reads_back(instant, zone):
    assert instant_of(printed(instant, zone=zone_named(zone)), now_ms=0) == instant


@settings(max_examples=200)
@given(st.text(alphabet="0123456789-T:.|+nowdMyhZ/", max_size=25))
def test_no_text_raises_anything_but_a_refusal(text):
    with contextlib.suppress(SearchInvalid):
        instant_of(text, now_ms=int(datetime(2016, 1, 1, tzinfo=UTC).timestamp()) * 1000, round_up=True)
