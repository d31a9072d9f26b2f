"""The clauses that a written query is made of, each over the fields that it is about."""

from dataclasses import dataclass, replace

from cloudstead.search.analysis import words
from cloudstead.search.fields import ALL_FIELDS
from cloudstead.search.matching import any_of, boosted
from cloudstead.search.query import (
    Bool,
    EachField,
    Exists,
    FieldQuery,
    Fuzzy,
    Match,
    MatchAll,
    MatchKind,
    Prefix,
    Query,
    Range,
    Regexp,
    Wildcard,
)

MAX_SLOP = 1_000
_MAX_EDITS = 2

Fields = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Clauses:
    """Makes clauses; `fields` are meant where a clause names none."""

    fields: Fields = ((ALL_FIELDS, 1.0),)
    conjunctive: bool = False
    lenient: bool = False
    lowercases: bool = True
    phrases: bool = False
    best: bool = True
    tie_breaker: float = 0.0
    prefix_length: int = 0
    time_zone: str | None = None

    def text(self, field: str | None, text: str) -> Query | None:
        """Look for the words of a text; None when a text without words names no field."""
        if field is None and not words(text):
            return None
        kind = MatchKind.PHRASE if self.phrases else MatchKind.WORDS
        return self._over(field, self._match(text, kind))

    def phrase(self, field: str | None, text: str, slop: int) -> Query | None:
        """Look for the words of a text, one after the other."""
        if field is None and not words(text):
            return None
        return self._over(field, replace(self._match(text, MatchKind.PHRASE), slop=min(slop, MAX_SLOP)))

    def _match(self, text: str, kind: MatchKind) -> Match:
        return Match("", text, kind, conjunctive=self.conjunctive, lenient=self.lenient)

    def prefix(self, field: str | None, prefix: str) -> Query:
        """Look for words that begin so."""
        return self._over(field, Prefix("", self._lowered(prefix), by_word=True))

    def wildcard(self, field: str | None, pattern: str) -> Query:
        """Look for words like a pattern; a star alone asks for any value, of no field for everything."""
        if pattern == "*":
            return MatchAll() if field in {None, "*", ALL_FIELDS} else self.exists(field or "")
        return self._over(field, Wildcard("", self._lowered(pattern), by_word=True))

    def regexp(self, field: str | None, expression: str) -> Query:
        """Look for words that an expression of RE2 matches."""
        return self._over(field, Regexp("", expression, by_word=True))

    def fuzzy(self, field: str | None, text: str, edits: int) -> Query:
        """Look for words that few edits turn into the given one."""
        lowered = self._lowered(text)
        return self._over(field, Fuzzy("", lowered, min(edits, _MAX_EDITS), self.prefix_length, by_word=True))

    def range(self, field: str | None, wanted: Range) -> Query:
        """Look for values between two ends."""
        return self._over(field, replace(wanted, time_zone=self.time_zone, lenient=self.lenient, spelled=True))

    def exists(self, field: str) -> Query:
        """Look for any value in a field."""
        return _each(Exists(field))

    def _lowered(self, text: str) -> str:
        return text.lower() if self.lowercases else text

    def _over(self, field: str | None, query: FieldQuery) -> Query:
        if field is not None:
            return _each(replace(query, field=field))
        found = [boosted(_each(replace(query, field=name)), boost) for name, boost in self.fields]
        if self.best or len(found) == 1:
            return any_of(found, self.tie_breaker)
        return Bool(should=tuple(found), minimum=1)


def _each(query: FieldQuery) -> Query:
    return EachField(query) if "*" in query.field else query
