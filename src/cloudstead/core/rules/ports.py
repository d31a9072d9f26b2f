"""What rules need from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudstead.core.ids import AccountId, ThingUid
    from cloudstead.core.rules.model import Rule, RuleId, RuleUid
    from cloudstead.core.rules.thresholds import ThresholdState


class StateKey(NamedTuple):
    """Whose hits are counted: those of one rule by one thing."""

    rule_uid: RuleUid
    thing_uid: ThingUid


class RuleStore(Protocol):
    """Rules of one account at a time; the second part is for the message path, across accounts."""

    def add(self, rule: Rule) -> None:
        """Insert a rule; raise ``RuleIdTaken``."""
        ...

    def replace(self, rule: Rule) -> None:
        """Write all columns of a rule."""
        ...

    def remove(self, account_id: AccountId, uid: RuleUid) -> None:
        """Delete a rule with its threshold states."""
        ...

    def get(self, account_id: AccountId, rule_id: RuleId) -> Rule | None:
        """Return the rule with that id."""
        ...

    def all(self, account_id: AccountId) -> Sequence[Rule]:
        """Return the account's rules, ordered by id."""
        ...

    def count(self, account_id: AccountId) -> int:
        """Return how many rules the account has."""
        ...

    def drop_states(self, uid: RuleUid) -> None:
        """Forget the threshold states of a rule: it waits for something else from now on."""
        ...

    def states_of(self, thing_uid: ThingUid) -> Mapping[RuleUid, ThresholdState]:
        """Return the threshold states of a thing."""
        ...

    def refused(self, uid: RuleUid) -> int:
        """Return how many deliveries of the rule were refused, since too many waited or they were too long."""
        ...

    # For the message path.

    def enabled(self) -> Sequence[Rule]:
        """Return the enabled rules of every account."""
        ...

    def offset(self) -> int:
        """Return the offset of the log up to which hits are stored; 0 at the beginning."""
        ...

    def set_offset(self, offset: int) -> None:
        """Move that offset on, in the same transaction as the hits."""
        ...

    def known(self, uids: Collection[RuleUid]) -> Collection[RuleUid]:
        """Return those of these rules that there are. One query."""
        ...

    def states(self, keys: Collection[StateKey]) -> Mapping[StateKey, ThresholdState]:
        """Return the states that there are. One query."""
        ...

    def save_states(self, states: Mapping[StateKey, ThresholdState]) -> None:
        """Insert or replace states; those whose rule or thing is gone are passed over."""
        ...

    def waiting(self, account_id: AccountId, causes: Collection[str]) -> Mapping[str, int]:
        """Return how many jobs of each of these causes are not finished. One query."""
        ...

    def add_refused(self, counts: Mapping[RuleUid, int]) -> None:
        """Count deliveries that were refused; of a rule that is gone, nothing."""
        ...
