"""What connections tell of devices: that one has come for the first time, and when it was last there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.audit.record import record
from cloudstead.core.caller import Caller
from cloudstead.core.provisioning.model import ProvisioningStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any

    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import IdSource, ThingUid
    from cloudstead.core.unit import Database, Unit


class Contacts:
    """Gathers who came and went, and writes it down together: a storm of connections costs a few transactions.

    ``spawn`` runs a coroutine in the background and reports its failure.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: IdSource,
        *,
        spawn: Callable[[Coroutine[Any, Any, None]], Awaitable[None]],
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._spawn = spawn
        self._seen: set[ThingUid] = set()
        self._writing: Awaitable[None] | None = None

    def note(self, thing_uid: ThingUid) -> None:
        """Note that a thing has connected or disconnected just now; it may or may not be a provisioned device."""
        self._seen.add(thing_uid)
        if self._writing is None:
            self._writing = self._spawn(self._write())

    async def close(self) -> None:
        """Return when all that was noted is written."""
        if self._writing is not None:
            await self._writing

    async def _write(self) -> None:
        try:
            while self._seen:
                await self._write_seen()
        finally:
            self._writing = None

    async def _write_seen(self) -> None:
        seen, self._seen = self._seen, set()
        now_ms = self._clock.millis()
        try:
            await self._database.write(lambda unit: self._touch(unit, seen, now_ms))
        except BaseException:
            self._seen |= seen  # nothing was written: whoever is noted next takes them along
            raise

    def _touch(self, unit: Unit, seen: set[ThingUid], now_ms: int) -> None:
        for account_id, device_id in unit.provisioned_devices.touch(seen, now_ms):
            record(
                unit,
                Caller(account_id, f"device:{device_id}", device_id, None, ()),
                clock=self._clock,
                ids=self._ids,
                operation="device.connect",
                object_type="device",
                object_id=device_id,
                after={"status": ProvisioningStatus.SUCCEEDED},
            )
