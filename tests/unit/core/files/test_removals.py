from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import msgspec
import pytest

from cloudstead.core.caller import Caller, Grant
from cloudstead.core.credentials.certificates import Certificates
from cloudstead.core.errors import OutOfReach
from cloudstead.core.files.errors import ObjectsUnavailable
from cloudstead.core.files.image_paths import path_of_image
from cloudstead.core.files.removals import IMAGE_REMOVAL, MOST_PATHS, ImagePaths, ImageRemovals, ImageRemover
from cloudstead.core.ids import ThingName, ThingUid
from cloudstead.core.jobs.model import Done, Failed, JobState
from cloudstead.core.paging import PageRequest
from cloudstead.core.things.errors import ThingNotFound
from cloudstead.core.things.many import ManyThings
from cloudstead.core.things.registry import Things
from factories.files import as_base64, file_rooms, picture
from factories.jobs import duty, eventually, working


@pytest.fixture
def rooms(tenant):
    with ThreadPoolExecutor(1) as executor:
        yield file_rooms(tenant, executor)


@pytest.fixture
def things(tenant):
    return Things(tenant.clock, tenant.ids, Certificates(None, tenant.sealer, clock=tenant.clock, ids=tenant.ids))


class Unsteady:
    """A store of objects that does not answer the next ``down`` times."""

    def __init__(self, objects, down):
        self.objects = objects
        self.down = down

    async def delete(self, path):
        if self.down:
            self.down -= 1
            raise ObjectsUnavailable
        await self.objects.delete(path)


async def jobs_of(tenant, account_id=None):
    def read(unit):
        whose = account_id or tenant.account.id
        page = unit.jobs.page(whose, PageRequest(limit=100), kind=IMAGE_REMOVAL)
        return [unit.jobs.get(whose, job.id) for job in page.items]

    return await tenant.database.read(read)


def paths_of(job):
    return msgspec.json.decode(job.payload, type=ImagePaths).paths


async def lamp_with_image(tenant, rooms):
    lamp = await tenant.add_thing("lamp")
    await put(tenant, rooms, lamp)
    return lamp


async def put(tenant, rooms, thing):
    await rooms.images.put(tenant.caller, name=thing.name, thing_type=thing.thing_type, text=as_base64(picture()))


async def remove(tenant, things, name="lamp", caller=None):
    await tenant.database.write(lambda unit: things.remove(unit, caller or tenant.caller, name=name))


async def stored(rooms):
    return [entry.path for entry in await rooms.objects.list_after("", after="", limit=10)]


async def due(tenant):
    return [job for job in await jobs_of(tenant) if job.due_at_ms <= tenant.clock.millis()]


async def test_the_job_is_there_as_soon_as_the_thing_is_not(tenant, things):
    lamp = await tenant.add_thing("lamp")

    await remove(tenant, things)

    (job,) = await jobs_of(tenant)
    assert paths_of(job) == [path_of_image(lamp)]
    assert (job.state, job.due_at_ms) == (JobState.WAITING, tenant.clock.millis())


async def test_a_removal_that_comes_to_nothing_leaves_no_job(tenant, things, rooms):
    lamp = await lamp_with_image(tenant, rooms)

    def give_up(unit):
        things.remove(unit, tenant.caller, name=lamp.name)
        raise OutOfReach

    with pytest.raises(OutOfReach):
        await tenant.database.write(give_up)

    assert await due(tenant) == []


async def test_nobody_removes_the_image_of_another_accounts_thing(tenant, things, rooms):
    await lamp_with_image(tenant, rooms)
    other = await tenant.open_another_account()
    foreigner = Caller(other.id, "person:x", "x", None, (Grant("root", "Administrator"),))

    with pytest.raises(ThingNotFound):
        await remove(tenant, things, caller=foreigner)

    assert await due(tenant) == []
    assert await jobs_of(tenant, other.id) == []


async def test_an_image_goes_though_the_process_died_behind_the_removal(tenant, things, rooms):
    await lamp_with_image(tenant, rooms)
    await remove(tenant, things)
    assert len(await stored(rooms)) == 1  # nobody has worked since

    async with working(tenant, duty(rooms.remover)) as shift:  # the next process

        async def is_gone():
            return await stored(rooms) == []

        await eventually(is_gone)
    assert shift.dead == []
    assert shift.reports == []


async def test_a_store_that_is_down_for_a_while_is_asked_again(tenant, things, rooms):
    lamp = await lamp_with_image(tenant, rooms)
    await remove(tenant, things)
    (job,) = [each for each in await due(tenant) if paths_of(each) == [path_of_image(lamp)]]

    async with working(tenant, duty(ImageRemover(tenant.database, Unsteady(rooms.objects, down=2)))) as shift:
        for tries in (1, 2):

            async def has_failed(wanted=tries):
                return (await shift.get(job.id)).tries == wanted

            await eventually(has_failed)
            assert len(await stored(rooms)) == 1
            await shift.pauses.advance(60)
        done = await shift.until_state(job.id, "DONE")

    assert (done.attempts, done.payload) == (3, b"")
    assert await stored(rooms) == []
    assert (shift.dead, shift.reports) == ([], [])


async def test_a_job_that_comes_twice_changes_nothing_the_second_time(tenant, things, rooms):
    await lamp_with_image(tenant, rooms)
    await remove(tenant, things)
    (job,) = await due(tenant)

    assert [await rooms.remover.perform(job) for _ in range(2)] == [Done(detail="The images of 1 things are gone.")] * 2


async def test_a_torn_job_does_what_is_left_of_it(tenant, things, rooms):
    lamps = [await tenant.add_thing(f"lamp-{number}") for number in range(3)]
    for lamp in lamps:
        await put(tenant, rooms, lamp)
    await tenant.database.write(lambda unit: ManyThings(tenant.clock, tenant.ids).remove(unit, tenant.caller, lamps))
    (job,) = await due(tenant)
    await rooms.objects.delete(paths_of(job)[0])  # as far as the process came that had it first

    assert isinstance(await rooms.remover.perform(job), Done)
    assert await stored(rooms) == []


async def test_the_image_of_a_living_thing_stays_whatever_a_job_says(tenant, rooms):
    lamp = await lamp_with_image(tenant, rooms)
    removals = ImageRemovals(tenant.clock, tenant.ids)
    await tenant.database.write(lambda unit: removals.follow(unit, [lamp]))
    (job,) = await due(tenant)

    assert await rooms.remover.perform(job) == Done(detail="The images of 0 things are gone.")
    assert await stored(rooms) == [path_of_image(lamp)]


@pytest.mark.parametrize(
    "path",
    [
        "other/ThingFilesBucket/1/lamp!0123",
        "{account}/ThingCertsBucket/1/lamp!0123",
        "{account}/ThingFilesBucket/1/lamp",
        "{account}/ThingFilesBucket/1!0123/lamp",
        "",
    ],
)
async def test_nothing_is_deleted_but_images_of_things_of_the_jobs_account(tenant, things, rooms, path):
    lamp = await tenant.add_thing("lamp")
    await remove(tenant, things, lamp.name)
    (job,) = await jobs_of(tenant)
    wrong = path.format(account=tenant.account.id)
    if wrong:
        await rooms.objects.put(wrong, b"precious")
    payload = msgspec.json.encode(ImagePaths([path_of_image(lamp), wrong]))

    result = await rooms.remover.perform(replace(job, payload=payload))

    assert isinstance(result, Failed)
    assert result.is_final
    assert await stored(rooms) == ([wrong] if wrong else [])


async def test_a_job_that_cannot_be_read_is_given_up(tenant, things, rooms):
    await tenant.add_thing("lamp")
    await remove(tenant, things)
    (job,) = await jobs_of(tenant)

    result = await rooms.remover.perform(replace(job, payload=b"{"))

    assert (type(result), result.is_final) == (Failed, True)


async def test_many_things_share_jobs_of_a_bounded_size(tenant):
    lamp = await tenant.add_thing("lamp")
    longest = [
        replace(lamp, uid=ThingUid(tenant.ids.new()), name=ThingName(f"{number:0128d}"))
        for number in range(2 * MOST_PATHS + 1)
    ]

    def write(unit):
        ImageRemovals(tenant.clock, tenant.ids).follow(unit, longest)

    await tenant.database.write(write)

    jobs = await jobs_of(tenant)
    assert [len(paths_of(job)) for job in jobs] == [MOST_PATHS, MOST_PATHS, 1]
    assert [path for job in jobs for path in paths_of(job)] == [path_of_image(each) for each in longest]
    assert max(len(job.payload) for job in jobs) < 256 * 1024


async def test_removing_no_things_leaves_no_job(tenant):
    await tenant.database.write(lambda unit: ManyThings(tenant.clock, tenant.ids).remove(unit, tenant.caller, []))
    assert await jobs_of(tenant) == []


async def test_an_image_stored_while_its_thing_was_removed_goes_away_too(tenant, things, rooms):
    lamp = await tenant.add_thing("lamp")
    store = rooms.objects.put

    async def slow(path, content):
        await remove(tenant, things)
        for job in await due(tenant):
            await rooms.remover.perform(job)  # too early to find anything
        return await store(path, content)

    rooms.objects.put = slow
    with pytest.raises(ThingNotFound):
        await put(tenant, rooms, lamp)

    for job in await due(tenant):
        await rooms.remover.perform(job)
    assert await stored(rooms) == []


async def test_an_image_stored_by_a_process_that_died_before_it_saw_the_removal_goes_away_later(tenant, things, rooms):
    lamp = await tenant.add_thing("lamp")
    store = rooms.objects.put

    async def dying(path, content):
        await remove(tenant, things)
        for job in await due(tenant):
            await rooms.remover.perform(job)
        await store(path, content)
        raise asyncio.CancelledError

    rooms.objects.put = dying
    with pytest.raises(asyncio.CancelledError):
        await put(tenant, rooms, lamp)
    assert await stored(rooms) == [path_of_image(lamp)]

    async with working(tenant, duty(rooms.remover)) as shift:
        await shift.pauses.advance(601)

        async def is_gone():
            return await stored(rooms) == []

        await eventually(is_gone)


async def test_an_image_put_and_looked_after_stays(tenant, rooms):
    lamp = await lamp_with_image(tenant, rooms)
    (job,) = await jobs_of(tenant)

    async with working(tenant, duty(rooms.remover)) as shift:
        await shift.pauses.advance(601)
        await shift.until_state(job.id, "DONE")

    assert await stored(rooms) == [path_of_image(lamp)]
