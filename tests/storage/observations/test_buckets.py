"""Aggregations: hand-checked buckets on the days when clocks change, gaps, types and nesting."""

from __future__ import annotations

import pytest

from cloudstead.core.observations.errors import SearchRefused


async def every_half_hour(ledger, start, hours):
    first = ledger.seen({}, at=start).timestamp_ms
    await ledger.put(*(ledger.seen({"n": number}, at=first + number * 1_800_000) for number in range(hours * 2)))


def counts(found, name="h"):
    return [(bucket["key_as_string"], bucket["doc_count"]) for bucket in found[name]["buckets"]]


async def test_a_day_has_23_hours_when_the_clock_goes_forward(ledger):
    await every_half_hour(ledger, "2016-03-26T00:00:00+01:00", 72)
    found = await ledger.aggregate(
        {"h": {"date_histogram": {"field": "timestamp", "interval": "day", "time_zone": "Europe/Oslo"}}},
    )
    assert counts(found) == [
        ("2016-03-26T00:00:00.000+01:00", 48),
        ("2016-03-27T00:00:00.000+01:00", 46),
        ("2016-03-28T00:00:00.000+02:00", 48),
        ("2016-03-29T00:00:00.000+02:00", 2),
    ]


async def test_a_day_has_25_hours_when_the_clock_goes_back(ledger):
    await every_half_hour(ledger, "2016-10-29T00:00:00+02:00", 72)
    found = await ledger.aggregate(
        {"h": {"date_histogram": {"field": "timestamp", "interval": "1d", "time_zone": "Europe/Oslo"}}},
    )
    assert counts(found) == [
        ("2016-10-29T00:00:00.000+02:00", 48),
        ("2016-10-30T00:00:00.000+02:00", 50),
        ("2016-10-31T00:00:00.000+01:00", 46),
    ]


async def test_the_hour_that_happens_twice_is_two_buckets(ledger):
    await every_half_hour(ledger, "2016-10-30T01:00:00+02:00", 4)
    found = await ledger.aggregate(
        {"h": {"date_histogram": {"field": "timestamp", "interval": "hour", "time_zone": "Europe/Oslo"}}},
    )
    assert counts(found) == [
        ("2016-10-30T01:00:00.000+02:00", 2),
        ("2016-10-30T02:00:00.000+02:00", 2),
        ("2016-10-30T02:00:00.000+01:00", 2),
        ("2016-10-30T03:00:00.000+01:00", 2),
    ]


async def test_a_fixed_length_keeps_the_wall_clock_across_a_change(ledger):
    await every_half_hour(ledger, "2016-03-27T00:00:00+01:00", 23)
    found = await ledger.aggregate(
        {"h": {"date_histogram": {"field": "timestamp", "interval": "12h", "time_zone": "Europe/Oslo"}}},
    )
    assert counts(found) == [("2016-03-27T00:00:00.000+01:00", 22), ("2016-03-27T12:00:00.000+02:00", 24)]


async def test_weeks_begin_on_monday_and_months_have_their_length(ledger):
    await ledger.put(
        ledger.seen({}, at="2016-02-28T23:59:59.999Z"),
        ledger.seen({}, at="2016-02-29T00:00:00Z"),
        ledger.seen({}, at="2016-03-06T23:59:59Z"),
        ledger.seen({}, at="2016-03-07T00:00:00Z"),
        ledger.seen({}, at="2016-05-01T00:00:00Z"),
    )
    found = await ledger.aggregate(
        {
            "w": {
                "date_histogram": {"field": "timestamp", "interval": "week", "min_doc_count": 1, "format": "yyyy-MM-dd"}
            },
            "m": {"date_histogram": {"field": "timestamp", "interval": "1M", "format": "MMM yyyy", "keyed": True}},
            "q": {"date_histogram": {"field": "timestamp", "interval": "quarter", "order": {"_key": "desc"}}},
            "y": {"date_histogram": {"field": "timestamp", "interval": "year", "offset": "+1d"}},
        },
    )
    assert counts(found, "w") == [("2016-02-22", 1), ("2016-02-29", 2), ("2016-03-07", 1), ("2016-04-25", 1)]
    months = found["m"]["buckets"]
    assert [(name, bucket["doc_count"]) for name, bucket in months.items()] == [
        ("Feb 2016", 2),
        ("Mar 2016", 2),
        ("Apr 2016", 0),
        ("May 2016", 1),
    ]
    assert counts(found, "q") == [("2016-04-01T00:00:00.000Z", 1), ("2016-01-01T00:00:00.000Z", 4)]
    assert counts(found, "y") == [("2016-01-02T00:00:00.000Z", 5)]


async def test_the_example_of_the_contract_is_answered(ledger):
    await ledger.put(ledger.seen({"t": 21}, at=1460676600000 + 5), ledger.seen({"t": 22}, at=1460680200000))
    body = {
        "size": 0,
        "trackScores": False,
        "query": {
            "bool": {
                "must": [
                    {"range": {"timestamp": {"gte": 1460661813164, "lte": 1460705013163}}},
                    {"term": {"thingName": "t1"}},
                ],
            },
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
                "aggs": {"t": {"avg": {"field": "state.t"}}},
            },
        },
    }
    found = await ledger.find(body)
    assert found["hits"] == {"total": 2, "max_score": 0.0, "hits": []}
    assert [list(bucket.items()) for bucket in found["aggregations"]["hist"]["buckets"]] == [
        [
            ("key_as_string", "2016-04-15T00:30:00.000+01:00"),
            ("key", 1460676600000),
            ("doc_count", 1),
            ("t", {"value": 21.0}),
        ],
        [
            ("key_as_string", "2016-04-15T01:30:00.000+01:00"),
            ("key", 1460680200000),
            ("doc_count", 1),
            ("t", {"value": 22.0}),
        ],
    ]


async def test_gaps_are_filled_with_empty_buckets_and_empty_figures(ledger):
    await ledger.put(ledger.seen({"v": 1}, at="2016-04-15T10:00:00Z"), ledger.seen({"v": 3}, at="2016-04-15T12:30:00Z"))
    subs = {
        "a": {"avg": {"field": "state.v"}},
        "t": {"terms": {"field": "thingName"}},
        "s": {"stats": {"field": "state.v"}},
    }
    found = await ledger.aggregate(
        {"h": {"date_histogram": {"field": "timestamp", "interval": "hour"}, "aggs": subs}},
    )
    assert [bucket["doc_count"] for bucket in found["h"]["buckets"]] == [1, 0, 1]
    gap = found["h"]["buckets"][1]
    assert gap["a"] == {"value": None}
    assert gap["t"] == {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": []}
    assert gap["s"] == {"count": 0, "min": None, "max": None, "avg": None, "sum": None}


async def test_extended_bounds_widen_and_never_cut(ledger):
    await ledger.put(ledger.seen({"v": 12}, at="2016-04-15T10:00:00Z"))
    bounds = {"min": "2016-04-15T08", "max": "2016-04-15T09:59"}
    found = await ledger.aggregate(
        {
            "h": {"date_histogram": {"field": "timestamp", "interval": "hour", "extended_bounds": bounds}},
            "n": {"histogram": {"field": "state.v", "interval": 5, "extended_bounds": {"min": 0, "max": 22}}},
            "e": {
                "date_histogram": {
                    "field": "state.none",
                    "interval": "day",
                    "extended_bounds": {"min": 0, "max": 86400000},
                }
            },
            "x": {"date_histogram": {"field": "timestamp", "interval": "hour", "extended_bounds": {}}},
        },
    )
    assert counts(found) == [
        ("2016-04-15T08:00:00.000Z", 0),
        ("2016-04-15T09:00:00.000Z", 0),
        ("2016-04-15T10:00:00.000Z", 1),
    ]
    assert [(bucket["key"], bucket["doc_count"]) for bucket in found["n"]["buckets"]] == [
        (0, 0),
        (5, 0),
        (10, 1),
        (15, 0),
        (20, 0),
    ]
    assert [bucket["key"] for bucket in found["e"]["buckets"]] == [0, 86400000]
    assert len(found["x"]["buckets"]) == 1


async def test_more_than_ten_thousand_buckets_are_refused(ledger):
    await ledger.put(ledger.seen({}, at="2016-04-15T10:00:00Z"), ledger.seen({}, at="2016-04-16T10:00:00Z"))
    with pytest.raises(SearchRefused, match="too many buckets"):
        await ledger.aggregate({"h": {"date_histogram": {"field": "timestamp", "interval": "second"}}})


async def test_terms_of_one_type_are_bucketed(ledger):
    await ledger.put(
        *(ledger.seen({"i": n % 3, "f": n / 2, "b": n < 2, "s": f"s{n % 2}", "l": [n, n, 9]}) for n in range(4))
    )
    found = await ledger.aggregate({name: {"terms": {"field": f"state.{name}"}} for name in "ifbsl"})
    assert [(b["key"], b["doc_count"]) for b in found["i"]["buckets"]] == [(0, 2), (1, 1), (2, 1)]
    assert [b["key"] for b in found["f"]["buckets"]] == [0.0, 0.5, 1.0, 1.5]
    assert found["b"]["buckets"] == [
        {"key": 0, "key_as_string": "false", "doc_count": 2},
        {"key": 1, "key_as_string": "true", "doc_count": 2},
    ]
    assert [(b["key"], b["doc_count"]) for b in found["s"]["buckets"]] == [("s0", 2), ("s1", 2)]
    assert [(b["key"], b["doc_count"]) for b in found["l"]["buckets"]] == [
        (9.0, 4),
        (0.0, 1),
        (1.0, 1),
        (2.0, 1),
        (3.0, 1),
    ]


async def test_terms_of_several_types_are_bucketed_by_value(ledger):
    values = [1, 1.0, "1", True, "x", "x", 2.5, None]
    await ledger.put(*(ledger.seen({"v": value}) for value in values))
    found = await ledger.aggregate(
        {"t": {"terms": {"field": "state.v"}, "aggs": {"c": {"value_count": {"field": "state.v"}}}}}
    )
    assert [(b["key"], b["doc_count"], b["c"]["value"]) for b in found["t"]["buckets"]] == [
        (1, 2, 2),
        ("x", 2, 2),
        (2.5, 1, 1),
        (1, 1, 1),
        ("1", 1, 1),
    ]


async def test_terms_keep_the_first_and_count_the_others(ledger):
    await ledger.put(*(ledger.seen({"v": number}, thing=f"t{number % 5}") for number in range(12)))
    found = await ledger.aggregate(
        {
            "top": {
                "terms": {"field": "thingName", "size": 2},
                "aggs": {"n": {"terms": {"field": "state.v", "size": 1}}},
            },
            "all": {"terms": {"field": "thingName", "size": 0, "order": {"_term": "desc"}}},
            "max": {
                "terms": {"field": "thingName", "size": 2, "order": {"m": "desc"}},
                "aggs": {"m": {"max": {"field": "state.v"}}},
            },
            "three": {"terms": {"field": "thingName", "min_doc_count": 3}},
            "only": {"terms": {"field": "thingName", "include": "t[0-2]", "exclude": ["t1"]}},
            "gone": {"terms": {"field": "state.nothing", "missing": "none"}},
        },
    )
    assert [(b["key"], b["doc_count"]) for b in found["top"]["buckets"]] == [("t0", 3), ("t1", 3)]
    assert found["top"]["sum_other_doc_count"] == 6
    assert [b["n"]["buckets"] for b in found["top"]["buckets"]] == [
        [{"key": 0, "doc_count": 1}],
        [{"key": 1, "doc_count": 1}],
    ]
    assert [b["n"]["sum_other_doc_count"] for b in found["top"]["buckets"]] == [2, 2]
    assert [b["key"] for b in found["all"]["buckets"]] == ["t4", "t3", "t2", "t1", "t0"]
    assert [(b["key"], b["m"]["value"]) for b in found["max"]["buckets"]] == [("t1", 11.0), ("t0", 10.0)]
    assert [b["key"] for b in found["three"]["buckets"]] == ["t0", "t1"]
    assert [b["key"] for b in found["only"]["buckets"]] == ["t0", "t2"]
    assert found["gone"]["buckets"] == [{"key": "none", "doc_count": 12}]


async def test_figures_are_right(ledger):
    await ledger.put(
        *(ledger.seen({"v": value, "l": [value, 10]}) for value in (1, 2, 3, 4.0)), ledger.seen({"v": "no"})
    )
    v = {"field": "state.v"}
    found = await ledger.aggregate(
        {
            "avg": {"avg": v},
            "min": {"min": v},
            "max": {"max": v},
            "sum": {"sum": v},
            "count": {"value_count": v},
            "stats": {"stats": v},
            "extended": {"extended_stats": v},
            "percentiles": {"percentiles": v | {"percents": [0, 50, 99.9, 100]}},
            "listed": {"percentiles": v | {"percents": [50], "keyed": False}},
            "cardinality": {"cardinality": v},
            "lists": {"stats": {"field": "state.l"}},
            "filled": {"sum": v | {"missing": 100}},
            "time": {"max": {"field": "timestamp"}},
        },
    )
    assert [found[name]["value"] for name in ("avg", "min", "max", "sum", "count", "cardinality", "filled")] == [
        2.5,
        1.0,
        4.0,
        10.0,
        5,
        5,
        110.0,
    ]
    assert found["stats"] == {"count": 4, "min": 1.0, "max": 4.0, "avg": 2.5, "sum": 10.0}
    assert found["extended"] == found["stats"] | {
        "sum_of_squares": 30.0,
        "variance": 1.25,
        "std_deviation": pytest.approx(1.118033988749895),
        "std_deviation_bounds": {"upper": pytest.approx(4.73606797749979), "lower": pytest.approx(0.2639320225002102)},
    }
    assert found["percentiles"]["values"] == {"0.0": 1.0, "50.0": 2.5, "99.9": pytest.approx(3.997), "100.0": 4.0}
    assert found["listed"] == {"values": [{"key": 50.0, "value": 2.5}]}
    assert found["lists"] == {"count": 8, "min": 1.0, "max": 10.0, "avg": 6.25, "sum": 50.0}
    assert found["time"] == {"value": 1460714400000.0, "value_as_string": "2016-04-15T10:00:00.000Z"}


async def test_figures_over_nothing_say_so(ledger):
    await ledger.put(ledger.seen({"v": 1}))
    nothing = {"term": {"thingName": "nobody"}}
    v = {"field": "state.v"}
    kinds = ("avg", "min", "max", "sum", "value_count", "cardinality", "extended_stats", "percentiles")
    found = await ledger.aggregate({kind: {kind: v} for kind in kinds}, nothing)
    assert [found[kind]["value"] for kind in kinds[:6]] == [None, None, None, 0.0, 0, 0]
    assert found["extended_stats"]["sum"] is None
    assert set(found["percentiles"]["values"].values()) == {"NaN"}


async def test_a_figure_of_texts_is_refused(ledger):
    await ledger.put(ledger.seen({}))
    with pytest.raises(SearchRefused, match=r"Expected numeric type on field \[thingName\], but got \[string\]"):
        await ledger.aggregate({"a": {"avg": {"field": "thingName"}}})


async def test_ranges_and_filters_answer_every_bucket(ledger):
    await ledger.put(*(ledger.seen({"v": value}) for value in (1, 5, 5.5, 10)), ledger.seen({}))
    found = await ledger.aggregate(
        {
            "r": {
                "range": {"field": "state.v", "ranges": [{"from": 5, "to": 10}, {"to": 5}, {"from": 4, "key": "big"}]},
                "aggs": {"m": {"max": {"field": "state.v"}}},
            },
            "d": {
                "date_range": {"field": "timestamp", "format": "yyyy", "keyed": True, "ranges": [{"from": "now-1d/d"}]}
            },
            "f": {
                "filters": {
                    "filters": {"one": {"term": {"state.v": 1}}, "none": {"term": {"state.v": 7}}},
                    "other_bucket": True,
                }
            },
            "l": {"filters": {"filters": [{"exists": {"field": "state.v"}}, {"match_all": {}}]}},
            "o": {"filter": {"range": {"state.v": {"gt": 5}}}, "aggs": {"t": {"terms": {"field": "state.v"}}}},
            "m": {"missing": {"field": "state.v"}, "aggs": {"c": {"value_count": {"field": "thingName"}}}},
        },
    )
    assert found["r"]["buckets"] == [
        {"key": "*-5.0", "to": 5.0, "to_as_string": "5.0", "doc_count": 1, "m": {"value": 1.0}},
        {"key": "big", "from": 4.0, "from_as_string": "4.0", "doc_count": 3, "m": {"value": 10.0}},
        {
            "key": "5.0-10.0",
            "from": 5.0,
            "from_as_string": "5.0",
            "to": 10.0,
            "to_as_string": "10.0",
            "doc_count": 2,
            "m": {"value": 5.5},
        },
    ]
    assert found["d"]["buckets"] == {"2016-*": {"from": 1460592000000.0, "from_as_string": "2016", "doc_count": 5}}
    assert found["f"]["buckets"] == {"one": {"doc_count": 1}, "none": {"doc_count": 0}, "_other_": {"doc_count": 4}}
    assert found["l"]["buckets"] == [{"doc_count": 4}, {"doc_count": 5}]
    assert found["o"]["doc_count"] == 2
    assert [b["key"] for b in found["o"]["t"]["buckets"]] == [5.5, 10]
    assert found["m"] == {"doc_count": 1, "c": {"value": 1}}


async def test_buckets_nest_three_deep_and_stay_apart(ledger):
    for thing in ("a", "b"):
        for day in (14, 15):
            for value in range(4 if thing == "a" else 2):
                await ledger.put(
                    ledger.seen({"v": value, "m": value % 2}, thing=thing, at=f"2016-04-{day}T0{value}:00:00Z")
                )
    innermost = {
        "s": {"sum": {"field": "state.v"}},
        "h": {"top_hits": {"size": 1, "sort": {"state.v": "desc"}, "_source": "state.v"}},
    }
    aggs = {
        "thing": {
            "terms": {"field": "thingName"},
            "meta": {"say": "again"},
            "aggs": {
                "day": {
                    "date_histogram": {"field": "timestamp", "interval": "day"},
                    "aggs": {"m": {"terms": {"field": "state.m", "order": {"s": "desc"}}, "aggs": innermost}},
                },
            },
        },
    }
    found = await ledger.aggregate(aggs)
    assert list(found["thing"]) == ["meta", "doc_count_error_upper_bound", "sum_other_doc_count", "buckets"]
    flat = [
        (
            thing["key"],
            day["key_as_string"][:10],
            m["key"],
            m["doc_count"],
            m["s"]["value"],
            m["h"]["hits"]["hits"][0]["_source"],
        )
        for thing in found["thing"]["buckets"]
        for day in thing["day"]["buckets"]
        for m in day["m"]["buckets"]
    ]
    assert flat == [
        (thing, f"2016-04-{day}", *rest)
        for thing, inner in (
            ("a", [(1, 2, 4.0, {"state": {"v": 3}}), (0, 2, 2.0, {"state": {"v": 2}})]),
            ("b", [(1, 1, 1.0, {"state": {"v": 1}}), (0, 1, 0.0, {"state": {"v": 0}})]),
        )
        for day in (14, 15)
        for rest in inner
    ]


async def test_lists_nest_in_lists_as_every_pair(ledger):
    await ledger.put(ledger.seen({"tags": ["x", "y"]}), ledger.seen({"tags": ["x"]}))
    terms = {"terms": {"field": "state.tags"}}
    found = await ledger.aggregate({"t": terms | {"aggs": {"t": terms}}})
    assert [(o["key"], [(i["key"], i["doc_count"]) for i in o["t"]["buckets"]]) for o in found["t"]["buckets"]] == [
        ("x", [("x", 2), ("y", 1)]),
        ("y", [("x", 1), ("y", 1)]),
    ]


async def test_one_statement_answers_an_aggregation_however_many_buckets_it_has(front, over_http, make_over_http):
    ledger = make_over_http()
    await ledger.put(*(ledger.seen({"v": number}, thing=f"t{number % 50}") for number in range(200)))
    front.seen.clear()
    aggs = {
        "t": {
            "terms": {"field": "thingName", "size": 0},
            "aggs": {
                "h": {"histogram": {"field": "state.v", "interval": 10}, "aggs": {"a": {"avg": {"field": "state.v"}}}}
            },
        },
    }
    found = await ledger.aggregate(aggs)
    assert len(found["t"]["buckets"]) == 50
    assert len([statement for statement in front.seen if "observations" in statement]) <= 3


async def test_top_hits_are_paged_and_sorted(ledger):
    observations = [ledger.seen({"v": number}, thing=f"t{number % 2}") for number in range(6)]
    await ledger.put(*observations)
    hits = {"top_hits": {"from": 1, "size": 1, "sort": [{"state.v": {"order": "desc"}}], "_source": False}}
    found = await ledger.aggregate({"t": {"terms": {"field": "thingName"}, "aggs": {"h": hits}}, "all": hits})
    assert [b["h"]["hits"] for b in found["t"]["buckets"]] == [
        {
            "total": 3,
            "max_score": None,
            "hits": [
                {
                    "_index": "observations",
                    "_type": "observation",
                    "_id": str(observations[place].offset),
                    "_score": None,
                    "sort": [place],
                },
            ],
        }
        for place in (2, 3)
    ]
    assert found["all"]["hits"]["total"] == 6
    assert found["all"]["hits"]["hits"][0]["sort"] == [4]
