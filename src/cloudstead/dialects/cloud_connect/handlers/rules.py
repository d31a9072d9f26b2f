"""RuleLambda (Cloud Connect 2.11, section 6), and what is ours in it: dry runs and deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import JobId
from cloudstead.core.jobs.model import JobState
from cloudstead.core.rules.model import RuleId
from cloudstead.core.rules.trial import check_period, try_rule
from cloudstead.dialects.cloud_connect.call import PropertyMissing
from cloudstead.dialects.cloud_connect.shapes.rule_inputs import definition_of, tried_definition
from cloudstead.dialects.cloud_connect.shapes.rules import deliveries, made_rule, seen_rule, trial

if TYPE_CHECKING:
    from cloudstead.dialects.cloud_connect.call import Call
    from cloudstead.dialects.cloud_connect.ports import Backend
    from cloudstead.dialects.cloud_connect.shapes.inputs import Nothing, OneId
    from cloudstead.dialects.cloud_connect.shapes.rule_inputs import (
        ChangedRule,
        ListedDeliveries,
        NewRule,
        ReplayedDeliveries,
        TriedRule,
    )

_DAY_MS: Final = 24 * 3600 * 1000
_SHOWN: Final = 20
_LISTED: Final = 50


async def create(backend: Backend, call: Call[NewRule]) -> object:
    """Make a rule; the answer holds the secret that signs its webhooks."""
    definition = definition_of(call.input)
    rule_id = RuleId(call.input.id) if call.input.id else None
    made = await backend.database.write(
        lambda unit: backend.rules.create(unit, call.caller, definition, rule_id=rule_id)
    )
    return made_rule(made)


async def get(backend: Backend, call: Call[OneId]) -> object:
    """Return one rule."""
    rule_id = RuleId(call.input.id)
    return seen_rule(await backend.database.read(lambda unit: backend.rules.get(unit, call.caller, rule_id=rule_id)))


async def show_all(backend: Backend, call: Call[Nothing]) -> object:
    """Return the rules that the caller sees, as a bare array."""
    return [seen_rule(each) for each in await backend.database.scan(lambda unit: backend.rules.list(unit, call.caller))]


async def remove(backend: Backend, call: Call[OneId]) -> object:
    """Remove a rule."""
    rule_id = RuleId(call.input.id)
    await backend.database.write(lambda unit: backend.rules.remove(unit, call.caller, rule_id=rule_id))
    return {}


async def update(backend: Backend, call: Call[ChangedRule]) -> object:
    """Put another definition in the place of a rule's."""
    definition = definition_of(call.input)
    rule_id = RuleId(call.input.id)
    return seen_rule(
        await backend.database.write(lambda unit: backend.rules.update(unit, call.caller, definition, rule_id=rule_id))
    )


async def renew_secret(backend: Backend, call: Call[OneId]) -> object:
    """Sign with a new secret from now on."""
    rule_id = RuleId(call.input.id)
    secret = await backend.database.write(lambda unit: backend.rules.renew_secret(unit, call.caller, rule_id=rule_id))
    return {"id": rule_id, "signingSecret": secret}


async def try_out(backend: Backend, call: Call[TriedRule]) -> object:
    """Tell what a rule would have done with the observations of a period, the last day where none is given."""
    asked = call.input
    if (asked.id is None) == (asked.rule is None):
        if asked.id is None:
            raise PropertyMissing("id")
        raise InvalidField("rule", "comes instead of an id, not beside it")
    to_ms = backend.clock.millis() if asked.to is None else asked.to
    from_ms = to_ms - _DAY_MS if asked.from_ is None else asked.from_
    limit = _SHOWN if asked.limit is None else asked.limit
    check_period(from_ms, to_ms, limit)
    if asked.rule is not None:
        definition = tried_definition(asked.rule)
        prepared = await backend.database.read(
            lambda unit: backend.rules.prepare_definition(unit, call.caller, definition)
        )
    else:
        rule_id = RuleId(asked.id or "")
        prepared = await backend.database.read(lambda unit: backend.rules.prepare(unit, call.caller, rule_id=rule_id))
    await backend.barrier.settle()
    report = await try_rule(
        backend.index,
        prepared.scope,
        prepared.rule,
        prepared.actions,
        from_ms=from_ms,
        to_ms=to_ms,
        limit=limit,
    )
    return trial(report)


async def list_deliveries(backend: Backend, call: Call[ListedDeliveries]) -> object:
    """Return a page of a rule's deliveries, newest first."""
    asked = call.input
    state = None if asked.state is None else _state(asked.state)
    await backend.rule_hits.settle()
    found = await backend.database.read(
        lambda unit: backend.outbox.list(
            unit,
            call.caller,
            rule_id=RuleId(asked.id),
            state=state,
            limit=_LISTED if asked.limit is None else asked.limit,
            after=asked.after or None,
        )
    )
    return deliveries(found)


async def replay_deliveries(backend: Backend, call: Call[ReplayedDeliveries]) -> object:
    """Let dead deliveries of a rule try again."""
    asked = call.input
    job_ids = None if asked.delivery_ids is None else [JobId(each) for each in asked.delivery_ids]
    count = await backend.database.write(
        lambda unit: backend.outbox.replay(unit, call.caller, rule_id=RuleId(asked.id), job_ids=job_ids)
    )
    return {"replayed": count}


def _state(text: str) -> JobState:
    try:
        return JobState(text)
    except ValueError:
        raise InvalidField("state", f"must be one of {', '.join(JobState)}") from None
