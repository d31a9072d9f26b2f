"""From what a caller asked to what that means in an index: which fields a pattern covers, which words a text has."""

import fnmatch
import re
from dataclasses import replace

from cloudstead.search import analysis
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.fields import Index, Paths
from cloudstead.search.minimum import least_of
from cloudstead.search.query import (
    Bool,
    Boosted,
    DisMax,
    EachField,
    Fuzzy,
    Keyword,
    Match,
    MatchAcross,
    MatchAll,
    MatchKind,
    MatchNone,
    OnIndices,
    Phrase,
    Query,
    Word,
)
from cloudstead.search.reading import spelled

MAX_FIELDS = 1_024
MAX_WORDS = 1_024  # the clauses that one boolean query may have in Elasticsearch 2


def expanded(query: Match | MatchAcross | EachField | OnIndices, index: Index, paths: Paths) -> Query:
    """Write a query in conditions on fields of this index."""
    match query:
        case Match():
            return _matched(query, index, paths)
        case MatchAcross():
            return _across(query, index, paths)
        case EachField():
            inner = query.query
            fields = covered(inner.field, index, paths)
            return any_of([replace(inner, field=field) for field in fields])
        case OnIndices():
            named = {"_all", "*", index.name}.intersection(query.names) or any(
                "*" in name and _pattern(name).match(index.name) for name in query.names
            )
            return query.query if named else query.otherwise


def any_of(queries: list[Query], tie_breaker: float = 0.0) -> Query:
    """Join queries of which one suffices, and the best scores."""
    if not queries:
        return MatchNone()
    return queries[0] if len(queries) == 1 else DisMax(tuple(queries), tie_breaker)


def covered(pattern: str, index: Index, paths: Paths) -> list[str]:
    """Name the fields that a pattern covers; a name without a star is itself, whether it exists or not."""
    if "*" not in pattern:
        return [pattern]
    matcher = _pattern(pattern)
    names = [
        *(name for name in index.columns if not name.startswith("_")),
        *(f"state.{path}" for path in sorted(paths)),
    ]
    found = [name for name in names if matcher.match(name)]
    if len(found) > MAX_FIELDS:
        raise SearchInvalid(f"the pattern [{pattern[:80]}] covers more than {MAX_FIELDS} fields")
    return found


def _pattern(written: str) -> re.Pattern[str]:
    # Only the star is special. fnmatch writes stars so that matching never backtracks.
    return re.compile(fnmatch.translate(written.replace("[", "[[]").replace("?", "[?]")))


def _words_of(text: str) -> tuple[str, ...]:
    found = analysis.words(text)
    if len(found) > MAX_WORDS:
        raise SearchInvalid(f"too_many_clauses: maxClauseCount is set to {MAX_WORDS}")
    return found


def _matched(query: Match, index: Index, paths: Paths) -> Query:
    text = spelled(query.text)
    reads_words, has_others = index.reads(query.field, paths)
    found: list[Query] = []
    if reads_words:
        found.append(_by_words(query, _words_of(text)))
    if has_others:
        whole: Query = Keyword(query.field, query.text, query.lenient, begins=query.kind is MatchKind.PHRASE_PREFIX)
        if query.edits:
            whole = any_of([whole, Fuzzy(query.field, text, _edits(query.edits, text), query.prefix_length)])
        found.append(whole)
    return any_of(found)


def _by_words(query: Match, words: tuple[str, ...]) -> Query:
    if not words:
        return MatchAll() if query.all_if_wordless else MatchNone()
    if query.kind is not MatchKind.WORDS:
        prefix = query.kind is MatchKind.PHRASE_PREFIX
        if len(words) == 1 and not prefix:
            return Word(query.field, words[0])
        return Phrase(query.field, words, query.slop, last_is_prefix=prefix)
    clauses: list[Query] = [
        Fuzzy(query.field, word, _edits(query.edits, word), query.prefix_length, by_word=True)
        if query.edits
        else Word(query.field, word)
        for word in words
    ]
    return _joined(clauses, conjunctive=query.conjunctive, minimum=query.minimum)


def _joined(clauses: list[Query], *, conjunctive: bool, minimum: str | None) -> Query:
    if len(clauses) == 1:
        return clauses[0]
    if conjunctive:
        return Bool(must=tuple(clauses))
    least = 0 if minimum is None else least_of(len(clauses), minimum)
    # Without a minimum, or with one of nothing, a boolean query still needs one of its clauses.
    return Bool(should=tuple(clauses), minimum=max(1, least))


def _edits(edits: int, word: str) -> int:
    if edits >= 0:
        return edits
    return 0 if len(word) < 3 else 1 if len(word) < 6 else 2


def _across(query: MatchAcross, index: Index, paths: Paths) -> Query:
    text = spelled(query.text)
    words = _words_of(text)
    if not words:
        return MatchAll() if query.all_if_wordless else MatchNone()
    fields = [(name, boost) for pattern, boost in query.fields for name in covered(pattern, index, paths)]
    if len(fields) * len(words) > MAX_FIELDS * 8:
        raise SearchInvalid(f"[{text[:80]}] asks for too many words in too many fields")
    clauses = [
        any_of([one for name, boost in fields for one in _word_in(name, boost, word, index, paths)], query.tie_breaker)
        for word in words
    ]
    return _joined(clauses, conjunctive=query.conjunctive, minimum=query.minimum)


def _word_in(name: str, boost: float, word: str, index: Index, paths: Paths) -> list[Query]:
    reads_words, has_others = index.reads(name, paths)
    found: list[Query] = []
    if reads_words:
        found.append(Word(name, word))
    if has_others:
        found.append(Keyword(name, word, lenient=True))
    return [boosted(one, boost) for one in found]


def boosted(query: Query, boost: float) -> Query:
    """Weigh a query, unless the weight changes nothing."""
    return query if boost == 1.0 else Boosted(query, boost)
