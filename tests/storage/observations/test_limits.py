"""What a search may cost, and pages of many documents."""

from __future__ import annotations

import asyncio
import threading

import pytest

from cloudstead.core.observations.errors import SearchRefused, SearchTooSlow

EVER = {"range": {"timestamp": {"gte": 0}}}


async def test_a_search_stops_at_its_own_time_limit(ledger):
    await ledger.put(*(ledger.seen({"v": number}) for number in range(2000)))
    aggs = {f"p{number}": {"terms": {"field": "state.v", "size": 0}} for number in range(20)}
    with pytest.raises(SearchTooSlow):
        await ledger.find({"timeout": "1ms", "query": EVER, "aggs": aggs})
    await ledger.find({"timeout": "5s", "query": EVER})


async def test_all_buckets_of_an_answer_count(ledger):
    await ledger.put(*(ledger.seen({"v": number}, thing=f"t{number % 20}") for number in range(400)))
    nested = {"h": {"histogram": {"field": "state.v", "interval": 0.7}}}
    with pytest.raises(SearchRefused, match="too many buckets"):
        await ledger.aggregate({"t": {"terms": {"field": "thingName", "size": 0}, "aggs": nested}})


async def test_an_answer_holds_so_many_top_hits(ledger):
    await ledger.put(*(ledger.seen({"v": number}, at=1460714400000 + number) for number in range(5100)))
    hits = {"h": {"top_hits": {"size": 9000}}}
    with pytest.raises(SearchRefused, match="more than 10000 hits"):
        await ledger.aggregate({"f": {"filters": {"filters": [{"match_all": {}}] * 2}, "aggs": hits}})


@pytest.mark.slow
async def test_a_page_at_an_end_of_time_is_right_however_many_documents_there_are(embedded_ledger):
    ledger = embedded_ledger
    start, step = 1460000000000, 120_000
    observations = [ledger.seen({"n": number}, at=start + number * step) for number in range(50_500)]
    await ledger.put(*observations)

    async def page(order, first, size, query=EVER):
        body = {"from": first, "size": size, "query": query, "sort": {"timestamp": order}, "fields": ["state.n"]}
        found = await ledger.find(body)
        assert found["hits"]["total"] >= 50_001
        return [hit["fields"]["state.n"][0] for hit in found["hits"]["hits"]]

    assert await page("desc", 0, 3) == [50_499, 50_498, 50_497]
    assert await page("desc", 2000, 2) == [48_499, 48_498]
    assert await page("asc", 0, 3) == [0, 1, 2]
    assert await page("asc", 9_990, 2) == [9_990, 9_991]
    later = {"range": {"timestamp": {"gte": start + 10 * step, "lt": start + 50_100 * step}}}
    assert await page("asc", 0, 2, later) == [10, 11]
    assert await page("desc", 0, 2, later) == [50_099, 50_098]


async def test_hits_are_sorted_by_what_they_hold(ledger):
    values = [3, 1.5, "b", "a", None, True, [9, 2]]
    await ledger.put(*(ledger.seen({"v": value, "n": number}) for number, value in enumerate(values)))

    async def order(sort):
        found = await ledger.find({"query": EVER, "sort": sort, "_source": "state.n"})
        return [hit["_source"]["state"]["n"] for hit in found["hits"]["hits"]]

    assert await order([{"state.v": "asc"}, "state.n"]) == [5, 1, 6, 0, 3, 2, 4]
    assert await order([{"state.v": "desc"}, "state.n"]) == [6, 0, 1, 5, 2, 3, 4]
    assert (await order([{"state.v": {"missing": "_first"}}, "state.n"]))[0] == 4
    assert (await order([{"state.v": {"mode": "avg"}}, "state.n"]))[:4] == [5, 1, 0, 6]
    assert await order([{"thingName": "asc"}, {"state.n": "desc"}]) == [6, 5, 4, 3, 2, 1, 0]
    assert await order({"nowhere": {"unmapped_type": "long"}}) is not None
    with pytest.raises(SearchRefused, match=r"No mapping found for \[nowhere\] in order to sort on"):
        await order("nowhere")


async def test_sort_values_and_scores_are_shown_when_asked_for(ledger):
    await ledger.put(ledger.seen({"v": 1}))
    (hit,) = (await ledger.find({"query": EVER, "sort": ["timestamp", "state.v", "thingName"]}))["hits"]["hits"]
    assert hit["sort"] == [1460714400000, 1, "t1"]
    assert hit["_score"] is None
    found = await ledger.find({"query": EVER, "sort": "timestamp", "track_scores": True})
    assert found["hits"]["max_score"] == found["hits"]["hits"][0]["_score"] == 1.0
    assert "sort" not in (await ledger.find({"query": EVER}))["hits"]["hits"][0]
    (hit,) = (await ledger.find({"query": EVER, "sort": "_score"}))["hits"]["hits"]
    assert (hit["_score"], hit["sort"]) == (1.0, [1.0])
    assert (await ledger.find({"query": {"bool": {"filter": EVER}}}))["hits"]["max_score"] == 0.0
    assert (await ledger.find({"query": EVER, "min_score": 2}))["hits"]["total"] == 0


async def test_a_post_filter_cuts_hits_and_leaves_aggregations(ledger):
    await ledger.put(*(ledger.seen({"v": number}) for number in range(4)))
    found = await ledger.find(
        {
            "filter": {"and": [EVER, {"range": {"state.v": {"gte": 2}}}]},
            "aggs": {"all": {"value_count": {"field": "state.v"}}},
        },
    )
    assert found["hits"]["total"] == 2
    assert found["aggregations"]["all"]["value"] == 4


async def test_a_ping_and_another_account_pass_the_slow_searches_of_one(embedded_ledger):
    index = embedded_ledger.index
    is_over = threading.Event()

    async def slow():
        await index._read_for("slow", "waiting", lambda _: is_over.wait(60))

    tasks = [asyncio.ensure_future(slow()) for _ in range(10)]
    try:
        await embedded_ledger.find({"query": EVER})
        await index.ping()
        assert not any(task.done() for task in tasks)
    finally:
        is_over.set()
        await asyncio.gather(*tasks)
