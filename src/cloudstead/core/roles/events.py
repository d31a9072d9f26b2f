"""What happened to roles; told after the transaction that made it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId


@dataclass(frozen=True, slots=True)
class RoleChanged:
    """Whoever holds some role of the account may do other things than before."""

    account_id: AccountId
