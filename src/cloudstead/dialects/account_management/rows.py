"""Rows of this dialect: an operation on the own account, and its twin on a tenant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cloudstead.web.table import Operation

OWN: Final = "/v3/"
TENANT: Final = "/v3/accounts/{account_id}/"


def both(row: Operation, twin: str) -> tuple[Operation, Operation]:
    """Return the row and its twin below ``/v3/accounts/{account_id}``, which the contract calls ``twin``."""
    if not row.path.startswith(OWN):
        raise ValueError(f"{row.path} has no twin")
    return row, replace(row, path=TENANT + row.path.removeprefix(OWN), name=twin)
