"""States in the form in which they are searched."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.search import Kind, flatten
from cloudstead.search.flattening import MAX_DEPTH, MAX_PATHS


@pytest.mark.parametrize(
    ("state", "values", "kinds"),
    [
        ({}, {}, {}),
        ({"a": {"b": 1, "c": {"d": "x"}}}, {"a.b": 1, "a.c.d": "x"}, {"a.b": Kind.INTEGER, "a.c.d": Kind.TEXT}),
        ({"a": None, "b": {}, "c": [], "d": [None]}, {}, {}),
        ({"a": 1.0, "b": True}, {"a": 1.0, "b": True}, {"a": Kind.FLOAT, "b": Kind.BOOLEAN}),
        ({"a": [1, 2.5]}, {"a": [1.0, 2.5]}, {"a": Kind.NUMBERS}),
        ({"a": ["x", 1, True]}, {"a": ["x", "1", "true"]}, {"a": Kind.TEXTS}),
        ({"a": [True]}, {"a": [True]}, {"a": Kind.BOOLEANS}),
        ({"a": [{"b": 1}, {"b": "x"}]}, {"a.b": ["1", "x"]}, {"a.b": Kind.TEXTS}),
        ({"a.b": 1, "a": {"b": 2}}, {"a.b": [1.0, 2.0]}, {"a.b": Kind.NUMBERS}),
        ({"a": 2**63}, {"a": float(2**63)}, {"a": Kind.FLOAT}),
        ({"": 1, "a": {"": 2}}, {"a.": 2}, {"a.": Kind.INTEGER}),
    ],
    ids=str,
)
def test_a_state_becomes_values_by_path(state, values, kinds):
    flat = flatten(json.dumps(state).encode())
    assert flat.refused is None
    assert flat.values == values
    assert flat.kinds == kinds


@pytest.mark.parametrize("source", [b"", b"{", b"[]", b"1", b'{"a": NaN}', b"\xff"])
def test_what_is_no_object_of_json_is_refused(source):
    flat = flatten(source)
    assert flat.refused
    assert flat.values == {}


def test_a_state_beyond_a_limit_is_refused():
    deep = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
    assert flatten(deep).refused is None
    assert flatten(b'{"a":' + deep + b"}").refused
    assert flatten(json.dumps({str(number): 1 for number in range(MAX_PATHS + 1)}).encode()).refused


trees = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=4)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=12,
)


@settings(max_examples=200)
@given(st.dictionaries(st.text(max_size=3), trees, max_size=4))
def test_any_state_is_flat_and_every_value_has_its_kind(state):
    flat = flatten(json.dumps(state).encode())
    assert flat.refused is None
    assert flat.values.keys() == flat.kinds.keys()
    for value in flat.values.values():
        assert not isinstance(value, dict)
        assert len({type(entry) for entry in value}) <= 1 if isinstance(value, list) else value is not None


@settings(max_examples=200)
@given(st.binary(max_size=30))
def test_no_bytes_raise(source):
    flatten(source)
