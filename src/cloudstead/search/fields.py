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
ALL_FIELDS = "_all"
_LOWERCASE = ".lowercase"
_LEAVES_BY_NAME = 256


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


class Reading(enum.Enum):
    """How a query that looks for a text reads the texts of a field; exact queries and sorts always take them whole."""

    WHOLE = enum.auto()
    LOWERED = enum.auto()  # stored in lower case: what is asked is lowered as well
    WORDS = enum.auto()


@dataclass(frozen=True, slots=True)
class Part:
    """Where the values of one type are: an SQL expression that is null, or empty for lists, in other documents."""

    type: ValueType
    sql: str
    many: bool = False
    nullable: bool = True
    reading: Reading = Reading.WHOLE

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
    reading: Reading = Reading.WHOLE


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
    version_column: str = "1"  # what is never changed has one version

    def resolve(self, name: str, paths: Paths) -> Field:
        """Find the parts of a field; `<text field>.lowercase` reads the same texts in lower case."""
        column = self.columns.get(name)
        if column is not None:
            return Field(name, (_column_part(column),))
        if name.startswith(STATE + "."):
            path = name[len(STATE) + 1 :]
            kinds = paths.get(path)
            if kinds is not None:
                return Field(name, _state_parts(path, kinds))
        if name.endswith(_LOWERCASE):
            whole = self.resolve(name.removesuffix(_LOWERCASE), paths).textual
            return Field(name, tuple(_lowered(part) for part in whole.parts))
        return Field(name, ())

    def searched(self, name: str, paths: Paths) -> Field:
        """Find the parts of a field for a query that looks for a text; `_all` is the texts of all values."""
        if name != ALL_FIELDS:
            return self.resolve(name, paths)
        columns = [_column_part(column) for known, column in self.columns.items() if not known.startswith("_")]
        leaves = [part for leaf in self.leaves(STATE, paths) for part in leaf.parts]
        if len(leaves) > _LEAVES_BY_NAME:
            # Lists come printed, with their quotes escaped: that parts texts as well, and only runs numbers together.
            escaped, plain = sql.text("\\'"), sql.text("'")
            lists = [f"arrayMap(x -> replaceAll(x, {escaped}, {plain}), JSONAllValues(state))"]
        else:
            columns += [part for part in leaves if not part.many]
            lists = [f"arrayMap(x -> toString(assumeNotNull(x)), {part.sql})" for part in leaves if part.many]
        single = f"[{', '.join(_printed(part) for part in columns)}]"
        every = f"arrayConcat({', '.join([single, *lists])})" if lists else single
        return Field(name, (Part(ValueType.TEXT, every, many=True, reading=Reading.WORDS),))

    def reads(self, name: str, paths: Paths) -> tuple[bool, bool]:
        """Tell whether a query that looks for a text finds texts that are read by words, and any other values."""
        readings = {part.reading for part in self.searched(name, paths).parts}
        return Reading.WORDS in readings, bool(readings - {Reading.WORDS})

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
    return tuple(
        Part(
            kind,
            f"{column}.:{read}",
            many,
            reading=Reading.WORDS if kind is ValueType.TEXT else Reading.WHOLE,
        )
        for flag, kind, read, many in _STATE_TYPES
        if kinds & flag
    )


def _column_part(column: Column) -> Part:
    return Part(column.type, column.sql, nullable=column.nullable, reading=column.reading)


def _printed(part: Part) -> str:
    """Write a single value as the text that JSON has for it, empty where there is none."""
    if part.type is ValueType.TEXT:
        return f"ifNull({part.sql}, '')" if part.nullable else f"toString({part.sql})"
    if part.type is ValueType.DATE:
        return f"toString(toUnixTimestamp64Milli({part.sql}))"
    return f"ifNull(toString({part.sql}), '')"


def _lowered(part: Part) -> Part:
    lowered = f"arrayMap(x -> lowerUTF8(assumeNotNull(x)), {part.sql})" if part.many else f"lowerUTF8({part.sql})"
    return Part(part.type, lowered, part.many, part.nullable, Reading.LOWERED)


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
        "label": Column(ValueType.TEXT, "label", nullable=True, reading=Reading.WORDS),
        "domain": Column(ValueType.TEXT, "domain"),
        "description": Column(ValueType.TEXT, "description", nullable=True, reading=Reading.WORDS),
        "createdAt": Column(ValueType.DATE, "created_at"),
        "createdBy": Column(ValueType.TEXT, "created_by", nullable=True),
    },
    natural_order=("thing_name",),
    identity=("thing_name",),
    version_column="version",
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
