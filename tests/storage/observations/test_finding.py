"""What queries find: types, scopes, lookups, and text that would like to be SQL."""

from __future__ import annotations

import pytest

from cloudstead.core.observations.errors import SearchRefused

EVER = {"range": {"timestamp": {"gte": 0}}}


async def test_an_observation_comes_back_as_it_was_sent(ledger):
    text = b'{"temp" : 21.50,  "none":null, "list":[], "z":1, "a":{}}'
    await ledger.put(ledger.seen(text, thing="t7", type="3", domain="north"))
    found = await ledger.find({"query": EVER})
    assert found["hits"]["total"] == 1
    (hit,) = found["hits"]["hits"]
    assert list(hit) == ["_index", "_type", "_id", "_score", "_source"]
    assert list(hit["_source"].items()) == [
        ("thingName", "t7"),
        ("thingType", "3"),
        ("domain", "north"),
        ("timestamp", 1460714400000),
        ("state", {"temp": 21.5, "none": None, "list": [], "z": 1, "a": {}}),
    ]


async def test_an_answer_has_the_members_of_elasticsearch_in_their_order(ledger):
    await ledger.put(ledger.seen({}))
    found = await ledger.find({"query": EVER, "aggs": {}})
    assert list(found) == ["took", "timed_out", "_shards", "hits", "aggregations"]
    assert found["_shards"] == {"total": 5, "successful": 5, "failed": 0}
    assert list(found["hits"]) == ["total", "max_score", "hits"]
    assert found["hits"]["max_score"] == 1.0


async def test_an_empty_account_answers_with_nothing(ledger):
    found = await ledger.find({"query": EVER, "aggs": {"a": {"avg": {"field": "state.x"}}}})
    assert found["hits"] == {"total": 0, "max_score": None, "hits": []}
    assert found["aggregations"] == {"a": {"value": None}}


MIXED = [
    {"v": 5},
    {"v": 5.0},
    {"v": "5"},
    {"v": 5.5},
    {"v": True},
    {"v": "true"},
    {"v": [4, 5]},
    {"v": ["5", "x"]},
    {"v": None},
    {},
    {"v": {"w": 5}},
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"term": {"state.v": 5}}, {0, 1, 2, 6, 7}),
        ({"term": {"state.v": "5"}}, {0, 1, 2, 6, 7}),
        ({"term": {"state.v": 5.5}}, {3}),
        ({"term": {"state.v": True}}, {4, 5}),
        ({"term": {"state.v": "true"}}, {4, 5}),
        ({"terms": {"state.v": [5.5, "x"]}}, {3, 7}),
        ({"range": {"state.v": {"gt": 5}}}, {3}),
        ({"range": {"state.v": {"gt": "5"}}}, {3, 5, 7}),
        ({"range": {"state.v": {"gte": 5, "lt": 5.5}}}, {0, 1, 6}),
        ({"exists": {"field": "state.v"}}, {0, 1, 2, 3, 4, 5, 6, 7, 10}),
        ({"exists": {"field": "state"}}, {0, 1, 2, 3, 4, 5, 6, 7, 10}),
        ({"missing": {"field": "state.v"}}, {8, 9}),
        ({"missing": {"field": "state.nowhere"}}, set(range(11))),
        ({"exists": {"field": "state.v.w"}}, {10}),
        ({"not": {"term": {"state.v": 5}}}, {3, 4, 5, 8, 9, 10}),
        ({"prefix": {"state.v": "t"}}, {5}),
        ({"wildcard": {"state.v": "?ru*"}}, {5}),
        ({"bool": {"should": [{"term": {"state.v": "x"}}, {"term": {"state.v": 5.5}}]}}, {3, 7}),
        (
            {
                "bool": {
                    "should": [
                        {"term": {"state.v": 5}},
                        {"term": {"state.v": "x"}},
                        {"exists": {"field": "state.v"}},
                    ],
                    "minimum_should_match": 3,
                },
            },
            {7},
        ),
        ({"bool": {"must_not": [{"exists": {"field": "state.v"}}]}}, {8, 9}),
        ({"filtered": {"filter": {"term": {"state.v": 5.5}}}}, {3}),
        ({"constant_score": {"filter": {"term": {"state.v": 5.5}}}}, {3}),
        ({"and": [{"exists": {"field": "state.v"}}, {"not": {"term": {"state.v": 5}}}]}, {3, 4, 5, 10}),
        ({"or": {"filters": [{"term": {"state.v": 5.5}}, {"term": {"state.v.w": 5}}]}}, {3, 10}),
        ({"ids": {"values": []}}, set()),
        ({"match_all": {}}, set(range(11))),
    ],
    ids=str,
)
async def test_values_compare_by_what_they_are(mixed, query, expected):
    ledger, observations = mixed
    found = await ledger.offsets(query)
    assert {place for place, seen in enumerate(observations) if seen.offset in found} == expected


@pytest.fixture(scope="module")
def mixed_by_index():
    return {}


@pytest.fixture
async def mixed(index, ledger, mixed_by_index):
    if index not in mixed_by_index:
        observations = [ledger.seen(state) for state in MIXED]
        await ledger.put(*observations)
        mixed_by_index[index] = (ledger, observations)
    return mixed_by_index[index]


async def test_documents_are_found_by_id(ledger):
    first, second = ledger.seen({}), ledger.seen({})
    await ledger.put(first, second)
    assert await ledger.offsets({"ids": {"values": [second.offset, 0]}}) == [second.offset]
    assert await ledger.offsets({"ids": {"type": "thing", "values": [second.offset]}}) == []


async def test_dates_are_found_by_text_and_by_date_math(ledger):
    early = ledger.seen({"due": "2016-04-01T00:00:00Z"}, at="2016-04-14T23:59:59.999Z")
    late = ledger.seen({"due": "2016-05-01"}, at="2016-04-15T00:00:00.000Z")
    await ledger.put(early, late)
    assert await ledger.offsets({"range": {"timestamp": {"gte": "2016-04-15"}}}) == [late.offset]
    assert await ledger.offsets({"range": {"timestamp": {"lte": "2016-04-14"}}}) == [early.offset]
    assert await ledger.offsets({"range": {"timestamp": {"gte": "now/d", "lt": "now+1d/d"}}}) == [late.offset]
    assert await ledger.offsets({"range": {"timestamp": {"lt": "now/d"}}}) == [early.offset]
    assert await ledger.offsets({"range": {"timestamp": {"gte": "2016-04-15", "time_zone": "+02:00"}}}) == [
        early.offset,
        late.offset,
    ]
    assert await ledger.offsets({"term": {"timestamp": 1460678400000}}) == [late.offset]
    assert await ledger.offsets({"range": {"state.due": {"gt": "2016-04-15||-1d"}}}) == [late.offset]


async def test_a_bound_that_is_no_date_is_refused(ledger):
    with pytest.raises(SearchRefused, match=r"failed to parse date field \[soon\]"):
        await ledger.find({"query": {"range": {"timestamp": {"gte": "soon"}}}})


async def test_nothing_of_another_account_is_found(ledger, make_ledger):
    other = make_ledger()
    await ledger.put(ledger.seen({"secret": 1}))
    await other.put(other.seen({"secret": 2}))
    await other.index.put_things([other.thing("theirs", domain="root")])
    for query in (
        {"match_all": {}},
        {"bool": {"should": [{"match_all": {}}, {"missing": {"field": "x"}}]}},
        {"not": {"term": {"state.secret": 9}}},
        {"term": {"state.secret": 2}},
    ):
        assert len(await ledger.offsets(query)) == (0 if query == {"term": {"state.secret": 2}} else 1)
    aggs = {"t": {"terms": {"field": "state.secret"}, "aggs": {"h": {"top_hits": {}}}}}
    (bucket,) = (await ledger.aggregate(aggs))["t"]["buckets"]
    assert bucket["key"] == 1
    assert bucket["h"]["hits"]["total"] == 1


async def test_a_search_stays_within_its_domains(ledger):
    north, south = ledger.seen({"v": 1}, domain="north"), ledger.seen({"v": 2}, domain="south", thing="t2")
    await ledger.put(north, south)
    everything = {"bool": {"should": [{"match_all": {}}]}}
    assert await ledger.offsets(everything, domains={"north"}) == [north.offset]
    assert await ledger.offsets(everything, domains=set()) == []
    assert await ledger.offsets({"not": {"term": {"domain": "north"}}}, domains={"north"}) == []
    aggs = {"t": {"terms": {"field": "domain"}, "aggs": {"h": {"top_hits": {"_source": "domain"}}}}}
    (bucket,) = (await ledger.aggregate(aggs, domains={"south"}))["t"]["buckets"]
    assert bucket["key"] == "south"
    assert [hit["_source"] for hit in bucket["h"]["hits"]["hits"]] == [{"domain": "south"}]


def lookup(domain):
    return {"terms": {"thingName": {"index": "domains", "type": "thing_mapping", "id": domain, "path": "thingNames"}}}


async def test_a_lookup_finds_the_things_of_a_subtree(ledger):
    await ledger.index.put_things(
        [ledger.thing("t1", domain="north"), ledger.thing("t2", domain="fjord"), ledger.thing("t3", domain="south")],
    )
    observations = [ledger.seen({}, thing=f"t{number}", domain="north") for number in (1, 2, 3)]
    await ledger.put(*observations)
    subtrees = {"north": frozenset({"north", "fjord"}), "root": frozenset({"root", "north", "fjord", "south"})}
    first, second, third = (seen.offset for seen in observations)
    assert await ledger.offsets(lookup("north"), subtrees=subtrees) == [first, second]
    assert await ledger.offsets(lookup("root"), subtrees=subtrees) == [first, second, third]
    assert await ledger.offsets(lookup("nowhere"), subtrees=subtrees) == []
    assert await ledger.offsets(lookup("root"), subtrees=subtrees, domains={"north"}) == [first]
    assert await ledger.offsets({"not": lookup("root")}, subtrees=subtrees, domains={"north"}) == [second, third]
    things = await ledger.find_things({"query": lookup("north")}, subtrees=subtrees)
    assert [hit["_id"] for hit in things["hits"]["hits"]] == ["t1", "t2"]


HOSTILE = [
    "' OR 1=1 --",
    "\\' OR 1=1 --",
    "\\",
    "`) OR 1",
    "{p:String}",
    "%s %(x)s",
    "a\x00b",
    "é\n\t\r'",
    "\U0001f600",
    "/* */; DROP TABLE observations",
]


async def test_text_is_never_read_as_sql(ledger):
    plain = ledger.seen({"plain": "x"})
    holders = {text: ledger.seen({"plain": text, text.replace("\x00", ""): 1}, thing="t2") for text in HOSTILE}
    await ledger.put(plain, *holders.values())
    for text, holder in holders.items():
        path = f"state.{text}".replace("\x00", "")
        literal = text.replace("\\", "\\\\").replace("*", "\\*")
        held = {
            "bool": {
                "must": [{"term": {"state.plain": text}}, {"term": {path: 1}}, {"wildcard": {"state.plain": literal}}]
            }
        }
        assert await ledger.offsets(held) == [holder.offset]
        assert holder.offset in await ledger.offsets({"prefix": {"state.plain": text}})
        elsewhere = {
            "bool": {"should": [{"term": {text: text}}, {"term": {"domain": text}}, {"ids": {"values": [text]}}]}
        }
        assert await ledger.offsets(elsewhere) == []
        assert await ledger.offsets({"match_all": {}}, domains={text}) == []
    aggs = {
        "t": {
            "terms": {"field": "state.plain", "size": len(HOSTILE), "include": HOSTILE},
            "aggs": {"h": {"top_hits": {}}, "s": {"sum": {"field": f"state.{HOSTILE[0]}"}}},
        },
    }
    buckets = (await ledger.aggregate(aggs))["t"]["buckets"]
    assert {bucket["key"] for bucket in buckets} == set(HOSTILE)
    assert [bucket["h"]["hits"]["total"] for bucket in buckets] == [1] * len(HOSTILE)
    assert {bucket["key"] for bucket in buckets if bucket["s"]["value"]} == {HOSTILE[0]}


@pytest.mark.parametrize("pattern", ["(", "[a-", "a{5000}{5000}"])
async def test_a_broken_expression_is_refused(ledger, pattern):
    await ledger.put(ledger.seen({"v": "x"}))
    with pytest.raises(SearchRefused):
        await ledger.aggregate({"t": {"terms": {"field": "state.v", "include": pattern}}})


async def test_fields_of_things_are_found(ledger):
    await ledger.index.put_things(
        [
            ledger.thing("a", {"on": True}, label="Boiler", description="cellar", created="2016-02-01T00:00:00Z"),
            ledger.thing("b", label="äpple", by="anna"),
        ],
    )

    async def names(query):
        found = await ledger.find_things({"query": query, "sort": "thingName"})
        return [hit["_id"] for hit in found["hits"]["hits"]]

    assert await names({"term": {"label": "Boiler"}}) == ["a"]
    assert await names({"term": {"label.lowercase": "boiler"}}) == ["a"]
    assert await names({"missing": {"field": "description"}}) == ["b"]
    assert await names({"range": {"createdAt": {"gte": "2016-01-15"}}}) == ["a"]
    assert await names({"term": {"createdBy": "anna"}}) == ["b"]
    assert await names({"term": {"state.on": True}}) == ["a"]
    assert await names({"ids": {"type": "thing", "values": ["b"]}}) == ["b"]


async def test_a_thing_is_found_as_it_was_put_last(ledger):
    await ledger.index.put_things([ledger.thing("a", {"v": 2}, label="new", version=7)])
    await ledger.index.put_things([ledger.thing("a", {"v": 1}, label="old", version=3)])
    found = await ledger.find_things({})
    assert found["hits"]["total"] == 1
    assert found["hits"]["hits"][0]["_source"] == {
        "thingName": "a",
        "thingType": "1",
        "label": "new",
        "domain": "root",
        "createdAt": 1451606400000,
        "createdBy": "demo",
        "state": {"v": 2},
    }


async def test_a_dropped_thing_is_not_found_until_it_comes_back(ledger):
    await ledger.index.put_things([ledger.thing("a", version=5), ledger.thing("b", version=6)])
    await ledger.index.drop_things(ledger.account, ["a"])
    assert [hit["_id"] for hit in (await ledger.find_things({}))["hits"]["hits"]] == ["b"]
    await ledger.index.put_things([ledger.thing("a", version=1)])
    assert (await ledger.find_things({}))["hits"]["total"] == 2
