"""What provisioning needs from storage, and from the gateway."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.ids import AccountId, CertificateId, ThingUid
    from cloudstead.core.provisioning.model import DeviceId, ProvisionedDevice


class Order(StrEnum):
    """What a list of devices is ordered by; equal ones by their ids."""

    DEVICE_ID = "device_id"
    NAME = "name"
    CREATED_TIME = "created_time"


class ProvisionedDeviceStore(Protocol):
    """Provisioned devices of one account at a time."""

    def add(self, device: ProvisionedDevice) -> bool:
        """Insert a device; return false when the name is taken in its region."""
        ...

    def replace(self, device: ProvisionedDevice) -> None:
        """Write what is the device's own; domain and description of the thing are not touched."""
        ...

    def remove(self, account_id: AccountId, device_id: DeviceId) -> None:
        """Delete a device."""
        ...

    def get(self, account_id: AccountId, device_id: DeviceId) -> ProvisionedDevice | None:
        """Return the device."""
        ...

    def by_name(self, account_id: AccountId, region: str, name: str) -> ProvisionedDevice | None:
        """Return the device of that name in the region."""
        ...

    def by_claim(self, claim_id: CertificateId) -> ProvisionedDevice | None:
        """Return the device, of whatever account, whose claim certificate has that fingerprint."""
        ...

    def touch(self, thing_uids: Collection[ThingUid], now_ms: int) -> Sequence[tuple[AccountId, DeviceId]]:
        """Note that the things were in contact; return the devices, of all accounts, that came for the first time."""
        ...

    def never_came(self, before_ms: int, *, limit: int) -> Sequence[ProvisionedDevice]:
        """Return devices of all accounts that have no thing and whose claim ended before then, oldest first."""
        ...

    def remove_each(self, device_ids: Collection[DeviceId]) -> None:
        """Delete devices, of whatever account; one statement."""
        ...

    def count(self, account_id: AccountId) -> int:
        """Return how many the account has."""
        ...

    def after(
        self,
        account_id: AccountId,
        region: str,
        *,
        order: Order,
        last: tuple[str, str] | None,
        is_descending: bool,
        limit: int,
    ) -> Sequence[ProvisionedDevice]:
        """Return devices behind ``last``, a pair of what they are ordered by (times as decimal digits) and id."""
        ...


class Presence(Protocol):
    """Who is connected at this moment."""

    def online(self, thing_uids: Collection[ThingUid]) -> frozenset[ThingUid]:
        """Return those of the things that are."""
        ...
