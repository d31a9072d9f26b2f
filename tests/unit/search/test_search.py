"""The top level of a search."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.search import ParsedSearch, SearchInvalid, parse_search
from cloudstead.search.query import Terms
from cloudstead.search.selection import Sort, SourceFilter


def test_an_empty_search_asks_for_ten_documents():
    assert parse_search({}) == ParsedSearch(start=0, size=10)


def test_the_top_level_is_read():
    parsed = parse_search(
        {
            "from": 5,
            "size": "20",
            "postFilter": {"term": {"a": 1}},
            "sort": [
                "a",
                {"b": "desc"},
                {"c": {"order": "asc", "missing": "_first", "unmapped_type": "long"}},
                "_score",
            ],
            "_source": {"includes": ["a.*"], "excludes": "a.b"},
            "trackScores": True,
            "min_score": 0.5,
            "timeout": "2s",
            "explain": False,
            "stats": ["group"],
        },
    )
    assert (parsed.start, parsed.size, parsed.track_scores, parsed.min_score, parsed.timeout_ms) == (
        5,
        20,
        True,
        0.5,
        2000,
    )
    assert parsed.post_filter == Terms("a", (1,))
    assert parsed.sort == (
        Sort("a", True),
        Sort("b", False),
        Sort("c", True, "_first", None, True),
        Sort("_score", False),
    )
    assert parsed.source == SourceFilter(includes=("a.*",), excludes=("a.b",))


def test_asking_for_fields_leaves_the_source_out_unless_it_is_asked_for():
    assert not parse_search({"fields": ["a"]}).source.wanted
    assert parse_search({"fields": ["a", "_source"]}).source.wanted
    assert parse_search({"fields": ["a"], "_source": True}).source.wanted


def test_the_domains_of_all_lookups_are_named():
    def lookup(domain):
        return {
            "terms": {"thingName": {"index": "domains", "type": "thing_mapping", "id": domain, "path": "thingNames"}}
        }

    parsed = parse_search(
        {
            "query": {"bool": {"must_not": [lookup("a")]}},
            "filter": lookup("b"),
            "aggs": {"t": {"terms": {"field": "x"}, "aggs": {"f": {"filters": {"filters": [lookup("c")]}}}}},
        },
    )
    assert parsed.lookups == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "failed to parse search source: it must be an object"),
        ({"quark": {}}, "failed to parse search source. unknown search element [quark]"),
        (
            {"from": 9_991},
            "Result window is too large, from + size must be less than or equal to: [10000] but was [10001].",
        ),
        ({"size": -1}, "[size] must be between 0 and 2147483647"),
        ({"highlight": {"fields": {"a": {}}}}, "search element [highlight] is not served"),
        ({"terminate_after": -5}, "[terminate_after] must be between 0 and 2147483647"),
        (
            {"script_fields": {"a": {"script": "1"}}},
            "scripts of type [inline], operation [search] and lang [groovy] are disabled",
        ),
        (
            {"sort": {"_script": {}}},
            "scripts of type [inline], operation [search] and lang [groovy] are disabled",
        ),
        ({"sort": {"a": {"nested_path": "b"}}}, "[nested] failed to find nested object under path [b]"),
        ({"sort": {"a": "up"}}, "Unknown sort order [up]"),
        ({"query": {"nested": {}}}, "[nested] requires 'path' field"),
    ],
    ids=str,
)
def test_a_malformed_search_is_refused(body, reason):
    with pytest.raises(SearchInvalid) as refusal:
        parse_search(body)
    assert refusal.value.reason == reason


WORDS = [
    "query",
    "filter",
    "aggs",
    "aggregations",
    "sort",
    "_source",
    "fields",
    "size",
    "from",
    "bool",
    "must",
    "should",
    "must_not",
    "term",
    "terms",
    "range",
    "exists",
    "missing",
    "field",
    "prefix",
    "wildcard",
    "ids",
    "values",
    "filtered",
    "constant_score",
    "and",
    "or",
    "not",
    "match_all",
    "gte",
    "lte",
    "gt",
    "lt",
    "timestamp",
    "state.x",
    "thingName",
    "date_histogram",
    "histogram",
    "interval",
    "day",
    "1h",
    "time_zone",
    "Europe/Oslo",
    "offset",
    "format",
    "yyyy",
    "keyed",
    "min_doc_count",
    "order",
    "_count",
    "_key",
    "extended_bounds",
    "min",
    "max",
    "avg",
    "percentiles",
    "percents",
    "cardinality",
    "top_hits",
    "filters",
    "ranges",
    "to",
    "key",
    "stats",
    "include",
    "exclude",
    "now-1d/d",
    "2016-01-01||+1M",
    "index",
    "type",
    "id",
    "path",
    "domains",
    "thing_mapping",
    "thingNames",
    "meta",
    "a",
    "b",
    "state",
    "state.l",
]
words = st.sampled_from(WORDS)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.integers(0, 20),
    st.floats(),
    words,
    st.text(max_size=5),
)
bodies = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(words, st.text(max_size=3)), inner, max_size=3),
    ),
    max_leaves=20,
)


@settings(max_examples=300)
@given(
    st.dictionaries(
        st.sampled_from(["query", "filter", "aggs", "sort", "_source", "fields", "size", "timeout"]), bodies, max_size=3
    )
)
def test_no_body_raises_anything_but_a_refusal(body):
    with contextlib.suppress(SearchInvalid):
        parse_search(body)
