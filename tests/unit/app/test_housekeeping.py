from __future__ import annotations

from types import SimpleNamespace

import pytest

from cloudstead.app.housekeeping import tidy_up
from cloudstead.app.settings import ArchiveSettings, LogSettings, Settings
from factories.tenants import tenant

__all__ = ["tenant"]

DAY_MS = 24 * 60 * 60 * 1000


class RecordingLog:
    """Notes from where on it was told to keep records."""

    keep_from = 0

    def retain(self, policy, *, now, keep_from):
        self.keep_from = keep_from
        return 0


class RecordingArchive:
    """Notes which objects it was told to drop."""

    def __init__(self, stored_offset: int) -> None:
        self.stored_offset = stored_offset
        self.dropped_before = None

    async def drop_before(self, before_ms: int) -> int:
        self.dropped_before = before_ms
        return 0


def cloud_of(tenant, *, flushed: int, archive: RecordingArchive | None):
    return SimpleNamespace(
        settings=Settings(log=LogSettings(keep_days=1)),
        spine=SimpleNamespace(projector=SimpleNamespace(flushed_offset=flushed)),
        archive=archive,
        clock=tenant.clock,
        log=RecordingLog(),
        database=tenant.database,
        index=None,
    )


@pytest.mark.parametrize(("flushed", "archived", "keep_from"), [(90, 40, 41), (40, 90, 41), (7, 7, 8)])
async def test_the_log_is_kept_for_whoever_has_come_least_far(tenant, flushed, archived, keep_from):
    cloud = cloud_of(tenant, flushed=flushed, archive=RecordingArchive(archived))
    await tidy_up(cloud)
    assert cloud.log.keep_from == keep_from


async def test_an_archive_that_is_off_keeps_nothing(tenant):
    cloud = cloud_of(tenant, flushed=90, archive=None)
    await tidy_up(cloud)
    assert cloud.log.keep_from == 91


async def test_archived_messages_stay_unless_days_are_set(tenant):
    archive = RecordingArchive(9)
    await tidy_up(cloud_of(tenant, flushed=9, archive=archive))
    assert archive.dropped_before is None


async def test_archived_messages_go_after_the_days_that_are_set(tenant):
    archive = RecordingArchive(9)
    cloud = cloud_of(tenant, flushed=9, archive=archive)
    cloud.settings = Settings(archive=ArchiveSettings(keep_days=30))
    await tidy_up(cloud)
    assert archive.dropped_before == tenant.clock.millis() - 30 * DAY_MS
