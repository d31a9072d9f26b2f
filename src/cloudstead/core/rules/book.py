"""The rules in force, in memory: those that are enabled, account by account. Lives on the event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.domains.events import DomainsRemoved
from cloudstead.core.rules.events import RulesRemoved, RuleWritten
from cloudstead.core.rules.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cloudstead.core.events import EventBus
    from cloudstead.core.ids import AccountId, DomainId, ThingTypeId
    from cloudstead.core.rules.model import Rule, RuleUid

_PLANS_KEPT: Final = 4_096  # of one account: one for each type of thing and domain that reports


class AccountRules:
    """The enabled rules of an account as of one moment; never altered, but for the plans that it makes of them."""

    __slots__ = ("_by_type", "_plans", "rules")

    def __init__(self, rules: Mapping[RuleUid, Rule]) -> None:
        self.rules = rules
        self._by_type: dict[ThingTypeId, list[Rule]] = {}
        for rule in rules.values():
            self._by_type.setdefault(rule.filter.thing_type, []).append(rule)
        self._plans: dict[tuple[ThingTypeId, tuple[DomainId, ...]], Plan | None] = {}

    def plan(self, thing_type: ThingTypeId, path: tuple[DomainId, ...]) -> Plan | None:
        """Return the rules for things of a type at the domain that ``path`` leads to; ``None`` when there are none."""
        key = (thing_type, path)
        try:
            return self._plans[key]
        except KeyError:
            pass
        chosen = [rule for rule in self._by_type.get(thing_type, ()) if rule.filter.domain_id in path]
        if len(self._plans) >= _PLANS_KEPT:
            self._plans.clear()
        plan = self._plans[key] = Plan(chosen) if chosen else None
        return plan


class RuleBook:
    """Holds an ``AccountRules`` for each account that has enabled rules."""

    def __init__(self) -> None:
        self._accounts: dict[AccountId, AccountRules] = {}
        self.of = self._accounts.get
        """Return the rules of an account, ``None`` when none is enabled: the one look-up that every update pays."""

    def listen(self, bus: EventBus) -> None:
        """Follow what happens to rules, and to the domains that they are at."""
        bus.subscribe(RuleWritten, lambda event: self._written(event.rule))
        bus.subscribe(RulesRemoved, lambda event: self._drop(event.account_id, event.uids))
        bus.subscribe(DomainsRemoved, self._domains_removed)

    def fill(self, rules: Iterable[Rule]) -> None:
        """Begin with these rules."""
        accounts: dict[AccountId, dict[RuleUid, Rule]] = {}
        for rule in rules:
            accounts.setdefault(rule.account_id, {})[rule.uid] = rule
        self._accounts.clear()
        for account_id, found in accounts.items():
            self._accounts[account_id] = AccountRules(found)

    def _written(self, rule: Rule) -> None:
        if not rule.is_enabled:
            self._drop(rule.account_id, (rule.uid,))
            return
        known = self._accounts.get(rule.account_id)
        self._accounts[rule.account_id] = AccountRules({**(known.rules if known else {}), rule.uid: rule})

    def _drop(self, account_id: AccountId, uids: Iterable[RuleUid]) -> None:
        known = self._accounts.get(account_id)
        if known is None:
            return
        going = set(uids)
        kept = {uid: rule for uid, rule in known.rules.items() if uid not in going}
        if kept:
            self._accounts[account_id] = AccountRules(kept)
        else:
            del self._accounts[account_id]

    def _domains_removed(self, event: DomainsRemoved) -> None:
        """Drop the rules that went with their domains: a later domain of the same id must not wake them up."""
        known = self._accounts.get(event.account_id)
        if known is not None:
            gone = [uid for uid, rule in known.rules.items() if rule.filter.domain_id in event.domain_ids]
            self._drop(event.account_id, gone)
