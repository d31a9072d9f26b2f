"""How many HTTP connections there may be at one time, all listeners together."""

from __future__ import annotations

from collections import Counter
from typing import Final

MAX_CONNECTIONS: Final = 5_000
MAX_OF_AN_ADDRESS: Final = 1_000
_TURNED_AWAY_AT_ONCE: Final = 256  # who is told why; in a storm beyond that nobody is


class HttpRoom:
    """Counts connections; WebSockets leave once they are open, and count as the gateway's."""

    def __init__(self, limit: int = MAX_CONNECTIONS, *, of_an_address: int = MAX_OF_AN_ADDRESS) -> None:
        """``of_an_address`` bounds those that come from one address; 0 is no bound."""
        self._limit = limit
        self._of_an_address = of_an_address
        self._by_address: Counter[str] = Counter()
        self._turning_away = 0
        self.open = 0
        self.turned_away = 0

    def take(self, address: str | None) -> bool:
        """Let a connection in, unless there are too many; whoever was let in has to ``leave``."""
        if self.open >= self._limit:
            return False
        if address is not None and self._of_an_address:
            if self._by_address[address] >= self._of_an_address:
                return False
            self._by_address[address] += 1
        self.open += 1
        return True

    def leave(self, address: str | None) -> None:
        """Count a connection that was let in as gone."""
        self.open -= 1
        if address is not None and self._of_an_address:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    def turn_away(self) -> bool:
        """Count a connection that was not let in; tell whether it may stay to be told, and then has to be ``told``."""
        self.turned_away += 1
        if self._turning_away >= _TURNED_AWAY_AT_ONCE:
            return False
        self._turning_away += 1
        return True

    def told(self) -> None:
        """Count a connection that was turned away as gone."""
        self._turning_away -= 1
