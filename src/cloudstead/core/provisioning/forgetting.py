"""Forgetting devices that were announced and never came, so that their names and their room are free again.

Nothing has to happen for a device to fail: its status follows from the clock. What is forgotten here failed long ago.
One that came and did not go online stays, for it has a thing, whatever that is good for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cloudstead.core.audit.record import entry_of
from cloudstead.core.caller import Caller
from cloudstead.core.provisioning.devices import audited

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import IdSource
    from cloudstead.core.unit import Unit

FAILED_KEPT_MS: Final = 7 * 24 * 60 * 60 * 1000
"""How long a device that never came is still shown as failed, counted from the end of its claim."""

AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class ForgettingDevices:
    """Removes devices; each removal is in the trail of the account."""

    clock: Clock
    ids: IdSource

    def never_came(self, unit: Unit) -> int:
        """Remove some; return how many, so that whoever calls goes on until it is none."""
        devices = unit.provisioned_devices.never_came(self.clock.millis() - FAILED_KEPT_MS, limit=AT_ONCE)
        if devices:
            unit.provisioned_devices.remove_each([each.id for each in devices])
            unit.audit.add_each(
                [
                    entry_of(
                        Caller(each.account_id, "cloudstead", "cloudstead", None, ()),
                        clock=self.clock,
                        ids=self.ids,
                        operation="device.forget",
                        object_type="device",
                        object_id=each.id,
                        before=audited(each),
                    )
                    for each in devices
                ]
            )
        return len(devices)
