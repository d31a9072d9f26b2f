"""What has to be done now and then: old log segments, observations and tokens go, certificates are renewed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cloudstead.core.identityproviders.sign_out import end_expired
from cloudstead.core.people.forgetting import AT_ONCE, Forgetting
from cloudstead.core.people.links import KEPT_MS
from cloudstead.core.people.sessions import LONGEST_IDLE_MS, NOTED_EVERY_MS
from cloudstead.core.provisioning.forgetting import ForgettingDevices
from cloudstead.log import Retention

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.app.cloud import Cloud
    from cloudstead.app.renewal import ServedCertificate
    from cloudstead.core.accounts.ends import AccountEnds
    from cloudstead.core.ids import AccountId
    from cloudstead.core.unit import Database

_EVERY_S: Final = 60.0
_MIB: Final = 1 << 20
_JOBS_AT_ONCE: Final = 1000
_ENDS_AT_ONCE: Final = 1000
_DAY_MS: Final = 24 * 60 * 60 * 1000


async def keep_house(cloud: Cloud, certificates: Sequence[ServedCertificate], ends: AccountEnds) -> None:
    """Tidy up, let accounts run out and renew ``certificates`` once a minute, until cancelled.

    What fails is reported and tried again. An account that ran out while nobody served is ended at once.
    """
    while True:
        await tend_ends(cloud.database, ends, cloud.tasks.report)
        await asyncio.sleep(_EVERY_S)
        try:
            await tidy_up(cloud)
        except Exception as error:  # noqa: BLE001 - the worker's edge: reported, and tried again in a minute
            cloud.tasks.report("housekeeping", error)
        for certificate in certificates:
            try:
                certificate.renew()
            except OSError as error:
                cloud.tasks.report("renewing a server certificate", error)


async def tend_ends(database: Database, ends: AccountEnds, report: Callable[[str, Exception], None]) -> None:
    """Warn accounts and let them run out, each in a transaction of its own, so that none is in another one's way."""
    try:
        now_ms = ends.clock.millis()
        due = await database.read(lambda unit: unit.accounts.due(now_ms, limit=_ENDS_AT_ONCE))
        for each in due:
            await _tend_end(database, ends, each.account.id, report)
    except Exception as error:  # noqa: BLE001 - the worker's edge: reported, and tried again in a minute
        report("looking for accounts that run out", error)


async def _tend_end(
    database: Database, ends: AccountEnds, account_id: AccountId, report: Callable[[str, Exception], None]
) -> None:
    try:
        await database.write(lambda unit: ends.tend(unit, account_id))
    except Exception as error:  # noqa: BLE001 - likewise
        report("the end of an account", error)


async def tidy_up(cloud: Cloud) -> None:
    """Remove what the settings no longer want."""
    kept = cloud.settings.log
    policy = Retention(
        max_age=timedelta(days=kept.keep_days) if kept.keep_days else None,
        max_bytes=kept.keep_megabytes * _MIB if kept.keep_megabytes else None,
    )
    # The index and what is written with it, and the archive, have to see a record before it may go.
    kept_for = [cloud.spine.projector.flushed_offset]
    if cloud.archive is not None:
        kept_for.append(cloud.archive.stored_offset)
    now = cloud.clock.now()
    await asyncio.to_thread(cloud.log.retain, policy, now=now, keep_from=min(kept_for) + 1)
    now_ms = cloud.clock.millis()
    await cloud.database.write(lambda unit: unit.refresh_tokens.drop_expired(now_ms))
    await cloud.database.write(lambda unit: unit.links.drop_expired(now_ms - KEPT_MS))
    await forget_people(cloud.database, Forgetting(cloud.clock, cloud.ids))
    await forget_devices(cloud.database, ForgettingDevices(cloud.clock, cloud.ids))
    await cloud.database.write(lambda unit: unit.sessions.drop_unused(now_ms - LONGEST_IDLE_MS - NOTED_EVERY_MS))
    await cloud.database.write(lambda unit: unit.vouched_certificates.drop_expired(now_ms))
    await cloud.database.write(lambda unit: end_expired(unit, now_ms))
    await cloud.database.write(lambda unit: unit.cloud_tokens.drop_expired(now_ms))
    await cloud.clouds.usage.measure_all()
    if cloud.settings.observations.keep_days:
        before = now - timedelta(days=cloud.settings.observations.keep_days)
        for account in await cloud.database.read(lambda unit: unit.accounts.all()):
            await cloud.index.drop_before(account.id, before)
    await _drop_finished_jobs(cloud, now_ms)
    if cloud.archive is not None and cloud.settings.archive.keep_days:
        await cloud.archive.drop_before(now_ms - cloud.settings.archive.keep_days * _DAY_MS)


async def forget_people(database: Database, forgetting: Forgetting) -> None:
    """Forget everybody who was waited for in vain, a hundred at a time."""
    for forget in (forgetting.uninvited, forgetting.unconfirmed):
        forgotten = AT_ONCE
        while forgotten == AT_ONCE:
            forgotten = await database.write(forget)


async def forget_devices(database: Database, forgetting: ForgettingDevices) -> None:
    """Forget every device that never came, a hundred at a time."""
    while await database.write(forgetting.never_came):
        pass


async def _drop_finished_jobs(cloud: Cloud, now_ms: int) -> None:
    """Drop them a thousand at a time, so that no writer waits for long."""
    kept = cloud.settings.jobs
    done_before_ms = now_ms - kept.keep_done_days * _DAY_MS
    dead_before_ms = now_ms - kept.keep_dead_days * _DAY_MS
    dropped = _JOBS_AT_ONCE
    while dropped == _JOBS_AT_ONCE:
        dropped = await cloud.database.write(
            lambda unit: unit.jobs.drop_finished(
                done_before_ms=done_before_ms, dead_before_ms=dead_before_ms, limit=_JOBS_AT_ONCE
            )
        )
