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
    random: list[int]
    newest_offset: int = 0


def rule_rooms(
    tenant: Tenant, *, spawn: Any = None, max_waiting: int = MAX_WAITING, max_pending: int = MAX_PENDING
) -> RuleParts:
    """Make the rooms; ``spawn`` starts tasks, which nobody waits for unless told otherwise."""
    random = [0]
    seal = InstructionSeal(tenant.sealer, lambda count: bytes([random[0]] * count))
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

    rules = Rules(tenant.clock, tenant.ids, seal, newest_offset=newest_offset, may_lead=lambda host: host != "10.0.0.1")
    parts = RuleParts(rules, Outbox(tenant.clock, tenant.ids), follower, book, seal, calls, letters, reports, random)
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


def bad_rules() -> list[tuple[dict[str, Any], str]]:
    """Return what makes a good rule a bad one, and the property that is told for it."""
    webhook, mail = {"url": URL}, {"to": "a@b.example", "subject": "Hot", "text": "It is hot."}

    def action(kind: str, config: dict[str, Any], **others: Any) -> dict[str, Any]:
        return {"actions": [{"type": kind, "config": {**config, **others}}]}

    def nested(name: str, **others: Any) -> dict[str, Any]:
        return {name: {**WIRE_RULE.get(name, {}), **others}}

    place = "actions[0].config"
    return [
        ({"name": 5}, "name"),
        ({"name": "x" * 300}, "name"),
        ({"description": "\0"}, "description"),
        ({"enabled": "yes"}, "enabled"),
        ({"enabled": 1}, "enabled"),
        ({"filter": []}, "filter"),
        (nested("filter", thingNames="lamp"), "filter.thingNames"),
        (nested("filter", thingNames=["white space"]), "filter.thingNames"),
        (nested("filter", thingNames=[{}]), "filter.thingNames"),
        (nested("filter", thingNames=[f"n{each}" for each in range(1001)]), "filter.thingNames"),
        (nested("expression", operator="like"), "expression.operator"),
        (nested("expression", operator=5), "expression.operator"),
        (nested("expression", operator="gt", value=True), "expression.operator"),
        (nested("expression", operator="lte", value=None), "expression.operator"),
        (nested("expression", value=[1]), "expression.value"),
        (nested("expression", value={}), "expression.value"),
        (nested("expression", value=2**70), "expression.value"),
        (nested("expression", value="x" * 2000), "expression.value"),
        (nested("expression", resource="a..b"), "expression.resource"),
        (nested("expression", resource=".".join("abcdefghi")), "expression.resource"),
        ({"actions": {}}, "actions"),
        ({"actions": []}, "actions"),
        ({"actions": WIRE_RULE["actions"] * 11}, "actions"),
        ({"actions": ["x"]}, "actions[0]"),
        ({"actions": [*WIRE_RULE["actions"], {"type": "WEBHOOK", "config": []}]}, "actions[1].config"),
        (action("SMS", webhook), "actions[0].type"),
        (action("WEBHOOK", {}), f"{place}.url"),
        (action("WEBHOOK", webhook, url="ftp://h.example/"), f"{place}.url"),
        (action("WEBHOOK", webhook, url="javascript:alert(1)"), f"{place}.url"),
        (action("WEBHOOK", webhook, url="https://"), f"{place}.url"),
        (action("WEBHOOK", webhook, url="https://h.example/ x"), f"{place}.url"),
        (action("WEBHOOK", webhook, url="https://h.example:99999/"), f"{place}.url"),
        (action("WEBHOOK", webhook, url="https://user:pass@h.example/"), f"{place}.url"),
        (action("WEBHOOK", webhook, url="http://10.0.0.1/${thing.thingName}"), f"{place}.url"),
        (action("WEBHOOK", webhook, url="${thing.state.url}"), f"{place}.url"),
        (action("WEBHOOK", webhook, url="https://h.example/" + "x" * 3000), f"{place}.url"),
        (action("WEBHOOK", webhook, method="CONNECT"), f"{place}.method"),
        (action("WEBHOOK", webhook, method=5), f"{place}.method"),
        (action("WEBHOOK", webhook, body=[1]), f"{place}.body"),
        (action("WEBHOOK", webhook, headers=[1]), f"{place}.headers"),
        (action("WEBHOOK", webhook, headers={"X-A": 1}), f"{place}.headers"),
        (action("WEBHOOK", webhook, headers={"X A": "x"}), f"{place}.headers"),
        (action("WEBHOOK", webhook, headers={"X-A\r\nX-B": "x"}), f"{place}.headers"),
        (action("WEBHOOK", webhook, headers={"X-A": "x\r\nX-B: y"}), f"{place}.headers"),
        (action("WEBHOOK", webhook, headers={"X-A": "x", "x-a": "y"}), f"{place}.headers"),
        (action("WEBHOOK", webhook, headers={"Host": "h.example"}), f"{place}.headers"),
        (action("WEBHOOK", webhook, headers={"Authorization": "(hidden)"}), f"{place}.headers"),
        (action("WEBHOOK", webhook, body={"x": "y" * 20_000}), place),
        (action("MAIL", {}), f"{place}.to"),
        (action("MAIL", mail, to=["nobody"]), f"{place}.to"),
        (action("MAIL", mail, to=["a@b.example, c@d.example"]), f"{place}.to"),
        (action("MAIL", mail, to=["a@b.example"] * 21), f"{place}.to"),
        (action("MAIL", mail, to=[5]), f"{place}.to"),
        (action("MAIL", mail, subject=""), f"{place}.subject"),
        (action("MAIL", mail, subject="a\nBcc: x@y.example"), f"{place}.subject"),
        (action("MAIL", mail, text=None), f"{place}.text"),
        ({"threshold": []}, "threshold"),
        ({"threshold": {"count": -1}}, "threshold.count"),
        ({"threshold": {"count": "many"}}, "threshold.count"),
        ({"threshold": {"count": 2**40}}, "threshold.count"),
        ({"threshold": {"interval": -1}}, "threshold.interval"),
        ({"threshold": {"interval": 2**60}}, "threshold.interval"),
    ]
