"""Rows of this dialect: an operation for people who are signed in, and its twin for tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cloudstead.web.table import Operation

PEOPLE: Final = "/api"
TOKENS: Final = "/api/tok"


def twins(rows: Iterable[Operation]) -> Iterator[Operation]:
    """Yield each row below both places; the twin's name says that it takes tokens."""
    for row in rows:
        yield replace(row, path=f"{PEOPLE}{row.path}")
        yield replace(row, path=f"{TOKENS}{row.path}", name=f"{row.name}ByToken")
