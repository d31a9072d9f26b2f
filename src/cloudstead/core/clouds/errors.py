"""What can go wrong with device clouds.

::

    CloudsteadError
    ├── CloudNotFound        the account has no such cloud, whoever else may have one
    ├── CloudNameTaken       another cloud of the account is called so
    ├── CloudStateForbids    the cloud stands where that cannot be done
    ├── CloudChangeForbidden the field is settled, because the cloud is connected
    ├── ConnectRefused       a stack that calls back does not prove that it is the one
    ├── LaunchOver           the token of a launch link has done its work, or is past its end
    ├── HostNotOpen          no open host of that region takes a hosted cloud
    ├── HostInUse            hosted clouds stand on the host
    ├── CloudClosed          the cloud is disabled or suspended
    ├── CloudTokenNotFound   the account has no such token
    ├── CloudDeviceNotFound  nobody knows the device
    ├── DeviceNotClaimed     the device is known, and belongs to no cloud yet
    ├── DeviceClaimed        it belongs to another cloud
    ├── DeviceBlocked        it is kept away for a while
    └── EngineFailed         what the cloud runs on refused, or did not answer
"""

from __future__ import annotations

from cloudstead.core.errors import CloudsteadError


class CloudNotFound(CloudsteadError):
    """The account has no such cloud; one of another account is none."""

    code = "cloud_not_found"

    def __init__(self) -> None:
        super().__init__("Cannot find cloud")


class CloudNameTaken(CloudsteadError):
    """Another cloud of the account has that name."""

    code = "cloud_name_taken"

    def __init__(self) -> None:
        super().__init__("name: another cloud of the account has it")


class CloudStateForbids(CloudsteadError):
    """The cloud stands where the event cannot happen."""

    code = "cloud_state_forbids"

    def __init__(self, state: str, event: str, *, is_connected: bool = True) -> None:
        if state == "removing":
            text = "Cloud is being removed"
        elif not is_connected:
            text = f"Cloud is not connected, so {event} is not possible"
        else:
            text = f"Cloud is {state}, so {event} is not possible"
        super().__init__(text)
        self.state = state
        self.event = event


class CloudChangeForbidden(CloudsteadError):
    """The field cannot change any more once the cloud is connected."""

    code = "cloud_change_forbidden"

    def __init__(self, field: str) -> None:
        super().__init__(f"{field}: cannot change once the cloud is connected")
        self.field = field


class ConnectRefused(CloudsteadError):
    """The stack that calls back does not prove that it is the one, or its role is open to others than us."""

    code = "connect_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class LaunchOver(CloudsteadError):
    """The token of a launch link was used with success already, or its day is over."""

    code = "launch_over"

    def __init__(self) -> None:
        super().__init__("The launch link was used or is past its end. Make the cloud anew")


class HostNotOpen(CloudsteadError):
    """No host cloud takes a hosted one."""

    code = "host_not_open"

    def __init__(self) -> None:
        super().__init__("No open host cloud takes it")


class CloudClosed(CloudsteadError):
    """The cloud answers no device: it is disabled, suspended or being removed."""

    code = "cloud_closed"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Cloud is {reason}")
        self.reason = reason


class CloudTokenNotFound(CloudsteadError):
    """The account has no token with that id."""

    code = "cloud_token_not_found"

    def __init__(self) -> None:
        super().__init__("Cannot find token")


class CloudDeviceNotFound(CloudsteadError):
    """No device of that claim id is registered with the account. The words are those that agents compare."""

    code = "cloud_device_not_found"

    def __init__(self) -> None:
        super().__init__("Cannot find device")


class DeviceNotClaimed(CloudsteadError):
    """The device is registered, but nobody has claimed it for a cloud."""

    code = "device_not_claimed"

    def __init__(self) -> None:
        super().__init__("Device is not claimed")


class EngineFailed(CloudsteadError):
    """What the cloud runs on refused or failed; the text is shown to the owner, so it holds no secret.

    ``is_final`` when trying again cannot help before somebody has put it right.
    """

    code = "engine_failed"

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final


class HostInUse(CloudsteadError):
    """Hosted clouds stand on the host."""

    code = "host_in_use"

    def __init__(self) -> None:
        super().__init__("Hosted clouds stand on this host. Remove them first")


class DeviceClaimed(CloudsteadError):
    """The device belongs to another cloud of the account."""

    code = "device_claimed"

    def __init__(self) -> None:
        super().__init__("Device is claimed for another cloud. Release it first")


class DeviceBlocked(CloudsteadError):
    """The device is kept away for ``delay_s`` seconds: by an administrator, or because its cloud answers nobody."""

    code = "device_blocked"

    def __init__(self, reason: str, delay_s: int) -> None:
        super().__init__(reason)
        self.delay_s = delay_s
