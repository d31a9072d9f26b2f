"""Moves bytes between links and broker: everybody's input in fair shares, everybody's output in one write per turn.

Coalescing is where the speed comes from: the acknowledgements and messages of a whole commit leave each client's
socket in one system call. One tick for all replaces a timer for each connection.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from cloudstead.gateway.link import Link
from cloudstead.gateway.memory import find_trim

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.gateway.counters import GatewayCounters
    from cloudstead.protocols.mqtt import Broker, WillDue

_TICK_S: Final = 1.0
_LOOKS_EVERY: Final = 16  # links, which may hand over 512 packets before it is noticed that nothing more is taken
_LINKS_PER_TURN: Final = 64  # times 32 packets: some 20 ms of work before anybody else gets the loop
_LAST_BYTES_S: Final = 5.0  # for a client to take what was sent before its end
_MANY_LEFT: Final = 500


class Pump:
    """Lives on the event loop. ``wake`` whenever there may be something to write or to go on with."""

    def __init__(
        self,
        broker: Broker,
        counters: GatewayCounters,
        *,
        is_full: Callable[[], bool],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``is_full`` tells whether nobody's packets can be taken at the moment."""
        self.broker = broker
        self.monotonic = monotonic
        self._counters = counters
        self._is_full = is_full
        self._loop = asyncio.get_running_loop()
        self.is_awake = False
        self._held: dict[Link, None] = {}
        self._was_full = False
        self._unlooked = 0
        self._ending: dict[Link, float] = {}
        self._left = 0
        self._trim = find_trim()
        self._timer: asyncio.TimerHandle | None = None
        self.keeps_wills = True

    def start(self) -> None:
        """Let time pass for every connection."""
        self._timer = self._loop.call_later(_TICK_S, self._tick)

    def stop(self) -> None:
        """Let time stand still."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def held_count(self) -> int:
        """How many links are not being read."""
        return len(self._held)

    def wake(self) -> None:
        """Have everything written at the end of this turn of the loop."""
        if not self.is_awake:
            self.is_awake = True
            self._loop.call_soon(self.flush)

    def took(self, link: Link) -> None:
        """Take note that a link has parsed something: it may have to wait, and there may be answers."""
        self._unlooked += 1
        if self._was_full or self._unlooked >= _LOOKS_EVERY:
            self._look()
        if not link.is_held and (self._was_full or not link.may_go_on):
            link.is_held = True
            self._held[link] = None
            self._counters.paused += 1
            link.hold()
        if self._held or self.broker.dirty:
            self.wake()

    def see_off(self, link: Link) -> None:
        """Give a link whose end has begun a little time to take its last bytes."""
        self._held.pop(link, None)
        self._ending[link] = self.monotonic() + _LAST_BYTES_S

    def forget(self, link: Link) -> None:
        """Take note that a link is gone."""
        self._held.pop(link, None)
        self._ending.pop(link, None)
        self._left += 1

    def flush(self) -> None:
        """Go on with whoever waits, then write to everybody who has something to get."""
        self.is_awake = False
        broker = self.broker
        go_on_again = bool(self._held) and self._go_on()
        for will in broker.take_wills():
            self._leave(will)
        for connection in broker.take_dirty():
            link = connection.owner
            if isinstance(link, Link):
                link.flush()
        if go_on_again or broker.dirty:
            self.wake()

    def tick(self, now: float) -> None:
        """Let time pass: keep-alive, expiry, the end of who does not take last bytes."""
        self.broker.tick(now)
        for link, latest in list(self._ending.items()):
            if latest > now:
                break  # all have the same time, so they stand in the order of their ends
            del self._ending[link]
            self._counters.aborted += 1
            link.abort()
        if self._left >= _MANY_LEFT and self._trim is not None:
            self._left = 0
            self._trim()
        self.wake()

    def _tick(self) -> None:
        self._timer = self._loop.call_later(_TICK_S, self._tick)
        self.tick(self.monotonic())

    def _look(self) -> bool:
        """Find out whether nobody's packets can be taken at the moment."""
        self._unlooked = 0
        self._was_full = self._is_full()
        return self._was_full

    def _go_on(self) -> bool:
        """Parse what held links have read already and read from those that may; tell whether to come back at once."""
        if self._look():
            return False
        now = self.monotonic()
        share = _LINKS_PER_TURN
        for link in list(self._held):
            if link.is_ready:
                if self._look():
                    return False
                if not share:
                    return True
                share -= 1
                del self._held[link]
                link.take(b"", now)
                if not link.may_go_on:
                    self._held[link] = None  # behind all others
                    continue
            elif not link.may_go_on:
                continue
            else:
                del self._held[link]
            link.is_held = False
            link.resume()
        return any(link.is_ready for link in self._held)

    def _leave(self, will: WillDue) -> None:
        link = will.owner
        # What a client left behind is void once its right to be there has gone.
        if self.keeps_wills and isinstance(link, Link) and link.role is not None and not link.was_cut:
            self._counters.wills += 1
            link.role.leave(will, self.monotonic())
