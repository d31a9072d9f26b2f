"""What the gateway asks about devices of a cloud: whether the cloud lets them in, and how much they may send.

An account without a cloud costs one comparison; one whose cloud has no limit has no meter.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudstead.core.clouds.errors import CloudClosed
from cloudstead.core.clouds.events import CloudChanged, CloudDevicesChanged, CloudRemoved
from cloudstead.core.clouds.provisioning import require_open
from cloudstead.core.clouds.quotas import Allowance, Meter
from cloudstead.core.credentials.errors import CredentialRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.events import EventBus
    from cloudstead.core.ids import AccountId
    from cloudstead.core.unit import Unit


@dataclass(frozen=True, slots=True)
class CloudStanding:
    """The cloud that a device belongs to. ``number`` is what its topics call the account."""

    tenant_id: AccountId
    number: str
    allowance: Allowance | None
    devices: int


class CloudGate:
    """Lives on the event loop, but for ``standing``, which is asked inside of transactions."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._meters: dict[AccountId, Meter] = {}

    def listen(self, bus: EventBus) -> None:
        """Follow what happens to clouds."""
        bus.subscribe(CloudDevicesChanged, self._counted)
        bus.subscribe(CloudChanged, self._changed)
        bus.subscribe(CloudRemoved, self._removed)

    def standing(self, unit: Unit, account: Account) -> CloudStanding | None:
        """Return the cloud that lives in an account, ``None`` for most; raise ``CredentialRefused``."""
        if account.parent_id is None:
            return None  # a cloud lives in an account below another one
        cloud = unit.clouds.of_tenant(account.id)
        if cloud is None:
            return None
        try:
            require_open(cloud)
        except CloudClosed as closed:
            raise CredentialRefused(f"{closed}.") from None
        allowance = Allowance.of(cloud.quota)
        devices = 0 if allowance is None else unit.cloud_devices.count(cloud.account_id, cloud.id)
        return CloudStanding(account.id, account.number, allowance, devices)

    def meter(self, standing: CloudStanding) -> Meter | None:
        """Return the meter that all devices of a cloud share; ``None`` where there is no limit."""
        if standing.allowance is None:
            return None
        meter = self._meters.get(standing.tenant_id)
        if meter is None or meter.allowance != standing.allowance:
            meter = Meter(standing.allowance, devices=standing.devices, monotonic=self._monotonic)
            self._meters[standing.tenant_id] = meter
        meter.counts(standing.devices)
        return meter

    def messages(self) -> dict[AccountId, int]:
        """Return how many messages of 1 KB were counted for each account since the start."""
        return {tenant_id: meter.messages for tenant_id, meter in self._meters.items()}

    def _counted(self, event: CloudDevicesChanged) -> None:
        meter = self._meters.get(event.tenant_id)
        if meter is not None:
            meter.counts(event.devices)

    def _changed(self, event: CloudChanged) -> None:
        tenant_id = event.cloud.tenant_id
        if tenant_id is not None and Allowance.of(event.cloud.quota) is None:
            self._meters.pop(tenant_id, None)

    def _removed(self, event: CloudRemoved) -> None:
        if event.tenant_id is not None:
            self._meters.pop(event.tenant_id, None)
