"""How many messages a cloud's devices may send: plans, and the meter that the gateway asks.

A plan allows so many messages of 1 KB for each device and hour, on average over the devices of a cloud. It is measured
in slices of 30 seconds: whoever sends more than four times the allowance over a minute waits, and more than eight
times where the five minutes before were light ("Device clouds", published limits).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.accounts.profile import Tier
from cloudstead.core.clouds.model import CloudType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MESSAGE_BYTES: Final = 1024
SLICE_S: Final = 30.0
THROTTLE_TIMES: Final = 4
BURST_TIMES: Final = 8
LIGHT_SLICES: Final = 10
"""Five minutes."""

_MINUTE_SLICES: Final = 2
_MINUTES_IN_HOUR: Final = 60

PLANS: Final[Mapping[str, int]] = {"hosted": 10, "evaluation": 60, "dedicated": 100}
"""Messages for each device and hour ("Device clouds", published limits)."""


def plan_of(cloud_type: CloudType, tier: Tier) -> str | None:
    """Return the plan of a new cloud; ``None`` for one on the owner's own installation, which has no limit."""
    if cloud_type is CloudType.DEDICATED:
        return "dedicated"
    if cloud_type is CloudType.HOSTED:
        return "evaluation" if tier is Tier.FREE else "hosted"
    return None


def quota_of(plan: str | None) -> dict[str, Any]:
    """Return what a cloud's record says of its plan."""
    if plan is None:
        return {}
    return {
        "messagesPerDeviceHour": PLANS[plan],
        "messageBytes": MESSAGE_BYTES,
        "throttleTimes": THROTTLE_TIMES,
        "burstTimes": BURST_TIMES,
    }


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the meter of a cloud allows, in messages of 1 KB for each device and hour."""

    per_device_hour: int
    message_bytes: int = MESSAGE_BYTES
    throttle_times: int = THROTTLE_TIMES
    burst_times: int = BURST_TIMES

    @classmethod
    def of(cls, quota: Mapping[str, Any]) -> Allowance | None:
        """Read the quota of a record; ``None`` where there is no limit."""
        per_device_hour = quota.get("messagesPerDeviceHour")
        if not isinstance(per_device_hour, int):
            return None
        return cls(
            per_device_hour,
            int(quota.get("messageBytes", MESSAGE_BYTES)),
            int(quota.get("throttleTimes", THROTTLE_TIMES)),
            int(quota.get("burstTimes", BURST_TIMES)),
        )

    def a_minute(self, devices: int) -> float:
        """Return the allowance of so many devices together for one minute."""
        return self.per_device_hour * max(1, devices) / _MINUTES_IN_HOUR


class Meter:
    """Counts what the devices of one cloud send. Lives on the event loop; noting a message costs a microsecond."""

    __slots__ = ("_begun", "_devices", "_slices", "allowance", "is_throttled", "messages", "monotonic")

    def __init__(self, allowance: Allowance, *, devices: int, monotonic: Callable[[], float]) -> None:
        """``devices`` is how many the cloud has; ``monotonic`` tells seconds."""
        self.allowance = allowance
        self.monotonic = monotonic
        self._devices = devices
        self._slices: deque[int] = deque([0], maxlen=_MINUTE_SLICES + LIGHT_SLICES)
        self._begun = monotonic()
        self.is_throttled = False
        self.messages = 0
        """All that were counted, in messages of 1 KB."""

    def counts(self, devices: int) -> None:
        """Take note of how many devices there are now."""
        self._devices = devices

    def note(self, payload_bytes: int) -> None:
        """Count a message; one of 3 KB is three."""
        self._pass_time()
        units = max(1, ceil(payload_bytes / self.allowance.message_bytes))
        self._slices[-1] += units
        self.messages += units
        self.is_throttled = self._is_over()

    def may_go_on(self) -> bool:
        """Tell whether more messages are welcome at this moment."""
        if self.is_throttled:
            self._pass_time()
            self.is_throttled = self._is_over()
        return not self.is_throttled

    def _pass_time(self) -> None:
        now = self.monotonic()
        behind = int((now - self._begun) // SLICE_S)
        if behind > 0:
            self._begun += behind * SLICE_S
            self._slices.extend([0] * min(behind, _MINUTE_SLICES + LIGHT_SLICES))

    def _is_over(self) -> bool:
        slices = list(self._slices)
        allowed = self.allowance.a_minute(self._devices)
        before = slices[:-_MINUTE_SLICES]
        # Light is what stays within the allowance; a meter that has just begun has seen nothing else.
        was_light = sum(before) <= allowed * LIGHT_SLICES / _MINUTE_SLICES
        times = self.allowance.burst_times if was_light else self.allowance.throttle_times
        # A whole message has to fit in, or small clouds could say nothing at all.
        return sum(slices[-_MINUTE_SLICES:]) >= max(1, ceil(allowed * times))
