"""What a store needs from an engine: run a statement inside the transaction of its unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cloudstead.storage.sql.statements import Statement


class Transaction(Protocol):
    """The engine's side of one unit of work. Values are given in the order in which the statement takes them."""

    def row(self, statement: Statement, *values: object) -> Sequence[Any] | None:
        """Return the first row, or ``None``."""
        ...

    def rows(self, statement: Statement, *values: object) -> Sequence[Sequence[Any]]:
        """Return all rows."""
        ...

    def change(self, statement: Statement, *values: object) -> int:
        """Run a statement that writes; return how many rows it touched."""
        ...

    def change_each(self, statement: Statement, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement that writes once for each row of values."""
        ...

    def save_shadows(self, rows: Sequence[Sequence[object]]) -> None:
        """Insert or replace rows of the shadows table in the engine's fastest way; pass over those without a thing."""
        ...
