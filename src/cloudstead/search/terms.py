"""The terms of a field: how a statement reads them, how a row gives them back, how a caller's value names one."""

import enum
from dataclasses import dataclass
from typing import Any

from cloudstead.search import sql, values
from cloudstead.search.date_formats import printed
from cloudstead.search.dates import instant_of
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.fields import Field, ValueType
from cloudstead.search.reading import Scalar, numeric, spelled
from cloudstead.search.values import Values, tag_literal

_NUMBER, _BOOLEAN, _TEXT = 0, 1, 2


class TermType(enum.Enum):
    """What kind of terms a field has."""

    TEXT = enum.auto()
    INTEGER = enum.auto()
    FLOAT = enum.auto()
    BOOLEAN = enum.auto()
    DATE = enum.auto()
    TAGGED = enum.auto()  # values of different types in one field


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one field."""

    type: TermType
    values: Values

    def literal(self, raw: Any) -> str:
        """Write a term of a row back into SQL."""
        match self.type:
            case TermType.TEXT:
                return sql.text(raw)
            case TermType.TAGGED:
                return tag_literal(int(raw[0]), float(raw[1]), raw[2])
            case TermType.FLOAT:
                return sql.number(float(raw))
            case _:
                return sql.number(int(raw))

    def shown(self, raw: Any, written: str | None) -> tuple[object, str | None]:
        """Return a term as its key and, where it has one, its `key_as_string`."""
        match self.type:
            case TermType.TAGGED:
                return _tag_shown(int(raw[0]), float(raw[1]), raw[2])
            case TermType.BOOLEAN:
                return int(raw), "true" if raw else "false"
            case TermType.DATE:
                return int(raw), printed(int(raw), written=written)
            case TermType.FLOAT:
                return float(raw), None
            case _:
                return raw, None

    def named(self, value: Scalar, now_ms: int) -> str | None:
        """Write a caller's value as a term of this field; None when no document can have it."""
        match self.type:
            case TermType.TEXT:
                return sql.text(spelled(value))
            case TermType.DATE:
                return sql.number(instant_of(value, now_ms=now_ms))
            case TermType.BOOLEAN:
                return {"true": "1", "1": "1", "false": "0", "0": "0"}.get(spelled(value))
            case TermType.TAGGED:
                return _tag_named(value)
            case TermType.INTEGER | TermType.FLOAT:
                number = numeric(value)
                return None if number is None else sql.number(number)

    def _stand_in(self, missing: Scalar, now_ms: int) -> str | None:
        """Write a caller's value in the very type of the terms, which it will stand among."""
        number = numeric(missing)
        match self.type:
            case TermType.INTEGER:
                whole = None if number is None else int(number)
                return str(whole) if whole is not None and abs(whole) < 2**63 else None
            case TermType.FLOAT:
                return None if number is None else sql.floating(number)
            case _:
                return self.named(missing, now_ms)

    @property
    def text(self) -> str:
        """Write the text of a term that stands in column `{0}`, for patterns; only texts have one."""
        return "{0}.3" if self.type is TermType.TAGGED else "{0}"

    def or_missing(self, missing: Scalar | None, field: str, now_ms: int) -> "Terms":
        """Count documents without a value under the given one."""
        if missing is None:
            return self
        literal = self._stand_in(missing, now_ms)
        if literal is None:
            raise SearchInvalid(f"[missing] of [{spelled(missing)[:80]}] is no value for field [{field}]")
        return Terms(self.type, self.values.or_else(literal))


def terms_of(field: Field, missing: Scalar | None, now_ms: int) -> Terms | None:
    """Find how the terms of a field are read; None when it has none at all."""
    found = _terms_of(field)
    if found is not None:
        return found.or_missing(missing, field.name, now_ms)
    if missing is None:
        return None
    return Terms(TermType.TEXT, Values(sql.text(spelled(missing)), nullable=False))


def _terms_of(field: Field) -> Terms | None:
    if not field.parts:
        return None
    whole = values.wholes(field)
    if whole is not None:
        kind = {
            ValueType.INTEGER: TermType.INTEGER,
            ValueType.DATE: TermType.DATE,
            ValueType.BOOLEAN: TermType.BOOLEAN,
        }[field.parts[0].type]
        return Terms(kind, whole)
    types = {part.type for part in field.parts}
    if types == {ValueType.TEXT}:
        found = values.texts(field)
        return None if found is None else Terms(TermType.TEXT, found)
    if types <= {ValueType.INTEGER, ValueType.FLOAT}:
        found = values.numbers(field)
        return None if found is None else Terms(TermType.FLOAT, found)
    return Terms(TermType.TAGGED, values.tagged(field))


def _tag_shown(rank: int, number: float, text: str) -> tuple[object, str | None]:
    if rank == _TEXT:
        return text, None
    if rank == _BOOLEAN:
        return int(number), "true" if number else "false"
    return (int(number) if number.is_integer() else number), None


def _tag_named(value: Scalar) -> str:
    if isinstance(value, bool):
        return tag_literal(_BOOLEAN, float(value), "")
    if isinstance(value, int | float):
        return tag_literal(_NUMBER, float(value), "")
    return tag_literal(_TEXT, 0.0, value)
