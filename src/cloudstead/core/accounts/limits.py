"""How much of everything an account may have."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from cloudstead.core.accounts.errors import AccountLimitExceeded
from cloudstead.core.accounts.events import LimitReached
from cloudstead.core.accounts.profile import Tier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.accounts.profile import AccountProfile
    from cloudstead.core.ids import AccountId
    from cloudstead.core.unit import Unit

CERTIFICATES: Final = "cert-count"
TENANTS: Final = "tenant-count"
PEOPLE: Final = "user-count"
API_KEYS: Final = "api-key-count"
POLICY_GROUPS: Final = "policy-group-count"
CLOUDS: Final = "cloud-count"
GROUPS: Final = "group-count"
PROVISIONED_DEVICES: Final = "provisioned-device-count"

_FREE: Final = MappingProxyType(
    {
        CERTIFICATES: 10,
        TENANTS: 0,
        PEOPLE: 1_000,
        API_KEYS: 1_000,
        POLICY_GROUPS: 100,
        CLOUDS: 3,
        GROUPS: 1_000,
        PROVISIONED_DEVICES: 100,
    },
)
_PAID: Final = MappingProxyType(
    {
        CERTIFICATES: 50,
        TENANTS: 10_000,
        PEOPLE: 100_000,
        API_KEYS: 100_000,
        POLICY_GROUPS: 1_000,
        CLOUDS: 1_000,
        GROUPS: 20_000,
        PROVISIONED_DEVICES: 100,
    },
)


def limits_of(profile: AccountProfile) -> Mapping[str, str]:
    """Return every limit of the account: those of its tier, under those that an operator has set."""
    tier = _FREE if profile.tier is Tier.FREE else _PAID
    return {**{name: str(value) for name, value in tier.items()}, **profile.limits}


def require_room(unit: Unit, account_id: AccountId, limit: str, *, used: int) -> None:
    """Raise ``AccountLimitExceeded`` unless the account may have one more of what it has ``used`` so far."""
    value = limits_of(unit.accounts.profile(account_id)).get(limit)
    if value is None or not value.isdecimal():
        return
    if used >= int(value):
        raise AccountLimitExceeded(limit, value)
    if used + 1 == int(value):
        unit.emit(LimitReached(account_id, limit, value))
