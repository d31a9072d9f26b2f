"""Numbers are written as Java writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.search.errors import SearchInvalid
from cloudstead.search.value_texts import formatted, spelled_double


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5.0"),
        (0.0, "0.0"),
        (-2.25, "-2.25"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (-12345678.9, "-1.23456789E7"),
        (0.001, "0.001"),
        (0.00012, "1.2E-4"),
        (1460678400000, "1.4606784E12"),
        (1e300, "1.0E300"),
    ],
)
def test_a_double_is_spelled(value, text):
    assert spelled_double(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_spelled_is_the_very_number(value):
    assert float(spelled_double(value)) == value


@pytest.mark.parametrize(
    ("value", "pattern", "text"),
    [
        (1234567.891, "#,##0.00", "1,234,567.89"),
        (0.5, "0", "0"),
        (1.5, "0", "2"),
        (2.5, "0", "2"),
        (0.125, "0.0%", "12.5%"),
        (7, "000", "007"),
        (-7.5, "$0.00", "-$7.50"),
        (0.5, "#.##", ".5"),
        (0, "#.##", "0"),
        (12, "0 'kW'", "12 kW"),
        (12.3456, "0.0##", "12.346"),
        (1234, "#,####", "1234"),
        (12345, "#,####", "1,2345"),
        (3, "0;(0)", "3"),
    ],
)
def test_a_number_is_written_in_a_pattern(value, pattern, text):
    assert formatted(value, pattern) == text


def test_a_very_large_number_is_written_out():
    assert float(formatted(1e300, "0")) == 1e300
    assert len(formatted(1e300, "0")) == 301


@pytest.mark.parametrize("pattern", ["", "none", "kWh", "0.0.0", "#0#", "0" * 60, "x" * 300])
def test_a_pattern_that_says_nothing_is_refused(pattern):
    with pytest.raises(SearchInvalid):
        formatted(1.0, pattern)
