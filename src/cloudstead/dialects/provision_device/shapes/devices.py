"""Devices, as ProvisionDevice and its neighbours write them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from cloudstead.core.provisioning.model import AggregatedStatus, connection_of

if TYPE_CHECKING:
    from cloudstead.core.provisioning.model import ProvisionedDevice

# The model's own, but for its \d, which would take the digits of every script.
_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_PORT = r"(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?"
_ADDRESS = rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}{_PORT}"

Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9\-_]+\Z")]
Description = Annotated[str, Meta(max_length=255)]
Words = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[^\n\r\x85\u2028\u2029\x00]+\Z")]
IpAddress = Annotated[str, Meta(min_length=1, max_length=255, pattern=rf"^{_ADDRESS}\Z")]
ServerName = Annotated[
    str, Meta(min_length=1, max_length=255, pattern=rf"^(([a-z0-9]+(-[a-z0-9]+)*\.)+[a-z]{{2,}}|{_ADDRESS})\Z")
]
Tags = dict[str, str]


class StaticIpConnectionInfo(Struct, rename="pascal", frozen=True):
    """A fixed address: all four are needed."""

    default_gateway: Words
    dns: Annotated[list[Words], Meta(max_length=16)]
    ip_address: IpAddress
    mask: Words


class EthernetPayload(Struct, rename="pascal", frozen=True, omit_defaults=True):
    """How a port gets its address."""

    connection_type: Literal["STATIC_IP", "DHCP"]
    static_ip_connection_info: StaticIpConnectionInfo | None = None

    def __post_init__(self) -> None:
        """Refuse a fixed address that is not given."""
        if self.connection_type == "STATIC_IP" and self.static_ip_connection_info is None:
            raise ValueError("STATIC_IP needs StaticIpConnectionInfo")


class NtpPayload(Struct, rename="pascal", frozen=True):
    """Where the device gets its time."""

    ntp_servers: Annotated[list[ServerName], Meta(max_length=5)]


class NetworkPayload(Struct, rename="pascal", frozen=True, omit_defaults=True):
    """The network configuration that travels in the archive."""

    ethernet0: EthernetPayload | None = None
    ethernet1: EthernetPayload | None = None
    ntp: NtpPayload | None = None


class ProvisionDeviceRequest(Struct, rename="pascal", frozen=True):
    """What a device is to be called, and how it reaches its network."""

    name: Name
    description: Description | None = None
    networking_configuration: NetworkPayload | None = None
    tags: Tags | None = None


class ProvisionDeviceResponse(Struct, rename="pascal", frozen=True):
    """The device, and the archive as base64."""

    arn: str
    certificates: str
    device_id: str
    iot_thing_name: str
    status: str


class UpdateDeviceMetadataRequest(Struct, rename="pascal", frozen=True):
    """The description alone can be changed."""

    description: Description | None = None


class DeviceIdOnly(Struct, rename="pascal", frozen=True):
    """Which device it was."""

    device_id: str


class SortBy(StrEnum):
    """What a list may be ordered by."""

    DEVICE_ID = "DEVICE_ID"
    CREATED_TIME = "CREATED_TIME"
    NAME = "NAME"
    DEVICE_AGGREGATED_STATUS = "DEVICE_AGGREGATED_STATUS"


class ListDevicesQuery(Struct, rename="pascal", frozen=True):
    """The query of a list."""

    device_aggregated_status_filter: AggregatedStatus | None = None
    max_results: Annotated[int, Meta(ge=0, le=25)] = 25
    name_filter: Annotated[str, Meta(max_length=255)] = ""
    next_token: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    sort_by: SortBy = SortBy.DEVICE_ID
    sort_order: Literal["ASCENDING", "DESCENDING"] = "ASCENDING"


class DeviceSummary(Struct, rename="pascal", frozen=True, omit_defaults=True):
    """A device in a list; times are seconds since 1970."""

    device_id: str
    name: str
    created_time: float
    last_updated_time: float
    provisioning_status: str
    device_aggregated_status: str
    description: str = ""
    tags: Tags | UnsetType = UNSET
    lease_expiration_time: float | UnsetType = UNSET


class ListDevicesResponse(Struct, rename="pascal", frozen=True):
    """A page; without a token it is the last one."""

    devices: list[DeviceSummary]
    next_token: str | UnsetType = UNSET


class DescribeDeviceResponse(Struct, rename="pascal", frozen=True, omit_defaults=True):
    """All that is known of a device."""

    arn: str
    device_id: str
    name: str
    created_time: float
    provisioning_status: str
    device_aggregated_status: str
    device_connection_status: str
    description: str = ""
    tags: Tags | UnsetType = UNSET
    lease_expiration_time: float | UnsetType = UNSET
    networking_configuration: msgspec.Raw | UnsetType = UNSET


def summary(
    device: ProvisionedDevice, aggregated: AggregatedStatus, *, now_ms: int, lease_ends_ms: int | None
) -> DeviceSummary:
    """Write a device as lists show it."""
    return DeviceSummary(
        device_id=device.id,
        name=device.name,
        created_time=device.created_at_ms / 1000,
        last_updated_time=device.updated_at_ms / 1000,
        provisioning_status=device.status(now_ms),
        device_aggregated_status=aggregated,
        description=device.description,
        tags=dict(device.tags) or UNSET,
        lease_expiration_time=UNSET if lease_ends_ms is None else lease_ends_ms / 1000,
    )


def described(
    device: ProvisionedDevice,
    aggregated: AggregatedStatus,
    *,
    arn: str,
    is_online: bool,
    now_ms: int,
    lease_ends_ms: int | None,
) -> DescribeDeviceResponse:
    """Write a device with all that is known of it."""
    status = device.status(now_ms)
    return DescribeDeviceResponse(
        arn=arn,
        device_id=device.id,
        name=device.name,
        created_time=device.created_at_ms / 1000,
        provisioning_status=status,
        device_aggregated_status=aggregated,
        device_connection_status=connection_of(status, is_online=is_online),
        description=device.description,
        tags=dict(device.tags) or UNSET,
        lease_expiration_time=UNSET if lease_ends_ms is None else lease_ends_ms / 1000,
        networking_configuration=msgspec.Raw(device.networking.encode()) if device.networking else UNSET,
    )
