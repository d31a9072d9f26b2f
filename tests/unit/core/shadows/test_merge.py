"""Laws of the shadow algebra."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.core.ids import AccountId, ThingUid
from cloudstead.core.shadows.changes import apply_update
from cloudstead.core.shadows.merge import difference, marks_of, merge, merge_flat, same
from cloudstead.core.shadows.model import Shadow

KEYS = st.sampled_from("abcd")
SCALARS = st.one_of(st.booleans(), st.integers(-5, 5), st.floats(-2, 2), st.text(max_size=3))
VALUES = st.recursive(
    st.one_of(SCALARS, st.lists(SCALARS, max_size=3)),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
PATCHES = st.dictionaries(
    KEYS,
    st.recursive(
        st.one_of(st.none(), SCALARS, st.lists(SCALARS, max_size=3)),
        lambda inner: st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)
LEAF = {"timestamp": 1}


def section(patches: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    state: dict[str, Any] = {}
    marks: dict[str, Any] = {}
    for patch in patches:
        state, marks = merge(state, marks, patch, LEAF)
    return state, marks


def naive_merge(state: Any, patch: Any) -> Any:
    result = dict(state) if isinstance(state, dict) else {}
    for key, value in patch.items():
        if isinstance(value, dict):
            result[key] = naive_merge(result.get(key), value)
            if not result[key]:
                del result[key]
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(below) for key, below in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else LEAF


@settings(max_examples=200)
@given(st.lists(PATCHES, max_size=4))
def test_a_merge_equals_the_naive_one_and_metadata_mirrors_the_state(patches):
    state, marks = section(patches)

    expected: dict[str, Any] = {}
    for patch in patches:
        expected = naive_merge(expected, patch)
    assert state == expected
    assert marks == shape(state)


@settings(max_examples=100)
@given(st.lists(PATCHES, max_size=2), st.dictionaries(KEYS, SCALARS))
def test_a_patch_of_single_values_merges_in_one_step_as_it_does_key_by_key(patches, patch):
    state, marks = section(patches)
    expected = merge(state, marks, patch, {"timestamp": 2})
    found = merge_flat(state, marks, patch, {"timestamp": 2})

    assert [json.dumps(each) for each in found] == [json.dumps(each) for each in expected]


@given(PATCHES, PATCHES)
def test_a_merge_alters_nothing_that_it_was_given(first, second):
    state, marks = merge({}, {}, first, LEAF)
    before = copy.deepcopy((state, marks, second))

    merge(state, marks, second, LEAF)

    assert (state, marks, second) == before


@settings(max_examples=100)
@given(PATCHES, PATCHES)
def test_reporting_the_delta_removes_it(wanted, actual):
    desired, desired_marks = merge({}, {}, wanted, LEAF)
    reported, reported_marks = merge({}, {}, actual, LEAF)

    delta, delta_marks = difference(desired, reported, desired_marks)
    reported, _ = merge(reported, reported_marks, delta, LEAF)

    assert delta_marks == marks_of(delta, LEAF)
    # An object that replaces an object merges into it; keys that only `reported` has never count.
    assert difference(desired, reported, desired_marks) == ({}, {})


@settings(max_examples=100)
@given(VALUES)
def test_every_value_is_the_same_as_itself_read_again(value):
    assert same(value, msgspec.json.decode(msgspec.json.encode(value)))


@settings(max_examples=200)
@given(
    st.one_of(
        st.binary(max_size=60),
        VALUES.map(msgspec.json.encode),
        PATCHES.map(lambda p: msgspec.json.encode({"state": {"reported": p}})),
    )
)
def test_no_payload_does_more_than_be_accepted_or_rejected(payload):
    shadow = Shadow(ThingUid("1" * 32), AccountId("a" * 32))

    outcome = apply_update(shadow, payload, at_s=1)

    assert (outcome.rejection is None) == shadow.exists
    msgspec.json.decode(outcome.reply)
