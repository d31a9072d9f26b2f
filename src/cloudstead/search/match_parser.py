"""From the JSON of the queries that look for a text, by its words, to typed queries."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cloudstead.search.analysis import words
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.leaf_parser import MINIMUM, Count, edits_of
from cloudstead.search.matching import any_of, boosted
from cloudstead.search.minimum import check
from cloudstead.search.query import Bool, EachField, Match, MatchAcross, MatchKind, Query
from cloudstead.search.reading import Scalar, listed, members, numeric, real, scalar, spelled, truth, whole, word
from cloudstead.search.weights import Weights

MAX_SLOP = 1_000
_KINDS = {"boolean": MatchKind.WORDS, "phrase": MatchKind.PHRASE}
_KINDS |= {"phrase_prefix": MatchKind.PHRASE_PREFIX, "phrasePrefix": MatchKind.PHRASE_PREFIX}
_KINDS_BY_QUERY = {
    "match": MatchKind.WORDS,
    "match_phrase": MatchKind.PHRASE,
    "matchPhrase": MatchKind.PHRASE,
    "text_phrase": MatchKind.PHRASE,
    "match_phrase_prefix": MatchKind.PHRASE_PREFIX,
    "matchPhrasePrefix": MatchKind.PHRASE_PREFIX,
    "text_phrase_prefix": MatchKind.PHRASE_PREFIX,
}
_MULTI_TYPES = frozenset({"best_fields", "most_fields", "cross_fields", "phrase", "phrase_prefix"})
# How many words a prefix or a fuzzy word stands for, and how that is weighed: here they stand for all of them.
_WITHOUT_EFFECT = frozenset(
    {"max_expansions", "cutoff_frequency", "rewrite", "fuzzy_rewrite", "fuzzyRewrite", "fuzzy_transpositions"}
)


@dataclass(slots=True)
class _Options:
    """The members that all of these queries have."""

    kind: str
    weights: Weights
    match: Match
    text: Scalar | None = None

    @classmethod
    def of(cls, kind: str) -> "_Options":
        return cls(kind, Weights(kind), Match("", ""))

    def take(self, key: str, value: object) -> None:
        match key:
            case "query":
                self.text = scalar(value, self.kind)
            case "operator":
                self.match = replace(self.match, conjunctive=self._conjunctive(word(value, self.kind)))
            case "slop" | "phrase_slop" | "phraseSlop":
                self.match = replace(self.match, slop=min(whole(value, self.kind), MAX_SLOP))
            case "fuzziness":
                self.match = replace(self.match, edits=edits_of(value, None))
            case "prefix_length" | "prefixLength":
                self.match = replace(self.match, prefix_length=whole(value, self.kind))
            case "lenient":
                self.match = replace(self.match, lenient=truth(value, self.kind))
            case "zero_terms_query" | "zeroTermsQuery":
                zero = word(value, self.kind)
                if zero.lower() not in {"none", "all"}:
                    raise SearchInvalid(f"Unsupported zero_terms_docs value [{zero[:40]}]")
                self.match = replace(self.match, all_if_wordless=zero.lower() == "all")
            case "analyzer":
                refuse_analyzer(word(value, self.kind))
            case _ if key in MINIMUM:
                self.match = replace(self.match, minimum=check(word(value, self.kind)))
            case _ if key in _WITHOUT_EFFECT:
                word(value, self.kind)
            case _:
                self.weights.take(key, value)

    def _conjunctive(self, operator: str) -> bool:
        if operator.lower() not in {"or", "and"}:
            raise SearchInvalid(f"text query requires operator to be either 'and' or 'or', not [{operator[:40]}]")
        return operator.lower() == "and"


def refuse_analyzer(name: str) -> None:
    """Accept the analyser that there is, and refuse any other by its name."""
    if name not in {"standard", "default"}:
        raise SearchInvalid(f"No analyzer found for [{name[:80]}]")


def parse_match(kind: str, body: object, count: Count) -> Query:
    """Read `match`, `match_phrase` or `match_phrase_prefix`."""
    fields = members(body, kind)
    if not fields:
        raise SearchInvalid("[match] query malformed, no field")
    (field, definition), *others = fields.items()
    options = _Options.of("match")
    options.match = replace(options.match, kind=_KINDS_BY_QUERY[kind])
    if isinstance(definition, Mapping):
        for key, value in members(definition, kind).items():
            if key == "type":
                options.match = replace(options.match, kind=_match_kind(word(value, kind)))
            else:
                options.take(key, value)
    else:
        options.text = None if definition is None else scalar(definition, kind)
    if others:
        raise SearchInvalid(
            "[match] query parsed in simplified form, with direct field name, but included more options than just the"
            " field name, possibly use its 'options' form, with 'query' element?",
        )
    text = _text(options.text, "No text specified for text query")
    count_words(text, 1, count)
    return options.weights.on(each(replace(options.match, field=field, text=text)))


def _match_kind(name: str) -> MatchKind:
    if name not in _KINDS:
        raise SearchInvalid(f"[match] query does not support type {name[:40]}")
    return _KINDS[name]


def _text(text: Scalar | None, otherwise: str) -> Scalar:
    if text is None:
        raise SearchInvalid(otherwise)
    return text


def count_words(text: Scalar, fields: int, count: Count) -> None:
    """Count each word in each field as the clause that it will be."""
    for _ in range(len(words(spelled(text))) * fields):
        count()


def each(query: Match) -> Query:
    """Look in each field that a pattern covers."""
    return EachField(query) if "*" in query.field else query


def parse_multi_match(body: object, count: Count) -> Query:
    """Read `multi_match`."""
    options = _Options.of("multi_match")
    fields: tuple[tuple[str, float], ...] = ()
    kind = "best_fields"
    tie_breaker: float | None = None
    dis_max = True
    for key, value in members(body, "multi_match").items():
        match key:
            case "fields":
                fields = tuple(weighed_field(word(entry, "multi_match")) for entry in listed(value))
            case "type":
                kind = word(value, "multi_match")
                if kind not in _MULTI_TYPES:
                    raise SearchInvalid(f"No enum constant for multi_match type [{kind[:40]}]")
            case "tie_breaker" | "tieBreaker":
                tie_breaker = real(value, "multi_match")
            case "use_dis_max" | "useDisMax":
                dis_max = truth(value, "multi_match")
            case _:
                options.take(key, value)
    text = _text(options.text, "No text specified for multi_match query")
    if not fields:
        raise SearchInvalid("No fields specified for multi_match query")
    count_words(text, len(fields), count)
    if kind == "cross_fields":
        return options.weights.on(_across(options.match, fields, text, tie_breaker or 0.0))
    shape = {"phrase": MatchKind.PHRASE, "phrase_prefix": MatchKind.PHRASE_PREFIX}.get(kind, MatchKind.WORDS)
    found = [
        boosted(each(replace(options.match, field=field, text=text, kind=shape)), boost) for field, boost in fields
    ]
    if (kind == "most_fields" or not dis_max) and tie_breaker is None and len(found) > 1:
        return options.weights.on(Bool(should=tuple(found), minimum=1))
    return options.weights.on(any_of(found, tie_breaker or 0.0))


def _across(match: Match, fields: tuple[tuple[str, float], ...], text: Scalar, tie_breaker: float) -> Query:
    if match.edits:
        raise SearchInvalid("Fuzziness not allowed for type [cross_fields]")
    return MatchAcross(
        fields, text, match.conjunctive, match.minimum, tie_breaker, match.lenient, match.all_if_wordless
    )


def weighed_field(written: str) -> tuple[str, float]:
    """Read a field with its boost, as in `label^3`."""
    field, separator, boost = written.rpartition("^")
    weight = numeric(boost) if separator else None
    return (written, 1.0) if weight is None else (field, float(weight))
