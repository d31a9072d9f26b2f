"""What can go wrong with rules."""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError


class RuleNotFound(CloudsteadError):
    """The account has no rule with that id."""

    code = "rule_not_found"

    def __init__(self, rule_id: str) -> None:
        super().__init__(f"A rule with the id {rule_id!r} could not be found.")
        self.rule_id = rule_id


class RuleIdTaken(CloudsteadError):
    """Another rule of the account has that id."""

    code = "rule_id_taken"

    def __init__(self, rule_id: str) -> None:
        super().__init__(f"A rule with the id {rule_id!r} exists already.")
        self.rule_id = rule_id


class TooManyRules(CloudsteadError):
    """The account has as many rules as it may have."""

    code = "too_many_rules"

    def __init__(self, limit: int) -> None:
        super().__init__(f"An account can have {limit} rules at most.")
        self.limit = limit
