"""Monthly usage: clouds elsewhere report it, those on this installation are measured; both end in the same rows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cloudstead.core.audit.record import record
from cloudstead.core.clouds.actor import service_actor
from cloudstead.core.clouds.errors import CloudNotFound
from cloudstead.core.clouds.model import MonthlyUsage
from cloudstead.core.errors import InvalidField

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.clouds.actor import Actor
    from cloudstead.core.clouds.engines import Engines
    from cloudstead.core.clouds.model import Cloud, CloudId
    from cloudstead.core.clouds.registry import Clouds
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.unit import Database, Unit

MOST_SLICES: Final = 1000
_MOST: Final = 2.0**53
_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class UsageSlice:
    """A part of a report."""

    devices: float = 0
    tenants: float = 0
    load: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a cloud says of its month."""

    account_id: AccountId
    cloud_id: CloudId
    count: float | None = None
    load: float | None = None
    slices: Sequence[UsageSlice] = ()


class UsageBook:
    """Keeps what clouds were used."""

    def __init__(self, database: Database, clouds: Clouds, engines: Engines, *, clock: Clock, ids: IdSource) -> None:
        self._database = database
        self._clouds = clouds
        self._engines = engines
        self._clock = clock
        self._ids = ids

    def report(self, unit: Unit, actor: Actor, said: Report) -> None:
        """Take a report into the row of the present month; raise ``CloudNotFound`` where token and words differ."""
        if said.account_id != actor.account_id or actor.only_cloud != said.cloud_id:
            raise CloudNotFound
        cloud = self._clouds.get(unit, actor, said.cloud_id)
        if len(said.slices) > MOST_SLICES:
            raise InvalidField("usage", f"holds more than {MOST_SLICES}")
        for each in said.slices:
            for name in ("devices", "tenants", "load"):
                _require_number(getattr(each, name), f"usage.{name}")
        _require_number(said.load, "load")
        _require_number(said.count, "count")
        self._keep(
            unit,
            actor.caller,
            cloud,
            MonthlyUsage(
                cloud_id=cloud.id,
                account_id=cloud.account_id,
                month=month_of(self._clock.now()),
                devices=int(sum(each.devices for each in said.slices)),
                tenants=int(sum(each.tenants for each in said.slices)),
                load=said.load if said.load is not None else sum(each.load for each in said.slices),
                count=said.count,
                reported_at_ms=self._clock.millis(),
            ),
            hubs=cloud.hubs,
        )

    async def measure_all(self) -> int:
        """Write down last month of every cloud on this installation where that is not done; return how many were."""
        now = self._clock.now()
        until = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        since = (until - timedelta(days=1)).replace(day=1)
        month, written, after = month_of(since), 0, ""
        while True:
            start = after
            clouds = await self._database.read(
                lambda unit: unit.clouds.unmeasured(month, start, limit=_AT_ONCE)  # noqa: B023 - run before the next round
            )
            if not clouds:
                return written
            for cloud in clouds:
                written += await self._measure(cloud, month, since, until)
            after = clouds[-1].id

    async def _measure(self, cloud: Cloud, month: str, since: datetime, until: datetime) -> int:
        since_ms, until_ms = _millis(since), _millis(until)
        if cloud.created_at_ms >= until_ms:
            return 0
        found = await self._engines.of(cloud.type).measure(cloud, since_ms=since_ms, until_ms=until_ms)
        if found is None:
            return 0
        usage = MonthlyUsage(
            cloud_id=cloud.id,
            account_id=cloud.account_id,
            month=month,
            devices=found.devices,
            tenants=found.tenants,
            load=found.load,
            count=None,
            reported_at_ms=self._clock.millis(),
        )

        def write(unit: Unit) -> int:
            current = unit.clouds.get(cloud.account_id, cloud.id)
            if current is None:
                return 0
            self._keep(unit, service_actor(cloud.account_id).caller, current, usage, hubs=found.hubs)
            return 1

        return await self._database.write(write)

    def _keep(self, unit: Unit, caller: Caller, cloud: Cloud, usage: MonthlyUsage, *, hubs: int | None) -> None:
        unit.clouds.put_usage(usage)
        after = replace(cloud, devices=usage.devices, tenants=usage.tenants, hubs=hubs, load=usage.load)
        self._clouds.put(unit, cloud, after)
        record(
            unit,
            caller,
            clock=self._clock,
            ids=self._ids,
            operation="cloud.report",
            object_type="cloud",
            object_id=cloud.id,
            after={"month": usage.month, "devices": usage.devices, "tenants": usage.tenants, "load": usage.load},
        )


def month_of(moment: datetime) -> str:
    """Return the calendar month of a time in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m}"


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _require_number(value: float | None, field: str) -> None:
    if value is not None and not (math.isfinite(value) and 0 <= value <= _MOST):
        raise InvalidField(field, "is no number of these things")
