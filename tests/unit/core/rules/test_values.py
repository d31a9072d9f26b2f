from __future__ import annotations

import pytest

from cloudstead.core.rules.model import Operator
from cloudstead.core.rules.values import is_hit, number_in


@pytest.mark.parametrize(
    ("operator", "observed", "wanted", "expected"),
    [
        ("gt", 51, 50, True),
        ("gt", 50, 50, False),
        ("gte", 50.0, 50, True),
        ("lt", -1, 0, True),
        ("lte", 0, 0.0, True),
        ("lte", 1, 0, False),
        ("eq", 1, 1.0, True),
        ("ne", 1, 1.0, False),
        ("eq", 2**53 + 1, 2**53, False),
    ],
)
def test_numbers_compare_by_value(operator, observed, wanted, expected):
    assert is_hit(Operator(operator), observed, wanted) is expected


@pytest.mark.parametrize(
    ("operator", "observed", "wanted", "expected"),
    [
        ("gt", "9", 5, True),
        ("gt", "10", 9, True),
        ("eq", "5.0", 5, True),
        ("gt", 10, "9", True),
        ("eq", 5, "5", True),
        ("ne", 5, "5", False),
        ("gt", "warm", 5, False),
        ("lt", "warm", 5, False),
        ("eq", "warm", 5, False),
        ("ne", "warm", 5, True),
        ("gt", " 9", 5, False),
        ("gt", "0x10", 5, False),
        ("gt", "1_0", 5, False),
        ("gt", "٩", 5, False),
        ("gt", "1e999", 5, False),
        ("gt", "", 0, False),
    ],
)
def test_a_text_counts_as_the_number_that_it_spells_only_beside_a_number(operator, observed, wanted, expected):
    assert is_hit(Operator(operator), observed, wanted) is expected


@pytest.mark.parametrize(
    ("operator", "observed", "wanted", "expected"),
    [("gt", "b", "a", True), ("gt", "9", "10", True), ("lt", "Z", "a", True), ("eq", "1", "1.0", False)],
)
def test_two_texts_are_compared_letter_by_letter(operator, observed, wanted, expected):
    assert is_hit(Operator(operator), observed, wanted) is expected


@pytest.mark.parametrize("operator", ["gt", "gte", "lt", "lte"])
@pytest.mark.parametrize("wanted", [True, None, 0, "a"])
@pytest.mark.parametrize("observed", [True, False, None])
def test_no_order_knows_booleans_and_null(operator, observed, wanted):
    assert is_hit(Operator(operator), observed, wanted) is False


@pytest.mark.parametrize("value", [True, False, None, "a", "1", 0, 1, 1.5])
@pytest.mark.parametrize("other", [True, False, None, "a", 2, 1.25])
def test_what_is_of_another_kind_differs(value, other):
    are_equal = type(value) is type(other) and value == other

    assert is_hit(Operator.EQ, value, other) is are_equal
    assert is_hit(Operator.NE, value, other) is not are_equal


@pytest.mark.parametrize("operator", list(Operator))
@pytest.mark.parametrize("observed", [{}, {"a": 1}, [], [1]])
def test_objects_and_lists_compare_with_nothing(operator, observed):
    assert is_hit(operator, observed, 1) is False


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("-0", 0), ("12", 12), ("1.50", 1.5), ("-2e3", -2000.0), ("1E2", 100.0), ("9" * 30, int("9" * 30))],
)
def test_a_json_number_is_read(text, number):
    assert number_in(text) == number


@pytest.mark.parametrize("text", ["", "+1", "01", ".5", "1.", "nan", "inf", "1 ", "1e99999", "--1", "1,5"])
def test_nothing_else_is_a_number(text):
    assert number_in(text) is None
