"""Conditions: what is read from a text, and whom it holds for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.core.clouds.where import MAX_CHARS, MAX_DEPTH, parse_where
from cloudstead.core.errors import InvalidField

FIELDS = ("name", "number", "flag", "list", "whole", "empty")
RECORD = {
    "name": "apple pie",
    "number": 7,
    "flag": True,
    "list": ["a", 1],
    "whole": {"part": {"deep": "x"}, "n-1": 2},
    "empty": None,
}


def holds(text, record=RECORD):
    return parse_where(text, fields=FIELDS).holds(record)


@pytest.mark.parametrize(
    "text",
    [
        "${name} = {apple pie}",
        '${name} = {"apple pie"}',
        "${number} = {7}",
        "${number} = {7.0}",
        "${number} <> {8}",
        "${number} < {1e1}",
        "${number} >= {7} AND ${number} <= {7}",
        "${number} between {-1} and {7} and ${flag} = {true}",
        "${number} in ({1}, {7})",
        "${flag} = {TRUE}",
        "not ${flag} = {false}",
        "NOT NOT ${flag} = {true}",
        "begins_with(${name}, {apple})",
        "contains(${name}, {le p})",
        "contains(${list}, {1})",
        'contains(${list}, {"a"})',
        "attribute_exists(${whole.part.deep})",
        "attribute_not_exists(${empty})",
        "attribute_not_exists(${whole.part.deeper})",
        "${whole.n-1} = {2}",
        "(${number} = {8} or ${number} = {7}) and ${flag} = {true}",
        "${number} = {8} and ${flag} = {true} or ${number} = {7}",
        "${name} > {apple} and ${name} < {b}",
        "{7} = ${number}",
        "${number}={7}and${flag}={true}",
        "  ${number}\n=\t{ 7 }  ",
    ],
)
def test_it_holds(text):
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        '${number} = {"7"}',
        "${name} = {7}",
        "${flag} = {1}",
        "${flag} > {false}",
        "${number} < {x}",
        "${empty} = {x}",
        "${whole} = {x}",
        "begins_with(${number}, {7})",
        "contains(${name}, {7})",
        "contains(${whole}, {part})",
        "${number} in ({8})",
        "${number} between {8} and {9}",
        "not attribute_exists(${flag})",
    ],
)
def test_it_does_not_hold(text):
    assert not holds(text)


def test_a_field_that_is_not_there_differs_from_everything():
    assert holds("${empty} <> {x}")
    assert not holds("${empty} = ${whole.none}")


def test_a_fault_is_told_with_its_place():
    with pytest.raises(InvalidField, match="'like' at character 9 is no comparison"):
        holds("${name} like {x}")
    with pytest.raises(InvalidField, match="the end at character 10 has to be"):
        holds("${name} =  ")
    with pytest.raises(InvalidField, match="'secret' at character 1 is no field that can be asked for"):
        holds("${secret} = {x}")


def test_length_and_depth_have_bounds():
    with pytest.raises(InvalidField, match="longer"):
        holds("x" * (MAX_CHARS + 1))
    assert holds("(" * MAX_DEPTH + "${flag} = {true}" + ")" * MAX_DEPTH)
    with pytest.raises(InvalidField, match="deeper"):
        holds("(" * (MAX_DEPTH + 1) + "${flag} = {true}" + ")" * (MAX_DEPTH + 1))


def outcome(text):
    """Return whether it holds, or the field that is blamed."""
    try:
        return holds(text)
    except InvalidField as invalid:
        return invalid.field


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    assert outcome(text) in {True, False, "where"}


WORDS = ["${name}", "${number}", "${flag}", "{a}", '{"b"}', "{7}", "{true}", "=", "<>", "<", "(", ")", ",", "and", "or"]
MORE = ["not", "between", "in", "begins_with", "contains", "attribute_exists", "attribute_not_exists", "{", "}", '"']


@given(st.lists(st.sampled_from([*WORDS, *MORE]), max_size=30))
def test_any_order_of_its_words_is_read_or_refused(words):
    assert outcome(" ".join(words)) in {True, False, "where"}


@given(st.text(max_size=50))
def test_a_quoted_text_means_itself(text):
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    assert holds(f'${{name}} = {{"{quoted}"}}', {"name": text})


@given(
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
)
def test_numbers_are_compared_as_numbers(left, right):
    record = {"number": left}
    assert holds(f"${{number}} = {{{right!r}}}", record) is (left == right)
    assert holds(f"${{number}} < {{{right!r}}}", record) is (left < right)


LEAVES = st.sampled_from([("${flag} = {true}", True), ("${number} = {8}", False), ("contains(${name}, {pie})", True)])


def joined(inner):
    pairs = st.tuples(inner, st.sampled_from(["and", "or"]), inner)
    both = pairs.map(
        lambda each: (
            f"({each[0][0]}) {each[1]} ({each[2][0]})",
            (each[0][1] and each[2][1]) if each[1] == "and" else (each[0][1] or each[2][1]),
        )
    )
    return both | inner.map(lambda each: (f"not ({each[0]})", not each[1]))


@given(st.recursive(LEAVES, joined, max_leaves=8))
def test_joined_conditions_mean_what_their_parts_mean(case):
    text, expected = case
    assert holds(text) is expected
