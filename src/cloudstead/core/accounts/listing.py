"""Which accounts a list shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account, AccountStatus
    from cloudstead.core.accounts.profile import AccountProfile
    from cloudstead.core.ids import AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountQuery:
    """Tenants of ``parent_id`` to which everything applies that is given; ``country_like`` whatever its case."""

    parent_id: AccountId
    statuses: tuple[AccountStatus, ...] | None = None
    not_statuses: tuple[AccountStatus, ...] | None = None
    tier: str | None = None
    end_market: str | None = None
    country_like: str | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """An account with its profile."""

    account: Account
    profile: AccountProfile
