"""Queries are read as Elasticsearch 2 reads them, and refused in its words."""

from __future__ import annotations

import pytest

from cloudstead.search.errors import SearchInvalid
from cloudstead.search.query import (
    Bool,
    Boosted,
    Bound,
    Constant,
    DomainLookup,
    Exists,
    Ids,
    MatchAll,
    MatchNone,
    Prefix,
    Range,
    Terms,
    Wildcard,
)
from cloudstead.search.query_parser import MAX_CLAUSES, MAX_DEPTH, MAX_VALUES, QueryParser

A, B = {"term": {"a": 1}}, {"term": {"b": 2}}
TERM_A, TERM_B = Terms("a", (1,)), Terms("b", (2,))


@pytest.mark.parametrize(
    ("body", "parsed"),
    [
        ({}, MatchAll()),
        ({"match_all": {"boost": 2}}, Boosted(MatchAll(), 2.0)),
        (A, TERM_A),
        ({"term": {"a": {"value": 1, "boost": 3}}}, Boosted(TERM_A, 3.0)),
        ({"term": {"a": 1, "_name": "x"}}, TERM_A),
        ({"term": {"a": {"term": 1}}}, TERM_A),
        ({"terms": {"a": [1, "x", True], "execution": "plain", "_cache": True}}, Terms("a", (1, "x", True))),
        ({"in": {"a": [1]}}, TERM_A),
        ({"terms": {"a": []}}, Terms("a", ())),
        (
            {"terms": {"thingName": {"index": "domains", "type": "thing_mapping", "id": 490, "path": "thingNames"}}},
            DomainLookup("thingName", "490"),
        ),
        ({"range": {"a": {"gt": 1, "lte": "x"}}}, Range("a", Bound(1, False), Bound("x", True))),
        ({"range": {"a": {"ge": 1, "lt": 2}}}, Range("a", Bound(1, True), Bound(2, False))),
        (
            {"range": {"a": {"from": 1, "to": 2, "include_lower": False, "include_upper": False}}},
            Range("a", Bound(1, False), Bound(2, False)),
        ),
        (
            {"range": {"a": {"gte": "now", "time_zone": "+01:00", "format": "yyyy"}}},
            Range("a", Bound("now", True), None, "+01:00", "yyyy"),
        ),
        ({"exists": {"field": "a"}}, Exists("a")),
        ({"missing": {"field": "a"}}, Bool(must_not=(Exists("a"),))),
        ({"missing": {"field": "a", "existence": False, "null_value": True}}, MatchNone()),
        ({"prefix": {"a": "x"}}, Prefix("a", "x")),
        ({"wildcard": {"a": {"wildcard": "x*", "rewrite": "constant_score"}}}, Wildcard("a", "x*")),
        ({"ids": {"type": "thing", "values": ["a", 7]}}, Ids(("a", "7"), ("thing",))),
        ({"bool": {}}, MatchAll()),
        ({"bool": {"must": A}}, Bool(must=(TERM_A,))),
        ({"bool": {"must": [A, {}], "mustNot": [B]}}, Bool(must=(TERM_A,), must_not=(TERM_B,))),
        ({"bool": {"must": A, "should": [B]}}, Bool(must=(TERM_A,), should=(TERM_B,))),
        ({"bool": {"should": [A, B]}}, Bool(should=(TERM_A, TERM_B), minimum=1)),
        ({"bool": {"should": [A, B], "minimum_should_match": "100%"}}, Bool(should=(TERM_A, TERM_B), minimum=2)),
        ({"bool": {"should": [A, B], "minimum_number_should_match": -1}}, Bool(should=(TERM_A, TERM_B), minimum=1)),
        ({"bool": {"should": [A], "minimum_should_match": 2}}, Bool(should=(TERM_A,), minimum=1)),
        ({"bool": {"filter": A}}, Bool(filters=(TERM_A,))),
        ({"filtered": {}}, MatchAll()),
        ({"filtered": {"query": A, "filter": B}}, Bool(must=(TERM_A,), filters=(TERM_B,))),
        ({"constant_score": {"filter": A}}, Constant(TERM_A)),
        ({"and": [A, B]}, Bool(must=(TERM_A, TERM_B))),
        ({"and": {"filters": [A], "_cache": True}}, Bool(must=(TERM_A,))),
        ({"or": [A, B]}, Bool(should=(TERM_A, TERM_B), minimum=1)),
        ({"not": A}, Bool(must_not=(TERM_A,))),
        ({"not": {"filter": A}}, Bool(must_not=(TERM_A,))),
    ],
    ids=str,
)
def test_a_query_is_read(body, parsed):
    assert QueryParser().query(body) == parsed


def test_in_a_filter_one_optional_clause_must_match():
    body = {"bool": {"must": A, "should": [B]}}
    assert QueryParser().filter(body) == Bool(must=(TERM_A,), should=(TERM_B,), minimum=1)
    assert QueryParser().query({"bool": {"filter": body}}).filters[0].minimum == 1
    assert QueryParser().query({"bool": {"must": body}}).must[0].minimum == 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "[_na] query malformed, must start with start_object"),
        ({"term": "x"}, "[_na] query malformed, no field after start_object"),
        ({"quark": {}}, "No query registered for [quark]"),
        ({"span_term": {"a": 1}}, "[span_term] query is not served"),
        (
            {"script": {"script": "1"}},
            "scripts of type [inline], operation [search] and lang [groovy] are disabled",
        ),
        ({"term": {"a": 1}, "range": {}}, "[term] malformed query, expected [END_OBJECT] but found [range]"),
        ({"term": {}}, "No field name specified for term query"),
        ({"term": {"a": None}}, "No value specified for term query"),
        ({"term": {"a": 1, "b": 2}}, "[term] query does not support [b]"),
        ({"term": {"a": [1]}}, "[term] query does not support array of values"),
        ({"terms": {"a": "x"}}, "[terms] query does not support [a]"),
        ({"terms": {"a": [[1]]}}, "[terms] query does not support array of values"),
        ({"terms": {}}, "terms query requires a field name, followed by array of terms"),
        ({"terms": {"a": {"index": "domains"}}}, "[terms] query lookup element requires specifying the type"),
        (
            {"terms": {"a": {"index": "x", "type": "thing_mapping", "id": "1", "path": "thingNames"}}},
            "[terms] query lookup serves [index] [domains] only, not [x]",
        ),
        ({"range": {"a": {"above": 1}}}, "[range] query does not support [above]"),
        ({"range": {"a": 1}}, "[range] query does not support [a]"),
        ({"exists": {}}, "exists must be provided with a [field]"),
        (
            {"missing": {"field": "a", "existence": False}},
            "missing must have either existence, or null_value, or both set to true",
        ),
        ({"bool": {"maybe": A}}, "[bool] query does not support [maybe]"),
        ({"bool": {"must": "x"}}, "[_na] query malformed, must start with start_object"),
        ({"constant_score": {}}, "[constant_score] requires either 'filter' or 'query' element"),
        ({"ids": {}}, "[ids] query, no ids values provided"),
        ({"not": {}}, "filter is required when using `not` query"),
    ],
    ids=str,
)
def test_a_malformed_query_is_refused_in_elasticsearchs_words(body, reason):
    with pytest.raises(SearchInvalid) as refusal:
        QueryParser().query(body)
    assert refusal.value.reason == reason


def nested(depth):
    body = A
    for _ in range(depth - 1):
        body = {"bool": {"must": [body]}}
    return body


def test_a_query_may_be_so_deep_and_no_deeper():
    QueryParser().query(nested(MAX_DEPTH))
    with pytest.raises(SearchInvalid, match="deeper"):
        QueryParser().query(nested(MAX_DEPTH + 1))
    with pytest.raises(SearchInvalid, match="deeper"):
        QueryParser().query(nested(100_000))


def test_a_search_may_hold_so_many_clauses_and_values():
    QueryParser().query({"bool": {"should": [A] * (MAX_CLAUSES - 1)}})
    with pytest.raises(SearchInvalid, match="maxClauseCount"):
        QueryParser().query({"bool": {"should": [A] * MAX_CLAUSES}})
    with pytest.raises(SearchInvalid, match="too many values"):
        QueryParser().query({"terms": {"a": list(range(MAX_VALUES + 1))}})
