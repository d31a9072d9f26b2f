"""What was here before: the keys under which assertions were encrypted for us.

An honest provider makes a new one for each assertion. Whoever takes an encrypted assertion apart needs one key to be
tried thousands of times, so each is tried once. They are kept in memory, bounded: to have one forgotten takes twenty
thousand others that open, for a single further guess.
"""

from __future__ import annotations

from threading import Lock
from typing import Final

from cloudstead.core.credentials.recent import Recent

_KEPT: Final = 20_000  # some 3 MB


class FirstUses:
    """Tells first uses from later ones; for any thread."""

    def __init__(self, capacity: int = _KEPT) -> None:
        self._seen: Recent[bytes, bool] = Recent(capacity)
        self._lock = Lock()

    def is_first(self, name: bytes) -> bool:
        """Tell whether ``name`` is here for the first time, and remember it."""
        with self._lock:
            if self._seen.get(name):
                return False
            self._seen.put(name, True)
            return True
