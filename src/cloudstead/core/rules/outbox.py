"""What rules have sent out: which deliveries there were, what became of them, and another try for the dead ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.audit.record import record
from cloudstead.core.errors import InvalidField
from cloudstead.core.jobs.model import Attempt, Job, JobState
from cloudstead.core.paging import PageRequest
from cloudstead.core.rules.outgoing import cause_of
from cloudstead.core.rules.registry import changeable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import IdSource, JobId
    from cloudstead.core.rules.model import Rule, RuleId
    from cloudstead.core.unit import Unit

MAX_PAGE: Final = 100
"""Deliveries in one answer: each may bring several attempts with some KB of what was answered."""

MAX_REVIVED: Final = 100
"""Dead deliveries that one call lets try again."""

_READ: Final = Permission("rule:read")
_UPDATE: Final = Permission("rule:update")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery with the attempts at it."""

    job: Job
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class Deliveries:
    """One page, newest first. ``after`` leads to the next.

    ``refused`` counts what was never let in, since too much waited or the values made no request.
    """

    items: tuple[Delivery, ...]
    after: str | None
    refused: int


class Outbox:
    """The deliveries of rules, for those who may see everything at the rule's domain and below."""

    def __init__(self, clock: Clock, ids: IdSource) -> None:
        self._clock = clock
        self._ids = ids

    def list(
        self, unit: Unit, caller: Caller, *, rule_id: RuleId, state: JobState | None, limit: int, after: str | None
    ) -> Deliveries:
        """Return deliveries of a rule; raise ``RuleNotFound`` or ``OutOfReach``: a rule above tells of other things."""
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidField("limit", f"must be from 1 to {MAX_PAGE}")
        rule = changeable(unit, caller, rule_id, _READ)
        page = unit.jobs.page(
            caller.account_id,
            PageRequest(limit, after, descending=True),
            state=state,
            cause=cause_of(rule.id),
        )
        # Ids tell the time: what came before the rule was sent by an earlier one of the same id.
        own = [job for job in page.items if job.id > rule.uid]
        attempts: dict[JobId, list[Attempt]] = {}
        for attempt in unit.jobs.attempts(caller.account_id, [job.id for job in own]) if own else ():
            attempts.setdefault(attempt.job_id, []).append(attempt)
        return Deliveries(
            tuple(Delivery(job, tuple(attempts.get(job.id, ()))) for job in own),
            after=page.after if len(own) == len(page.items) else None,
            refused=unit.rules.refused(rule.uid),
        )

    def replay(self, unit: Unit, caller: Caller, *, rule_id: RuleId, job_ids: Sequence[JobId] | None) -> int:
        """Let dead deliveries of a rule try again, oldest first, and return how many; all of them where none is named.

        At most ``MAX_REVIVED`` at once.
        """
        if job_ids is not None and len(job_ids) > MAX_REVIVED:
            raise InvalidField("delivery_ids", f"more than {MAX_REVIVED}")
        rule = changeable(unit, caller, rule_id, _UPDATE)
        chosen = _all_dead(unit, rule) if job_ids is None else _own(unit, rule, job_ids)
        now_ms = self._clock.millis()
        revived = [job_id for job_id in chosen if unit.jobs.revive(caller.account_id, job_id, now_ms=now_ms)]
        if revived:
            record(
                unit,
                caller,
                clock=self._clock,
                ids=self._ids,
                operation="rule.replay-deliveries",
                object_type="rule",
                object_id=rule.id,
                after={"deliveries": revived},
            )
        return len(revived)


def _all_dead(unit: Unit, rule: Rule) -> list[JobId]:
    dead = unit.jobs.page(
        rule.account_id, PageRequest(MAX_REVIVED, after=rule.uid), state=JobState.DEAD, cause=cause_of(rule.id)
    )
    return [job.id for job in dead.items]


def _own(unit: Unit, rule: Rule, job_ids: Sequence[JobId]) -> list[JobId]:
    """Return those of the named deliveries that are the rule's."""
    found = (unit.jobs.get(rule.account_id, job_id) for job_id in job_ids)
    return [job.id for job in found if job is not None and job.cause == cause_of(rule.id) and job.id > rule.uid]
