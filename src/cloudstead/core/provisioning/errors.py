"""What can go wrong with provisioning.

::

CloudsteadError
├── DeviceNotFound      no such device, or out of reach
├── DeviceNameTaken     another one is on its way, or there
├── ClaimRefused        the claim certificate is unknown, used up or of a device that is gone
└── ClaimExpired        it came too late
"""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError


class DeviceNotFound(CloudsteadError):
    """The account has no device with that id, or the caller may not see it."""

    code = "device_not_found"

    def __init__(self, device_id: str) -> None:
        super().__init__(f"The device {device_id} does not exist.")
        self.device_id = device_id


class DeviceNameTaken(CloudsteadError):
    """A device of that name is on its way or there; ``device_id`` is its id."""

    code = "device_name_taken"

    def __init__(self, name: str, device_id: str) -> None:
        super().__init__(
            f"A device named {name} exists already. Choose another name, or delete the device {device_id} first."
        )
        self.name = name
        self.device_id = device_id


class ClaimRefused(CloudsteadError):
    """The claim certificate opens nothing: it was never given out, is used up, or its device is gone."""

    code = "claim_refused"

    def __init__(self) -> None:
        super().__init__(
            "The archive is not valid, or was used before: each registers one device once. Provision the device again."
        )


class ClaimExpired(CloudsteadError):
    """The claim certificate was good for five minutes, which are over; the time is in ms."""

    code = "claim_expired"

    def __init__(self, ended_at_ms: int) -> None:
        super().__init__("The archive has expired: it is good for five minutes. Provision the device again.")
        self.ended_at_ms = ended_at_ms
