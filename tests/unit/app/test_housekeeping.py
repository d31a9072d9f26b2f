from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from cloudstead.app.housekeeping import forget_people, tidy_up
from cloudstead.app.settings import ArchiveSettings, LogSettings, Settings
from cloudstead.core.audit.model import AuditFilter
from cloudstead.core.paging import PageRequest
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.people.forgetting import AT_ONCE, Forgetting
from cloudstead.core.people.model import Membership, Person
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


class UsageOfNone:
    """Measures the clouds of an installation that has none."""

    async def measure_all(self) -> None:
        pass


def cloud_of(tenant, *, flushed: int, archive: RecordingArchive | None):
    return SimpleNamespace(
        settings=Settings(log=LogSettings(keep_days=1)),
        spine=SimpleNamespace(projector=SimpleNamespace(flushed_offset=flushed)),
        archive=archive,
        clock=tenant.clock,
        ids=tenant.ids,
        log=RecordingLog(),
        database=tenant.database,
        index=None,
        clouds=SimpleNamespace(usage=UsageOfNone()),
    )


async def sign_up(tenant, *user_names):
    def write(unit):
        for user_name in user_names:
            person = Person(
                tenant.ids.new(),
                tenant.account.id,
                user_name,
                "",
                f"{user_name}@cloud.example",
                created_at_ms=tenant.clock.millis(),
                is_confirmed=False,
            )
            unit.people.add(person)
            unit.people.put_membership(Membership(tenant.account.id, person.id, ()))

    await tenant.database.write(write)


async def test_all_who_never_confirmed_go_after_thirty_days_however_many_they_are(tenant):
    forgetting = Forgetting(tenant.clock, tenant.ids)
    names = [f"user{number}" for number in range(2 * AT_ONCE + 1)]
    await sign_up(tenant, *names)
    tenant.clock.advance(timedelta(days=20))
    await sign_up(tenant, "young")
    tenant.clock.advance(timedelta(days=10))
    await forget_people(tenant.database, forgetting)
    assert await here(tenant, "user0", "young") == ["user0", "young"]
    tenant.clock.advance(timedelta(seconds=1))
    await forget_people(tenant.database, forgetting)
    assert await here(tenant, *names, "young", "ada") == ["young", "ada"]
    gone = [event for event in tenant.events if isinstance(event, PersonChanged)]
    assert len(gone) == len(names)
    page = await tenant.database.read(
        lambda unit: unit.audit.page(tenant.account.id, PageRequest(limit=9), AuditFilter(operation="person.forget"))
    )
    assert (page.total, page.items[0].object_id, page.items[0].principal) == (len(names), "user0", "cloudstead")


async def here(tenant, *user_names):
    """Return those of the people who are there still."""

    def read(unit):
        return [name for name in user_names if unit.people.by_user_name(tenant.account.id, name) is not None]

    return await tenant.database.read(read)


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
