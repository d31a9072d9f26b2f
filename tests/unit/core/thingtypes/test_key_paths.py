from __future__ import annotations

import copy
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.core.errors import InvalidField
from cloudstead.core.thingtypes.key_paths import MAX_LEVELS, KeyPath

KEYS = st.text(st.characters(exclude_characters=".", exclude_categories=("Cs",)), min_size=1, max_size=5)
PATHS = st.lists(KEYS, min_size=1, max_size=MAX_LEVELS).map(".".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)


def read(document, path):
    for key in path.keys:
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


@given(DOCUMENTS, PATHS, VALUES)
@settings(max_examples=150)
def test_what_is_put_at_a_path_is_found_there_and_nothing_is_altered_in_place(document, text, item):
    before, path = copy.deepcopy(document), KeyPath.parse(text)
    with suppress(InvalidField):
        assert read(path.put(document, item), path) == item
    assert document == before


@given(DOCUMENTS, PATHS)
@settings(max_examples=150)
def test_removing_alters_nothing_in_place_and_leaves_a_missing_path_alone(document, text):
    before, path = copy.deepcopy(document), KeyPath.parse(text)
    removed = path.remove(document)
    assert document == before
    try:
        read(before, path)
    except (KeyError, IndexError, TypeError, ValueError):
        assert removed == before
    else:
        assert removed != before


@given(PATHS, VALUES)
@settings(max_examples=50)
def test_what_was_put_into_an_empty_document_is_the_only_thing_there(text, item):
    path = KeyPath.parse(text)
    document = path.put({}, item)
    for key in path.keys:
        assert list(document) == [key]
        document = document[key]


@given(st.text(max_size=40))
@settings(max_examples=100)
def test_any_text_is_a_path_or_is_refused(text):
    with suppress(InvalidField):
        assert ".".join(KeyPath.parse(text).keys) == text


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a." * 17 + "b", "x" * 1025])
def test_an_empty_key_or_an_endless_path_is_refused(text):
    with pytest.raises(InvalidField):
        KeyPath.parse(text)


def test_an_empty_list_gives_way_to_an_object_of_widgets():
    document = {"thingWidgets": []}
    assert KeyPath.parse("thingWidgets.w1").put(document, {"a": 1}) == {"thingWidgets": {"w1": {"a": 1}}}


@pytest.mark.parametrize(
    ("text", "expected"), [("list.0", ["new", "b"]), ("list.1", ["a", "new"]), ("list.2", ["a", "b", "new"])]
)
def test_a_number_is_a_place_in_a_list(text, expected):
    assert KeyPath.parse(text).put({"list": ["a", "b"]}, "new") == {"list": expected}


@pytest.mark.parametrize("text", ["list.3", "list.x", "list.-1", "text.below", "number.below"])
def test_a_path_through_something_else_is_refused(text):
    with pytest.raises(InvalidField):
        KeyPath.parse(text).put({"list": ["a", "b"], "text": "x", "number": 0}, "new")


def test_an_element_of_a_list_can_be_removed():
    assert KeyPath.parse("list.0.x").remove({"list": [{"x": 1, "y": 2}]}) == {"list": [{"y": 2}]}
    assert KeyPath.parse("list.0").remove({"list": ["a", "b"]}) == {"list": ["b"]}
