from __future__ import annotations

import gc
from dataclasses import replace

import pytest

from cloudstead.core.domains.events import DomainMoved
from cloudstead.core.things.directory import ThingDirectory
from cloudstead.core.things.events import ThingChanged, ThingRemoved


class CountingDatabase:
    """Counts reads; lets something happen between a read and its return, as on a server far away."""

    def __init__(self, database):
        self._database = database
        self.reads = 0
        self.meanwhile = []

    async def read(self, work):
        self.reads += 1
        found = await self._database.read(work)
        if self.meanwhile:
            await self.meanwhile.pop()()
        return found


@pytest.fixture
def database(tenant):
    return CountingDatabase(tenant.database)


@pytest.fixture
def directory(tenant, database):
    made = ThingDirectory(database)
    made.listen(tenant.bus)
    return made


@pytest.fixture
async def lamp(tenant):
    await tenant.add_domain("sub1")
    await tenant.add_domain("sub2", parent_id="sub1")
    return await tenant.add_thing("lamp", domain_id="sub2")


async def remove(tenant, thing):
    def write(unit):
        unit.things.remove(tenant.account.id, thing.uid)
        unit.emit(ThingRemoved(thing, unit.domains.tree(tenant.account.id).path(thing.domain_id)))

    await tenant.database.write(write)


async def move(tenant, thing, domain_id):
    def write(unit):
        tree = unit.domains.tree(tenant.account.id)
        moved = replace(thing, domain_id=domain_id)
        unit.things.replace(moved)
        unit.emit(ThingChanged(thing, tree.path(thing.domain_id), moved, tree.path(domain_id)))

    await tenant.database.write(write)


async def move_domain(tenant, domain_id, parent_id):
    def write(unit):
        domain = unit.domains.tree(tenant.account.id).get(domain_id)
        unit.domains.replace(replace(domain, parent_id=parent_id))
        path = unit.domains.tree(tenant.account.id).path(domain_id)
        unit.emit(DomainMoved(tenant.account.id, domain_id, path))

    await tenant.database.write(write)


async def test_a_thing_is_read_once(tenant, directory, database, lamp):
    first = await directory.find(tenant.account.id, "lamp")
    again = await directory.find(tenant.account.id, "lamp")
    by_uid = (await directory.load([lamp.uid]))[lamp.uid]

    assert first is again is by_uid
    assert (database.reads, first.topics.family_update) == (1, "thing-update/sub1/sub2/lamp")


async def test_many_things_are_read_at_once_and_those_that_are_gone_are_left_out(tenant, directory, database, lamp):
    pump = await tenant.add_thing("pump")
    entries = await directory.load([lamp.uid, pump.uid, "f" * 32])

    assert ({entry.name for entry in entries.values()}, database.reads) == ({"lamp", "pump"}, 1)


async def test_a_thing_of_another_account_is_not_found(tenant, directory, lamp):
    other = await tenant.open_another_account()

    assert await directory.find(other.id, "lamp") is None


async def test_a_move_is_seen_by_whoever_holds_the_entry(tenant, directory, lamp):
    held = await directory.find(tenant.account.id, "lamp")
    await move(tenant, lamp, "sub1")

    assert (held.domain_id, held.topics.family_update) == ("sub1", "thing-update/sub1/lamp")


async def test_a_moved_domain_takes_its_things_along_at_once_and_without_reading(tenant, directory, database, lamp):
    await tenant.add_thing("pump", domain_id="sub1")
    lamp_entry = await directory.find(tenant.account.id, "lamp")
    pump_entry = await directory.find(tenant.account.id, "pump")
    await tenant.add_domain("sub3", parent_id="sub2")
    await tenant.add_thing("fan", domain_id="sub3")
    fan_entry = await directory.find(tenant.account.id, "fan")
    reads = database.reads
    await move_domain(tenant, "sub2", "root")

    assert lamp_entry.topics.family_update == "thing-update/sub2/lamp"
    assert fan_entry.topics.family_update == "thing-update/sub2/sub3/fan"
    assert pump_entry.topics.family_update == "thing-update/sub1/pump"
    assert (lamp_entry.domain_id, database.reads) == ("sub2", reads)


async def test_domains_of_the_same_name_in_another_account_stay_where_they_are(tenant, directory, lamp):
    held = await directory.find(tenant.account.id, "lamp")
    other = await tenant.open_another_account()
    tenant.bus.publish(DomainMoved(other.id, "sub2", ("root", "sub2")))

    assert held.topics.family_update == "thing-update/sub1/sub2/lamp"


async def test_a_removed_thing_is_dead_to_whoever_holds_it_and_is_found_no_more(tenant, directory, lamp):
    held = await directory.find(tenant.account.id, "lamp")
    await remove(tenant, lamp)

    assert not held.is_live
    assert await directory.find(tenant.account.id, "lamp") is None


async def test_a_thing_made_anew_is_another_entry(tenant, directory, lamp):
    old = await directory.find(tenant.account.id, "lamp")
    await remove(tenant, lamp)
    again = await tenant.add_thing("lamp")
    new = await directory.find(tenant.account.id, "lamp")

    assert (new.uid, new.is_live, old.is_live) == (again.uid, True, False)


async def test_a_late_word_of_a_removal_does_not_hide_the_thing_made_anew(tenant, directory, database, lamp):
    old = await directory.find(tenant.account.id, "lamp")
    await tenant.database.write(lambda unit: unit.things.remove(tenant.account.id, lamp.uid))
    again = await tenant.add_thing("lamp")
    await directory.load([again.uid])
    tenant.bus.publish(ThingRemoved(lamp, ("root", "sub1", "sub2")))
    reads = database.reads
    new = await directory.find(tenant.account.id, "lamp")

    assert (new.uid, old.is_live, database.reads) == (again.uid, False, reads)


async def test_a_thing_that_is_removed_while_it_is_read_is_not_found(tenant, directory, database, lamp):
    database.meanwhile.append(lambda: remove(tenant, lamp))

    assert await directory.find(tenant.account.id, "lamp") is None


async def test_a_thing_that_moves_while_it_is_read_is_where_it_went(tenant, directory, database, lamp):
    database.meanwhile.append(lambda: move(tenant, lamp, "sub1"))

    entry = (await directory.load([lamp.uid]))[lamp.uid]
    assert entry.topics.family_update == "thing-update/sub1/lamp"


async def test_a_domain_that_moves_while_a_thing_is_read_takes_it_along(tenant, directory, database, lamp):
    database.meanwhile.append(lambda: move_domain(tenant, "sub2", "root"))

    assert (await directory.find(tenant.account.id, "lamp")).topics.family_update == "thing-update/sub2/lamp"


async def test_an_entry_is_one_object_for_as_long_as_anybody_holds_it(tenant, directory, lamp):
    held = await directory.find(tenant.account.id, "lamp")
    directory._recent.clear()  # as if many others had been used since
    gc.collect()

    assert await directory.find(tenant.account.id, "lamp") is held
