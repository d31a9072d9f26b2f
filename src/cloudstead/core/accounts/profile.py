"""What is known of an account beside its names: whose it is, what it may use, what its people have to keep to."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - storage reads these annotations when it makes a profile
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cloudstead.core.accounts.model import AccountStatus  # noqa: TC001 - storage reads these annotations too
from cloudstead.core.ids import AccountId, PersonId  # noqa: TC001 - likewise
from cloudstead.core.versions import Versioned

WARNED_DAYS: Final = 30
"""How many days before its end an account is warned that has not chosen a number of its own."""

NEEDED_FOR_COMMERCIAL: Final = ("address_line1", "city", "country", "company", "contact", "email")
"""What an account has to tell of itself to be commercial."""

_DAY_MS: Final = 24 * 60 * 60 * 1000


class Tier(StrEnum):
    """What an account pays for; an account at the top is commercial."""

    FREE = "0"
    COMMERCIAL = "1"
    PARTNER = "2"


class MfaStatus(StrEnum):
    """Whether people need a second factor."""

    ENFORCED = "enforced"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturePolicy:
    """Allows or denies the actions (HTTP methods, separated by commas; empty is all) on what lies below a path."""

    feature: str
    action: str = ""
    resource: str = ""
    allow: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountProfile(Versioned):
    """The profile of an account; an empty text is one that is not known.

    ``aliases`` are host names of the account, as they were written. ``password_recovery_expiration`` and
    ``idle_timeout`` are minutes, ``expiration_warning_threshold`` days. ``limits`` are set by operators and win over
    those of the tier. ``admin_id`` is the person whom the account was opened with. ``warned_of_ms`` is the end of which
    the account was warned last; ``status_before_end`` is what it returns to should its end be moved after it has come.
    """

    account_id: AccountId
    tier: Tier = Tier.COMMERCIAL
    end_market: str = ""
    display_name: str = ""
    address_line1: str = ""
    address_line2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""
    company: str = ""
    contact: str = ""
    email: str = ""
    phone_number: str = ""
    customer_number: str = ""
    contract_number: str = ""
    sales_contact: str = ""
    reason: str = ""
    reference_note: str = ""
    upgraded_at_ms: int | None = None
    expires_at_ms: int | None = None
    expiration_warning_threshold: int | None = None
    idle_timeout: int | None = None
    mfa_status: MfaStatus | None = None
    password_minimum_length: int = 8
    password_recovery_expiration: int = 45
    notification_emails: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    custom_fields: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    policies: tuple[FeaturePolicy, ...] = ()
    admin_id: PersonId | None = None
    warned_of_ms: int | None = None
    status_before_end: AccountStatus | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the account has run out."""
        return self.status_before_end is not None

    @property
    def due_at_ms(self) -> int | None:
        """When something has to be done about the account's end next: a warning, or the end itself."""
        end_ms = self.expires_at_ms
        if end_ms is None or self.has_ended:
            return None
        if self.warned_of_ms == end_ms:
            return end_ms
        return end_ms - (self.expiration_warning_threshold or WARNED_DAYS) * _DAY_MS
