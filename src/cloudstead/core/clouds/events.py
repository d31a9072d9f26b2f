"""What happened to device clouds; told after the transaction that made it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.clouds.model import Cloud, CloudId
    from cloudstead.core.ids import AccountId


@dataclass(frozen=True, slots=True)
class CloudChanged:
    """A cloud was changed: whoever waits for it looks again."""

    cloud: Cloud


@dataclass(frozen=True, slots=True)
class CloudRemoved:
    """A cloud is gone; ``tenant_id`` is the account it lived in."""

    cloud_id: CloudId
    account_id: AccountId
    tenant_id: AccountId | None


@dataclass(frozen=True, slots=True)
class CloudDevicesChanged:
    """The cloud that lives in ``tenant_id`` has so many devices now."""

    tenant_id: AccountId
    devices: int
