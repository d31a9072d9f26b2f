"""Expressions of Lucene mean the same to RE2, and nothing of RE2's own gets through."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.search.errors import SearchInvalid
from cloudstead.search.expressions import operators_of, translated


def matches(expression, text, flags="ALL"):
    # Python reads what is written for RE2 once its way to name a letter is put into Python's.
    written = re.sub(
        r"\\x\{([0-9A-F]+)\}", lambda found: f"\\U{int(found[1], 16):08x}", translated(expression, operators_of(flags))
    )
    return re.fullmatch(written, text) is not None


@pytest.mark.parametrize(
    ("expression", "found", "passed_over"),
    [
        ("ab", ["ab"], ["a", "abc", "AB"]),
        ("a.c", ["abc", "a\nc", "aéc"], ["ac"]),
        ("a|bc", ["a", "bc"], ["ab", "ac"]),
        ("(a|b)+c?", ["abc", "b"], ["c"]),
        ("a{2}", ["aa"], ["a", "aaa"]),
        ("a{1,}b{0,2}", ["a", "aabb"], ["b", "abbb"]),
        ("[a-cx]", ["b", "x"], ["d", "-"]),
        ("[^a-c]", ["d"], ["b", ""]),
        ("[a\\-z]", ["-", "z"], ["b"]),
        ("^a$", ["^a$"], ["a"]),
        ("\\d\\.", ["d."], ["1."]),
        ('"a.b"', ["a.b"], ["axb"]),
        ("a@", ["a", "abc"], ["ba"]),
        ("<9-11>x", ["9x", "011x"], ["8x", "12x"]),
        ("<08-10>", ["08", "10"], ["8"]),
        ("a#", [], ["a", "a#"]),
        ("", [""], ["a"]),
        ("(?i)a", [], ["a", "A"]),
    ],
)
def test_an_expression_means_what_it_does_to_lucene(expression, found, passed_over):
    assert [text for text in found if not matches(expression, text)] == []
    assert [text for text in passed_over if matches(expression, text)] == []


def test_flags_decide_which_signs_are_letters():
    assert matches("a#~&@<1-2>", "a#~&@<1-2>", "NONE")
    assert matches("<1-2>@", "1@", "INTERVAL")


@pytest.mark.parametrize(
    "expression",
    ["(", "(a", "a)", "[a", "[b-a]", "a{", "a{2,1}", "a{1001}", "\\", '"a', "~a", "a&b", "<a>", "<1-9999>", "a" * 1001],
)
def test_what_cannot_be_expressed_is_refused(expression):
    with pytest.raises(SearchInvalid):
        translated(expression)


def test_an_unknown_flag_is_refused():
    with pytest.raises(SearchInvalid, match="Unknown regexp flag"):
        operators_of("ALL|SOME")


@settings(max_examples=200)
@given(st.text(st.sampled_from('ab.?+*|{}[]()"\\#@&<>~^$-,0129é\n'), max_size=15))
def test_an_expression_is_refused_or_can_be_read(expression):
    with contextlib.suppress(SearchInvalid):
        matches(expression, "a")
