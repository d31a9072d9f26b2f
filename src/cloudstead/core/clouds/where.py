r"""``where``: a condition over the fields of a record, parsed and evaluated here and never turned into SQL.

``${name}`` is a field and ``{value}`` a value: a number if it looks like one, ``{true}`` and ``{false}`` are flags, and
``{"x"}`` is a text whatever stands in it (``\"`` and ``\\`` inside). Comparisons are ``=``, ``<>``, ``<``, ``<=``,
``>``, ``>=``, ``between {a} and {b}`` and ``in ({a}, {b})``; functions are ``begins_with``, ``contains``,
``attribute_exists`` and ``attribute_not_exists``; ``and``, ``or``, ``not`` and brackets join them. Words may be written
in any case.

Values of different kinds are neither equal nor in any order, and a field that is not there equals nothing.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from cloudstead.core.errors import InvalidField

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

MAX_CHARS: Final = 4096
MAX_DEPTH: Final = 32
MAX_VALUES: Final = 100

Value: TypeAlias = str | float | bool

_TOKEN: Final = re.compile(
    r"""\s*(?:
    (?P<field>\$\{(?P<name>[^{}]*)\})
  | (?P<text>\{"(?P<quoted>(?:[^"\\]|\\.)*)"\})
  | (?P<value>\{(?P<plain>[^{}"]*)\})
  | (?P<sign><>|<=|>=|[=<>(),])
  | (?P<word>[A-Za-z_]+)
)""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_-]+)*")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_MISSING: Final = object()


class Condition(Protocol):
    """Something that a record meets, or does not."""

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Tell whether the record meets it."""
        ...


@dataclass(frozen=True, slots=True)
class Field:
    """A field; points lead into objects."""

    name: str

    def of(self, record: Mapping[str, Any]) -> Any:
        """Return what the record has there, or a mark that equals nothing."""
        value: Any = record
        for step in self.name.split("."):
            value = value.get(step, _MISSING) if isinstance(value, dict) else _MISSING
        return _MISSING if value is None else value


@dataclass(frozen=True, slots=True)
class Literal:
    """A value."""

    value: Value

    def of(self, record: Mapping[str, Any]) -> Any:
        """Return the value."""
        del record
        return self.value


Operand: TypeAlias = Field | Literal


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands and a sign."""

    left: Operand
    sign: str
    right: Operand

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Tell whether the record meets it."""
        return _compare(self.left.of(record), self.sign, self.right.of(record))


@dataclass(frozen=True, slots=True)
class Between:
    """An operand between two others, both included."""

    operand: Operand
    low: Operand
    high: Operand

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Tell whether the record meets it."""
        value = self.operand.of(record)
        return _compare(value, ">=", self.low.of(record)) and _compare(value, "<=", self.high.of(record))


@dataclass(frozen=True, slots=True)
class OneOf:
    """An operand that equals one of several."""

    operand: Operand
    choices: tuple[Operand, ...]

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Tell whether the record meets it."""
        value = self.operand.of(record)
        return any(_compare(value, "=", choice.of(record)) for choice in self.choices)


@dataclass(frozen=True, slots=True)
class Exists:
    """A field that is there."""

    field: Field

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Tell whether the record meets it."""
        return self.field.of(record) is not _MISSING


@dataclass(frozen=True, slots=True)
class BeginsWith:
    """A text that begins with another."""

    field: Field
    start: Operand

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Tell whether the record meets it."""
        text, start = self.field.of(record), self.start.of(record)
        return isinstance(text, str) and isinstance(start, str) and text.startswith(start)


@dataclass(frozen=True, slots=True)
class Contains:
    """A text with another in it, or a list with a value."""

    field: Field
    part: Operand

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Tell whether the record meets it."""
        whole, part = self.field.of(record), self.part.of(record)
        if isinstance(whole, str):
            return isinstance(part, str) and part in whole
        return isinstance(whole, list) and any(_compare(each, "=", part) for each in whole)


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    inner: Condition

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Tell whether the record meets it."""
        return not self.inner.holds(record)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Several conditions, all of them."""

    parts: tuple[Condition, ...]

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Tell whether the record meets it."""
        return all(part.holds(record) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Several conditions, any of them."""

    parts: tuple[Condition, ...]

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Tell whether the record meets it."""
        return any(part.holds(record) for part in self.parts)


def parse_where(text: str, *, fields: Collection[str]) -> Condition:
    """Return the condition; raise ``InvalidField`` naming ``where`` and the place of what is wrong.

    ``fields`` are those that may be asked for; below an object any name may.
    """
    if len(text) > MAX_CHARS:
        raise InvalidField("where", f"longer than {MAX_CHARS} characters")
    return _Parser(text, fields).whole()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    place: int


class _Parser:
    """Recursive descent; ``or`` binds weakest, then ``and``, then ``not``."""

    def __init__(self, text: str, fields: Collection[str]) -> None:
        self._tokens = _tokens(text)
        self._fields = fields
        self._next = 0
        self._values = 0

    def whole(self) -> Condition:
        condition = self._any(0)
        token = self._peek()
        if token.kind != "end":
            raise _fault(token, "is one too many")
        return condition

    def _any(self, depth: int) -> Condition:
        parts = [self._all(depth)]
        while self._takes("or"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all(self, depth: int) -> Condition:
        parts = [self._one(depth)]
        while self._takes("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _one(self, depth: int) -> Condition:
        if depth > MAX_DEPTH:
            raise _fault(self._peek(), f"is nested deeper than {MAX_DEPTH}")
        if self._takes("not"):
            return Not(self._one(depth + 1))
        if self._takes("("):
            inner = self._any(depth + 1)
            self._expect(")")
            return inner
        token = self._peek()
        if token.kind == "word":
            return self._function()
        return self._comparison()

    def _function(self) -> Condition:
        token = self._take()
        make = _FUNCTIONS.get(token.text.lower())
        if make is None:
            raise _fault(token, f"is none of {', '.join(sorted(_FUNCTIONS))}")
        takes_two, build = make
        self._expect("(")
        place = self._peek()
        field = self._operand()
        if not isinstance(field, Field):
            raise _fault(place, "has to be a field: ${name}")
        other: Operand | None = None
        if takes_two:
            self._expect(",")
            other = self._operand()
        self._expect(")")
        return build(field, other)

    def _comparison(self) -> Condition:
        left = self._operand()
        token = self._take()
        word = token.text.lower()
        if token.kind == "word" and word == "between":
            low = self._operand()
            self._expect("and")
            return Between(left, low, self._operand())
        if token.kind == "word" and word == "in":
            return OneOf(left, self._choices())
        if token.text not in _SIGNS:
            raise _fault(token, "is no comparison: use =, <>, <, <=, >, >=, between or in")
        return Comparison(left, token.text, self._operand())

    def _choices(self) -> tuple[Operand, ...]:
        self._expect("(")
        choices = [self._operand()]
        while self._takes(","):
            choices.append(self._operand())
        self._expect(")")
        return tuple(choices)

    def _operand(self) -> Operand:
        token = self._take()
        self._values += 1
        if self._values > MAX_VALUES:
            raise _fault(token, f"is more than {MAX_VALUES} fields and values")
        if token.kind == "field":
            return self._field(token)
        if token.kind == "text":
            return Literal(_ESCAPED.sub(r"\1", token.text))
        if token.kind == "value":
            return Literal(_value(token.text))
        raise _fault(token, "has to be a field, ${name}, or a value, {value}")

    def _field(self, token: _Token) -> Field:
        name = token.text.strip()
        if not _NAME.fullmatch(name):
            raise _fault(token, "is no name of a field")
        if name.partition(".")[0] not in self._fields:
            raise _fault(token, "is no field that can be asked for")
        return Field(name)

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        if token.kind != "end":
            self._next += 1
        return token

    def _takes(self, text: str) -> bool:
        token = self._peek()
        is_it = token.kind in {"word", "sign"} and token.text.lower() == text
        self._next += is_it
        return is_it

    def _expect(self, text: str) -> None:
        token = self._peek()
        if not self._takes(text):
            raise _fault(token, f"stands where {text!r} has to")


def _tokens(text: str) -> list[_Token]:
    found = []
    place = 0
    end = len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None or match.end() == place:
            start = place + len(text[place:]) - len(text[place:].lstrip())
            raise _fault(_Token("unknown", text[start : start + 12], start), "cannot be read")
        kind = match.lastgroup or ""
        kind = {"name": "field", "quoted": "text", "plain": "value"}.get(kind, kind)
        inner = {"field": "name", "text": "quoted", "value": "plain"}.get(kind, kind)
        found.append(_Token(kind, match[inner], match.start(kind)))
        place = match.end()
    return [*found, _Token("end", "", end)]


def _fault(token: _Token, reason: str) -> InvalidField:
    what = "the end" if token.kind == "end" else repr(token.text)
    return InvalidField("where", f"{what} at character {token.place + 1} {reason}")


def _value(text: str) -> Value:
    plain = text.strip()
    if plain.lower() in {"true", "false"}:
        return plain.lower() == "true"
    if _NUMBER.fullmatch(plain):
        number = float(plain)
        if math.isfinite(number):
            return number
    return text


def _kind(value: Any) -> str | None:
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else None


def _compare(left: Any, sign: str, right: Any) -> bool:
    kind = _kind(left)
    if kind is None or kind != _kind(right):
        return sign == "<>"
    if kind == "flag" and sign not in {"=", "<>"}:
        return False
    return _SIGNS[sign](left, right)


_SIGNS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda left, right: bool(left == right),
    "<>": lambda left, right: bool(left != right),
    "<": lambda left, right: bool(left < right),
    "<=": lambda left, right: bool(left <= right),
    ">": lambda left, right: bool(left > right),
    ">=": lambda left, right: bool(left >= right),
}


def _needed(other: Operand | None) -> Operand:
    if other is None:
        raise TypeError("a function of two is given two")
    return other


_FUNCTIONS: Final[Mapping[str, tuple[bool, Callable[[Field, Operand | None], Condition]]]] = {
    "attribute_exists": (False, lambda field, _: Exists(field)),
    "attribute_not_exists": (False, lambda field, _: Not(Exists(field))),
    "begins_with": (True, lambda field, other: BeginsWith(field, _needed(other))),
    "contains": (True, lambda field, other: Contains(field, _needed(other))),
}
