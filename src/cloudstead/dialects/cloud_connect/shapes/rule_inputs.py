"""What the actions of RuleLambda take, and the definition of a rule that it makes (Cloud Connect 2.11, section 6)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import DomainId, ThingName, ThingTypeId
from cloudstead.core.rules.definition import RuleDefinition, check_definition
from cloudstead.core.rules.model import MAX_ACTIONS, Action, ActionType, Expression, Filter, Operator, Threshold
from cloudstead.dialects.cloud_connect.call import PropertyMissing, read_input
from cloudstead.dialects.cloud_connect.shapes.inputs import JsonObject
from cloudstead.dialects.cloud_connect.shapes.text import Text, without_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudstead.core.rules.model import Scalar


class NewRule(msgspec.Struct, rename="camel", kw_only=True):
    """RuleLambda.CREATE. The table calls the threshold optional, the list of errors does not: it is."""

    id: Text | None = None
    name: str
    description: str | None = None
    enabled: bool | str
    filter: JsonObject
    expression: JsonObject
    actions: list[Any]
    threshold: JsonObject | None = None


class ChangedRule(NewRule, rename="camel", kw_only=True):
    """RuleLambda.UPDATE, which puts a whole definition in the place of another one."""

    id: Text


class TriedRule(msgspec.Struct, rename="camel", kw_only=True):
    """RuleLambda.TRY: a rule by its id, or a definition as CREATE takes it. Times are milliseconds."""

    id: Text | None = None
    rule: JsonObject | None = None
    from_: int | None = msgspec.field(default=None, name="from")
    to: int | None = None
    limit: int | None = None


class ListedDeliveries(msgspec.Struct, rename="camel", kw_only=True):
    """RuleLambda.LIST_DELIVERIES."""

    id: Text
    state: str | None = None
    limit: int | None = None
    after: str | None = None


class ReplayedDeliveries(msgspec.Struct, rename="camel", kw_only=True):
    """RuleLambda.REPLAY_DELIVERIES: the dead ones, or those of them that are named."""

    id: Text
    delivery_ids: list[str] | None = None


class _Filter(msgspec.Struct, rename="camel", kw_only=True):
    domain: Text
    thing_type: Text
    thing_names: list[Any] | None = None


class _Expression(msgspec.Struct, kw_only=True):
    operator: str
    resource: Text
    value: Any


class _Action(msgspec.Struct, kw_only=True):
    config: JsonObject
    type: str


class _Threshold(msgspec.Struct, kw_only=True):
    count: int | None = None
    interval: int | None = None


def definition_of(new: NewRule) -> RuleDefinition:
    """Return the definition that an input makes; raise ``PropertyMissing`` or ``InvalidField``."""
    # In the order of the table, whatever else is wrong.
    with _below("filter"):
        chosen = read_input(_Filter, new.filter)
    with _below("expression"):
        expression = read_input(_Expression, new.expression)
    if len(new.actions) > MAX_ACTIONS:
        raise InvalidField("actions", f"more than {MAX_ACTIONS}")
    actions = [_read_action(each, place) for place, each in enumerate(new.actions)]
    with _below("threshold"):
        threshold = read_input(_Threshold, new.threshold or {})
    return RuleDefinition(
        name=new.name,
        description=new.description,
        is_enabled=_truth(new.enabled),
        filter=Filter(DomainId(chosen.domain), ThingTypeId(chosen.thing_type), _names(chosen.thing_names or [])),
        expression=Expression(_operator(expression.operator), expression.resource, _scalar(expression.value)),
        actions=tuple(Action(_action_type(each.type, place), each.config) for place, each in enumerate(actions)),
        threshold=Threshold(threshold.count or 0, threshold.interval or 0),
    )


def tried_definition(fields: JsonObject) -> RuleDefinition:
    """Return the definition that a dry run is about; raise ``PropertyMissing`` or ``InvalidField``."""
    with _below("rule"):
        definition = definition_of(read_input(NewRule, fields))
        check_definition(definition)
    return definition


def _read_action(value: object, place: int) -> _Action:
    if not isinstance(value, dict):
        raise InvalidField(f"actions[{place}]", "must be an object")
    with _below(f"actions[{place}]"):
        return read_input(_Action, value)


@contextmanager
def _below(parent: str) -> Iterator[None]:
    """Name what is wrong by the way that leads there: ``filter.domain``."""
    try:
        yield
    except PropertyMissing as error:
        raise PropertyMissing(f"{parent}.{error.name}") from error
    except InvalidField as error:
        field = parent if error.field == "attributes" else f"{parent}.{error.field}"
        raise InvalidField(field, error.reason) from error


def _truth(value: bool | str) -> bool:  # noqa: FBT001 - it is the value that is read
    """Read a truth value: clients send texts as well (as for users, section 13)."""
    if isinstance(value, bool):
        return value
    if value not in {"true", "false"}:
        raise InvalidField("enabled", "must be true or false")
    return value == "true"


def _names(values: list[Any]) -> tuple[ThingName, ...]:
    names = [without_number(value) for value in values]
    if not all(isinstance(name, str) for name in names):
        raise InvalidField("filter.thing_names", "must be a list of texts")
    return tuple(dict.fromkeys(ThingName(str(name)) for name in names))


def _operator(text: str) -> Operator:
    try:
        return Operator(text)
    except ValueError:
        raise InvalidField("expression.operator", "must be one of gt, gte, lt, lte, eq and ne") from None


def _action_type(text: str, place: int) -> ActionType:
    try:
        return ActionType(text)
    except ValueError:
        raise InvalidField(f"actions[{place}].type", "must be WEBHOOK or MAIL") from None


def _scalar(value: object) -> Scalar:
    if value is None or isinstance(value, str | int | float):
        return value
    raise InvalidField("expression.value", "must be a number, a text, true, false or null")
