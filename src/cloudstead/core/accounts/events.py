"""What happened to accounts; told after the transaction that made it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import AccountStatus
    from cloudstead.core.ids import AccountId


@dataclass(frozen=True, slots=True)
class AccountStatusChanged:
    """The account lets its people, keys and things do more or less than before; what is open has to be opened anew."""

    account_id: AccountId
    status: AccountStatus
    is_told: bool = False  # the account has been written to about it


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """The account's profile is another one."""

    account_id: AccountId


@dataclass(frozen=True, slots=True)
class LimitReached:
    """An account has the last of something that it may have; the next one will be refused."""

    account_id: AccountId
    limit: str
    value: str
