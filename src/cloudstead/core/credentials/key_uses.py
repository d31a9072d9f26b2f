"""When API keys were last used: remembered here, written together now and then, never a write for a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import ApiKeyId
    from cloudstead.core.unit import Database

_MOST_AT_ONCE: Final = 10_000


class KeyUses:
    """Remembers uses until ``write``; for the event loop's thread. A crash loses those of the last moments."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._uses: dict[ApiKeyId, int] = {}

    def note(self, key_id: ApiKeyId) -> None:
        """Remember that a key was used now."""
        if len(self._uses) < _MOST_AT_ONCE or key_id in self._uses:
            self._uses[key_id] = self._clock.millis()

    def latest(self, key_id: ApiKeyId, stored_ms: int) -> int:
        """Return when a key was last used, in milliseconds, also where that is not written yet."""
        return max(stored_ms, self._uses.get(key_id, 0))

    async def write(self, database: Database) -> None:
        """Write what is remembered; what cannot be written is kept for the next time."""
        if not self._uses:
            return
        uses, self._uses = self._uses, {}
        try:
            await database.write(lambda unit: unit.api_keys.note_uses(uses))
        except BaseException:
            self._uses = {**uses, **self._uses}
            raise
