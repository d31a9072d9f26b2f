"""What can go wrong with identity providers."""

from __future__ import annotations

from cloudstead.core.accounts.profile import NEEDED_FOR_COMMERCIAL
from cloudstead.core.errors import CloudsteadError


class ProviderNotFound(CloudsteadError):
    """The account has no such identity provider."""

    code = "identity_provider_not_found"

    def __init__(self) -> None:
        super().__init__("The identity provider could not be found.")


class ProviderInUse(CloudsteadError):
    """Somebody's login profile, or an open invitation, refers to it."""

    code = "identity_provider_in_use"

    def __init__(self) -> None:
        super().__init__("The identity provider is in use.")


class ProviderBuiltIn(CloudsteadError):
    """The built-in provider cannot be changed or removed."""

    code = "identity_provider_built_in"

    def __init__(self) -> None:
        super().__init__("The built-in identity provider cannot be changed.")


class TooManyProviders(CloudsteadError):
    """The account has as many providers as it may have; ``limit`` is how many."""

    code = "too_many_identity_providers"

    def __init__(self, limit: int) -> None:
        super().__init__(f"An account has at most {limit} identity providers.")
        self.limit = limit


class ProvidersNotIncluded(CloudsteadError):
    """Accounts of the free tier have the built-in provider only."""

    code = "identity_providers_not_included"

    def __init__(self) -> None:
        needed = ", ".join(NEEDED_FOR_COMMERCIAL)
        super().__init__(
            "Identity providers of one's own are for commercial accounts only: an account becomes one that tells its "
            f"{needed}."
        )


class ProviderNotUsable(CloudsteadError):
    """Nobody can sign in by way of the provider: it is suspended, or its settings are not complete."""

    code = "identity_provider_not_usable"

    def __init__(self) -> None:
        super().__init__("Nobody can sign in by way of this identity provider at the moment.")


class VouchingRefused(CloudsteadError):
    """What a provider, or somebody in its name, sent is not believed. ``reason`` is for the log, not for the sender."""

    code = "vouching_refused"

    def __init__(self, reason: str) -> None:
        super().__init__("The answer of the identity provider was not accepted.")
        self.reason = reason


class NobodyVouchedFor(CloudsteadError):
    """The provider's answer is genuine, but nobody here is bound to it under that name."""

    code = "nobody_vouched_for"

    def __init__(self) -> None:
        super().__init__("The identity provider knows you, but no user of this account is bound to it under your name.")
