"""Which parts of a source come back."""

from __future__ import annotations

import pytest

from cloudstead.search.errors import SearchInvalid
from cloudstead.search.selection import parse_source

SOURCE = {
    "name": "t1",
    "state": {"temp": 21, "pos": {"lat": 1, "lon": 2}, "list": [{"a": 1, "b": 2}, {"b": 3}], "q?": 1},
}


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("name", {"name": "t1"}),
        (["name", "state.temp"], {"name": "t1", "state": {"temp": 21}}),
        ("state.pos", {"state": {"pos": {"lat": 1, "lon": 2}}}),
        ("state.*.lat", {"state": {"pos": {"lat": 1}}}),
        ("state.list.a", {"state": {"list": [{"a": 1}]}}),
        ("state.q?", {"state": {"q?": 1}}),
        ("nothing", {}),
        ({"exclude": ["state"]}, {"name": "t1"}),
        (
            {"include": "state.*", "exclude": ["state.list", "*.lon", "state.q?"]},
            {"state": {"temp": 21, "pos": {"lat": 1}}},
        ),
    ],
    ids=str,
)
def test_a_source_is_cut_to_what_was_asked_for(asked, kept):
    assert parse_source(asked).of(SOURCE) == kept


def test_a_source_that_nobody_cut_is_whole():
    assert parse_source(True).is_whole
    assert not parse_source(False).wanted
    assert not parse_source(["a"]).is_whole


def test_a_pattern_of_many_stars_is_matched_at_once():
    assert parse_source("*a" * 400).of({"a" * 300: 1}) == {}


@pytest.mark.parametrize("body", [5, {"only": "a"}, [{}], {"include": [{}]}])
def test_a_malformed_source_is_refused(body):
    with pytest.raises(SearchInvalid):
        parse_source(body)
