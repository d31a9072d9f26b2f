"""Batches: asked for, made in steps, cut off and gone on with."""

from __future__ import annotations

import asyncio
import io
import zipfile
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cloudstead.core.batches.errors import NotInRange, TooManyBatches
from cloudstead.core.batches.maker import BatchMaker
from cloudstead.core.batches.registry import JOB_KIND, LARGEST_CONCURRENCY, MOST_UNFINISHED, Batches
from cloudstead.core.caller import Grant
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.core.credentials.certificates import Certificates
from cloudstead.core.errors import InvalidField, NotPermitted, OutOfReach
from cloudstead.core.files.model import is_sealed
from cloudstead.core.files.sealed import SealedObjects
from cloudstead.core.paging import PageRequest
from cloudstead.core.things.errors import ThingNameTaken
from cloudstead.core.things.registry import Things
from cloudstead.core.thingtypes.errors import ThingTypeNotFound
from cloudstead.core.thingtypes.model import ThingType
from cloudstead.storage.objects import FolderObjects
from factories.tenants import tenant

if TYPE_CHECKING:
    from cloudstead.core.batches.model import Batch
    from cloudstead.core.jobs.model import Job
    from factories.tenants import Tenant

__all__ = ["tenant"]


class PowerCut(BaseException):
    """The process is gone."""


@dataclass
class Works:
    """A tenant who may ask for batches, and the maker who makes them."""

    tenant: Tenant
    batches: Batches
    maker: BatchMaker
    objects: FolderObjects
    archives: SealedObjects

    async def ask(self, **changes) -> Batch:
        wanted = {"thing_type": "lamp", "domain_id": "north", "requested_size": 7, "concurrency": 3} | changes
        caller = wanted.pop("caller", self.tenant.caller)
        return await self.tenant.database.write(lambda unit: self.batches.create(unit, caller, **wanted))

    async def job(self) -> Job:
        page = await self.tenant.database.read(
            lambda unit: unit.jobs.page(self.tenant.account.id, PageRequest(), kind=JOB_KIND)
        )
        found = page.items[-1]
        return await self.tenant.database.read(lambda unit: unit.jobs.get(self.tenant.account.id, found.id))

    async def batch(self, batch: Batch) -> Batch:
        return await self.tenant.database.read(lambda unit: unit.batches.get(batch.account_id, batch.id))

    async def names(self) -> list[str]:
        account_id = self.tenant.account.id
        return list(
            await self.tenant.database.read(lambda unit: unit.things.names(account_id, ["north"], limit=10_000))
        )

    async def listed(self, caller=None, **wanted):
        asked = caller or self.tenant.caller
        found = await self.tenant.database.read(lambda unit: self.batches.first_page(unit, asked, **wanted))
        return [batch.id for batch in found.batches]


@pytest.fixture
async def works(tenant, tmp_path):
    files = create_authority(tenant.clock)
    authority = Authority(
        files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=tenant.clock
    )
    certificates = Certificates(authority, tenant.sealer, clock=tenant.clock, ids=tenant.ids)
    things = Things(tenant.clock, tenant.ids, certificates)
    objects = FolderObjects.open(tmp_path / "objects")
    archives = SealedObjects(objects, tenant.sealer, is_sealed=is_sealed)
    await tenant.add_domain("north")
    await tenant.add_domain("south")
    lamp = ThingType(tenant.account.id, "lamp", "root", label="Lamp")
    await tenant.database.write(lambda unit: unit.thing_types.add(lamp))
    return Works(
        tenant,
        Batches(tenant.clock, tenant.ids, things),
        BatchMaker(tenant.database, things, certificates, archives=archives, clock=tenant.clock),
        objects,
        archives,
    )


async def test_a_batch_makes_every_thing_and_an_archive_with_a_folder_for_each(works):
    batch = await works.ask()
    works.tenant.clock.advance(timedelta(seconds=5))
    await works.maker.perform(await works.job())

    done = await works.batch(batch)
    assert (done.current_size, done.errors, done.is_complete) == (7, (), True)
    assert done.finished_at_ms == works.tenant.clock.millis()
    names = await works.names()
    assert len(names) == 7
    content = await works.archives.get(f"{batch.account_id}/ThingCertsBucket/{batch.key}")
    assert len(content) == done.size
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        folders = [name.partition("/")[0] for name in archive.namelist() if name.endswith("/cert.pem")]
        assert folders == sorted(names)
        assert b"PRIVATE KEY" in archive.read(f"{names[0]}/privkey.pem")


async def test_an_archive_lies_sealed(works):
    batch = await works.ask(requested_size=1)
    await works.maker.perform(await works.job())
    stored = await works.objects.get(f"{batch.account_id}/ThingCertsBucket/{batch.key}")
    assert not stored.startswith(b"PK")


@pytest.mark.parametrize("writes", [1, 2, 3])
async def test_a_batch_that_was_cut_off_goes_on_with_the_next_thing(works, monkeypatch, writes):
    batch = await works.ask()
    job = await works.job()
    left, write = writes, works.tenant.database.write

    async def cut_off(work):
        nonlocal left
        if left == 0:
            raise PowerCut
        left -= 1
        return await write(work)

    monkeypatch.setattr(works.tenant.database, "write", cut_off)
    with pytest.raises(PowerCut):
        await works.maker.perform(job)
    monkeypatch.undo()
    assert (await works.batch(batch)).current_size == min(3 * writes, 7)
    await works.maker.perform(job)

    assert (await works.batch(batch)).is_complete
    names = await works.names()
    assert names == [f"{number:08d}" for number in range(1, 8)]
    archive = zipfile.ZipFile(io.BytesIO(await works.archives.get(f"{batch.account_id}/ThingCertsBucket/{batch.key}")))
    assert {name.partition("/")[0] for name in archive.namelist()} == set(names)


async def test_two_workers_at_the_same_batch_make_no_thing_too_many(works):
    batch = await works.ask(requested_size=30, concurrency=1)
    job = await works.job()

    await asyncio.gather(*(works.maker.perform(job) for _ in range(3)))

    done = await works.batch(batch)
    assert (done.current_size, done.is_complete) == (30, True)
    assert len(await works.names()) == 30


async def test_a_finished_batch_is_not_made_again(works):
    await works.ask()
    job = await works.job()
    await works.maker.perform(job)
    await works.maker.perform(job)
    assert len(await works.names()) == 7


async def test_what_hinders_each_thing_is_told_until_it_is_hopeless(works):
    batch = await works.ask(requested_size=50)
    await works.tenant.database.write(lambda unit: unit.thing_types.remove(batch.account_id, "lamp"))
    await works.maker.perform(await works.job())
    ended = await works.batch(batch)
    assert (ended.current_size, ended.is_complete) == (0, False)
    assert ended.finished_at_ms is not None
    assert [error.number for error in ended.errors] == list(range(1, 11))
    assert all("lamp" in error.message for error in ended.errors)


async def test_a_thing_that_cannot_be_made_keeps_no_other_from_being_made(works, monkeypatch):
    batch = await works.ask(requested_size=7)
    create, made = works.maker._things.create, 0

    def create_all_but_the_fifth(unit, caller, **wanted):
        nonlocal made
        thing = create(unit, caller, **wanted)
        if thing.name == "00000005" and made < 3:  # with the fourth, with those behind it, then alone
            made += 1
            raise ThingNameTaken(thing.name)
        return thing

    monkeypatch.setattr(works.maker._things, "create", create_all_but_the_fifth)
    await works.maker.perform(await works.job())
    ended = await works.batch(batch)
    assert (ended.current_size, [error.number for error in ended.errors]) == (6, [5])
    assert ended.finished_at_ms is not None
    assert not ended.is_complete
    assert len(await works.names()) == 6


async def test_a_thing_that_was_removed_meanwhile_is_not_in_the_archive(works):
    batch = await works.ask(requested_size=3)
    await works.maker.perform(await works.job())
    unfinished = replace(await works.batch(batch), finished_at_ms=None)

    def write(unit):
        unit.batches.replace(unfinished)
        gone = unit.things.get(batch.account_id, "00000002")
        unit.things.remove(batch.account_id, gone.uid)

    await works.tenant.database.write(write)
    await works.maker.perform(await works.job())
    content = await works.archives.get(f"{batch.account_id}/ThingCertsBucket/{batch.key}")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {name.partition("/")[0] for name in archive.namelist()} == {"00000001", "00000003"}


@pytest.mark.parametrize("size", [0, -1, 1001])
async def test_a_batch_has_from_one_to_a_thousand_things(works, size):
    with pytest.raises(NotInRange) as caught:
        await works.ask(requested_size=size)
    assert (caught.value.field, caught.value.least, caught.value.most) == ("requested_size", 1, 1000)


@pytest.mark.parametrize("concurrency", [0, LARGEST_CONCURRENCY + 1])
async def test_the_concurrency_is_bounded(works, concurrency):
    with pytest.raises(NotInRange):
        await works.ask(concurrency=concurrency)


async def test_a_batch_needs_the_right_at_its_domain(works):
    reader = works.tenant.caller_of(None, Grant("root", "Read"))
    with pytest.raises(NotPermitted):
        await works.ask(caller=reader)
    elsewhere = works.tenant.caller_of(None, Grant("south", "ReadWrite"))
    with pytest.raises(OutOfReach):
        await works.ask(caller=elsewhere)
    with pytest.raises(ThingTypeNotFound):
        await works.ask(thing_type="nowhere")


async def test_so_many_batches_may_wait_and_no_more(works):
    for _ in range(MOST_UNFINISHED):
        await works.ask(requested_size=1)
    with pytest.raises(TooManyBatches):
        await works.ask(requested_size=1)


async def test_unfinished_batches_are_listed_first_then_those_that_ended_last(works):
    first = await works.ask(requested_size=1)
    works.tenant.clock.advance(timedelta(seconds=1))
    await works.maker.perform(await works.job())
    second = await works.ask(requested_size=1)
    works.tenant.clock.advance(timedelta(seconds=1))
    await works.maker.perform(await works.job())
    third = await works.ask(requested_size=1)
    assert await works.listed() == [third.id, second.id, first.id]


async def test_the_list_is_narrowed_by_prefix_domain_type_and_texts(works):
    north = await works.ask(requested_size=1)
    works.tenant.clock.advance(timedelta(seconds=1))
    south = await works.ask(requested_size=1, domain_id="south")
    assert await works.listed(prefix=f"batch-lamp-{north.created_at_ms}") == [north.id]
    assert await works.listed(prefix="batch-other-") == []
    assert await works.listed(domains={"south"}) == [south.id]
    assert await works.listed(thing_types={"other"}) == []
    assert await works.listed(texts=["NORTH", "lamp"]) == [north.id]
    assert await works.listed(texts=["north", "south"]) == []


async def test_batches_outside_of_the_reach_are_not_listed(works):
    await works.ask(domain_id="south")
    seen = await works.ask()
    assert await works.listed(works.tenant.caller_of(None, Grant("north", "Read"))) == [seen.id]


async def test_a_list_says_when_there_are_more(works):
    for _ in range(2):
        await works.ask(requested_size=1)
        works.tenant.clock.advance(timedelta(seconds=1))
    caller = works.tenant.caller
    found = await works.tenant.database.read(lambda unit: works.batches.first_page(unit, caller, limit=1))
    assert (len(found.batches), found.is_truncated) == (1, True)
    with pytest.raises(NotInRange):
        await works.listed(limit=0)


async def test_a_type_whose_name_leads_out_of_the_bucket_has_no_batches(works):
    account_id = works.tenant.account.id
    climbing = ThingType(account_id, "a/../b", "root", label="Climbing")
    await works.tenant.database.write(lambda unit: unit.thing_types.add(climbing))
    with pytest.raises(InvalidField) as caught:
        await works.ask(thing_type="a/../b")
    assert caught.value.field == "thing_type"
