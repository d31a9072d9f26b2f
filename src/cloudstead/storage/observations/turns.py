"""Who may search when: no account keeps the others from the threads that answer searches."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import TYPE_CHECKING, TypeVar

from cloudstead.core.observations.errors import TooManySearches

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

_T = TypeVar("_T")


class Turns:
    """So many turns at once, shared fairly between accounts. Lives on the event loop.

    Whoever waits goes before whoever comes, an account that has fewer turns before one that has more, and among equals
    the one that had no turn for longest. An account never has all turns, so that a newcomer gets one at once unless
    several accounts keep all of them busy.
    """

    def __init__(self, at_once: int, *, per_account: int, waiting_per_account: int) -> None:
        self._free = at_once
        self._per_account = per_account
        self._waiting_per_account = waiting_per_account
        self._taken: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self.refused = 0

    @property
    def waiting(self) -> int:
        """How many wait, all accounts together."""
        return sum(map(len, self._waiting.values()))

    async def run(self, account_id: str, begin: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """Wait for a turn of the account and do something in it; raise ``TooManySearches`` when too many wait.

        Whoever is cancelled in the middle leaves the turn taken until what was begun is over: its thread is busy.
        """
        await self._take(account_id)
        work = asyncio.ensure_future(begin())
        work.add_done_callback(lambda _: self._give_back(account_id))
        return await asyncio.shield(work)

    async def _take(self, account_id: str) -> None:
        queue = self._waiting.get(account_id)
        if queue is not None and len(queue) >= self._waiting_per_account:
            self.refused += 1
            raise TooManySearches(self._waiting_per_account)
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account_id, deque()).append(mine)
        self._hand_out()
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._give_back(account_id)
            else:
                self._forget(account_id, mine)
            raise

    def _give_back(self, account_id: str) -> None:
        self._free += 1
        self._taken[account_id] -= 1
        if not self._taken[account_id]:
            del self._taken[account_id]
        if account_id in self._waiting:
            self._waiting[account_id] = self._waiting.pop(account_id)  # behind the others
        self._hand_out()

    def _hand_out(self) -> None:
        while self._free:
            entitled = [account for account in self._waiting if self._taken[account] < self._per_account]
            if not entitled:
                return
            account = min(entitled, key=self._taken.__getitem__)
            queue = self._waiting.pop(account)
            first = queue.popleft()
            if queue:
                self._waiting[account] = queue  # behind the others
            self._free -= 1
            self._taken[account] += 1
            first.set_result(None)

    def _forget(self, account_id: str, waiter: asyncio.Future[None]) -> None:
        queue = self._waiting[account_id]
        queue.remove(waiter)
        if not queue:
            del self._waiting[account_id]
