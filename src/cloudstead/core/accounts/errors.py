"""What can go wrong with accounts."""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError, NotPermitted


class AccountNotFound(CloudsteadError):
    """No account answers to that name, host, pool or number."""

    code = "account_not_found"

    def __init__(self) -> None:
        super().__init__("The account could not be found.")


class AccountNotUsable(CloudsteadError):
    """The account is suspended or still enrolling."""

    code = "account_not_usable"

    def __init__(self, status: str) -> None:
        super().__init__(f"The account is {status.lower()}.")
        self.status = status


class AccountLimitExceeded(CloudsteadError):
    """The account has as much of something as it may have; ``limit`` names what, ``value`` is how much that is."""

    code = "account_limit_exceeded"

    def __init__(self, limit: str, value: str) -> None:
        super().__init__(f"The account's limit {limit} of {value} is reached.")
        self.limit = limit
        self.value = value


class PolicyForbids(NotPermitted):
    """A policy of the account, or of its parent, switches the feature off."""

    code = "policy_forbids"

    def __init__(self, feature: str) -> None:
        super().__init__(f"use {feature}, which is not part of this account")
        self.feature = feature


class HostNameTaken(CloudsteadError):
    """Another account answers to that host name."""

    code = "host_name_taken"

    def __init__(self, host: str) -> None:
        super().__init__(f"The host name {host!r} is taken.")
        self.host = host
