"""From a query that a person typed to a typed query: `simple_query_string`, which never finds fault with a text.

`+` and `|` join words, `-` turns one around, quotes make a phrase, a star at the end a prefix, `~2` a fuzzy word or the
slop of a phrase, parentheses a group; a sign that makes no sense where it stands is passed over.
"""

from dataclasses import dataclass, replace

from cloudstead.search.errors import SearchInvalid
from cloudstead.search.leaf_parser import MINIMUM, Count
from cloudstead.search.match_parser import refuse_analyzer, weighed_field
from cloudstead.search.minimum import check, least_of
from cloudstead.search.query import Bool, MatchAll, MatchNone, Query
from cloudstead.search.query_string import MAX_LENGTH, conjunctive
from cloudstead.search.reading import listed, members, truth, word
from cloudstead.search.text_clauses import Clauses
from cloudstead.search.weights import Weights

_MAX_DEPTH = 50
_SPACE = " \t\n\r"
_FLAGS = frozenset(
    {"AND", "NOT", "OR", "PREFIX", "PHRASE", "PRECEDENCE", "ESCAPE", "WHITESPACE", "FUZZY", "NEAR", "SLOP"}
)


def parse_simple_query_string(body: object, count: Count) -> Query:
    """Read `simple_query_string`."""
    text, minimum, flags = None, None, _FLAGS
    clauses = Clauses(best=False)
    weights = Weights("simple_query_string")
    for key, value in members(body, "simple_query_string").items():
        match key:
            case "query":
                text = word(value, key)
            case "fields":
                named = tuple(weighed_field(word(entry, key)) for entry in listed(value))
                clauses = replace(clauses, fields=named or clauses.fields)
            case "default_operator" | "defaultOperator":
                clauses = replace(clauses, conjunctive=_conjunctive(word(value, key)))
            case "flags":
                flags = _flags(value)
            case "lenient":
                clauses = replace(clauses, lenient=truth(value, key))
            case "lowercase_expanded_terms" | "lowercaseExpandedTerms":
                clauses = replace(clauses, lowercases=truth(value, key))
            case "analyzer":
                refuse_analyzer(word(value, key))
            case "locale" | "analyze_wildcard" | "analyzeWildcard":
                word(value, key)
            case _ if key in MINIMUM:
                minimum = check(word(value, key))
            case _:
                weights.take(key, value)
    if text is None:
        raise SearchInvalid("[simple_query_string] query text missing")
    found = _Reader(clauses, flags, count).read(text)
    if minimum is not None and isinstance(found, Bool) and found.should:
        found = replace(found, minimum=max(1, least_of(len(found.should), minimum)))
    return weights.on(found)


def _conjunctive(operator: str) -> bool:
    try:
        return conjunctive(operator, "[simple_query_string]")
    except SearchInvalid:
        raise SearchInvalid(f"[simple_query_string] default operator [{operator[:40]}] is not allowed") from None


def _flags(value: object) -> frozenset[str]:
    if isinstance(value, int) and not isinstance(value, bool):
        raise SearchInvalid("[simple_query_string] query does not support [flags] as a number: name them")
    names = [name.strip().upper() for name in word(value, "flags").split("|")]
    found: set[str] = set()
    for name in names:
        if name in {"", "ALL"}:
            found |= _FLAGS if name else set()
        elif name == "NONE":
            return frozenset()
        elif name in _FLAGS:
            found.add(name)
        else:
            raise SearchInvalid(f"Unknown simple_query_string flag [{name[:40]}]")
    return frozenset(found)


@dataclass(slots=True)
class _Tree:
    """What was read of one group so far; `pending` is the sign between what was read and what comes next."""

    top: Query | None = None
    pending: str = ""
    last: str = ""
    negations: int = 0


class _Reader:
    def __init__(self, clauses: Clauses, flags: frozenset[str], count: Count) -> None:
        self._clauses = clauses
        self._flags = flags
        self._count = count

    def read(self, text: str) -> Query:
        if len(text) > MAX_LENGTH:
            raise SearchInvalid(f"a query string may have {MAX_LENGTH} characters")
        if text.strip() == "*":
            return MatchAll()
        return self._group(text, 1) or MatchNone()

    def _group(self, text: str, depth: int) -> Query | None:
        if depth > _MAX_DEPTH:
            raise SearchInvalid(f"query is nested deeper than [{_MAX_DEPTH}] levels")
        tree = _Tree()
        position = 0
        while position < len(text):
            position = self._step(text, position, tree, depth)
        return tree.top

    def _step(self, text: str, position: int, tree: _Tree, depth: int) -> int:
        char = text[position]
        if char == "(" and "PRECEDENCE" in self._flags:
            return self._subgroup(text, position, tree, depth)
        if char == ")" and "PRECEDENCE" in self._flags:
            return position + 1
        if char == '"' and "PHRASE" in self._flags:
            return self._phrase(text, position, tree)
        if char in "+|" and ("AND" if char == "+" else "OR") in self._flags:
            if not tree.pending and tree.top is not None:
                tree.pending = "and" if char == "+" else "or"
            return position + 1
        if char == "-" and "NOT" in self._flags:
            tree.negations += 1
            return position + 1
        if char in _SPACE and "WHITESPACE" in self._flags:
            tree.negations = 0
            return position + 1
        return self._token(text, position, tree)

    def _subgroup(self, text: str, position: int, tree: _Tree, depth: int) -> int:
        opened, place, escaped = 1, position + 1, False
        while place < len(text):
            char = text[place]
            if escaped:
                escaped = False
            elif char == "\\" and "ESCAPE" in self._flags:
                escaped = True
            elif char == "(":
                opened += 1
            elif char == ")":
                opened -= 1
                if not opened:
                    break
            place += 1
        if place >= len(text):
            return position + 1  # without an end it is no group
        if place == position + 1:
            tree.pending = ""
        else:
            self._add(tree, self._group(text[position + 1 : place], depth + 1))
        return place + 1

    def _phrase(self, text: str, position: int, tree: _Tree) -> int:
        found, place = self._until(text, position + 1, '"')
        if place >= len(text):
            return position + 1
        if place == position + 1:
            tree.pending = ""
            return place + 1
        slop, after = 0, place + 1
        if {"NEAR", "SLOP"} & self._flags and text[after : after + 1] == "~":
            digits, end = self._number(text, after + 1)
            if digits:
                slop, after = int(digits[:9]), end
        self._add(tree, self._clauses.phrase(None, found, slop))
        return after

    def _until(self, text: str, position: int, ends: str) -> tuple[str, int]:
        """Read up to one of the characters, which an escape hides; the text comes back without escapes."""
        found: list[str] = []
        while position < len(text):
            char = text[position]
            if char == "\\" and "ESCAPE" in self._flags:
                found.append(text[position + 1 : position + 2])
                position += 2
                continue
            if char in ends:
                break
            found.append(char)
            position += 1
        return "".join(found), min(position, len(text))

    def _number(self, text: str, position: int) -> tuple[str, int]:
        end = position
        while end < len(text) and text[end].isascii() and text[end].isdigit():
            end += 1
        return text[position:end], end

    def _token(self, text: str, position: int, tree: _Tree) -> int:
        ends = "".join(
            chars
            for flag, chars in (
                ("PRECEDENCE", "()"),
                ("PHRASE", '"'),
                ("OR", "|"),
                ("AND", "+"),
                ("WHITESPACE", _SPACE),
            )
            if flag in self._flags
        )
        start = position
        word_, position = self._until(text, position, ends + ("~" if "FUZZY" in self._flags else ""))
        edits = 0
        if text[position : position + 1] == "~" and position > start:
            digits, end = self._number(text, position + 1)
            if end >= len(text) or text[end] in ends:
                edits, position = (min(int(digits[:9]), 2) if digits else 2), end
        if not edits and position < len(text) and text[position] == "~":
            more, position = self._until(text, position + 1, ends)
            word_ = f"{word_}~{more}"
        if edits:
            self._add(tree, self._clauses.fuzzy(None, word_, edits))
        elif (
            "PREFIX" in self._flags
            and word_.endswith("*")
            and len(word_) > 1
            and text[position - 2 : position] != "\\*"
        ):
            self._add(tree, self._clauses.prefix(None, word_[:-1]))
        elif word_:
            self._add(tree, self._clauses.text(None, word_))
        return max(position, start + 1)

    def _add(self, tree: _Tree, query: Query | None) -> None:
        """Put a clause into the tree: signs of one kind gather in one node, another one makes a node above it."""
        if query is not None:
            self._count()
            if tree.negations % 2:
                query = Bool(must_not=(query,))
            joined = tree.pending or ("and" if self._clauses.conjunctive else "or")
            if tree.top is None:
                tree.top = query
            else:
                gathered = (
                    tree.top if tree.last == joined and isinstance(tree.top, Bool) else _node(joined, (tree.top,))
                )
                members_ = gathered.must if joined == "and" else gathered.should
                tree.top = _node(joined, (*members_, query))
                tree.last = joined
        tree.pending = ""
        tree.negations = 0


def _node(joined: str, queries: tuple[Query, ...]) -> Bool:
    return Bool(must=queries) if joined == "and" else Bool(should=queries, minimum=1)
