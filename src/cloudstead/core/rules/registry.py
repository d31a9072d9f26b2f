"""Rules: create, read, change and remove."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.reach import Reach
from cloudstead.core.access.search_scope import search_scope
from cloudstead.core.audit.record import Trail
from cloudstead.core.domains.errors import DomainNotFound
from cloudstead.core.errors import OutOfReach
from cloudstead.core.rules.actions import require_callable, shown, with_kept_secrets
from cloudstead.core.rules.definition import check_definition
from cloudstead.core.rules.errors import RuleIdTaken, RuleNotFound, TooManyRules
from cloudstead.core.rules.events import RulesRemoved, RuleWritten
from cloudstead.core.rules.explanation import explain
from cloudstead.core.rules.model import MAX_RULES, Action, Instructions, Rule, RuleId, RuleUid
from cloudstead.core.rules.outgoing import cause_of
from cloudstead.core.texts import MAX_ID_CHARS, require_line
from cloudstead.core.thingtypes.errors import ThingTypeNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import DomainId, IdSource
    from cloudstead.core.rules.definition import RuleDefinition
    from cloudstead.core.rules.explanation import Verdict
    from cloudstead.core.rules.payloads import Sighting
    from cloudstead.core.rules.sealed import InstructionSeal
    from cloudstead.core.unit import Unit
    from cloudstead.search import SearchScope

_READ: Final = Permission("rule:read")
_CREATE: Final = Permission("rule:create")
_UPDATE: Final = Permission("rule:update")
_REMOVE: Final = Permission("rule:remove")
_TRY: Final = Permission("rule:try")
_OBSERVE: Final = Permission("observation:read")


@dataclass(frozen=True, slots=True)
class SeenRule:
    """A rule as one caller sees it; its actions hold no secrets."""

    rule: Rule
    actions: tuple[Action, ...]
    is_read_only: bool


@dataclass(frozen=True, slots=True)
class MadeRule:
    """A new rule with the secret that signs its webhooks, which is shown this once."""

    seen: SeenRule
    signing_secret: str


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """A rule with what it does, secrets included, and where a caller's dry run of it may look."""

    rule: Rule
    actions: tuple[Action, ...]
    scope: SearchScope


@dataclass(frozen=True, slots=True)
class _Whole:
    rule: Rule
    instructions: Instructions


class Rules:
    """The rules of all accounts, as callers may see and change them.

    A caller sees the rules of the domains within reach and of those above, which can be seen but not changed (Cloud
    Connect 2.11, section 6.1, ``readonly``). Elsewhere a rule is out of reach.
    """

    def __init__(
        self,
        clock: Clock,
        ids: IdSource,
        seal: InstructionSeal,
        *,
        newest_offset: Callable[[], int],
        may_lead: Callable[[str], bool],
    ) -> None:
        """``newest_offset`` tells how far the log is applied: a new rule looks at what comes after.

        ``may_lead`` tells whether webhooks may go to a host, as far as its spelling says that.
        """
        self._clock = clock
        self._ids = ids
        self._seal = seal
        self._newest_offset = newest_offset
        self._may_lead = may_lead
        self._trail = Trail[_Whole](
            clock, ids, object_type="rule", name_of=lambda each: each.rule.id, fields_of=_audited
        )

    def get(self, unit: Unit, caller: Caller, *, rule_id: RuleId) -> SeenRule:
        """Return a rule; raise ``RuleNotFound`` or ``OutOfReach``."""
        reach = Reach.of(caller, _READ, unit.domains.tree(caller.account_id))
        return self._seen(reach, _visible(unit, caller, reach, rule_id))

    def list(self, unit: Unit, caller: Caller) -> tuple[SeenRule, ...]:
        """Return all rules that the caller sees, ordered by id."""
        reach = Reach.of(caller, _READ, unit.domains.tree(caller.account_id))
        return tuple(self._seen(reach, rule) for rule in unit.rules.all(caller.account_id) if _sees(reach, rule))

    def create(
        self, unit: Unit, caller: Caller, definition: RuleDefinition, *, rule_id: RuleId | None = None
    ) -> MadeRule:
        """Make a rule; without an id it gets the next number of the account."""
        reach = Reach.of(caller, _CREATE, unit.domains.tree(caller.account_id))
        if rule_id is not None:
            require_line(rule_id, field="id", max_chars=MAX_ID_CHARS)
        check_definition(definition)
        require_callable(definition.actions, self._may_lead)
        _require_place(unit, caller, reach, definition)
        if unit.rules.count(caller.account_id) >= MAX_RULES:
            raise TooManyRules(MAX_RULES)
        if rule_id is None:
            rule_id = _next_id(unit, caller)
        elif unit.rules.get(caller.account_id, rule_id) is not None:
            raise RuleIdTaken(rule_id)
        instructions = Instructions(definition.actions, self._seal.new_secret())
        rule = Rule(
            account_id=caller.account_id,
            uid=RuleUid(self._ids.new()),
            id=rule_id,
            name=definition.name,
            description=definition.description or None,
            is_enabled=definition.is_enabled,
            filter=definition.filter,
            expression=definition.expression,
            threshold=definition.threshold,
            sealed=self._seal.seal(instructions),
            since_offset=self._newest_offset(),
            created_at_ms=self._clock.millis(),
        )
        unit.rules.add(rule)
        self._trail.made(unit, caller, "rule.create", _Whole(rule, instructions))
        unit.emit(RuleWritten(rule))
        return MadeRule(self._seen(reach, rule), instructions.signing_secret)

    def update(self, unit: Unit, caller: Caller, definition: RuleDefinition, *, rule_id: RuleId) -> SeenRule:
        """Put another definition in the place of a rule's. Its hits are counted anew when it waits for something else.

        A header that comes as ``(hidden)`` keeps the value that it had for the same URL.
        """
        reach = Reach.of(caller, _UPDATE, unit.domains.tree(caller.account_id))
        before = unit.rules.get(caller.account_id, rule_id)
        kept = Instructions((), "") if before is None or not reach.covers(_home(before)) else self._seal.open(before)
        definition = replace(definition, actions=with_kept_secrets(definition.actions, kept.actions))
        check_definition(definition)
        require_callable(definition.actions, self._may_lead)
        if before is None:
            raise RuleNotFound(rule_id)
        reach.require(_home(before))
        _require_place(unit, caller, reach, definition)
        instructions = Instructions(definition.actions, kept.signing_secret)
        rule = replace(
            before,
            name=definition.name,
            description=definition.description or None,
            is_enabled=definition.is_enabled,
            filter=definition.filter,
            expression=definition.expression,
            threshold=definition.threshold,
            sealed=self._seal.seal(instructions),
        )
        if _home(before) not in unit.domains.tree(caller.account_id).subtree(_home(rule)):
            rule = self._begin_anew(unit, rule)
        else:
            unit.rules.replace(rule)
            if (rule.filter, rule.expression, rule.threshold) != (before.filter, before.expression, before.threshold):
                unit.rules.drop_states(rule.uid)
        self._trail.changed(unit, caller, "rule.update", _Whole(before, kept), _Whole(rule, instructions))
        unit.emit(RuleWritten(rule))
        return self._seen(reach, rule)

    def renew_secret(self, unit: Unit, caller: Caller, *, rule_id: RuleId) -> str:
        """Sign with a new secret from the next hit on, and return it: it is shown this once."""
        rule = changeable(unit, caller, rule_id, _UPDATE)
        before = self._seal.open(rule)
        instructions = replace(before, signing_secret=self._seal.new_secret())
        renewed = replace(rule, sealed=self._seal.seal(instructions))
        unit.rules.replace(renewed)
        self._trail.changed(unit, caller, "rule.renew-secret", _Whole(rule, before), _Whole(renewed, instructions))
        unit.emit(RuleWritten(renewed))
        return instructions.signing_secret

    def _begin_anew(self, unit: Unit, rule: Rule) -> Rule:
        """Let a rule that leaves domains be another one of the same id: what it has sent so far tells of those domains.

        Whoever may read it where it is now may have nothing to do with them.
        """
        anew = replace(rule, uid=RuleUid(self._ids.new()))
        unit.rules.remove(rule.account_id, rule.uid)
        unit.rules.add(anew)
        unit.emit(RulesRemoved(rule.account_id, (rule.uid,)))
        return anew

    def remove(self, unit: Unit, caller: Caller, *, rule_id: RuleId) -> None:
        """Remove a rule, and what of it still waits to go out."""
        rule = changeable(unit, caller, rule_id, _REMOVE)
        unit.rules.remove(caller.account_id, rule.uid)
        unit.jobs.drop_waiting(caller.account_id, cause_of(rule.id))
        self._trail.removed(unit, caller, "rule.remove", _Whole(rule, self._seal.open(rule)))
        unit.emit(RulesRemoved(caller.account_id, (rule.uid,)))

    def explain(self, unit: Unit, sighting: Sighting, *, whole: Mapping[str, Any] | None = None) -> Sequence[Verdict]:
        """Return what every enabled rule makes of an observation, for whoever has checked that it may be seen.

        The rules, the domain tree and the threshold states are those of now, not those of then. ``whole`` is what the
        thing reports altogether, for the types of its sub-things.
        """
        tree = unit.domains.tree(sighting.account_id)
        if sighting.domain_id not in tree.nodes:
            return []
        return explain(
            unit.rules.all(sighting.account_id),
            sighting,
            tree.path(sighting.domain_id),
            whole=whole,
            states=unit.rules.states_of(sighting.thing_uid),
        )

    def prepare(self, unit: Unit, caller: Caller, *, rule_id: RuleId) -> TrialPlan:
        """Make a rule that the caller sees ready for a dry run; raise ``RuleNotFound`` or ``OutOfReach``."""
        rule = _visible(unit, caller, Reach.of(caller, _TRY, unit.domains.tree(caller.account_id)), rule_id)
        return TrialPlan(rule, self._seal.open(rule).actions, _trial_scope(unit, caller, rule))

    def prepare_definition(self, unit: Unit, caller: Caller, definition: RuleDefinition) -> TrialPlan:
        """Make a rule that there is not yet ready for a dry run."""
        check_definition(definition)
        _require_place(
            unit, caller, Reach.of(caller, _TRY, unit.domains.tree(caller.account_id)), definition, parent="rule."
        )
        rule = Rule(
            account_id=caller.account_id,
            uid=RuleUid(""),
            id=RuleId(""),
            name=definition.name,
            description=definition.description,
            is_enabled=True,
            filter=definition.filter,
            expression=definition.expression,
            threshold=definition.threshold,
            sealed=b"",
        )
        return TrialPlan(rule, definition.actions, _trial_scope(unit, caller, rule))

    def _seen(self, reach: Reach, rule: Rule) -> SeenRule:
        actions = tuple(Action(action.type, shown(action)) for action in self._seal.open(rule).actions)
        return SeenRule(rule, actions, is_read_only=not reach.covers(_home(rule)))


def changeable(unit: Unit, caller: Caller, rule_id: RuleId, permission: Permission) -> Rule:
    """Return a rule at whose domain the caller holds ``permission``; raise ``RuleNotFound`` or ``OutOfReach``."""
    reach = Reach.of(caller, permission, unit.domains.tree(caller.account_id))
    rule = unit.rules.get(caller.account_id, rule_id)
    if rule is None:
        raise RuleNotFound(rule_id)
    reach.require(_home(rule))
    return rule


def may_read_rules(caller: Caller) -> bool:
    """Tell whether the caller may read any rules."""
    return caller.may(_READ)


def readable_rules(unit: Unit, caller: Caller) -> Sequence[Rule]:
    """Return the rules that the caller may read, ordered by id; none for whoever may read none."""
    if not may_read_rules(caller):
        return ()
    reach = Reach.of(caller, _READ, unit.domains.tree(caller.account_id))
    return [rule for rule in unit.rules.all(caller.account_id) if _sees(reach, rule)]


def readable_causes(unit: Unit, caller: Caller) -> frozenset[str] | None:
    """Return the causes of jobs that rules readable to the caller have made; ``None`` for all, of removed ones too."""
    if may_read_rules(caller) and Reach.of(caller, _READ, unit.domains.tree(caller.account_id)).is_whole_account:
        return None
    return frozenset(cause_of(rule.id) for rule in readable_rules(unit, caller))


def _home(rule: Rule) -> DomainId:
    return rule.filter.domain_id


def _sees(reach: Reach, rule: Rule) -> bool:
    return reach.covers(_home(rule)) or reach.is_above(_home(rule))


def _visible(unit: Unit, caller: Caller, reach: Reach, rule_id: RuleId) -> Rule:
    rule = unit.rules.get(caller.account_id, rule_id)
    if rule is None:
        raise RuleNotFound(rule_id)
    if not _sees(reach, rule):
        raise OutOfReach
    return rule


def _trial_scope(unit: Unit, caller: Caller, rule: Rule) -> SearchScope:
    """Return where the rule looks, as far as the caller may see observations."""
    scope = search_scope(unit, caller, _OBSERVE)
    looked_at = frozenset[str](unit.domains.tree(caller.account_id).subtree(_home(rule)))
    return replace(scope, domains=looked_at if scope.domains is None else looked_at & scope.domains)


def _require_place(unit: Unit, caller: Caller, reach: Reach, definition: RuleDefinition, *, parent: str = "") -> None:
    """Raise unless domain and thing type are there, and the caller may have rules at the domain."""
    chosen = definition.filter
    if chosen.domain_id not in reach.tree.nodes:
        raise DomainNotFound(chosen.domain_id, field=f"{parent}filter.domain")
    found = unit.thing_types.get(caller.account_id, chosen.thing_type)
    if found is None or not (reach.covers(found.domain_id) or reach.is_above(found.domain_id)):
        raise ThingTypeNotFound(chosen.thing_type, field=f"{parent}filter.thing_type")
    reach.require(chosen.domain_id)


def _next_id(unit: Unit, caller: Caller) -> RuleId:
    """Return the next number as an id (Cloud Connect 2.11, section 6.2.1.1), passing over ids already taken."""
    account = unit.accounts.get(caller.account_id)
    prefix = account.generated_prefix if account is not None else ""
    while True:
        number = unit.accounts.next_number(caller.account_id, "rule")
        rule_id = RuleId(f"{prefix}{number:08d}")
        if unit.rules.get(caller.account_id, rule_id) is None:
            return rule_id


def _audited(whole: _Whole) -> dict[str, Any]:
    rule = whole.rule
    return {
        "name": rule.name,
        "description": rule.description,
        "enabled": rule.is_enabled,
        "domain": rule.filter.domain_id,
        "thing_type": rule.filter.thing_type,
        "thing_names": list(rule.filter.thing_names),
        "operator": rule.expression.operator.value,
        "resource": rule.expression.resource,
        "value": rule.expression.value,
        "threshold": {"count": rule.threshold.count, "interval": rule.threshold.interval_ms},
        "actions": [{"type": each.type.value, "config": shown(each)} for each in whole.instructions.actions],
        "signing_secret": whole.instructions.signing_secret,
    }
