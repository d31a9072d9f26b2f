from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from journeys.aws_user import Refused
from journeys.mqtt_user import Device

if TYPE_CHECKING:
    from pathlib import Path

    from factories.demo import Demo
    from journeys.aws_user import AwsUser

HALF_HOUR_MS = 1_800_000


@dataclass
class Weather:
    """Two stations in the harbour, one in the south, and what they reported."""

    harbour: list[str]
    south: str
    since_ms: int
    until_ms: int

    def query(self, *terms: Any, **rest: Any) -> dict[str, Any]:
        window = {"range": {"timestamp": {"gte": self.since_ms, "lte": self.until_ms}}}
        return {"size": 100, "query": {"bool": {"must": [window, *terms]}}, **rest}


@pytest.fixture(scope="module")
def weather(demo: Demo, administrator: AwsUser, tmp_path_factory: pytest.TempPathFactory) -> Weather:
    folder: Path = tmp_path_factory.mktemp("weather")
    harbour = [administrator.add_thing(demo.new_name("station"), "harbour") for _ in range(2)]
    south = administrator.add_thing(demo.new_name("station"), "south")
    since_ms = int(time.time() * 1000) - 1000
    for place, name in enumerate((*harbour, south)):
        with Device(demo, administrator.fetch_certificate(name, folder)) as device:
            for degree in range(5):
                reported = {"degrees": 10 * place + degree, "wind": {"from": "nw" if degree % 2 else "se"}}
                device.ask("update", {"state": {"reported": reported}})
            device.ask("update", {"state": {"desired": {"interval": 60}}})
    return Weather(harbour, south, since_ms, int(time.time() * 1000) + 1000)


def find(user: AwsUser, query: Any) -> dict[str, Any]:
    return user.invoke("ObservationLambda.FIND", query=query)


def things_of(found: dict[str, Any]) -> set[str]:
    return {hit["_source"]["thingName"] for hit in found["hits"]["hits"]}


def test_the_example_of_the_interface_finds_half_hours_in_a_zone_of_their_own(
    administrator: AwsUser, weather: Weather
) -> None:
    # Cloud Connect 2.11, section 5.1, with the aggregation that the client that it was taken from put into it.
    found = find(
        administrator,
        {
            "size": 0,
            "trackScores": False,
            "query": {
                "bool": {
                    "must": [
                        {"range": {"timestamp": {"gte": weather.since_ms, "lte": weather.until_ms}}},
                        {"term": {"thingName": weather.harbour[0]}},
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
                    "aggs": {"degrees": {"avg": {"field": "state.degrees"}}},
                }
            },
        },
    )

    buckets = found["aggregations"]["hist"]["buckets"]
    assert found["hits"] == {"total": 5, "max_score": 0.0, "hits": []}
    assert sum(bucket["doc_count"] for bucket in buckets) == 5
    assert all(bucket["key"] % HALF_HOUR_MS == 0 for bucket in buckets)
    assert sum(bucket["degrees"]["value"] * bucket["doc_count"] for bucket in buckets) == 10


def test_the_things_of_a_domain_are_looked_up(administrator: AwsUser, weather: Weather) -> None:
    def below(domain: str) -> dict[str, Any]:
        return {
            "terms": {"thingName": {"index": "domains", "type": "thing_mapping", "id": domain, "path": "thingNames"}}
        }

    assert things_of(find(administrator, weather.query(below("north")))) >= set(weather.harbour)
    assert weather.south not in things_of(find(administrator, weather.query(below("north"))))
    assert weather.south in things_of(find(administrator, weather.query(below("root"))))
    assert things_of(find(administrator, weather.query(below("nowhere")))) == set()


def test_a_person_finds_what_lies_below_the_own_domain(ron: AwsUser, weather: Weather) -> None:
    everything = {"terms": {"thingName": [*weather.harbour, weather.south]}}
    root = {"index": "domains", "type": "thing_mapping", "id": "root", "path": "thingNames"}

    assert things_of(find(ron, weather.query(everything))) == set(weather.harbour)
    assert weather.south not in things_of(find(ron, weather.query({"terms": {"thingName": root}})))


def test_figures_are_reckoned_two_levels_deep(administrator: AwsUser, weather: Weather) -> None:
    names = {"terms": {"thingName": [*weather.harbour, weather.south]}}
    winds = {
        "terms": {"field": "state.wind.from"},
        "aggs": {"degrees": {"stats": {"field": "state.degrees"}}, "newest": {"top_hits": {"size": 1}}},
    }
    by_thing = {"terms": {"field": "thingName", "order": {"_term": "asc"}}, "aggs": {"winds": winds}}

    found = find(administrator, weather.query(names, size=0, aggs={"by_thing": by_thing}))

    buckets = found["aggregations"]["by_thing"]["buckets"]
    assert [bucket["key"] for bucket in buckets] == sorted([*weather.harbour, weather.south])
    last = next(bucket for bucket in buckets if bucket["key"] == weather.south)
    assert [(wind["key"], wind["doc_count"]) for wind in last["winds"]["buckets"]] == [("se", 3), ("nw", 2)]
    assert last["winds"]["buckets"][0]["degrees"] == {"count": 3, "min": 20.0, "max": 24.0, "avg": 22.0, "sum": 66.0}
    assert last["winds"]["buckets"][1]["newest"]["hits"]["total"] == 2


def test_observations_are_sorted_chosen_and_cut(administrator: AwsUser, weather: Weather) -> None:
    query = weather.query({"term": {"thingName": weather.south}}, sort=[{"state.degrees": "desc"}])

    found = find(administrator, {**query, "size": 2, "from": 1, "_source": ["state.degrees"]})

    assert found["hits"]["total"] == 5  # wishes are no observations
    assert [hit["_source"] for hit in found["hits"]["hits"]] == [{"state": {"degrees": n}} for n in (23, 22)]


@pytest.mark.parametrize(
    "query",
    [
        {"query": {"match_all": {}}},
        {"query": {"bool": {"must_not": [{"range": {"timestamp": {"gte": 0}}}]}}},
        {"query": {"range": {"timestamp": {"gte": 0}}}, "aggs": {"all": {"global": {}}}},
        {"query": {"range": {"timestamp": {"gte": 0}}}, "nonsense": 1},
        {"query": {"range": {"timestamp": {"gte": 0}}}, "from": 9_999, "size": 10},
        {"query": {"script": {"script": "1"}}, "filter": {"range": {"timestamp": {"gte": 0}}}},
    ],
    ids=["no range", "negated range", "global", "unknown element", "beyond the window", "script"],
)
def test_a_query_that_breaks_a_rule_is_refused(administrator: AwsUser, query: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refusal:
        find(administrator, query)

    assert (refusal.value.key, refusal.value.property) == ("INVALID_ARGUMENTS", "query")


def test_a_search_finds_what_was_acknowledged_before_it_began(
    demo: Demo, administrator: AwsUser, tmp_path: Path
) -> None:
    name = administrator.add_thing(demo.new_name("pulse"))
    since = {"range": {"timestamp": {"gte": 0}}}
    with Device(demo, administrator.fetch_certificate(name, tmp_path)) as device:
        for beat in range(1, 11):
            device.ask("update", {"state": {"reported": {"beat": beat}}})
            query = {"size": 0, "query": {"bool": {"must": [since, {"term": {"thingName": name}}]}}}
            assert find(administrator, query)["hits"]["total"] == beat
            things = administrator.invoke("ThingLambda.FIND", query={"query": {"term": {"state.beat": beat}}})
            assert [hit["_id"] for hit in things["hits"]["hits"]] == [name]
