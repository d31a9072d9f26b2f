"""What happened to policy groups; told after the transaction that made it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId


@dataclass(frozen=True, slots=True)
class PolicyGroupChanged:
    """A group with members gives something else than before, or is gone: anybody of the account may be in it."""

    account_id: AccountId
