"""Rules over a state store, with definitions that are good ones."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from cloudstead.core.mail.letters import Letters
from cloudstead.core.rules.book import RuleBook
from cloudstead.core.rules.definition import RuleDefinition
from cloudstead.core.rules.deliveries import Dispatch
from cloudstead.core.rules.follower import MAX_PENDING, RuleFollower
from cloudstead.core.rules.model import (
    Action,
    ActionType,
    Expression,
    Filter,
    Operator,
    Rule,
    Threshold,
)
from cloudstead.core.rules.outbox import Outbox
from cloudstead.core.rules.outgoing import MAX_WAITING, Outgoing
from cloudstead.core.rules.payloads import Sighting
from cloudstead.core.rules.registry import Rules
from cloudstead.core.rules.sealed import InstructionSeal
from cloudstead.core.webhooks.calls import WebhookCalls

if TYPE_CHECKING:
    from factories.tenants import Tenant

URL = "https://hooks.example/hot"
WEBHOOK = Action(ActionType.WEBHOOK, {"url": URL})

WIRE_RULE: dict[str, Any] = {
    "name": "Too hot",
    "enabled": True,
    "filter": {"domain": "north", "thingType": "type-north"},
    "expression": {"operator": "gte", "resource": "temp", "value": 50},
    "actions": [{"type": "WEBHOOK", "config": {"url": URL}}],
}


@dataclass
class RuleParts:
    """The rooms of rules, and what they are made of."""

    rules: Rules
    outbox: Outbox
    follower: RuleFollower
    book: RuleBook
    seal: InstructionSeal
    calls: WebhookCalls
    letters: Letters
    reports: list[tuple[str, Exception]]
    newest_offset: int = 0


def rule_rooms(
    tenant: Tenant, *, spawn: Any = None, max_waiting: int = MAX_WAITING, max_pending: int = MAX_PENDING
) -> RuleParts:
    """Make the rooms; ``spawn`` starts tasks, which nobody waits for unless told otherwise."""
    seal = InstructionSeal(tenant.sealer, lambda count: bytes(range(count)))
    calls = WebhookCalls(tenant.sealer, clock=tenant.clock, ids=tenant.ids)
    letters = Letters(tenant.sealer, clock=tenant.clock, ids=tenant.ids)
    book = RuleBook()
    book.listen(tenant.bus)
    reports: list[tuple[str, Exception]] = []
    follower = RuleFollower(
        book,
        database=tenant.database,
        outgoing=Outgoing(seal, Dispatch(calls, letters), max_waiting=max_waiting),
        spawn=spawn or asyncio.ensure_future,
        report=lambda what, error: reports.append((what, error)),
        interval_s=0.001,
        max_pending=max_pending,
    )

    def newest_offset() -> int:
        return parts.newest_offset

    rules = Rules(tenant.clock, tenant.ids, seal, newest_offset=newest_offset)
    parts = RuleParts(rules, Outbox(tenant.clock, tenant.ids), follower, book, seal, calls, letters, reports)
    return parts


def definition(
    operator: str = "gte",
    value: Any = 50,
    *,
    resource: str = "temp",
    domain: str = "root",
    thing_type: str = "1",
    names: tuple[str, ...] = (),
    count: int = 0,
    interval_ms: int = 0,
    **others: Any,
) -> RuleDefinition:
    made = RuleDefinition(
        name="Too hot",
        is_enabled=True,
        filter=Filter(domain, thing_type, names),
        expression=Expression(Operator(operator), resource, value),
        actions=(WEBHOOK,),
        threshold=Threshold(count, interval_ms),
    )
    return replace(made, **others)


def rule(rule_id: str = "r1", operator: str = "gte", value: Any = 50, *, account_id: str = "a1", **others: Any) -> Rule:
    """Return a rule as stores keep it; ``others`` are those of ``definition``, or fields of the rule."""
    own = {name: others.pop(name) for name in ("sealed", "since_offset", "created_at_ms", "uid") if name in others}
    chosen = definition(operator, value, **others)
    made = Rule(
        account_id=account_id,
        uid=f"{account_id}-{rule_id}",
        id=rule_id,
        name=chosen.name,
        description=chosen.description,
        is_enabled=chosen.is_enabled,
        filter=chosen.filter,
        expression=chosen.expression,
        threshold=chosen.threshold,
        sealed=b"sealed",
        created_at_ms=1,
    )
    return replace(made, **own)


def sighting(
    state: dict[str, Any], *, name: str = "lamp", offset: int = 1, at_ms: int = 1000, **others: Any
) -> Sighting:
    made = Sighting(
        account_id="a1",
        thing_uid=f"{name}-uid",
        thing_name=name,
        thing_type="1",
        domain_id="root",
        offset=offset,
        at_ms=at_ms,
        state=state,
    )
    return replace(made, **others)


def body_of(parts: RuleParts, job: Any) -> Any:
    """Return the JSON body of a webhook's job."""
    return msgspec.json.decode(parts.calls.open(job).body)
