"""The rules of FIND."""

from __future__ import annotations

import pytest

from cloudstead.core.observations.errors import SearchRefused
from cloudstead.core.observations.find import parse_observation_search, parse_thing_search

SINCE = {"range": {"timestamp": {"gte": 1460661813164}}}
TERM = {"term": {"thingName": "t1"}}


@pytest.mark.parametrize(
    "body",
    [
        {"query": SINCE},
        {"query": {"range": {"timestamp": {"gt": "now-1d"}}}},
        {"query": {"range": {"timestamp": {"from": 0, "to": 5}}}},
        {"filter": SINCE},
        {"post_filter": {"and": [TERM, SINCE]}},
        {"query": {"filtered": {"query": TERM, "filter": {"bool": {"must": [SINCE]}}}}},
        {"query": {"constant_score": {"filter": SINCE}}},
        {"query": {"bool": {"filter": SINCE, "should": [TERM]}}},
    ],
    ids=str,
)
def test_a_search_with_a_lower_bound_on_its_time_is_taken(body):
    parse_observation_search(body)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": TERM},
        {"query": {"range": {"timestamp": {"lte": 5}}}},
        {"query": {"range": {"timestamp": {"gte": None}}}},
        {"query": {"range": {"state.timestamp": {"gte": 5}}}},
        {"query": {"bool": {"should": [SINCE, TERM]}}},
        {"query": {"bool": {"must": TERM, "must_not": SINCE}}},
        {"query": {"or": [SINCE, TERM]}},
        {"query": TERM, "aggs": {"a": {"filter": SINCE}}},
    ],
    ids=str,
)
def test_a_search_without_one_is_refused(body):
    with pytest.raises(SearchRefused, match="timestamp"):
        parse_observation_search(body)
    parse_thing_search(body)


@pytest.mark.parametrize("depth", range(3))
def test_a_global_aggregation_is_refused_at_any_depth(depth):
    aggs = {"everything": {"global": {}}}
    for _ in range(depth):
        aggs = {"by": {"terms": {"field": "thingName"}, "aggs": aggs}}
    for parse in (parse_observation_search, parse_thing_search):
        with pytest.raises(SearchRefused, match="global"):
            parse({"query": SINCE, "aggs": aggs})


def test_what_cannot_be_read_is_refused_with_its_reason():
    with pytest.raises(SearchRefused) as refusal:
        parse_thing_search({"query": {"nonsense": {"x": "y"}}})
    assert refusal.value.reason == "No query registered for [nonsense]"
