"""Why a rule was hit by an observation, or just missed: for whoever follows one message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloudstead.core.rules.resources import find
from cloudstead.core.rules.thresholds import ThresholdState
from cloudstead.core.rules.values import is_hit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from cloudstead.core.ids import DomainId
    from cloudstead.core.rules.model import Operator, Rule, RuleUid, Scalar, Threshold
    from cloudstead.core.rules.payloads import Sighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One value that the rule was held against; ``path`` leads to it in the state."""

    path: str
    observed: Any
    is_hit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rule makes of an observation.

    ``compared`` is empty when the observation did not report the resource. ``threshold_state`` is as it stands now,
    which is later than the observation.
    """

    rule: Rule
    resource: str
    operator: Operator
    wanted: Scalar
    compared: tuple[Compared, ...]
    threshold: Threshold
    threshold_state: ThresholdState

    @property
    def is_hit(self) -> bool:
        """Whether any value hit the expression."""
        return any(each.is_hit for each in self.compared)


def looks_at(rule: Rule, sighting: Sighting, domain_path: Collection[DomainId]) -> bool:
    """Tell whether the rule's filter lets the observation through; ``domain_path`` leads to its domain, it included."""
    filter_ = rule.filter
    return (
        filter_.thing_type == sighting.thing_type
        and filter_.domain_id in domain_path
        and (not filter_.thing_names or sighting.thing_name in filter_.thing_names)
    )


def explain(
    rules: Iterable[Rule],
    sighting: Sighting,
    domain_path: Collection[DomainId],
    *,
    whole: Mapping[str, Any] | None = None,
    states: Mapping[RuleUid, ThresholdState] | None = None,
) -> list[Verdict]:
    """Return a verdict for each enabled rule whose filter lets the observation through.

    ``domain_path`` holds the ids of the domains from the root down to ``sighting.domain_id``, both included. ``whole``
    is what the thing reports altogether: the types of its sub-things are read from it where the observation does not
    say them. ``states`` are the threshold states of the thing by rule. See ``Rules.explain`` for the same over a unit.
    """
    known = states or {}
    return [
        Verdict(
            rule=rule,
            resource=rule.expression.resource,
            operator=rule.expression.operator,
            wanted=rule.expression.value,
            compared=tuple(
                Compared(
                    path=found.path,
                    observed=found.value,
                    is_hit=is_hit(rule.expression.operator, found.value, rule.expression.value),
                )
                for found in find(rule.expression.resource, sighting.state, whole or {})
            ),
            threshold=rule.threshold,
            threshold_state=known.get(rule.uid, ThresholdState()),
        )
        for rule in rules
        if rule.is_enabled and rule.since_offset < sighting.offset and looks_at(rule, sighting, domain_path)
    ]
