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


def put_status(unit: Unit, account: Account, status: AccountStatus) -> None:
    """Store another status; whoever is connected has to come again."""
    if account.status is not status:
        unit.accounts.replace(replace(account, status=status))
        unit.emit(AccountStatusChanged(account.id, status))


def finish_enrolling(unit: Unit, account_id: AccountId) -> None:
    """Open an account that waited for its first administrator, who has now followed the mailed link."""
    account = unit.accounts.get(account_id)
    if account is not None and account.status is AccountStatus.ENROLLING:
        put_status(unit, account, AccountStatus.ACTIVE)
