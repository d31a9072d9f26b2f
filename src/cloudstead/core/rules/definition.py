"""What a caller says a rule should be, and whether it can be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudstead.core.errors import InvalidField
from cloudstead.core.rules.actions import check_action
from cloudstead.core.rules.model import MAX_ACTIONS, MAX_THING_NAMES
from cloudstead.core.texts import require_line, require_prose
from cloudstead.core.things.model import NAME_PATTERN

if TYPE_CHECKING:
    from cloudstead.core.rules.model import Action, Expression, Filter, Threshold

_MAX_RESOURCE_CHARS: Final = 1024
_MAX_LEVELS: Final = 8  # a state is five levels deep
_MAX_VALUE_CHARS: Final = 1024
_MAX_COUNT: Final = 1_000_000
_MAX_INTERVAL_MS: Final = 366 * 24 * 3600 * 1000
_LARGEST: Final = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDefinition:
    """All of a rule that its author decides, but for its id."""

    name: str
    is_enabled: bool
    filter: Filter
    expression: Expression
    actions: tuple[Action, ...]
    threshold: Threshold
    description: str | None = None


def check_definition(definition: RuleDefinition) -> None:
    """Raise ``InvalidField`` naming what cannot be."""
    require_line(definition.name, field="name")
    require_prose(definition.description, field="description")
    _check_filter(definition.filter)
    _check_expression(definition.expression)
    if not definition.actions:
        raise InvalidField("actions", "needs at least one")
    if len(definition.actions) > MAX_ACTIONS:
        raise InvalidField("actions", f"more than {MAX_ACTIONS}")
    for place, action in enumerate(definition.actions):
        check_action(action, field=f"actions[{place}]")
    _check_threshold(definition.threshold)


def _check_filter(chosen: Filter) -> None:
    if len(chosen.thing_names) > MAX_THING_NAMES:
        raise InvalidField("filter.thing_names", f"more than {MAX_THING_NAMES} names")
    for name in chosen.thing_names:
        if NAME_PATTERN.fullmatch(name) is None:
            raise InvalidField("filter.thing_names", "holds what no thing can be called")


def _check_expression(expression: Expression) -> None:
    resource = expression.resource
    if len(resource) > _MAX_RESOURCE_CHARS or resource.count(".") >= _MAX_LEVELS or "\0" in resource:
        raise InvalidField(
            "expression.resource", f"longer than {_MAX_RESOURCE_CHARS} characters or {_MAX_LEVELS} levels"
        )
    if not all(resource.split(".")):
        raise InvalidField("expression.resource", "holds an empty name")
    value = expression.value
    if isinstance(value, str) and (len(value) > _MAX_VALUE_CHARS or "\0" in value):
        raise InvalidField("expression.value", f"longer than {_MAX_VALUE_CHARS} characters, or holds a NUL character")
    if isinstance(value, int | float) and (not math.isfinite(value) or abs(value) >= _LARGEST):
        raise InvalidField("expression.value", "beyond 64 bits")
    if expression.operator.orders and (value is None or isinstance(value, bool)):
        raise InvalidField("expression.operator", "true, false and null can only be compared with eq and ne")


def _check_threshold(threshold: Threshold) -> None:
    if not 0 <= threshold.count <= _MAX_COUNT:
        raise InvalidField("threshold.count", f"must be from 0 to {_MAX_COUNT}")
    if not 0 <= threshold.interval_ms <= _MAX_INTERVAL_MS:
        raise InvalidField("threshold.interval", f"must be from 0 to {_MAX_INTERVAL_MS} milliseconds")
