"""Accounts are told by mail what happened to them: another status, a limit reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudstead.core.accounts.events import AccountStatusChanged, LimitReached

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from cloudstead.core.events import EventBus
    from cloudstead.core.ids import AccountId
    from cloudstead.core.notifications.tidings import Tidings
    from cloudstead.core.unit import Database, Unit


@dataclass(frozen=True, slots=True)
class AccountNews:
    """Listens, and writes behind the answer that caused it."""

    database: Database
    tidings: Tidings
    spawn: Callable[[Coroutine[Any, Any, None]], object]

    def listen(self, bus: EventBus) -> None:
        """Tell accounts from now on."""
        bus.subscribe(AccountStatusChanged, self._on_status)
        bus.subscribe(LimitReached, self._on_limit)

    def _on_status(self, event: AccountStatusChanged) -> None:
        if event.is_told:
            return
        text = f"The status of the account is {event.status} now."
        self.spawn(self._tell(event.account_id, "Account status changed", text))

    def _on_limit(self, event: LimitReached) -> None:
        text = f"The account has as many as it may have: {event.limit} is {event.value}. More will be refused."
        self.spawn(self._tell(event.account_id, "Limit reached", text))

    async def _tell(self, account_id: AccountId, subject: str, message: str) -> None:
        def write(unit: Unit) -> None:
            account = unit.accounts.get(account_id)
            if account is not None:
                self.tidings.tell(unit, account, subject=subject, message=message)

        await self.database.write(write)
