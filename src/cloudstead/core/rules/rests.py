"""Which rules rest for which things: what an update need not be stored for, since it could change nothing.

A rule that stays true and may run once a minute is hit by every update in between. Each of those hits would be read,
counted and written for nothing. What is remembered here is only a short cut: whoever is not in it is decided by what
is stored, with the same result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.rules.thresholds import is_idle

if TYPE_CHECKING:
    from cloudstead.core.ids import ThingUid
    from cloudstead.core.rules.model import Rule, RuleUid

MAX_RESTS: Final = 100_000
"""Rules and things that are remembered, at some 250 bytes each. Beyond, all of them are forgotten, and come again."""


class Rests:
    """Remembers the last run of a rule for a thing, once it is stored. Lives on the event loop."""

    def __init__(self, *, most: int = MAX_RESTS) -> None:
        self._most = most
        # With the rule as it was then: one that has been written since is another, and may not rest.
        self._last_runs: dict[tuple[RuleUid, ThingUid], tuple[Rule, int]] = {}

    def note(self, rule: Rule, thing_uid: ThingUid, at_ms: int) -> None:
        """Remember a run of which the transaction has been made."""
        if not is_idle(rule.threshold, at_ms, at_ms):
            return
        if len(self._last_runs) >= self._most:
            self._last_runs.clear()
        self._last_runs[rule.uid, thing_uid] = (rule, at_ms)

    def cover(self, rule: Rule, thing_uid: ThingUid, at_ms: int) -> bool:
        """Tell whether a hit at ``at_ms`` is known to change nothing."""
        last = self._last_runs.get((rule.uid, thing_uid))
        if last is None:
            return False
        known, last_run_ms = last
        if known is rule and is_idle(rule.threshold, last_run_ms, at_ms):
            return True
        del self._last_runs[rule.uid, thing_uid]
        return False
