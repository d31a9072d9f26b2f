"""A rule: which things it looks at, what it waits for, what it does then, and how often."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NewType, TypeAlias

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId, DomainId, ThingName, ThingTypeId

JsonObject = dict[str, Any]
RuleId = NewType("RuleId", str)  # chosen by people or numbered, unique in its account
RuleUid = NewType("RuleUid", str)  # tells a rule from an earlier one of the same id

Scalar: TypeAlias = str | int | float | bool | None

MAX_RULES: Final = 2_000
"""Rules of one account: twice what the figures of ``bench/rules.py`` are measured with."""

MAX_ACTIONS: Final = 10
"""Actions of one rule."""

MAX_THING_NAMES: Final = 1_000
"""Things that one rule may name."""

MAX_CONFIG_BYTES: Final = 16 * 1024
"""The configuration of one action, as JSON."""

SECRET_HEADER: Final = re.compile(r"auth|cookie|token|secret|key|password|signature|credential", re.IGNORECASE)
"""Headers whose values are likely secrets, by their names: they are never shown."""


class Operator(StrEnum):
    """How a reported value is compared with the rule's (Cloud Connect 2.11, section 6.1)."""

    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    EQ = "eq"
    NE = "ne"

    @property
    def orders(self) -> bool:
        """Whether the operator asks which of two values is the greater one."""
        return self not in {Operator.EQ, Operator.NE}


class ActionType(StrEnum):
    """What can be done. The document knows the first; the second is ours."""

    WEBHOOK = "WEBHOOK"
    MAIL = "MAIL"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which things a rule looks at: those of a type at a domain or below it; of the names, where any are given."""

    domain_id: DomainId
    thing_type: ThingTypeId
    thing_names: tuple[ThingName, ...] = ()


@dataclass(frozen=True, slots=True)
class Expression:
    """What a rule waits for."""

    operator: Operator
    resource: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class Threshold:
    """How often a rule runs: after ``count`` hits, and not again before ``interval_ms`` have passed.

    Both are kept for each rule and thing.
    """

    count: int = 0
    interval_ms: int = 0

    @property
    def is_open(self) -> bool:
        """Whether every hit runs the actions, so that nothing has to be remembered."""
        return self.count <= 1 and self.interval_ms <= 0


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. ``config`` is as the caller gave it; it may hold secrets."""

    type: ActionType
    config: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class Instructions:
    """What a rule does, and what its webhooks are signed with."""

    actions: tuple[Action, ...]
    signing_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule. ``since_offset`` is the newest offset of the log when it was made: it looks at what came after.

    ``sealed`` holds its instructions; see ``sealed.InstructionSeal``.
    """

    account_id: AccountId
    uid: RuleUid
    id: RuleId
    name: str
    description: str | None
    is_enabled: bool
    filter: Filter
    expression: Expression
    threshold: Threshold
    sealed: bytes = field(repr=False)
    since_offset: int = 0
    created_at_ms: int = 0
