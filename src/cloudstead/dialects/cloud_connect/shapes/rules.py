"""Rules on the wire (Cloud Connect 2.11, section 6.1). Times and intervals are milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloudstead.core.jobs.model import Attempt
    from cloudstead.core.rules.outbox import Deliveries, Delivery
    from cloudstead.core.rules.registry import MadeRule, SeenRule
    from cloudstead.core.rules.trial import TrialReport, TrialRun

_EXCERPT_BYTES = 1024


def seen_rule(seen: SeenRule) -> dict[str, Any]:
    """Return the rule as every action does."""
    rule = seen.rule
    chosen: dict[str, Any] = {"domain": rule.filter.domain_id, "thingType": rule.filter.thing_type}
    if rule.filter.thing_names:
        chosen["thingNames"] = list(rule.filter.thing_names)
    shown: dict[str, Any] = {"id": rule.id, "name": rule.name}
    if rule.description is not None:
        shown["description"] = rule.description
    return {
        **shown,
        "enabled": rule.is_enabled,
        "filter": chosen,
        "expression": {
            "operator": rule.expression.operator.value,
            "resource": rule.expression.resource,
            "value": rule.expression.value,
        },
        "actions": [{"config": action.config, "type": action.type.value} for action in seen.actions],
        "threshold": {"count": rule.threshold.count, "interval": rule.threshold.interval_ms},
        "readonly": seen.is_read_only,
    }


def made_rule(made: MadeRule) -> dict[str, Any]:
    """Return the rule as CREATE does: with the secret that signs its webhooks, which is ours and shown this once."""
    return {**seen_rule(made.seen), "signingSecret": made.signing_secret}


def trial(report: TrialReport) -> dict[str, Any]:
    """Return what a dry run has found."""
    shown: dict[str, Any] = {
        "examined": report.examined,
        "hits": report.hits,
        "nearMisses": report.near_misses,
        "heldBack": report.held_back,
        "runs": report.runs,
        "messages": [_run(each) for each in report.shown],
        "complete": report.examined_to_ms is None,
    }
    if report.examined_to_ms is not None:
        shown["examinedTo"] = report.examined_to_ms
    return shown


def _run(run: TrialRun) -> dict[str, Any]:
    return {
        "offset": run.offset,
        "timestamp": run.at_ms,
        "thingName": run.thing_name,
        "path": run.path,
        "value": run.value,
        "requests": list(run.requests),
    }


def deliveries(found: Deliveries) -> dict[str, Any]:
    """Return a page of deliveries."""
    shown: dict[str, Any] = {"deliveries": [_delivery(each) for each in found.items], "refused": found.refused}
    if found.after is not None:
        shown["after"] = found.after
    return shown


def _delivery(delivery: Delivery) -> dict[str, Any]:
    job = delivery.job
    shown: dict[str, Any] = {
        "id": job.id,
        "type": job.kind.upper(),
        "state": job.state.value,
        "createdAt": job.created_at_ms,
        "offset": job.offset,
        "attempts": [_attempt(each) for each in delivery.attempts],
    }
    if job.finished_at_ms is None:
        shown["dueAt"] = job.due_at_ms
    else:
        shown["finishedAt"] = job.finished_at_ms
    return shown


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "startedAt": attempt.started_at_ms,
        "took": attempt.took_ms,
        "status": attempt.status,
        "detail": attempt.detail,
        "response": attempt.response[:_EXCERPT_BYTES].decode(errors="replace"),
    }
