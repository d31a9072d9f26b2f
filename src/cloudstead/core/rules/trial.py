"""A dry run: what a rule would have done with past observations. Nothing is sent, nothing is counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cloudstead.core.errors import InvalidField
from cloudstead.core.observations.find import parse_observation_search
from cloudstead.core.rules.actions import without_secrets
from cloudstead.core.rules.deliveries import NotDeliverable, render_letters, render_webhook
from cloudstead.core.rules.model import ActionType
from cloudstead.core.rules.payloads import Sighting, payload_of
from cloudstead.core.rules.resources import find
from cloudstead.core.rules.thresholds import ThresholdState, decide
from cloudstead.core.rules.values import is_hit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from cloudstead.core.ids import AccountId
    from cloudstead.core.observations.ports import ObservationIndex
    from cloudstead.core.rules.model import Action, Rule
    from cloudstead.core.rules.resources import Found
    from cloudstead.search import SearchScope

MAX_EXAMINED: Final = 10_000
"""Observations that one dry run looks at: as many as one search may lead to."""

MAX_SHOWN: Final = 100
"""Runs that are shown in full."""

_PAGE: Final = 1_000
_LONGEST_MS: Final = 366 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class TrialRun:
    """A run that there would have been: by which observation, and what would have gone out."""

    offset: int
    at_ms: int
    thing_name: str
    path: str
    value: Any
    requests: tuple[dict[str, Any], ...]


@dataclass(slots=True)
class TrialReport:
    """What a dry run has found. ``examined_to_ms`` is how far it came, where the period held too much for one.

    ``near_misses`` counts values of the resource that did not hit the expression, ``held_back`` hits that the threshold
    kept from running. Of the ``runs``, the first ones are shown.
    """

    examined: int = 0
    hits: int = 0
    near_misses: int = 0
    held_back: int = 0
    runs: int = 0
    shown: list[TrialRun] = field(default_factory=list)
    examined_to_ms: int | None = None


def check_period(from_ms: int, to_ms: int, limit: int) -> None:
    """Raise ``InvalidField`` for a period or a limit that cannot be."""
    if not 0 <= from_ms < 2**53:
        raise InvalidField("from", "must be a time in milliseconds")
    if not from_ms <= to_ms <= from_ms + _LONGEST_MS:
        raise InvalidField("to", "must come after the beginning, by a year at most")
    if not 1 <= limit <= MAX_SHOWN:
        raise InvalidField("limit", f"must be from 1 to {MAX_SHOWN}")


async def try_rule(
    index: ObservationIndex,
    scope: SearchScope,
    rule: Rule,
    actions: Sequence[Action],
    *,
    from_ms: int,
    to_ms: int,
    limit: int,
) -> TrialReport:
    """Run a rule over the observations within ``scope``, thresholds from zero; raise ``IndexUnavailable``.

    The type of a sub-thing is known from the first observation in the period that says it.
    """
    report = TrialReport()
    states: dict[str, ThresholdState] = {}
    wholes: dict[str, dict[str, Any]] = {}
    async for sighting in _observations(index, scope, rule, from_ms=from_ms, to_ms=to_ms, report=report):
        whole = wholes.setdefault(sighting.thing_name, {})
        _learn_types(whole, sighting.state)
        for found in find(rule.expression.resource, sighting.state, whole):
            if not is_hit(rule.expression.operator, found.value, rule.expression.value):
                report.near_misses += 1
                continue
            report.hits += 1
            state = states.get(sighting.thing_name, ThresholdState())
            states[sighting.thing_name], runs = decide(rule.threshold, state, sighting.at_ms)
            if not runs:
                report.held_back += 1
                continue
            report.runs += 1
            if len(report.shown) < limit:
                report.shown.append(_run(rule, actions, sighting, found))
    return report


async def _observations(
    index: ObservationIndex, scope: SearchScope, rule: Rule, *, from_ms: int, to_ms: int, report: TrialReport
) -> AsyncIterator[Sighting]:
    terms: list[dict[str, Any]] = [
        {"term": {"thingType": rule.filter.thing_type}},
        {"range": {"timestamp": {"gte": from_ms, "lte": to_ms}}},
    ]
    if rule.filter.thing_names:
        terms.append({"terms": {"thingName": list(rule.filter.thing_names)}})
    body = {"size": _PAGE, "query": {"bool": {"must": terms}}, "sort": [{"timestamp": "asc"}]}
    for start in range(0, MAX_EXAMINED, _PAGE):
        answer: Any = (
            await index.search_observations(scope, parse_observation_search({**body, "from": start}))
        ).response
        hits = answer["hits"]["hits"]
        for sighting in sorted((_sighting(rule.account_id, hit) for hit in hits), key=_order):
            report.examined += 1
            yield sighting
        if len(hits) < _PAGE:
            return
        report.examined_to_ms = _sighting(rule.account_id, hits[-1]).at_ms
        if report.examined >= answer["hits"]["total"]:
            report.examined_to_ms = None
            return


def _sighting(account_id: AccountId, hit: dict[str, Any]) -> Sighting:
    source = msgspec.json.decode(msgspec.json.encode(hit["_source"]))
    return Sighting(
        account_id=account_id,
        thing_uid=source["thingName"],
        thing_name=source["thingName"],
        thing_type=source["thingType"],
        domain_id=source["domain"],
        offset=int(hit["_id"]),
        at_ms=source["timestamp"],
        state=source["state"],
    )


def _order(sighting: Sighting) -> tuple[int, int]:
    return sighting.at_ms, sighting.offset


def _learn_types(whole: dict[str, Any], state: Any) -> None:
    for key, below in state.items():
        if type(below) is dict and type(below.get("type")) is str:
            whole[key] = {"type": below["type"]}


def _run(rule: Rule, actions: Sequence[Action], sighting: Sighting, found: Found) -> TrialRun:
    payload = payload_of(rule, sighting, found)
    requests = tuple(rendered(action, payload) for action in actions)
    return TrialRun(sighting.offset, sighting.at_ms, sighting.thing_name, found.path, found.value, requests)


def rendered(action: Action, payload: dict[str, Any]) -> dict[str, Any]:
    """Return what an action would have sent, without secrets; why nothing, where the values do not allow it."""
    told: dict[str, Any] = {"type": action.type.value}
    try:
        if action.type is ActionType.WEBHOOK:
            webhook = render_webhook(action.config, payload, signing_secret=None)
            headers = without_secrets(dict(webhook.headers))
            return {
                **told,
                "method": webhook.method,
                "url": webhook.url,
                "headers": headers,
                "body": webhook.body.decode(),
            }
        letters = render_letters(action.config, payload)
    except NotDeliverable as error:
        return {**told, "error": error.reason}
    return {
        **told,
        "to": [letter.to for letter in letters],
        "subject": letters[0].subject,
        "text": letters[0].text,
    }
