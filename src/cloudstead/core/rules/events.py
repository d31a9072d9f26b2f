"""What happened to rules; told after the transaction that made it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId
    from cloudstead.core.rules.model import Rule, RuleUid


@dataclass(frozen=True, slots=True)
class RuleWritten:
    """A rule is there, or is different from now on."""

    rule: Rule


@dataclass(frozen=True, slots=True)
class RulesRemoved:
    """These rules are gone."""

    account_id: AccountId
    uids: tuple[RuleUid, ...]
