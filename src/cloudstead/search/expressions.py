"""Regular expressions as Lucene reads them, written for RE2, which never backtracks.

What cannot be expressed (complement and intersection) is refused by name. Everything else that means something to RE2
and nothing to Lucene is a plain character, so that no text of a caller reaches RE2 as syntax that was not meant.
"""

import re

from cloudstead.search.errors import SearchInvalid

MAX_LENGTH = 1_000
MAX_REPEATS = 1_000  # what RE2 takes
MAX_NUMBERS = 1_000  # in one interval <a-b>
_MAX_DEPTH = 50
_ANY = r"(?s:.)"
_NOTHING = r"[^\x{0}-\x{10FFFF}]"
_REPEAT = re.compile(r"\{(\d{1,9})(?:(,)(\d{1,9})?)?\}")
_INTERVAL = re.compile(r"<(\d{1,9})-(\d{1,9})>")
_FLAGS = {
    "ALL": frozenset("&~#@<"),
    "ANYSTRING": frozenset("@"),
    "COMPLEMENT": frozenset("~"),
    "EMPTY": frozenset("#"),
    "INTERSECTION": frozenset("&"),
    "INTERVAL": frozenset("<"),
    "NONE": frozenset[str](),
    "AUTOMATON": frozenset[str](),
}


def operators_of(flags: str) -> frozenset[str]:
    """Name the optional operators that flags such as `INTERVAL|EMPTY` switch on."""
    found: frozenset[str] = frozenset()
    for flag in flags.split("|"):
        name = flag.strip().upper()
        if name and name not in _FLAGS:
            raise SearchInvalid(f"Unknown regexp flag [{flag[:40]}]")
        found |= _FLAGS.get(name, frozenset())
    return found


ALL = _FLAGS["ALL"]


def translated(expression: str, operators: frozenset[str] = ALL) -> str:
    """Write an expression of Lucene for RE2; it matches whole texts only.

    The answer holds no anchors: `whole` adds them. At most 1000 characters.
    """
    if len(expression) > MAX_LENGTH:
        raise SearchInvalid(f"a regular expression may have {MAX_LENGTH} characters")
    reader = _Reader(expression, operators)
    written = reader.union(0)
    if reader.position < len(expression):
        raise reader.refusal("end-of-string expected")
    return written


def whole(expression: str) -> str:
    """Anchor an expression of RE2 at both ends."""
    return f"^(?:{expression})$"


class _Reader:
    """Reads one expression from left to right, by Lucene's grammar."""

    def __init__(self, text: str, operators: frozenset[str]) -> None:
        self._text = text
        self._operators = operators
        self.position = 0

    def refusal(self, why: str) -> SearchInvalid:
        return SearchInvalid(f"{why} at position {self.position} of the regular expression [{self._text[:80]}]")

    def _peek(self) -> str:
        return self._text[self.position] if self.position < len(self._text) else ""

    def _take(self) -> str:
        char = self._peek()
        self.position += 1
        return char

    def union(self, depth: int) -> str:
        if depth > _MAX_DEPTH:
            raise self.refusal(f"more than {_MAX_DEPTH} groups inside of each other")
        found = [self._sequence(depth)]
        while self._peek() == "|":
            self.position += 1
            found.append(self._sequence(depth))
        return "|".join(found)

    def _sequence(self, depth: int) -> str:
        found: list[str] = []
        while (char := self._peek()) and char not in ")|":
            if char == "&" and "&" in self._operators:
                raise self.refusal("an intersection [&] is not served")
            found.append(self._repeated(depth))
        return "".join(found)

    def _repeated(self, depth: int) -> str:
        if self._peek() == "~" and "~" in self._operators:
            raise self.refusal("a complement [~] is not served")
        one = self._one(depth)
        while (char := self._peek()) and char in "?*+{":
            if char != "{":
                self.position += 1
                one = f"(?:{one}){char}"
                continue
            count = _REPEAT.match(self._text, self.position)
            if count is None:
                raise self.refusal("integer expected")
            least, comma, most = count.groups()
            if int(least) > MAX_REPEATS or int(most or 0) > MAX_REPEATS:
                raise self.refusal(f"more than {MAX_REPEATS} repeats")
            if most is not None and int(most) < int(least):
                raise self.refusal("illegal repetition range")
            self.position = count.end()
            one = f"(?:{one}){{{int(least)}{comma or ''}{'' if most is None else int(most)}}}"
        return one

    def _one(self, depth: int) -> str:
        char = self._take()
        if char == "(":
            if self._peek() == ")":
                self.position += 1
                return "(?:)"
            inner = self.union(depth + 1)
            if self._take() != ")":
                raise self.refusal("expected ')'")
            return f"(?:{inner})"
        if char == "[":
            return self._choice()
        if char == '"':
            end = self._text.find('"', self.position)
            if end < 0:
                raise self.refusal("expected '\"'")
            quoted, self.position = self._text[self.position : end], end + 1
            return f"(?:{''.join(_literal(inner) for inner in quoted)})"
        if char == ".":
            return _ANY
        if char in self._operators:
            if char == "@":
                return f"{_ANY}*"
            if char == "#":
                return _NOTHING
            if char == "<":
                return self._interval()
        if char == "\\":
            return _literal(self._escaped())
        return _literal(char)

    def _escaped(self) -> str:
        if not self._peek():
            raise self.refusal("unexpected end-of-string")
        return self._take()

    def _choice(self) -> str:
        negated = self._peek() == "^"
        if negated:
            self.position += 1
        found: list[str] = []
        while not found or (self._peek() and self._peek() != "]"):
            low = self._character()
            high = low
            if self._peek() == "-":
                self.position += 1
                if self._peek() == "]":
                    found.append(f"{_point(low)}\\-")
                    continue
                high = self._character()
            if ord(high) < ord(low):
                raise self.refusal("illegal character range")
            found.append(f"{_point(low)}-{_point(high)}")
        if self._take() != "]":
            raise self.refusal("expected ']'")
        return f"[{'^' if negated else ''}{''.join(found)}]"

    def _character(self) -> str:
        char = self._take()
        if not char:
            raise self.refusal("unexpected end-of-string")
        return self._escaped() if char == "\\" else char

    def _interval(self) -> str:
        self.position -= 1
        ends = _INTERVAL.match(self._text, self.position)
        if ends is None:
            raise self.refusal("interval syntax error")
        self.position = ends.end()
        first, last = sorted(int(end) for end in ends.groups())
        if last - first >= MAX_NUMBERS:
            raise self.refusal(f"an interval of more than {MAX_NUMBERS} numbers is not served")
        # Ends of one length ask for numbers of that length, with zeros in front.
        digits = len(ends[1]) if len(ends[1]) == len(ends[2]) else 0
        if digits:
            return "(?:" + "|".join(str(number).zfill(digits) for number in range(first, last + 1)) + ")"
        return "(?:" + "|".join(f"0*{number}" for number in range(first, last + 1)) + ")"


def _literal(char: str) -> str:
    return char if char.isascii() and char.isalnum() else _point(char)


def _point(char: str) -> str:
    """Write a character by its number, which means the same to RE2 in every place."""
    code = ord(char)
    return f"\\x{{{0xFFFD if 0xD800 <= code <= 0xDFFF else code:X}}}"
