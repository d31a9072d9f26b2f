"""FIND of things and observations: what reaches the index, and within which bounds."""

from __future__ import annotations

import pytest

from cloudstead.core.observations.errors import SearchRefused, SearchTooSlow
from factories.contract import require_output
from factories.coverage import covers

SINCE = {"query": {"range": {"timestamp": {"gte": 1460661813164}}}}
EXAMPLE = {
    "size": 0,
    "trackScores": False,
    "query": {
        "bool": {
            "must": [
                {"range": {"timestamp": {"gte": 1460661813164, "lte": 1460705013163}}},
                {"term": {"thingName": "00000001"}},
            ]
        }
    },
    "aggs": {
        "hist": {
            "date_histogram": {
                "field": "timestamp",
                "interval": "30m",
                "pre_zone": "+01:00",
                "pre_zone_adjust_large_interval": True,
                "min_doc_count": 1,
            },
            "aggs": {"temp": {"avg": {"field": "state.temp"}}},
        }
    },
}

both = pytest.mark.parametrize(
    ("label", "kind"), [("ThingLambda.FIND", "things"), ("ObservationLambda.FIND", "observations")]
)


@covers("ThingLambda.FIND", "success")
@covers("ObservationLambda.FIND", "success")
@pytest.mark.parametrize(
    ("label", "asked"),
    [
        ("ThingLambda.FIND", ["settle things", "things"]),
        ("ObservationLambda.FIND", ["settle", "observations"]),
    ],
)
async def test_a_search_is_answered_by_the_index_after_everything_acknowledged_is_in_it(world, label, asked):
    world.index.answer = {"took": 1, "hits": {"total": 7, "hits": []}}
    found = await world.call(label, world.administrator, query=EXAMPLE)
    require_output(label, found.ok())
    assert found.ok() == world.index.answer
    assert [each[0] for each in world.index.asked] == asked


async def test_a_look_up_of_a_domain_waits_for_the_things_too(world):
    lookup = {"index": "domains", "type": "thing_mapping", "id": "north", "path": "thingNames"}
    query = {"query": {"bool": {"must": [SINCE["query"], {"terms": {"thingName": lookup}}]}}}
    (await world.call("ObservationLambda.FIND", world.reader, query=query)).ok()
    assert [each[0] for each in world.index.asked] == ["settle things", "observations"]


@both
async def test_the_query_stands_at_the_top_of_the_payload(world, label, kind):
    inside = await world.call(label, world.administrator, nonsense=1)
    assert inside.told == ("PROPERTY_REQUIRED", "query")
    misplaced = {"action": "FIND", "attributes": {"query": EXAMPLE}}
    assert (await world.invoke(label, misplaced, caller=world.reader)).told == ("PROPERTY_REQUIRED", "query")


@both
@pytest.mark.parametrize(("granted", "domains"), [("root", None), ("north", {"north", "fjord"}), ("fjord", {"fjord"})])
async def test_a_search_is_bounded_by_the_account_and_the_callers_reach(world, label, kind, granted, domains):
    (await world.call(label, world.caller((granted, "Read")), query=EXAMPLE)).ok()
    scope = world.index.asked[-1][1]
    assert scope.account_id == world.tenant.account.id
    assert scope.domains == domains


@both
async def test_a_look_up_of_a_domain_stays_within_the_callers_reach(world, label, kind):
    (await world.call(label, world.reader, query=EXAMPLE)).ok()
    scope = world.index.asked[-1][1]
    assert scope.subtree("root") == {"north", "fjord"}
    assert scope.subtree("south") == set()


async def test_a_bound_on_time_may_stand_in_the_top_level_filter(world):
    query = {"filter": SINCE["query"], "size": 1}
    (await world.call("ObservationLambda.FIND", world.reader, query=query)).ok()


@pytest.mark.parametrize(
    "query",
    [
        {"query": {"range": {"timestamp": {"lte": 5}}}},
        {"query": {"bool": {"must_not": SINCE["query"]}}},
        {"query": {"bool": {"should": [SINCE["query"], {"match_all": {}}]}}},
        {"aggs": {"all": {"global": {}}}, **SINCE},
        {"aggs": {"a": {"terms": {"field": "x"}, "aggs": {"all": {"global": {}}}}}, **SINCE},
        {"frm": 1, **SINCE},
        {"size": 20_000, **SINCE},
    ],
)
async def test_a_search_that_breaks_a_rule_never_reaches_the_index(world, query):
    answer = await world.call("ObservationLambda.FIND", world.reader, query=query)
    assert answer.told == ("INVALID_ARGUMENTS", "query")
    assert world.index.asked == []


@both
@pytest.mark.parametrize("failure", [SearchRefused("too many buckets"), SearchTooSlow(5000)])
async def test_a_search_that_asks_for_too_much_is_told_so(world, label, kind, failure):
    world.index.failure = failure
    answer = await world.call(label, world.reader, query=EXAMPLE)
    assert answer.told == ("INVALID_ARGUMENTS", "query")
    assert answer.error["message"] == str(failure)
