"""Grants as rows: one for each place in the tuple."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudstead.core.caller import Grant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def grants(rows: Iterable[Sequence[Any]]) -> tuple[Grant, ...]:
    """Return the grants of rows that begin with domain and role; an outer join gives one row of nulls for none."""
    return tuple(Grant(row[0], row[1]) for row in rows if row[0] is not None)
