"""How often a rule has to be hit before its actions run (Cloud Connect 2.11, section 6.1, ``threshold``).

Hits are counted for each rule and thing since the actions ran last; they need not follow one another. A count of 0 or 1
lets every hit run. After a run, hits inside the interval do not run; they are counted where more than one is asked for.
Time is that of the messages, as the log has it, so that a replay decides the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cloudstead.core.rules.model import Threshold


class ThresholdState(NamedTuple):
    """Hits since the last run, and when that was (ms), ``None`` when there was none."""

    hits: int = 0
    last_run_ms: int | None = None


class Decision(NamedTuple):
    """The state after a hit, and whether the actions run."""

    state: ThresholdState
    runs: bool


def is_idle(threshold: Threshold, last_run_ms: int | None, at_ms: int) -> bool:
    """Tell whether a hit at ``at_ms`` runs nothing and leads to nothing later: no count waits, only time."""
    return threshold.count <= 1 and last_run_ms is not None and at_ms - last_run_ms < threshold.interval_ms


def decide(threshold: Threshold, state: ThresholdState, at_ms: int) -> Decision:
    """Count one hit at ``at_ms``."""
    if is_idle(threshold, state.last_run_ms, at_ms):
        return Decision(state, runs=False)
    hits = state.hits + 1
    is_resting = state.last_run_ms is not None and at_ms - state.last_run_ms < threshold.interval_ms
    if hits < threshold.count or is_resting:
        return Decision(ThresholdState(hits, state.last_run_ms), runs=False)
    return Decision(ThresholdState(0, at_ms), runs=True)
