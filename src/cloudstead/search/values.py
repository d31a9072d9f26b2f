"""From a field to the SQL of its values: one number, one instant or one term per document, or a list of them."""

from collections.abc import Callable
from dataclasses import dataclass

from cloudstead.search import sql
from cloudstead.search.errors import SearchInvalid
from cloudstead.search.fields import Field, Part, ValueType

# Milliseconds that a DateTime64(3) can hold: the years 1900 to 2299.
EARLIEST_MS = -2_208_988_800_000
LATEST_MS = 10_413_791_999_999


@dataclass(frozen=True, slots=True)
class Values:
    """An expression that is one nullable value, or a list of values when `many`."""

    sql: str
    many: bool = False
    nullable: bool = True

    def or_else(self, literal: str | None) -> "Values":
        """Put a value where a document has none."""
        if literal is None or (not self.many and not self.nullable):
            return self
        if self.many:
            return Values(f"if(empty({self.sql}), [{literal}], {self.sql})", many=True)
        return Values(f"coalesce({self.sql}, {literal})", nullable=False)

    def mapped(self, write: Callable[[str], str]) -> "Values":
        """Apply an expression to each value."""
        if self.many:
            return Values(f"arrayMap(v -> {write('v')}, {self.sql})", many=True)
        return Values(write(self.sql), nullable=self.nullable)

    def exploded(self, level: int) -> str:
        """Write one row per different value of a list; `level` keeps equal lists of nested buckets apart.

        ClickHouse evaluates equal `arrayJoin` expressions once, which would pair a list with itself.
        """
        return f"arrayJoin(arraySlice(arrayDistinct({self.sql}), 1, {1_000_000 + level}))"


def _gathered(parts: tuple[Part, ...], write: Callable[[Part], str]) -> Values:
    """Bring the parts of a field together; `write` gives the values of one part in the type of all."""
    if not any(part.many for part in parts):
        if len(parts) == 1:
            return Values(write(parts[0]), nullable=parts[0].nullable)
        return Values("coalesce(" + ", ".join(write(part) for part in parts) + ")")
    lists = [write(part) if part.many else f"if({part.present}, [assumeNotNull({write(part)})], [])" for part in parts]
    return Values(lists[0] if len(lists) == 1 else f"arrayConcat({', '.join(lists)})", many=True)


def numbers(field: Field) -> Values | None:
    """Read a field as Float64; None when no document has it, an error when none of its values is a number."""
    parts = field.numeric.parts
    if not parts:
        if field.parts:
            raise SearchInvalid(f"Expected numeric type on field [{field.name}], but got [string]")
        return None
    return _gathered(parts, lambda part: part.number)


def instants(field: Field) -> Values | None:
    """Read a field as milliseconds: dates, numbers of milliseconds, and texts that spell dates."""
    parts = tuple(part for part in field.parts if part.type is not ValueType.BOOLEAN)
    if not parts:
        if field.parts:
            raise SearchInvalid(f"Expected a date on field [{field.name}], but got [boolean]")
        return None
    found = _gathered(parts, _millis)
    if found.many:
        return Values(f"arrayMap(v -> assumeNotNull(v), arrayFilter(v -> isNotNull(v), {found.sql}))", many=True)
    # A text may spell no date and a number may lie beyond all dates, present as they are.
    return Values(found.sql, nullable=found.nullable or any(part.type is not ValueType.DATE for part in parts))


def _millis(part: Part) -> str:
    if part.many:
        inner = _millis(Part(part.type, "x"))
        return f"arrayMap(x -> {inner}, {part.sql})"
    match part.type:
        case ValueType.DATE:
            return f"toUnixTimestamp64Milli({part.sql})"
        case ValueType.TEXT:
            # Without nullable functions in the way of the conversion: an absent text reads as no date.
            return f"toUnixTimestamp64Milli(parseDateTime64BestEffortOrNull({part.sql}, 3, 'UTC'))"
        case _:
            inside = f"{part.sql} >= {EARLIEST_MS} AND {part.sql} <= {LATEST_MS}"
            return f"if(ifNull({inside}, 0), toInt64({part.sql}), NULL)"


def texts(field: Field) -> Values | None:
    """Read the texts of a field."""
    parts = field.textual.parts
    return _gathered(parts, _text) if parts else None


def _text(part: Part) -> str:
    return f"arrayMap(x -> assumeNotNull(x), {part.sql})" if part.many else part.sql


def wholes(field: Field) -> Values | None:
    """Read a field of whole numbers, dates or booleans as integers, exactly; None for any other field."""
    match field.type:
        case ValueType.INTEGER:
            return _gathered(field.parts, lambda part: part.sql)
        case ValueType.DATE:
            return _gathered(field.parts, _millis)
        case ValueType.BOOLEAN:
            return _gathered(
                field.parts,
                lambda part: (
                    f"arrayMap(x -> toUInt8(assumeNotNull(x)), {part.sql})" if part.many else f"toUInt8({part.sql})"
                ),
            )
        case _:
            return None


def tagged(field: Field) -> Values:
    """Read values of different types as (rank, number, text), which sorts numbers before booleans before texts."""

    def write(part: Part) -> str:
        one = "assumeNotNull(x)" if part.many else part.sql
        match part.type:
            case ValueType.TEXT:
                entry = f"tuple(toUInt8(2), toFloat64(0), assumeNotNull({one}))"
            case ValueType.BOOLEAN:
                entry = f"tuple(toUInt8(1), assumeNotNull(toFloat64({one})), '')"
            case _:
                entry = f"tuple(toUInt8(0), assumeNotNull(toFloat64({one})), '')"
        return f"arrayMap(x -> {entry}, {part.sql})" if part.many else f"if({part.present}, [{entry}], [])"

    lists = [write(part) for part in field.parts]
    return Values(lists[0] if len(lists) == 1 else f"arrayConcat({', '.join(lists)})", many=True)


def tag_literal(rank: int, number: float, text: str) -> str:
    """Write one value of `tagged`."""
    return f"tuple(toUInt8({rank}), toFloat64({number!r}), {sql.text(text)})"
