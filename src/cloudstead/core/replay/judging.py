"""Messages as what rules make of them: the rules as they are today, held against what was accepted then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cloudstead.core.rules.book import AccountRules
from cloudstead.core.rules.outgoing import Hit
from cloudstead.core.rules.payloads import Sighting
from cloudstead.core.rules.thresholds import ThresholdState, decide

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from cloudstead.core.domains.model import DomainTree
    from cloudstead.core.ids import AccountId, ThingUid
    from cloudstead.core.replay.rebuild import Shadows
    from cloudstead.core.replay.sources import Records
    from cloudstead.core.rules.model import Rule, RuleUid
    from cloudstead.core.spine.records import ShadowRecord
    from cloudstead.core.unit import Unit


class Place(NamedTuple):
    """The domains and the chosen rules of an account."""

    tree: DomainTree
    rules: AccountRules


class Judge:
    """Finds the hits among messages. A domain that is gone by now has no rules."""

    def __init__(self, places: dict[AccountId, Place], shadows: Shadows) -> None:
        self._places = places
        self._shadows = shadows
        self._states: dict[tuple[RuleUid, ThingUid], ThresholdState] = {}
        self.observations = 0
        self.hits = 0

    @classmethod
    def over(
        cls, unit: Unit, shadows: Shadows, *, accounts: Iterable[AccountId], rule_ids: Collection[str] | None
    ) -> Judge:
        """Read the enabled rules of accounts, those with these ids where some are given."""
        places = {}
        for account_id in accounts:
            chosen = {
                rule.uid: rule for rule in unit.rules.all(account_id) if _is_chosen(rule, rule_ids) and rule.is_enabled
            }
            if chosen:
                places[account_id] = Place(unit.domains.tree(account_id), AccountRules(chosen))
        return cls(places, shadows)

    @property
    def rules(self) -> int:
        """How many rules are asked."""
        return sum(len(place.rules.rules) for place in self._places.values())

    def judge(self, records: Records) -> list[Hit]:
        """Return the hits of messages, in their order, whatever the thresholds say."""
        hits: list[Hit] = []
        for offset, record in records:
            reported = self._shadows.apply(record).reported
            if reported is not None:
                self.observations += 1
                hits += self._hits(offset, record, reported)
        self.hits += len(hits)
        return hits

    def that_run(self, hits: Iterable[Hit]) -> list[Hit]:
        """Return the hits that would have run their rules, thresholds counted from the beginning of the replay."""
        running = []
        for hit in hits:
            key = (hit.rule.uid, hit.sighting.thing_uid)
            state = self._states.get(key, ThresholdState())
            self._states[key], runs = decide(hit.rule.threshold, state, hit.sighting.at_ms)
            if runs:
                running.append(hit)
        return running

    def _hits(self, offset: int, record: ShadowRecord, reported: dict[str, Any]) -> list[Hit]:
        place = self._places.get(record.account_id)
        if place is None or record.domain_id not in place.tree.nodes:
            return []
        plan = place.rules.plan(record.thing_type, tuple(place.tree.path(record.domain_id)))
        if plan is None:
            return []
        matches = plan.hits(record.thing_name, reported, self._shadows.reported(record))
        if not matches:
            return []
        sighting = Sighting(
            account_id=record.account_id,
            thing_uid=record.thing_uid,
            thing_name=record.thing_name,
            thing_type=record.thing_type,
            domain_id=record.domain_id,
            offset=offset,
            at_ms=record.received_ms,
            state=reported,
        )
        return [Hit(rule, sighting, found) for rule, found in matches]


def _is_chosen(rule: Rule, rule_ids: Collection[str] | None) -> bool:
    return rule_ids is None or rule.id in rule_ids
