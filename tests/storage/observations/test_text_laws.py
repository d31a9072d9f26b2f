"""Queries that look for texts, and what their matches score, against a naive reading of every document."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.core.observations.errors import SearchRefused
from cloudstead.search import analysis, sql
from factories.naive_search import judge

WORDS = ["a", "b", "ab", "ba", "abc", "é", "É", "Ab"]
SIGNS = [" ", " ", "-", ", ", ".", "_", "'", "\n"]
SINCE = {"range": {"timestamp": {"gte": 0}}}


def text_of(dice):
    text = dice.choice(WORDS)
    for _ in range(dice.randrange(5)):
        text += dice.choice(SIGNS) + dice.choice(WORDS)
    return text


def states():
    dice = random.Random(11)
    found = [{}, {"t": ""}, {"t": "!"}, {"t": []}, {"u": ["a b", "b"]}, {"n": 0}]
    for _ in range(60):
        state = {}
        for field in ("t", "u"):
            if dice.random() < 0.8:
                many = dice.random() < 0.2
                state[field] = [text_of(dice) for _ in range(dice.randrange(4))] if many else text_of(dice)
        if dice.random() < 0.5:
            state["n"] = dice.choice([0, 1, 1.5, -2])
        found.append(state)
    return found


def opaque(strategy):
    """Hide what a strategy is made of: hypothesis warns of descriptions as long as ours."""

    @st.composite
    def drawn(draw):
        return draw(strategy)

    return drawn()


fields = st.sampled_from(["state.t", "state.u"])
words = st.sampled_from(WORDS)
asked = st.lists(words, min_size=1, max_size=3).map(" ".join) | st.sampled_from(["!", "", "a-b", "a.b", "A_B"])
minima = st.sampled_from([-1, 1, 2, 5, "50%", "-34%"])
matches = opaque(
    st.one_of(
        st.fixed_dictionaries({"query": asked}, optional={"operator": st.sampled_from(["or", "and"])}),
        st.fixed_dictionaries({"query": asked, "minimum_should_match": minima}),
        st.fixed_dictionaries({"query": asked, "fuzziness": st.sampled_from([1, 2])}),
        st.fixed_dictionaries(
            {"query": asked, "type": st.sampled_from(["phrase", "phrase_prefix"]), "slop": st.integers(0, 2)}
        ),
    ).filter(lambda match: not repeats(match))
)


def repeats(match):
    """Tell whether a phrase has a word twice, which Lucene wants at two places and the naive reader does not ask."""
    parts = match["query"].lower().split()
    return "slop" in match and len(parts) != len(set(parts))


simple = opaque(
    st.one_of(
        st.builds(lambda field, match: {"match": {field: match}}, fields, matches),
        st.builds(
            lambda kind, operator, query: {
                "multi_match": {"query": query, "fields": ["state.t", "state.u"], "type": kind, "operator": operator}
            },
            st.sampled_from(["best_fields", "most_fields", "cross_fields"]),
            st.sampled_from(["and", "or"]),
            asked,
        ),
        st.builds(lambda kind, field, text: {kind: {field: text}}, st.sampled_from(["term", "prefix"]), fields, asked),
        st.builds(
            lambda field, text: {"wildcard": {field: text}}, fields, st.sampled_from(["a*", "*b", "?", "*", "*.?*"])
        ),
        st.builds(
            lambda field, text: {"regexp": {field: text}},
            fields,
            st.sampled_from(["a.*", "(a|b)+", "[^a]*", "ab?c{0,1}", ".*é.*", "a(b|c.*)[ -.].{1,9}"]),
        ),
        st.builds(lambda field: {"exists": {"field": field}}, fields),
        st.builds(
            lambda low, high: {"range": {"state.n": {"gte": low, "lt": high}}}, st.integers(-3, 1), st.integers(0, 3)
        ),
    )
)
clauses = st.recursive(
    simple,
    lambda inner: opaque(
        st.one_of(
            st.builds(
                lambda must, should, filters, must_not, minimum: {
                    "bool": {"must": must, "should": should, "filter": filters, "must_not": must_not} | minimum
                },
                st.lists(inner, max_size=2),
                st.lists(inner, max_size=3),
                st.lists(inner, max_size=1),
                st.lists(inner, max_size=1),
                st.one_of(st.just({}), st.builds(lambda least: {"minimum_should_match": least}, minima)),
            ).filter(lambda query: any(query["bool"][kind] for kind in ("must", "should", "filter", "must_not"))),
            st.builds(
                lambda queries, tie: {"dis_max": {"queries": queries, "tie_breaker": tie}},
                st.lists(inner, min_size=1, max_size=3),
                st.sampled_from([0.0, 0.5]),
            ),
            st.builds(
                lambda positive, negative: {
                    "boosting": {"positive": positive, "negative": negative, "negative_boost": 0.25}
                },
                inner,
                inner,
            ),
            st.builds(lambda query: {"constant_score": {"filter": query, "boost": 3.0}}, inner),
        )
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def texts(embedded, ledger_of):
    ledger = ledger_of(embedded)
    observations = [ledger.seen(state) for state in states()]
    asyncio.run(ledger.put(*observations))
    return ledger, {str(seen.offset): state for seen, state in zip(observations, states(), strict=True)}


def scored(ledger, query):
    body = {"size": 1000, "query": {"bool": {"must": [query], "filter": [SINCE]}}, "_source": False}
    hits = asyncio.run(ledger.find(body))["hits"]
    return hits, {hit["_id"]: hit["_score"] for hit in hits["hits"]}


def test_a_search_finds_and_scores_as_a_reader_would(texts):
    ledger, by_offset = texts

    @settings(max_examples=120)
    @given(clauses)
    def law(query):
        hits, found = scored(ledger, query)
        judged = {offset: judge(query, state) for offset, state in by_offset.items()}
        expected = {offset: score for offset, score in judged.items() if score is not None}
        assert found == pytest.approx(expected)
        assert hits["total"] == len(expected)
        assert hits["max_score"] == (pytest.approx(max(expected.values())) if expected else None)
        in_order = [hit["_score"] for hit in hits["hits"]]
        assert in_order == sorted(in_order, reverse=True)

    law()


def test_the_words_of_a_phrase_stand_as_far_apart_as_its_slop(texts):
    ledger, by_offset = texts

    @settings(max_examples=60)
    @given(
        st.lists(st.sampled_from(["a", "b", "ab", "é"]), min_size=2, max_size=3, unique=True),
        st.integers(0, 4),
        st.sampled_from(["phrase", "phrase_prefix"]),
    )
    def law(parts, slop, kind):
        query = {"match": {"state.t": {"query": " ".join(parts), "type": kind, "slop": slop}}}
        _, found = scored(ledger, query)
        assert set(found) == {offset for offset, state in by_offset.items() if judge(query, state) is not None}

    law()


# A written query as a tree, in its own notation and in that of query_string; both must find the same.
leaves_written = opaque(
    st.one_of(
        st.builds(lambda field, word: (f"{field}:{word}", {"match": {field: {"query": word}}}), fields, words),
        st.builds(
            lambda field, pair, slop: (
                f'{field}:"{pair[0]} {pair[1]}"~{slop}',
                {"match": {field: {"query": f"{pair[0]} {pair[1]}", "type": "phrase", "slop": slop}}},
            ),
            fields,
            st.sampled_from([("a", "b"), ("b", "ab"), ("é", "a")]),
            st.integers(0, 2),
        ),
        st.builds(lambda field: (f"_exists_:{field}", {"exists": {"field": field}}), fields),
        st.builds(
            lambda low, high: (f"state.n:[{low} TO {high}}}", {"range": {"state.n": {"gte": low, "lt": high}}}),
            st.integers(-3, 1),
            st.integers(0, 3),
        ),
    )
)


def every(parts):
    return (
        "(" + " AND ".join(text for text, _ in parts) + ")",
        {"bool": {"must": [query for _, query in parts], "should": [], "filter": [], "must_not": []}},
    )


def some(parts):
    return (
        "(" + " ".join(text for text, _ in parts) + ")",
        {"bool": {"must": [], "should": [query for _, query in parts], "filter": [], "must_not": []}},
    )


def without(wanted, refused):
    return (
        f"(+{wanted[0]} -{refused[0]})",
        {"bool": {"must": [wanted[1]], "should": [], "filter": [], "must_not": [refused[1]]}},
    )


written = st.recursive(
    leaves_written,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(every),
        st.lists(inner, min_size=2, max_size=3).map(some),
        st.builds(without, inner, inner),
        st.builds(lambda part: (f"({part[0]})", part[1]), inner),
    ),
    max_leaves=5,
)


def test_a_written_query_finds_what_its_tree_finds(texts):
    ledger, by_offset = texts

    @settings(max_examples=50)
    @given(written)
    def law(pair):
        text, query = pair
        _, found = scored(ledger, {"query_string": {"query": text}})
        judged = {offset: judge(query, state) for offset, state in by_offset.items()}
        assert found == pytest.approx({offset: score for offset, score in judged.items() if score is not None})

    law()


SYNTAX = [
    *'+-&|!(){}[]^"~*?:\\/<>= ',
    "AND",
    "OR",
    "NOT",
    "TO",
    "a",
    "state.t",
    "_all",
    "_exists_",
    "1",
    "é",
    "'",
    "`",
    "0.5",
]
typed = st.lists(st.sampled_from(SYNTAX), max_size=12).map("".join) | st.text(max_size=12)


@pytest.mark.parametrize("kind", ["query_string", "simple_query_string"])
def test_no_text_that_is_typed_breaks_out_of_its_search(texts, kind):
    ledger, by_offset = texts

    @settings(max_examples=60)
    @given(typed, st.sampled_from([["state.t"], ["state.*^2", "_all"], ["thingName", "timestamp"]]))
    def law(text, named):
        body = {"query": text, "fields": named, "lenient": True}
        try:
            _, found = scored(ledger, {kind: body})
        except SearchRefused as refusal:
            # Its own grammar may refuse a text; ClickHouse may not, and what a person typed is never refused.
            if kind == "simple_query_string" or refusal.reason.startswith("The search cannot be answered"):
                raise
            return
        assert set(found) <= set(by_offset)

    law()


ALPHABET = "aZ09_ .,:;'\u2019·-!éÅßЖλשָׁ中国あアー한\u0301\n\t\\\"`%"


def test_the_store_and_the_query_split_texts_alike(embedded):
    @settings(max_examples=30)
    @given(st.lists(st.text(ALPHABET, max_size=20), min_size=10, max_size=20))
    def law(texts_split):
        selected = ", ".join(f"extractAll({sql.text(text)}, {sql.text(analysis.WORD)})" for text in texts_split)
        (row,) = asyncio.run(ask(embedded, f"SELECT {selected}"))
        assert row == [list(analysis.words(text)) for text in texts_split]

    law()


async def test_a_word_is_found_among_more_fields_than_a_statement_names(ledger):
    many = ledger.seen({f"field{number}": f"word{number}" for number in range(300)} | {"list": ["two words", "it's"]})
    await ledger.put(many, ledger.seen({"field1": "other"}))
    for text in ("word299", "two", '"two words"', "it's", "word1 AND word2"):
        assert await ledger.offsets({"query_string": {"query": text}}) == [many.offset]
    assert await ledger.offsets({"query_string": {"query": "field299"}}) == []


async def ask(index, statement):
    from cloudstead.storage.observations.index import _rows

    return await index._readers.run(lambda client: _rows(client, statement))
