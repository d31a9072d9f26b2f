"""The SQL condition that a text, or a word of a text, is what a query looks for."""

from collections.abc import Callable
from typing import TypeAlias

from cloudstead.search import analysis, sql
from cloudstead.search.expressions import whole
from cloudstead.search.fields import Field, Part, Reading
from cloudstead.search.query import Fuzzy, Phrase, Prefix, Regexp, Wildcard

Test: TypeAlias = Callable[[str], str]


def texts_condition(found: Field, query: Prefix | Wildcard | Regexp | Fuzzy, *, by_word: bool) -> str:
    """Write that one of the texts passes; with `by_word`, that a word does where texts are read by words."""
    test = _test(query)
    return sql.any_of(
        _any_word(part, test) if by_word and part.reading is Reading.WORDS else _any_text(part, test)
        for part in found.textual.parts
    )


def word_condition(found: Field, word: str) -> str:
    """Write that one of the texts that are read by words holds a word, given as SQL."""
    return sql.any_of(f"has({_all_words(part)}, {word})" for part in _by_words(found))


def phrase_condition(found: Field, query: Phrase) -> str:
    """Write that one text that is read by words holds a phrase.

    The words of a text are bound to a name, as ClickHouse reads an expression anew wherever it stands in a lambda.
    """
    return sql.any_of(f"arrayExists(t -> {_phrase('t', query)}, {_each_words(part)})" for part in _by_words(found))


def _each_words(part: Part) -> str:
    """Write the words of each text of a part."""
    if part.many:
        return f"arrayMap(x -> {analysis.words_sql('assumeNotNull(x)')}, {part.sql})"
    return f"[{analysis.words_sql(_plain(part))}]"


def _by_words(found: Field) -> list[Part]:
    return [part for part in found.parts if part.reading is Reading.WORDS]


def _plain(part: Part) -> str:
    """Write a single text that is empty where there is none: lists, and so words, cannot be null."""
    return f"ifNull({part.sql}, '')" if part.nullable else part.sql


def _all_words(part: Part) -> str:
    return f"arrayFlatten({_each_words(part)})" if part.many else analysis.words_sql(_plain(part))


def _any_word(part: Part, test: Test) -> str:
    return f"arrayExists(w -> {test('w')}, {_all_words(part)})"


def _any_text(part: Part, test: Test) -> str:
    if part.many:
        return f"arrayExists(x -> {test('assumeNotNull(x)')}, {part.sql})"
    return f"ifNull({test(part.sql)}, 0)" if part.nullable else f"({test(part.sql)})"


def _test(query: Prefix | Wildcard | Regexp | Fuzzy) -> Test:
    match query:
        case Prefix():
            prefix = sql.text(query.prefix)
            return lambda value: f"startsWith({value}, {prefix})"
        case Wildcard():
            pattern = sql.text(like_pattern(query.pattern))
            return lambda value: f"like({value}, {pattern})"
        case Regexp():
            expression = sql.text(whole(query.expression))
            return lambda value: f"match({value}, {expression})"
        case Fuzzy():
            return _near(query)


def _near(query: Fuzzy) -> Test:
    """Write that few edits lead to a text: an insertion, a removal, another letter, two letters changed about.

    As in Lucene the edits must be fewer than the letters of either text. ClickHouse counts changed places by bytes, so
    that a changed place beside a letter outside of ASCII counts as two edits.
    """
    text, letters = sql.text(query.text), len(query.text)
    start = query.text[: query.prefix_length]
    if not query.edits or query.prefix_length >= letters:
        return lambda value: f"{value} = {text}"
    begins = f"startsWith({{0}}, {sql.text(start)}) AND " if start else ""
    distance = f"least(damerauLevenshteinDistance({{0}}, {text}), editDistanceUTF8({{0}}, {text}))"
    length = "toInt64(lengthUTF8({0}))"
    inside = f"{length} >= {letters - query.edits} AND {length} <= {letters + query.edits}"
    template = (
        f"{begins}if({inside}, {distance}, 99) <= "
        f"if({{0}} = {text}, 0, least({query.edits}, {letters - 1}, {length} - 1))"
    )
    return lambda value: "(" + _filled(template, value) + ")"


def _filled(template: str, value: str) -> str:
    # Not str.format: the text of a caller in the template may hold braces.
    return template.replace("{0}", value)


def _phrase(words: str, query: Phrase) -> str:
    """Write that words stand in a text, all within `slop` places of where the phrase has them.

    That is Lucene's sloppy phrase for different words: how far each is from its place in the phrase, the largest less
    the smallest.
    """
    literals = [analysis.lowered(word) for word in query.words]
    if not query.slop and not query.last_is_prefix:
        return f"hasSubstr({words}, [{', '.join(literals)}])"
    tests = [f"w = {literal}" for literal in literals]
    if query.last_is_prefix:
        tests[-1] = f"startsWith(w, {literals[-1]})"
    width = len(tests)
    places = [
        f"arrayExists((w, p) -> {test} AND toInt64(p) - {place} >= s AND toInt64(p) - {place} <= s + {query.slop},"
        f" {words}, arrayEnumerate({words}))"
        for place, test in enumerate(tests)
    ]
    starts = f"arrayMap(p -> toInt64(p) - {width}, range(toUInt32(length({words})) + {width} + 1))"
    return f"arrayExists(s -> {sql.all_of(places)}, {starts})"


def like_pattern(pattern: str) -> str:
    """Turn a pattern of `*`, `?` and backslash escapes into one of LIKE."""
    found: list[str] = []
    escaped = False
    for char in pattern:
        if escaped or char not in "*?\\":
            found.append("\\" + char if char in "%_\\" else char)
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            found.append("%" if char == "*" else "_")
    if escaped:
        found.append("\\\\")
    return "".join(found)
