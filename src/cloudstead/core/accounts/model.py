"""An account and the names under which the outside world knows it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId


class AccountStatus(StrEnum):
    """Whether an account may be used."""

    ACTIVE = "ACTIVE"
    ENROLLING = "ENROLLING"
    RESTRICTED = "RESTRICTED"
    SUSPENDED = "SUSPENDED"


class MqttProfile(StrEnum):
    """The limits that the account's MQTT listeners keep."""

    AWS_2017 = "aws-2017"
    STANDARD = "standard"


@dataclass(frozen=True, slots=True)
class Account:
    """A tenant.

    ``number`` is the 12-digit number of AWS-style resource names. ``stack`` is the short name of the environment
    ("dev"); in every stack but ``prod`` it stands in front of generated names (Cloud Connect 2.11, section 11.1.1).
    ``function_suffix`` ends the physical names of functions and buckets and is unique in the installation.
    """

    id: AccountId
    name: str
    number: str
    stack: str
    function_suffix: str
    identity_pool: str  # UUID text, without the region
    user_pool: str  # nine letters and digits, without the region
    user_pool_client: str
    created_at_ms: int
    parent_id: AccountId | None = None
    status: AccountStatus = AccountStatus.ACTIVE
    mqtt_profile: MqttProfile = MqttProfile.AWS_2017
    printed_event_names: bool = False  # THING.REMOVE for a thing type, as Cloud Connect 2.11 prints it

    @property
    def is_usable(self) -> bool:
        """Whether people, keys and things of the account are let in."""
        return self.status in {AccountStatus.ACTIVE, AccountStatus.RESTRICTED}

    @property
    def generated_prefix(self) -> str:
        """What stands in front of generated ids: ``dev-`` in stack ``dev``, nothing in ``prod``."""
        return "" if self.stack == "prod" else f"{self.stack}-"
