"""How long to wait before the next try, and when to give up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.jobs.model import Failed

LONGEST_ASKED_S: Final = 3600.0
"""What the other side may ask for; more would hold a lane up for good."""

_MOST_DOUBLINGS: Final = 30


@dataclass(frozen=True, slots=True)
class Retry:
    """Tries ``max_tries`` times, with pauses that double from ``first_s`` to ``longest_s`` seconds."""

    max_tries: int
    first_s: float = 5.0
    longest_s: float = 600.0

    def pause_s(self, tries: int, failure: Failed, draw: Callable[[], float]) -> float | None:
        """Return the seconds before the next try after ``tries`` that have failed, ``None`` to give up.

        ``draw`` returns a random number from 0 to 1. The whole pause is drawn ("full jitter"), because what failed
        together would otherwise come again together. A pause that the other side asked for is kept, up to an hour.
        """
        if failure.is_final or tries >= self.max_tries:
            return None
        drawn = draw() * min(self.longest_s, self.first_s * 2.0 ** min(tries - 1, _MOST_DOUBLINGS))
        if failure.retry_after_s is None:
            return drawn
        return max(drawn, min(failure.retry_after_s, LONGEST_ASKED_S))
