"""How long to wait before the next try: longer each time, and never the same for two machines."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Backoff:
    """Doubles from ``first_s`` to ``most_s``; each wait is drawn from its upper half.

    The draw keeps a thousand devices that lost the same server from coming back in the same second.
    """

    def __init__(self, *, first_s: float, most_s: float, draw: Callable[[], float] = random.random) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._draw = draw
        self._next_s = first_s

    def wait_s(self) -> float:
        """Return the seconds to wait now; the next answer is about twice as long."""
        whole = self._next_s
        self._next_s = min(whole * 2, self._most_s)
        return whole * (0.5 + self._draw() / 2)

    def reset(self) -> None:
        """Begin anew after a success."""
        self._next_s = self._first_s
