"""From a query written as text, in the syntax of Lucene, to a typed query: `query_string`.

The words AND, OR, NOT, the signs `+ - ! && ||`, fields, groups, boosts, phrases with slop, ranges, wildcards, regular
expressions and fuzzy words are those of Lucene's classic parser, and AND and OR bind as loosely as they do there: each
only makes its neighbours required or optional.
"""

import re
from dataclasses import dataclass, replace

from cloudstead.search import expressions
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.leaf_parser import MINIMUM, Count, edits_of
from cloudstead.search.match_parser import refuse_analyzer, weighed_field
from cloudstead.search.matching import boosted
from cloudstead.search.minimum import check, least_of
from cloudstead.search.query import Bool, Bound, MatchAll, MatchNone, Query, Range
from cloudstead.search.reading import listed, members, real, truth, whole, word
from cloudstead.search.text_clauses import Clauses
from cloudstead.search.weights import Weights

MAX_LENGTH = 16_384
_MAX_DEPTH = 50

_ESCAPED = r"\\(?s:.)"
_START = rf'(?:[^\s+\-!():^\[\]"{{}}~*?\\/\u3000]|{_ESCAPED})'
_PART = rf"(?:{_START}|[+\-])"
_TOKEN = re.compile(
    rf"""
    [\s\u3000]*(?:
      (?P<and>(?:AND|&&)(?!{_PART}|[*?]))
    | (?P<or>(?:OR|\|\|)(?!{_PART}|[*?]))
    | (?P<not>NOT(?!{_PART}|[*?]))
    | (?P<bare>[+\-!](?=[\s\u3000]))
    | (?P<sign>[+\-!])
    | (?P<open>\()
    | (?P<close>\))
    | (?P<colon>:)
    | \^(?P<boost>[0-9]+(?:\.[0-9]+)?)
    | "(?P<quoted>(?:[^"\\]|{_ESCAPED})*)"
    | ~(?P<fuzzy>[0-9]+(?:\.[0-9]+)?)?(?P<tilde>)
    | (?P<term>{_START}{_PART}*+)(?![*?])
    | (?P<prefix>{_START}{_PART}*+|)\*(?!{_PART}|[*?])
    | (?P<wild>(?:{_START}|[*?])(?:{_PART}|[*?])*)
    | /(?P<regexp>(?:[^/\\]|{_ESCAPED})*)/
    | (?P<range>[\[{{])
    | (?P<end>)$
    )""",
    re.VERBOSE,
)
_COLON = re.compile(r"[\s\u3000]*:")
_RANGE = re.compile(
    r"""
    \s*(?P<low>"(?:[^"\\]|\\(?s:.))*"|[^\s\]}]+)
    \s+(?:TO\s+)?
    (?P<high>"(?:[^"\\]|\\(?s:.))*"|[^\s\]}]+)
    \s*(?P<close>[\]}])""",
    re.VERBOSE,
)
_COMPARED = re.compile(r"(>=|<=|>|<)(.*)$", re.DOTALL)
_SPECIAL = re.compile(r'([\\+\-!():^\[\]"{}~*?|&/])')
# Options that weigh or bound how Lucene works, or that describe an analysis that there is only one of here.
_WITHOUT_EFFECT = frozenset(
    [
        "analyze_wildcard",
        "analyzeWildcard",
        "enable_position_increments",
        "enablePositionIncrements",
        "fuzzy_max_expansions",
        "fuzzyMaxExpansions",
        "fuzzy_rewrite",
        "fuzzyRewrite",
        "locale",
        "max_determinized_states",
        "maxDeterminizedStates",
        "rewrite",
    ],
)


@dataclass(frozen=True, slots=True)
class Syntax:
    """How a text is read: what its words mean without further signs, and what it may hold."""

    clauses: Clauses
    phrase_slop: int = 0
    edits: int | None = None
    leading_wildcard: bool = True


def parse_query_string(body: object, count: Count) -> Query:
    """Read `query_string`."""
    text, minimum, escapes = None, None, False
    clauses, syntax = Clauses(), Syntax(Clauses())
    weights = Weights("query_string")
    for key, value in members(body, "query_string").items():
        match key:
            case "query":
                text = word(value, "query_string")
            case "default_field" | "defaultField":
                clauses = replace(clauses, fields=((word(value, "query_string"), 1.0),))
            case "fields":
                named = tuple(weighed_field(word(entry, "query_string")) for entry in listed(value))
                clauses = replace(clauses, fields=named or clauses.fields)
            case "default_operator" | "defaultOperator":
                clauses = replace(clauses, conjunctive=conjunctive(word(value, "query_string"), "Query"))
            case "lenient":
                clauses = replace(clauses, lenient=truth(value, key))
            case "lowercase_expanded_terms" | "lowercaseExpandedTerms":
                clauses = replace(clauses, lowercases=truth(value, key))
            case "auto_generate_phrase_queries" | "autoGeneratePhraseQueries":
                clauses = replace(clauses, phrases=truth(value, key))
            case "use_dis_max" | "useDisMax":
                clauses = replace(clauses, best=truth(value, key))
            case "tie_breaker" | "tieBreaker":
                clauses = replace(clauses, tie_breaker=real(value, key))
            case "fuzzy_prefix_length" | "fuzzyPrefixLength":
                clauses = replace(clauses, prefix_length=whole(value, key))
            case "time_zone" | "timeZone":
                clauses = replace(clauses, time_zone=word(value, key))
            case "fuzziness":
                edits = edits_of(value, None)
                syntax = replace(syntax, edits=None if edits < 0 else edits)
            case "fuzzy_min_sim" | "fuzzyMinSim":
                real(value, key)
            case "phrase_slop" | "phraseSlop":
                syntax = replace(syntax, phrase_slop=whole(value, key))
            case "allow_leading_wildcard" | "allowLeadingWildcard":
                syntax = replace(syntax, leading_wildcard=truth(value, key))
            case "escape":
                escapes = truth(value, key)
            case "analyzer" | "quote_analyzer" | "quoteAnalyzer":
                refuse_analyzer(word(value, key))
            case _ if key in MINIMUM:
                minimum = check(word(value, key))
            case _ if key in _WITHOUT_EFFECT:
                word(value, key)
            case _:
                weights.take(key, value)
    if text is None:
        raise SearchInvalid("query_string must be provided with a [query]")
    syntax = replace(syntax, clauses=clauses)
    return weights.on(_with_minimum(read(_SPECIAL.sub(r"\\\1", text) if escapes else text, syntax, count), minimum))


def conjunctive(operator: str, where: str) -> bool:
    """Read a default operator."""
    if operator.lower() not in {"or", "and"}:
        raise SearchInvalid(f"{where} default operator [{operator[:40]}] is not allowed")
    return operator.lower() == "and"


def _with_minimum(query: Query, minimum: str | None) -> Query:
    if minimum is None or not isinstance(query, Bool) or not query.should:
        return query
    least = least_of(len(query.should), minimum)
    return replace(query, minimum=least if query.must else max(1, least))


def read(text: str, syntax: Syntax, count: Count) -> Query:
    """Read a text; one without any clause finds nothing."""
    if len(text) > MAX_LENGTH:
        raise SearchInvalid(f"a query string may have {MAX_LENGTH} characters")
    if not text.strip():
        return MatchNone()
    reader = _Reader(text, syntax, count)
    found = reader.query(None, 1)
    if reader.kind != "end":
        raise reader.failure()
    return found or MatchNone()


@dataclass(slots=True)
class _Joined:
    """One clause among others, and whether it must or must not match."""

    query: Query
    required: bool = False
    prohibited: bool = False


class _Reader:
    """Reads one text from left to right, one token ahead."""

    def __init__(self, text: str, syntax: Syntax, count: Count) -> None:
        self._text = text
        self._syntax = syntax
        self._clauses = syntax.clauses
        self._count = count
        self._position = 0
        self.kind = ""
        self._token: dict[str, str | None] = {}
        self._advance()

    def failure(self) -> SearchInvalid:
        return SearchInvalid(f"Failed to parse query [{self._text[:200]}]")

    def _advance(self) -> None:
        found = _TOKEN.match(self._text, self._position)
        if found is None:
            raise self.failure()
        self._position = found.end()
        self.kind, self._token = found.lastgroup or "", found.groupdict()

    def _take(self, group: str) -> str:
        taken = self._token[group] or ""
        self._advance()
        return taken

    def query(self, field: str | None, depth: int) -> Query | None:
        """Read clauses up to the end, or to the end of a group."""
        if depth > _MAX_DEPTH:
            raise SearchInvalid(f"query is nested deeper than [{_MAX_DEPTH}] levels")
        joined: list[_Joined] = []
        self._add(joined, "", field, depth)
        while self.kind not in {"end", "close"}:
            conjunction = self.kind if self.kind in {"and", "or"} else ""
            if conjunction:
                self._advance()
            self._add(joined, conjunction, field, depth)
        if not joined:
            return None
        if len(joined) == 1 and not joined[0].prohibited and not joined[0].required:
            return joined[0].query
        must = tuple(one.query for one in joined if one.required)
        should = tuple(one.query for one in joined if not one.required and not one.prohibited)
        return Bool(must, should, tuple(one.query for one in joined if one.prohibited), 1 if should and not must else 0)

    def _add(self, joined: list[_Joined], conjunction: str, field: str | None, depth: int) -> None:
        modifier = ""
        if self.kind in {"not", "sign"}:
            modifier = "+" if self._token["sign"] == "+" else "-"
            self._advance()
        query = self._clause(field, depth)
        if joined and not joined[-1].prohibited:
            if conjunction == "and":
                joined[-1].required = True
            elif conjunction == "or" and self._clauses.conjunctive:
                joined[-1].required = False
        if query is None:
            return
        self._count()
        prohibited = modifier == "-"
        if self._clauses.conjunctive:
            required = not prohibited and conjunction != "or"
        else:
            required = modifier == "+" or (conjunction == "and" and not prohibited)
        joined.append(_Joined(query, required, prohibited))

    def _clause(self, field: str | None, depth: int) -> Query | None:
        if self.kind in {"term", "prefix"} and _COLON.match(self._text, self._position):
            named = "*" if self.kind == "prefix" else self._plain(self._token["term"] or "")
            if self.kind == "prefix" and self._token["prefix"]:
                raise self.failure()
            self._advance()
            self._advance()
            field = named
        if self.kind == "open":
            self._advance()
            inner = self.query(field, depth + 1)
            if self.kind != "close":
                raise self.failure()
            self._advance()
            return self._weighed(inner)
        return self._weighed(self._leaf(field))

    def _weighed(self, query: Query | None) -> Query | None:
        if self.kind != "boost":
            return query
        boost = float(self._take("boost")[:40])
        return None if query is None else boosted(query, boost)

    def _leaf(self, field: str | None) -> Query | None:
        match self.kind:
            case "quoted":
                return self._phrase(field, self._plain(self._take("quoted")))
            case "range":
                return self._range(field)
            case "regexp":
                return self._regexp(field, self._take("regexp"))
            case "prefix":
                return self._prefix(field, self._take("prefix"))
            case "wild":
                return self._wildcard(field, self._take("wild"))
            case "bare":
                self._advance()
                return None
            case "term":
                return self._term(field, self._take("term"))
            case _:
                raise self.failure()

    def _term(self, field: str | None, written: str) -> Query | None:
        compared = None if field is None else _COMPARED.match(written)
        if field is not None and compared is not None:
            sign, value = compared.groups()
            text = self._plain(value)
            if not value and self.kind == "quoted":
                text = self._plain(self._take("quoted"))
            if text:
                bound = Bound(text, sign.endswith("="))
                ends = (bound, None) if sign[0] == ">" else (None, bound)
                return self._clauses.range(field, Range("", *ends))
        text = self._plain(written)
        if self.kind == "tilde":
            edits = self._edits(text)
            # A fuzzy word may be followed by its boost only.
            return self._clauses.fuzzy(field, text, edits)
        if field in {"_exists_", "_missing_"}:
            exists = self._clauses.exists(text)
            return exists if field == "_exists_" else Bool(must_not=(exists,))
        return self._clauses.text(field, text)

    def _edits(self, text: str) -> int:
        written = self._take("fuzzy")
        if not written:
            return 2 if self._syntax.edits is None else self._syntax.edits
        distance = float(written[:40])
        if distance >= 1:
            if not distance.is_integer():
                raise SearchInvalid(
                    f"Failed to parse query [{self._text[:200]}]: Fractional edit distances are not allowed!"
                )
            return min(int(distance), 2)
        # What Lucene made of a similarity: the letters that may differ.
        return min(int((1 - distance) * len(text)), 2) if distance else 0

    def _phrase(self, field: str | None, text: str) -> Query | None:
        slop = self._syntax.phrase_slop
        if self.kind == "tilde":
            written = self._take("fuzzy")
            slop = int(float(written[:40])) if written else slop
        if field in {"_exists_", "_missing_"}:
            exists = self._clauses.exists(text)
            return exists if field == "_exists_" else Bool(must_not=(exists,))
        return self._clauses.phrase(field, text, slop)

    def _prefix(self, field: str | None, written: str) -> Query:
        if not written:
            return self._wildcard(field, "*")
        return self._clauses.prefix(field, self._plain(written))

    def _wildcard(self, field: str | None, pattern: str) -> Query:
        if pattern != "*" and pattern[0] in "*?" and not self._syntax.leading_wildcard:
            raise SearchInvalid("'*' or '?' not allowed as first character in WildcardQuery")
        if pattern == "*" and field in {"_exists_", "_missing_"}:
            return MatchAll() if field == "_exists_" else MatchNone()
        return self._clauses.wildcard(field, pattern)

    def _regexp(self, field: str | None, written: str) -> Query:
        expression = written.replace("\\/", "/")
        if self._clauses.lowercases:
            expression = expression.lower()
        return self._clauses.regexp(field, expressions.translated(expression))

    def _range(self, field: str | None) -> Query:
        includes_low = self._token["range"] == "["
        found = _RANGE.match(self._text, self._position)
        if found is None:
            raise self.failure()
        self._position = found.end()
        self._advance()
        low, high = self._end(found["low"]), self._end(found["high"])
        return self._clauses.range(
            field,
            Range(
                "",
                None if low is None else Bound(low, includes_low),
                None if high is None else Bound(high, found["close"] == "]"),
            ),
        )

    def _end(self, written: str) -> str | None:
        if written == "*":
            return None
        return self._plain(written[1:-1] if len(written) > 1 and written[0] == written[-1] == '"' else written)

    def _plain(self, written: str) -> str:
        """Take the escapes out of a text; four hexadecimal digits may name a letter."""

        def char(found: re.Match[str]) -> str:
            if found[1]:
                return chr(int(found[1], 16))
            return found[2]

        return re.sub(r"\\(?:u([0-9a-fA-F]{4})|(?s:(.)))", char, written)
