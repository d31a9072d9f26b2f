"""What operators follow at level info: MQTT clients that come and go, and sign-ins that fail.

Nobody outside decides how long the log becomes: a storm of devices or of guesses fills a window, and what did not fit
is counted and told in one line.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.people.errors import LoginLocked
from cloudstead.core.texts import MAX_LINE_CHARS
from cloudstead.gateway.devices import DeviceRole

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.people.errors import LoginRefused
    from cloudstead.core.unit import Database
    from cloudstead.gateway.link import Role

WINDOW_S: Final = 10.0
LINES_PER_WINDOW: Final = 50
"""Of each kind: a storm of connections may not hide the guesses that come with it."""

_REASON_CHARS: Final = 200
_NEVER_ASKED: Final = "connection lost"


class Journal:
    """Writes lines at level info, so many of each kind in a window of time."""

    def __init__(self, log: FilteringBoundLogger, *, later: Callable[[float, Callable[[], None]], object]) -> None:
        """``later`` calls a function after so many seconds (``loop.call_later``)."""
        self._log = log
        self._later = later
        self._is_on = log.is_enabled_for(logging.INFO)
        self._is_open = False
        self._told: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()

    def tell(self, event: str, **fields: Any) -> None:
        """Write a line, or count it as left out."""
        if not self._is_on:
            return
        if not self._is_open:
            self._is_open = True
            self._later(WINDOW_S, self.end_window)
        if not self.has_room(event):
            self._left_out[event] += 1
            return
        self._told[event] += 1
        self._log.info(event, **fields)

    def has_room(self, event: str) -> bool:
        """Tell whether a line of this kind would be written: for callers whose fields cost something."""
        return self._is_on and self._told[event] < LINES_PER_WINDOW

    def end_window(self) -> None:
        """Tell how much was left out, and begin anew."""
        self._is_open = False
        self._told.clear()
        if self._left_out:
            left_out, self._left_out = self._left_out, Counter()
            self._log.info("lines_left_out", **left_out)


class GatewayJournal:
    """Tells who connects and disconnects, who is refused, and why (``GatewayListener``)."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def connected(self, role: Role, *, space: str, source_address: str | None) -> None:
        """Tell who was let in."""
        self._journal.tell(
            "mqtt_connected", kind=_kind(role), principal=role.principal, account=space, address=source_address
        )

    def refused(self, *, reason: str, code: int, source_address: str | None) -> None:
        """Tell who was not."""
        # Whoever only looks whether the port is open (load balancers do, every few seconds) is no news.
        if reason != _NEVER_ASKED:
            self._journal.tell("mqtt_refused", reason=reason[:_REASON_CHARS], code=code, address=source_address)

    def left(self, role: Role, *, reason: str, code: int) -> None:
        """Tell the end of a connection."""
        self._journal.tell(
            "mqtt_disconnected",
            kind=_kind(role),
            principal=role.principal,
            reason=reason[:_REASON_CHARS],
            code=code,
        )


class SignInJournal:
    """Tells which sign-ins are refused: whose door, from where, never what was typed (``SignInListener``)."""

    def __init__(self, journal: Journal, database: Database) -> None:
        self._journal = journal
        self._database = database

    async def refused(
        self,
        account: Account,
        user_name: str | None,
        error: LoginRefused | LoginLocked,
        *,
        source_address: str | None,
    ) -> None:
        """Tell one refusal."""
        if user_name is None:
            self._journal.tell("sign_in_refused", account=account.id, by="refresh token")
            return
        fields = {"wait_s": error.retry_after_s} if isinstance(error, LoginLocked) else {}
        event = "sign_in_locked" if fields else "sign_in_refused"
        principal = None
        # The name itself is not told: people type passwords into the wrong field. Both kinds of names are looked up
        # alike, so that the time of the answer does not tell them apart.
        if self._journal.has_room(event) and len(user_name) <= MAX_LINE_CHARS:
            person = await self._database.read(lambda unit: unit.people.by_user_name(account.id, user_name))
            principal = None if person is None else f"person:{person.id}"
        self._journal.tell(
            event, account=account.id, principal=principal, address=source_address, by="password", **fields
        )


def _kind(role: Role) -> str:
    return "device" if isinstance(role, DeviceRole) else "person"
