"""A provisioned device, and what its status is at a moment.

The life of one (ProvisionDevice, ``Status``)::

    announced       AWAITING_PROVISIONING   the archive is good for five minutes
    claimed         PENDING                 the device came with its claim certificate, in time
    connected once  SUCCEEDED               with its lasting certificate
    neither in time FAILED
    not issued      ERROR                   our fault: the certificate or the thing could not be made

Only times are stored; the status follows from them and the clock, so that nothing has to happen for a device to fail.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NewType

from cloudstead.core.ids import ThingName, ThingTypeId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudstead.core.ids import AccountId, CertificateId, DomainId, ThingUid

DeviceId = NewType("DeviceId", str)  # "device-" and 26 characters of lower-case base32

CLAIM_LIFE_MS: Final = 300_000  # ProvisionDevice: the provisioning certificate is valid for five minutes
CONNECT_WITHIN_MS: Final = 15 * 60_000
LEASE_MS: Final = 5 * 24 * 60 * 60 * 1000  # AWS documentation, DescribeDevice: five days after the last contact
THING_TYPE: Final = ThingTypeId("provisioned-device")
THING_TYPE_LABEL: Final = "Provisioned device"


class ProvisioningStatus(StrEnum):
    """How far a device has come."""

    AWAITING_PROVISIONING = "AWAITING_PROVISIONING"
    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    ERROR = "ERROR"
    DELETING = "DELETING"


class ConnectionStatus(StrEnum):
    """Whether the device can be talked to."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    AWAITING_CREDENTIALS = "AWAITING_CREDENTIALS"
    NOT_AVAILABLE = "NOT_AVAILABLE"
    ERROR = "ERROR"


class AggregatedStatus(StrEnum):
    """The worse of both."""

    ERROR = "ERROR"
    AWAITING_PROVISIONING = "AWAITING_PROVISIONING"
    PENDING = "PENDING"
    FAILED = "FAILED"
    DELETING = "DELETING"
    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"
    LEASE_EXPIRED = "LEASE_EXPIRED"
    UPDATE_NEEDED = "UPDATE_NEEDED"
    REBOOTING = "REBOOTING"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionedDevice:
    """A device as it is stored; times are 0 until what they tell of has happened.

    ``claim_id`` is the fingerprint of the claim certificate, ``None`` once it is used up. ``thing_uid`` is ``None``
    until the device has come. ``domain_id`` and ``description`` are those of the thing as soon as there is one.
    ``networking`` is the configuration as it was sent, a JSON text.
    """

    id: DeviceId
    account_id: AccountId
    region: str
    name: str
    description: str
    networking: str
    tags: Mapping[str, str] = field(default_factory=dict)
    domain_id: DomainId
    created_by: str
    created_at_ms: int
    updated_at_ms: int
    claim_id: CertificateId | None
    claim_ends_at_ms: int
    claimed_at_ms: int = 0
    connected_at_ms: int = 0
    last_contact_ms: int = 0
    has_failed: bool = False
    thing_uid: ThingUid | None = None

    @property
    def thing_name(self) -> ThingName:
        """The name of the thing that the device is, or will be."""
        return ThingName(f"panorama-{self.id}")

    def status(self, now_ms: int) -> ProvisioningStatus:
        """Return how far the device has come by then."""
        if self.has_failed:
            return ProvisioningStatus.ERROR
        if self.connected_at_ms:
            return ProvisioningStatus.SUCCEEDED
        if self.claimed_at_ms:
            is_late = now_ms > self.claimed_at_ms + CONNECT_WITHIN_MS
            return ProvisioningStatus.FAILED if is_late else ProvisioningStatus.PENDING
        is_late = now_ms > self.claim_ends_at_ms
        return ProvisioningStatus.FAILED if is_late else ProvisioningStatus.AWAITING_PROVISIONING

    def holds_its_name(self, now_ms: int) -> bool:
        """Tell whether no other device may be called like this one: those that have failed give way."""
        return self.status(now_ms) not in {ProvisioningStatus.FAILED, ProvisioningStatus.ERROR}


def connection_of(status: ProvisioningStatus, *, is_online: bool) -> ConnectionStatus:
    """Return whether a device of that status can be talked to."""
    if status is ProvisioningStatus.ERROR:
        return ConnectionStatus.ERROR
    if status is not ProvisioningStatus.SUCCEEDED:
        return ConnectionStatus.AWAITING_CREDENTIALS
    return ConnectionStatus.ONLINE if is_online else ConnectionStatus.OFFLINE


def aggregated(device: ProvisionedDevice, now_ms: int, *, is_online: bool) -> AggregatedStatus:
    """Return the worse of how far the device has come and whether it can be talked to."""
    status = device.status(now_ms)
    if status is not ProvisioningStatus.SUCCEEDED:
        return AggregatedStatus(status)
    if is_online:
        return AggregatedStatus.ONLINE
    return AggregatedStatus.LEASE_EXPIRED if now_ms > device.last_contact_ms + LEASE_MS else AggregatedStatus.OFFLINE
