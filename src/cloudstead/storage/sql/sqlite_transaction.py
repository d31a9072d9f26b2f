"""The SQLite side of a unit of work: statements straight through ``sqlite3``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from cloudstead.storage.sql.statements import Statement, columns
from cloudstead.storage.sql.tables import shadows, things

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from sqlalchemy.sql.base import Executable

    from cloudstead.storage.sql.statements import Words


def _saving(words: Words) -> Executable:
    names = columns(shadows)
    there = select(things.c.uid).where(things.c.uid == bindparam("wanted_thing_uid")).exists()
    values = [bindparam(name, type_=shadows.c[name].type) for name in names]
    insert = words.insert(shadows).from_select(names, select(*values).where(there))
    others = {name: insert.excluded[name] for name in names if name != "thing_uid"}
    return insert.on_conflict_do_update(index_elements=["thing_uid"], set_=others)


_SAVE_SHADOW = Statement(_saving, *columns(shadows))


class SQLiteTransaction:
    """Runs statements on one connection (``transaction.Transaction``); whoever made it begins and ends them."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def row(self, statement: Statement, *values: object) -> Sequence[Any] | None:
        """Return the first row, or ``None``."""
        compiled = statement.sqlite
        cursor = self._connection.execute(compiled.text, compiled.arrange(values))
        row: tuple[Any, ...] | None = cursor.fetchone()
        # A statement left half-way would keep the snapshot open behind the end of its transaction.
        cursor.close()
        return row

    def rows(self, statement: Statement, *values: object) -> Sequence[Sequence[Any]]:
        """Return all rows."""
        compiled = statement.sqlite
        return self._connection.execute(compiled.text, compiled.arrange(values)).fetchall()

    def change(self, statement: Statement, *values: object) -> int:
        """Run a statement that writes; return how many rows it touched."""
        compiled = statement.sqlite
        return self._connection.execute(compiled.text, compiled.arrange(values)).rowcount

    def change_each(self, statement: Statement, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement that writes once for each row of values."""
        compiled = statement.sqlite
        self._connection.executemany(compiled.text, map(compiled.arrange, rows))

    def save_shadows(self, rows: Sequence[Sequence[object]]) -> None:
        """Insert or replace rows of the shadows table; pass over those without a thing."""
        self.change_each(_SAVE_SHADOW, rows)
