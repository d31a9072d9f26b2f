"""The PostgreSQL side of a unit of work: statements through asyncpg, awaited from synchronous code by a greenlet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, bindparam, func, select
from sqlalchemy.util import await_only

from cloudstead.storage.sql.statements import Statement, columns
from cloudstead.storage.sql.tables import shadows, things

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.sql.base import Executable

    from cloudstead.storage.sql.statements import Words


def _saving(words: Words) -> Executable:
    names = columns(shadows)
    lists = [bindparam(name, type_=ARRAY(shadows.c[name].type)) for name in names]
    given = func.unnest(*lists).table_valued(*names, name="given").render_derived()
    there = select(things.c.uid).where(things.c.uid == given.c.thing_uid).exists()
    insert = words.insert(shadows).from_select(names, select(given).where(there))
    others = {name: insert.excluded[name] for name in names if name != "thing_uid"}
    return insert.on_conflict_do_update(index_elements=["thing_uid"], set_=others)


_SAVE_SHADOWS = Statement(_saving, *columns(shadows))


class PostgreSQLTransaction:
    """Runs statements on one connection (``transaction.Transaction``); whoever made it begins and ends them."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def row(self, statement: Statement, *values: object) -> Sequence[Any] | None:
        """Return the first row, or ``None``."""
        compiled = statement.postgresql
        row: Sequence[Any] | None = await_only(self._connection.fetchrow(compiled.text, *compiled.arrange(values)))
        return row

    def rows(self, statement: Statement, *values: object) -> Sequence[Sequence[Any]]:
        """Return all rows."""
        compiled = statement.postgresql
        rows: Sequence[Sequence[Any]] = await_only(self._connection.fetch(compiled.text, *compiled.arrange(values)))
        return rows

    def change(self, statement: Statement, *values: object) -> int:
        """Run a statement that writes; return how many rows it touched."""
        compiled = statement.postgresql
        status: str = await_only(self._connection.execute(compiled.text, *compiled.arrange(values)))
        return int(status.rpartition(" ")[2])  # "INSERT 0 1", "UPDATE 3"

    def change_each(self, statement: Statement, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement that writes once for each row of values."""
        compiled = statement.postgresql
        await_only(self._connection.executemany(compiled.text, [compiled.arrange(row) for row in rows]))

    def save_shadows(self, rows: Sequence[Sequence[object]]) -> None:
        """Insert or replace rows of the shadows table; pass over those without a thing."""
        # One statement may touch a row once only, so of two shadows of a thing the later one counts; and two
        # transactions that lock rows in the same order cannot wait for each other.
        given = sorted({row[0]: row for row in rows}.values(), key=lambda row: str(row[0]))
        if given:
            self.change(_SAVE_SHADOWS, *(list(column) for column in zip(*given, strict=True)))
