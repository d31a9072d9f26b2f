"""Hits made into jobs: decided by the thresholds, rendered, sealed, and bounded."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from cloudstead.core.rules.deliveries import NotDeliverable
from cloudstead.core.rules.payloads import payload_of
from cloudstead.core.rules.ports import StateKey
from cloudstead.core.rules.thresholds import ThresholdState, decide

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cloudstead.core.ids import AccountId
    from cloudstead.core.jobs.model import Job
    from cloudstead.core.rules.deliveries import Dispatch
    from cloudstead.core.rules.model import Rule, RuleId, RuleUid
    from cloudstead.core.rules.payloads import Sighting
    from cloudstead.core.rules.resources import Found
    from cloudstead.core.rules.sealed import InstructionSeal
    from cloudstead.core.unit import Unit

MAX_WAITING: Final = 1_000
"""Deliveries of one rule that may wait. Beyond, the newest are refused and counted, since the oldest say what began."""


class Hit(NamedTuple):
    """A rule that was hit, as it was at that moment, by which observation and by which value of it."""

    rule: Rule
    sighting: Sighting
    found: Found


_CAUSE: Final = "rule:"


def is_of_rule(cause: str | None) -> bool:
    """Tell whether a rule is the cause of a job."""
    return cause is not None and cause.startswith(_CAUSE)


def cause_of(rule_id: RuleId) -> str:
    """Return what the jobs of a rule name as their cause."""
    return f"{_CAUSE}{rule_id}"


class Outgoing:
    """Stores what follows from hits."""

    def __init__(self, seal: InstructionSeal, dispatch: Dispatch, *, max_waiting: int = MAX_WAITING) -> None:
        self._seal = seal
        self._dispatch = dispatch
        self._max_waiting = max_waiting

    def store(self, unit: Unit, hits: Sequence[Hit]) -> Sequence[Hit]:
        """Store threshold states and jobs, and return the hits that ran; they come in the order of their offsets."""
        running = _that_are_left(unit, _that_run(unit, hits))
        if running:
            self._deliver(unit, running)
        return running

    def _deliver(self, unit: Unit, hits: Sequence[Hit]) -> None:
        room = _room(unit, hits, self._max_waiting)
        refused: Counter[RuleUid] = Counter()
        jobs: list[Job] = []
        for hit in hits:
            rule = hit.rule
            place = (rule.account_id, rule.id)
            if room[place] <= 0:
                refused[rule.uid] += 1
                continue
            made, failed = self._jobs(hit, room[place])
            jobs += made
            room[place] -= len(made)
            if failed:
                refused[rule.uid] += failed
        if jobs:
            unit.jobs.add(jobs)
        if refused:
            unit.rules.add_refused(refused)

    def _jobs(self, hit: Hit, room: int) -> tuple[list[Job], int]:
        """Return the jobs of a hit, at most so many, and how many could not be made."""
        rule = hit.rule
        instructions = self._seal.open(rule)
        payload = payload_of(rule, hit.sighting, hit.found)
        jobs: list[Job] = []
        failed = 0
        for action in instructions.actions:
            try:
                jobs += self._dispatch.jobs(
                    rule.account_id,
                    action,
                    payload,
                    signing_secret=instructions.signing_secret,
                    cause=cause_of(rule.id),
                    offset=hit.sighting.offset,
                )
            except NotDeliverable:
                failed += 1
        return jobs[:room], failed + len(jobs[room:])


def _that_run(unit: Unit, hits: Sequence[Hit]) -> list[Hit]:
    """Count the hits; return those that run the actions."""
    keys = {_key(hit) for hit in hits if not hit.rule.threshold.is_open}
    stored = unit.rules.states(keys) if keys else {}
    states: dict[StateKey, ThresholdState] = {}
    running = []
    for hit in hits:
        if hit.rule.threshold.is_open:
            running.append(hit)
            continue
        key = _key(hit)
        before = states.get(key) or stored.get(key) or ThresholdState()
        after, runs = decide(hit.rule.threshold, before, hit.sighting.at_ms)
        if after != before:
            states[key] = after
        if runs:
            running.append(hit)
    if states:
        unit.rules.save_states(states)
    return running


def _that_are_left(unit: Unit, hits: Sequence[Hit]) -> Sequence[Hit]:
    """Leave out hits of rules that are gone since: their deliveries would show where the rules no longer look."""
    left = unit.rules.known({hit.rule.uid for hit in hits}) if hits else ()
    return [hit for hit in hits if hit.rule.uid in left]


def _room(unit: Unit, hits: Iterable[Hit], max_waiting: int) -> dict[tuple[AccountId, RuleId], int]:
    """Return how many deliveries may be added for each rule."""
    by_account: defaultdict[AccountId, set[RuleId]] = defaultdict(set)
    for hit in hits:
        by_account[hit.rule.account_id].add(hit.rule.id)
    room: dict[tuple[AccountId, RuleId], int] = {}
    for account_id, rule_ids in by_account.items():
        waiting = unit.rules.waiting(account_id, [cause_of(rule_id) for rule_id in rule_ids])
        for rule_id in rule_ids:
            room[account_id, rule_id] = max_waiting - waiting.get(cause_of(rule_id), 0)
    return room


def _key(hit: Hit) -> StateKey:
    return StateKey(hit.rule.uid, hit.sighting.thing_uid)
