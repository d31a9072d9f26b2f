"""Pages in the order of an id: the statements of both directions, and the page that their rows make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import bindparam, func, select

from cloudstead.core.paging import Page
from cloudstead.storage.sql.statements import Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import ColumnElement, Select

    from cloudstead.core.paging import PageRequest
    from cloudstead.storage.sql.statements import Words
    from cloudstead.storage.sql.transaction import Transaction

T = TypeVar("T")

_FIRST: Final = ""
_LAST: Final = "g"  # behind every hexadecimal id


@dataclass(frozen=True, slots=True)
class Pages:
    """A list that can be paged: what is in it, and how many that are."""

    forwards: Statement
    backwards: Statement
    count: Statement

    @classmethod
    def of(cls, build: Callable[[Words], Select[Any]], key: ColumnElement[str], *takes: str) -> Pages:
        """Return the pages of a SELECT without order; ``takes`` are its own parameters."""
        return cls(
            Statement(
                lambda words: build(words).where(key > bindparam("after_")).order_by(key).limit(bindparam("limit_")),
                *takes,
                "after_",
                "limit_",
            ),
            Statement(
                lambda words: (
                    build(words).where(key < bindparam("after_")).order_by(key.desc()).limit(bindparam("limit_"))
                ),
                *takes,
                "after_",
                "limit_",
            ),
            Statement(lambda words: select(func.count()).select_from(build(words).subquery()), *takes),
        )

    def read(
        self,
        transaction: Transaction,
        request: PageRequest,
        make: Callable[[Sequence[Sequence[Any]]], Sequence[T]],
        *values: object,
        id_of: Callable[[T], str],
    ) -> Page[T]:
        """Return one page with its total; ``make`` is given all rows of the page at once."""
        statement, start = (self.backwards, _LAST) if request.descending else (self.forwards, _FIRST)
        after = start if request.after is None else request.after
        # One more than asked for tells whether another page follows.
        rows = transaction.rows(statement, *values, after, request.limit + 1)
        items = tuple(make(rows[: request.limit]))
        counted = transaction.row(self.count, *values)
        return Page(
            items,
            after=id_of(items[-1]) if items and len(rows) > request.limit else None,
            total=0 if counted is None else int(counted[0]),
        )
