"""Statements: written once in SQLAlchemy Core, compiled once for each engine, run by the driver itself.

Running them through SQLAlchemy's ``Connection`` as well takes three times as long for a key look-up in SQLite (113
against 38 microseconds); so its compiler is used and its execution is not. That asks for plain types in the
tables (text, numbers, flags, bytes), which need no conversion on their way.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
from sqlalchemy import ARRAY, Text, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import Insert as PostgreSQLInsert
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.dialects.sqlite import Insert as SQLiteInsert
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.sql.compiler import SQLCompiler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql.base import Executable
    from sqlalchemy.types import TypeEngine

WANTED: Final = "wanted_"
"""Begins the name of a parameter that compares a column which the same statement also sets."""


class Words(Protocol):
    """What the two engines say differently."""

    def insert(self, table: Table) -> SQLiteInsert | PostgreSQLInsert:
        """Return an INSERT that knows ON CONFLICT."""
        ...

    def any_of(self, column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
        """Compare ``column`` with a list, given as one parameter, so that one text serves lists of any length."""
        ...


class _JSONList(Text):
    """Marks a parameter whose list travels as a JSON text."""


class _SQLiteWords:
    def insert(self, table: Table) -> SQLiteInsert:
        return SQLiteInsert(table)

    def any_of(self, column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
        items = func.json_each(bindparam(parameter, type_=_JSONList())).table_valued("value")
        return column.in_(select(items.c.value))


class _PostgreSQLWords:
    def insert(self, table: Table) -> PostgreSQLInsert:
        return PostgreSQLInsert(table)

    def any_of(self, column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
        kind: TypeEngine[Any] = column.type
        return column == any_(bindparam(parameter, type_=ARRAY(kind)))


class Compiled:
    """SQL text for one driver, and how a caller's values become its parameters."""

    __slots__ = ("_constants", "_lists", "_order", "text")

    def __init__(self, text: str, order: Sequence[int], constants: Sequence[object], lists: frozenset[int]) -> None:
        self.text = text
        self._lists = lists
        self._constants = tuple(constants)
        # Most statements take their values in the order in which callers give them.
        self._order = None if list(order) == sorted(set(order)) else tuple(order)

    def arrange(self, values: Sequence[object]) -> Sequence[object]:
        """Put the values, and the constants behind them, into the order of the parameters of ``text``."""
        if self._lists:
            values = [
                msgspec.json.encode(value).decode() if position in self._lists else value
                for position, value in enumerate(values)
            ]
        if self._constants:
            values = [*values, *self._constants]
        if self._order is None:
            return values
        return [values[position] for position in self._order]


class Statement:
    """One statement. ``takes`` names its parameters in the order in which callers give the values."""

    def __init__(self, build: Callable[[Words], Executable], *takes: str) -> None:
        self._build = build
        self._takes = takes

    @cached_property
    def sqlite(self) -> Compiled:
        """The statement for ``sqlite3``."""
        return self._compile(_SQLiteWords(), pysqlite.dialect())

    @cached_property
    def postgresql(self) -> Compiled:
        """The statement for ``asyncpg``."""
        return self._compile(_PostgreSQLWords(), asyncpg.dialect())  # type: ignore[no-untyped-call]

    def _compile(self, words: Words, dialect: Dialect) -> Compiled:
        compiled = self._build(words).compile(dialect=dialect)  # type: ignore[attr-defined] # every Executable compiles
        if not isinstance(compiled, SQLCompiler):
            raise TypeError("only statements that take parameters are compiled here")
        index = {name: position for position, name in enumerate(self._takes)}
        constants: list[object] = []
        order: list[int] = []
        for name in compiled.positiontup or ():
            position = index.get(name.removeprefix(WANTED))
            if position is None:  # a literal in the statement, which the compiler gave a name
                position = index[name] = len(self._takes) + len(constants)
                constants.append(compiled.params[name])
            order.append(position)
        lists = frozenset(index[name] for name, bind in compiled.binds.items() if isinstance(bind.type, _JSONList))
        return Compiled(str(compiled), order, constants, lists)


def columns(table: Table) -> tuple[str, ...]:
    """Return the names of the table's columns in their order: what ``adding`` and ``replacing`` take."""
    return tuple(table.c.keys())


def adding(table: Table) -> Statement:
    """Insert a row; a key that is taken is an error of the engine."""
    return Statement(lambda words: words.insert(table), *columns(table))


def adding_if_free(table: Table) -> Statement:
    """Insert a row and count it, or count none when any of its unique keys is taken, even by a transaction under way.

    Unlike an error, this leaves a PostgreSQL transaction usable.
    """
    return Statement(lambda words: words.insert(table).on_conflict_do_nothing(), *columns(table))


def replacing(table: Table, *key: str) -> Statement:
    """Set all columns of the row with that key; takes the values of all columns."""
    return Statement(
        lambda _: (
            table.update()
            .where(*(table.c[name] == bindparam(WANTED + name) for name in key))
            .values({name: bindparam(name) for name in columns(table) if name not in key})
        ),
        *columns(table),
    )


def putting(table: Table, *key: str) -> Statement:
    """Insert a row, or set all columns of the one that has its key."""

    def build(words: Words) -> Executable:
        insert = words.insert(table)
        others = {name: insert.excluded[name] for name in columns(table) if name not in key}
        return insert.on_conflict_do_update(index_elements=key, set_=others)

    return Statement(build, *columns(table))
