"""What becomes of an account when its end comes, and when the end is moved: nothing is written here.

An account that has run out is suspended: nobody and nothing is let in, and nothing is lost. Once its parent moves the
end, it is again what it was before. Account management, version 3, names ``expiration`` and a mail that warns of it,
and leaves the rest open.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cloudstead.core.accounts.model import AccountStatus

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.accounts.profile import AccountProfile

ENDED: Final = "The account has expired."
"""What an account shows as the ``reason`` of its status after its end."""


def run_out(account: Account, profile: AccountProfile) -> tuple[Account, AccountProfile]:
    """Return an account whose end has come."""
    ended = replace(profile, status_before_end=account.status, reason=ENDED)
    return replace(account, status=AccountStatus.SUSPENDED), ended


def settled(account: Account, profile: AccountProfile, *, now_ms: int) -> tuple[Account, AccountProfile]:
    """Return an account after its end was moved: it may have run out by that, or be back."""
    end_ms = profile.expires_at_ms
    is_over = end_ms is not None and end_ms <= now_ms
    before = profile.status_before_end
    if is_over and before is None:
        return run_out(account, profile)
    if is_over or before is None:
        return account, profile
    reason = "" if profile.reason == ENDED else profile.reason
    return replace(account, status=before), replace(profile, status_before_end=None, reason=reason)
