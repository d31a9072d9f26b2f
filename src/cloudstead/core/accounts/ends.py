"""The ends of accounts, by the clock: the warning before, and the end itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cloudstead.core.accounts.enrolling import put_status
from cloudstead.core.accounts.expiry import run_out
from cloudstead.core.accounts.listing import Described
from cloudstead.core.accounts.registry import audited
from cloudstead.core.audit.record import record
from cloudstead.core.caller import Caller
from cloudstead.core.versions import touched

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.notifications.tidings import Tidings
    from cloudstead.core.unit import Unit


@dataclass(frozen=True, slots=True)
class AccountEnds:
    """Warns accounts of their ends, and lets them run out."""

    clock: Clock
    ids: IdSource
    tidings: Tidings

    def tend(self, unit: Unit, account_id: AccountId) -> None:
        """Do what is due about one account's end, if anything is; of two at the same time one does it."""
        now_ms = self.clock.millis()
        account = unit.accounts.get(account_id)
        if account is None or not unit.accounts.take_due(account_id, now_ms):
            return
        profile = unit.accounts.profile(account_id)
        end_ms = profile.expires_at_ms
        if end_ms is not None and end_ms <= now_ms:
            self._end(unit, Described(account, profile), now_ms)
        else:
            unit.accounts.put_profile(replace(profile, warned_of_ms=end_ms))
            self._warn(unit, account, end_ms)

    def _end(self, unit: Unit, before: Described, now_ms: int) -> None:
        account, profile = run_out(before.account, before.profile)
        profile = touched(profile, now_ms=now_ms)
        unit.accounts.put_profile(profile)
        self.tidings.tell(
            unit,
            before.account,
            subject="Account expired",
            message="The account has expired and is suspended. Nothing is lost: whoever administers the account above "
            "it can open it again by moving its expiration.",
        )
        put_status(unit, before.account, account.status, is_told=True)
        record(
            unit,
            Caller(before.account.id, "cloudstead", "cloudstead", None, ()),
            clock=self.clock,
            ids=self.ids,
            operation="account.expire",
            object_type="account",
            object_id=before.account.id,
            before=audited(before),
            after=audited(Described(account, profile)),
        )

    def _warn(self, unit: Unit, account: Account, end_ms: int | None) -> None:
        if end_ms is not None:
            end = datetime.fromtimestamp(end_ms // 1000, UTC)
            self.tidings.tell(
                unit,
                account,
                subject="Account expires soon",
                message=f"The account expires on {end:%Y-%m-%d} at {end:%H:%M} UTC. From then on nobody and nothing is "
                "let in, until whoever administers the account above it moves its expiration.",
            )
