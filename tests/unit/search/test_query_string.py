"""Written queries are read by the grammar of Lucene, and no text raises anything but a refusal."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.search.errors import SearchInvalid
from cloudstead.search.query import (
    Bool,
    Boosted,
    Bound,
    DisMax,
    EachField,
    Exists,
    Fuzzy,
    Match,
    MatchAll,
    MatchKind,
    MatchNone,
    Prefix,
    Range,
    Wildcard,
)
from cloudstead.search.query_parser import MAX_CLAUSES, QueryParser


def read(text, **options):
    return QueryParser().query({"query_string": {"query": text} | options})


def word(text, field="_all"):
    return Match(field, text)


A, B, C = word("a"), word("b"), word("c")


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("a", A),
        ("a b", Bool(should=(A, B), minimum=1)),
        ("a OR b", Bool(should=(A, B), minimum=1)),
        ("a AND b", Bool(must=(A, B))),
        ("a AND b OR c", Bool(must=(A, B), should=(C,))),
        ("a OR b AND c", Bool(must=(B, C), should=(A,))),
        ("+a -b c", Bool(must=(A,), should=(C,), must_not=(B,))),
        ("NOT a", Bool(must_not=(A,))),
        ("a && !b", Bool(must=(A,), must_not=(B,))),
        ("a||b", word("a||b")),
        ("ANDY", word("ANDY")),
        ("(a b) c", Bool(should=(Bool(should=(A, B), minimum=1), C), minimum=1)),
        ("a - b", Bool(should=(A, B), minimum=1)),
        ("a^2.5", Boosted(A, 2.5)),
        ("(a)^3", Boosted(A, 3.0)),
        ("f:a", word("a", "f")),
        ("f : a", word("a", "f")),
        ("f:(a b)", Bool(should=(word("a", "f"), word("b", "f")), minimum=1)),
        ("f:(a g:b)", Bool(should=(word("a", "f"), word("b", "g")), minimum=1)),
        (r"f.\*:a", EachField(word("a", "f.*"))),
        (r"a\:b", word("a:b")),
        (r"\u0041", word("A")),
        ('"a b"~2', Match("_all", "a b", MatchKind.PHRASE, slop=2)),
        ('"a \\" b"', Match("_all", 'a " b', MatchKind.PHRASE)),
        ("a*", Prefix("_all", "a", by_word=True)),
        ("A?b*c", Wildcard("_all", "a?b*c", by_word=True)),
        ("*", MatchAll()),
        ("*:*", MatchAll()),
        ("f:*", Exists("f")),
        ("_exists_:f", Exists("f")),
        ("_missing_:f", Bool(must_not=(Exists("f"),))),
        ("roam~", Fuzzy("_all", "roam", 2, by_word=True)),
        ("roam~1", Fuzzy("_all", "roam", 1, by_word=True)),
        ("roam~0.75", Fuzzy("_all", "roam", 1, by_word=True)),
        ("f:[1 TO 2}", Range("f", Bound("1", True), Bound("2", False), spelled=True)),
        ('f:{"a b" TO *]', Range("f", Bound("a b", False), None, spelled=True)),
        ("f:>=1", Range("f", Bound("1", True), None, spelled=True)),
        ('f:<"a b"', Range("f", None, Bound("a b", False), spelled=True)),
        (">1", word(">1")),
        ("", MatchNone()),
        ("&", MatchNone()),
    ],
    ids=str,
)
def test_a_written_query_is_read(text, parsed):
    assert read(text) == parsed


def test_a_word_is_looked_for_in_each_default_field():
    assert read("a", fields=["f^2", "g"]) == DisMax((Boosted(word("a", "f"), 2.0), word("a", "g")))
    assert read("a", fields=["f", "g"], use_dis_max=False) == Bool(should=(word("a", "f"), word("a", "g")), minimum=1)


BROKEN = [
    "a AND",
    "AND a",
    "(a",
    "a)",
    "f:",
    "()",
    '"a',
    "a^",
    "[a TO b",
    "f:[a b c]",
    "]",
    "a OR OR b",
    "/a",
    "+",
    "\\",
]


@pytest.mark.parametrize("text", BROKEN)
def test_a_text_that_breaks_the_grammar_is_refused(text):
    with pytest.raises(SearchInvalid) as refusal:
        read(text)
    assert refusal.value.reason == f"Failed to parse query [{text}]"


@pytest.mark.parametrize("text", BROKEN)
def test_what_a_person_typed_is_never_refused(text):
    QueryParser().query({"simple_query_string": {"query": text}})


def test_a_written_query_is_as_deep_and_as_long_as_any_other():
    with pytest.raises(SearchInvalid, match="deeper"):
        read("(" * 60 + "a" + ")" * 60)
    with pytest.raises(SearchInvalid, match="maxClauseCount"):
        read("a " * MAX_CLAUSES)
    with pytest.raises(SearchInvalid, match="characters"):
        read("a" * 20_000)
    with pytest.raises(SearchInvalid, match="maxClauseCount"):
        QueryParser().query({"match": {"f": "a " * MAX_CLAUSES}})


SYNTAX = [
    *'+-&|!(){}[]^"~*?:\\/<>=# \u3000',
    "AND",
    "OR",
    "NOT",
    "TO",
    "a",
    "_exists_",
    "1",
    "0.5",
    "99999999999",
    "\ud800",
]
typed = st.lists(st.sampled_from(SYNTAX), max_size=20).map("".join) | st.text(max_size=20)


@settings(max_examples=300)
@given(typed, st.booleans())
def test_no_text_raises_anything_but_a_refusal(text, escapes):
    with contextlib.suppress(SearchInvalid):
        read(text, escape=escapes)
    QueryParser().query({"simple_query_string": {"query": text}})


@pytest.mark.parametrize("sign", [*'+-&|!(){}[]^"~*?:\\/'])
def test_an_escaped_sign_is_text(sign):
    assert read(f"a{sign}", escape=True) == word(f"a{sign}")
