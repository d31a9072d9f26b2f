"""The status of an account, and the end of its enrolment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cloudstead.core.accounts.events import AccountStatusChanged
from cloudstead.core.accounts.model import AccountStatus

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.ids import AccountId
    from cloudstead.core.unit import Unit


def put_status(unit: Unit, account: Account, status: AccountStatus, *, is_told: bool = False) -> None:
    """Store another status; whoever is connected has to come again. ``is_told``: the account has been written to."""
    if account.status is not status:
        unit.accounts.replace(replace(account, status=status))
        unit.emit(AccountStatusChanged(account.id, status, is_told))


def finish_enrolling(unit: Unit, account_id: AccountId) -> None:
    """Open an account that waited for its first administrator, who has now followed the mailed link."""
    account = unit.accounts.get(account_id)
    if account is None:
        return
    if account.status is AccountStatus.ENROLLING:
        put_status(unit, account, AccountStatus.ACTIVE)
        return
    profile = unit.accounts.profile(account_id)
    if profile.status_before_end is AccountStatus.ENROLLING:  # it has run out meanwhile, and may come back
        unit.accounts.put_profile(replace(profile, status_before_end=AccountStatus.ACTIVE))
