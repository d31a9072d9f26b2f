"""The two indexes as searches see them: which field is which column, and what a path of the state can hold.

The state of a document is stored as typed paths. A path may hold whole numbers in one document and texts in another,
so a field is a list of parts, one per type that was ever seen there. The caller gives what was seen as a mapping of
path to kinds; what no document ever held needs no SQL at all.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from cloudstead.search import sql

STATE = "state"
_LOWERCASE = ".lowercase"


class Kind(enum.IntFlag):
    """What was seen at a path; the plural ones are lists of values of one type."""

    INTEGER = 1
    FLOAT = 2
    TEXT = 4
    BOOLEAN = 8
    NUMBERS = 16
    TEXTS = 32
    BOOLEANS = 64


# Paths of an account's states, each with the flags of the kinds that were seen there.
Paths: TypeAlias = Mapping[str, int]


class ValueType(enum.Enum):
    """The type of one value."""

    INTEGER = "long"
    FLOAT = "double"
    TEXT = "string"
    BOOLEAN = "boolean"
    DATE = "date"

    @property
    def is_numeric(self) -> bool:
        """Tell whether values of the type can be calculated with; dates count in milliseconds."""
        return self is not ValueType.TEXT


@dataclass(frozen=True, slots=True)
class Part:
    """Where the values of one type are: an SQL expression that is null, or empty for lists, in other documents."""

    type: ValueType
    sql: str
    many: bool = False
    nullable: bool = True

    @property
    def present(self) -> str:
        """Write the condition that the document has a value here."""
        if self.many:
            return f"notEmpty({self.sql})"
        return f"isNotNull({self.sql})" if self.nullable else "1"

    @property
    def number(self) -> str:
        """Write the value, or the list of values, as Float64."""
        if self.type is ValueType.DATE:
            return f"toFloat64(toUnixTimestamp64Milli({self.sql}))"
        if self.many:
            return f"arrayMap(x -> assumeNotNull(toFloat64(x)), {self.sql})"
        return self.sql if self.type is ValueType.FLOAT else f"toFloat64({self.sql})"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the index: its parts, none when no document ever held it."""

    name: str
    parts: tuple[Part, ...]

    @property
    def many(self) -> bool:
        """Tell whether any document may hold several values."""
        return any(part.many for part in self.parts)

    @property
    def type(self) -> ValueType | None:
        """Name the one type of the field; None when it has none or several."""
        types = {part.type for part in self.parts}
        return types.pop() if len(types) == 1 else None

    @property
    def numeric(self) -> "Field":
        """Narrow to what can be calculated with."""
        return Field(self.name, tuple(part for part in self.parts if part.type.is_numeric))

    @property
    def textual(self) -> "Field":
        """Narrow to texts."""
        return Field(self.name, tuple(part for part in self.parts if part.type is ValueType.TEXT))

    @property
    def is_date(self) -> bool:
        """Tell whether all values are dates."""
        return self.type is ValueType.DATE

    @property
    def present(self) -> str:
        """Write the condition that the document has a value."""
        return sql.any_of(part.present for part in self.parts)


@dataclass(frozen=True, slots=True)
class Column:
    """A field of every document that is a column of its own."""

    type: ValueType
    sql: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    """One of the two indexes: its table, its columns, and in which order documents stand without a sort."""

    name: str
    document_type: str
    table: str
    columns: Mapping[str, Column]
    natural_order: tuple[str, ...]
    identity: tuple[str, ...]
    document_columns: tuple[str, ...]
    default_time: str = field(default="")

    def resolve(self, name: str, paths: Paths) -> Field:
        """Find the parts of a field; `<text field>.lowercase` reads the same texts in lower case."""
        column = self.columns.get(name)
        if column is not None:
            return Field(name, (Part(column.type, column.sql, nullable=column.nullable),))
        if name.startswith(STATE + "."):
            path = name[len(STATE) + 1 :]
            kinds = paths.get(path)
            if kinds is not None:
                return Field(name, _state_parts(path, kinds))
        if name.endswith(_LOWERCASE):
            whole = self.resolve(name.removesuffix(_LOWERCASE), paths).textual
            return Field(name, tuple(_lowered(part) for part in whole.parts))
        return Field(name, ())

    def leaves(self, name: str, paths: Paths) -> list[Field]:
        """List the fields below an object of the state; the object `state` itself has them all."""
        if name == STATE:
            return [self.resolve(f"{STATE}.{path}", paths) for path in sorted(paths)]
        if not name.startswith(STATE + "."):
            return []
        below = name[len(STATE) + 1 :] + "."
        return [self.resolve(f"{STATE}.{path}", paths) for path in sorted(paths) if path.startswith(below)]


_STATE_TYPES = (
    (Kind.FLOAT, ValueType.FLOAT, "Float64", False),
    (Kind.INTEGER, ValueType.INTEGER, "Int64", False),
    (Kind.TEXT, ValueType.TEXT, "String", False),
    (Kind.BOOLEAN, ValueType.BOOLEAN, "Bool", False),
    (Kind.NUMBERS, ValueType.FLOAT, "`Array(Nullable(Float64))`", True),
    (Kind.TEXTS, ValueType.TEXT, "`Array(Nullable(String))`", True),
    (Kind.BOOLEANS, ValueType.BOOLEAN, "`Array(Nullable(Bool))`", True),
)


def _state_parts(path: str, kinds: int) -> tuple[Part, ...]:
    column = f"{STATE}.{sql.name(path)}"
    return tuple(Part(kind, f"{column}.:{read}", many) for flag, kind, read, many in _STATE_TYPES if kinds & flag)


def _lowered(part: Part) -> Part:
    lowered = f"arrayMap(x -> lowerUTF8(assumeNotNull(x)), {part.sql})" if part.many else f"lowerUTF8({part.sql})"
    return Part(part.type, lowered, part.many, part.nullable)


OBSERVATIONS = Index(
    name="observations",
    document_type="observation",
    table="observations",
    columns={
        "_id": Column(ValueType.TEXT, "toString(offset)"),
        "_type": Column(ValueType.TEXT, "'observation'"),
        "thingName": Column(ValueType.TEXT, "thing_name"),
        "thingType": Column(ValueType.TEXT, "thing_type"),
        "domain": Column(ValueType.TEXT, "domain"),
        "timestamp": Column(ValueType.DATE, "ts"),
    },
    natural_order=("domain", "thing_name", "ts", "offset"),
    identity=("domain", "thing_name", "ts", "offset"),
    document_columns=("offset", "thing_name", "thing_type", "domain", "toUnixTimestamp64Milli(ts)", "source"),
    default_time="timestamp",
)

THINGS = Index(
    name="things",
    document_type="thing",
    table="things FINAL",
    columns={
        "_id": Column(ValueType.TEXT, "thing_name"),
        "_type": Column(ValueType.TEXT, "'thing'"),
        "thingName": Column(ValueType.TEXT, "thing_name"),
        "thingType": Column(ValueType.TEXT, "thing_type"),
        "label": Column(ValueType.TEXT, "label", nullable=True),
        "domain": Column(ValueType.TEXT, "domain"),
        "description": Column(ValueType.TEXT, "description", nullable=True),
        "createdAt": Column(ValueType.DATE, "created_at"),
        "createdBy": Column(ValueType.TEXT, "created_by", nullable=True),
    },
    natural_order=("thing_name",),
    identity=("thing_name",),
    document_columns=(
        "thing_name",
        "thing_type",
        "label",
        "domain",
        "description",
        "toUnixTimestamp64Milli(created_at)",
        "created_by",
        "source",
    ),
)
