from __future__ import annotations

import asyncio

import pytest

from cloudstead.core.observations.errors import IndexUnavailable
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.things.events import ThingChanged, ThingCreated, ThingRemoved

STORE_DOWN = OSError(28, "No space left on device")


async def test_whoever_settles_finds_every_update_acknowledged_before(life):
    acknowledged = []
    for value in range(3):
        await life.update("lamp", {"a": value}, on_stored=lambda request: acknowledged.append(request.offset))
    life.writer.commit()  # acknowledged, and still waiting for its shadow to be read
    await life.spine.settle()

    assert sorted(life.world.index.observations) == acknowledged == [1, 2, 3]


async def test_whoever_settles_while_others_do_gets_what_was_acknowledged_meanwhile(life):
    index = life.world.index
    await life.update("lamp", {"a": 1})
    await life.commit()
    index.may_append.clear()
    first = life.begin(life.spine.settle())
    await index.reached.wait()
    await life.update("lamp", {"a": 2})
    await life.commit()
    second = life.begin(life.spine.settle())
    index.may_append.set()
    await second

    assert sorted(index.observations) == [1, 2]
    await first


async def test_whoever_gives_up_waiting_cuts_no_batch_off(life):
    """A search that is cut off by its client must not make the index get a batch twice."""
    index = life.world.index
    await life.update("lamp", {"a": 1})
    await life.commit()
    index.may_append.clear()
    searching = life.begin(life.spine.settle())
    await index.reached.wait()
    searching.cancel()
    await asyncio.gather(searching, return_exceptions=True)
    index.may_append.set()
    await life.spine.settle()

    assert index.offered == {1: 1}


async def test_many_who_settle_at_once_share_one_batch(life):
    await life.update("lamp", {"a": 1})
    await life.commit()
    await asyncio.gather(*(life.spine.settle() for _ in range(10)))

    assert len(life.world.index.batches) == 1


async def test_a_failing_index_is_told_to_whoever_settles_and_gets_everything_later(life):
    index = life.world.index
    index.is_down = True
    await life.update("lamp", {"a": 1})
    await life.commit()
    with pytest.raises(IndexUnavailable):
        await life.spine.settle()
    await life.update("lamp", {"a": 2})
    await life.commit()
    index.is_down = False
    await life.spine.settle()

    assert [[change.offset for change in batch.changes] for batch in index.batches] == [[1, 2]]


async def test_what_came_while_a_batch_failed_is_offered_behind_it(life):
    index = life.world.index
    index.breaks_after = 0
    index.may_append.clear()
    await life.update("lamp", {"a": 1})
    await life.commit()
    settling = life.begin(life.spine.settle())
    await index.reached.wait()
    await life.update("lamp", {"a": 2})
    await life.commit()
    index.may_append.set()
    await settling
    await life.spine.settle()

    assert sorted(index.observations) == sorted(index.changes) == [1, 2]
    assert [change.offset for batch in index.batches for change in batch.changes] == [1, 1, 2]


async def test_a_failing_index_stops_no_acknowledgement_and_no_answer(life):
    life.world.index.is_down = True
    acknowledged = []
    await life.update("lamp", {"a": 1}, on_stored=acknowledged.append)
    await life.commit()

    assert len(acknowledged) == 1
    assert "$aws/things/lamp/shadow/update/accepted" in life.audience.topics


async def test_what_the_index_has_is_not_offered_again_when_the_state_store_fails(life):
    life.database.write_failure = STORE_DOWN
    await life.update("lamp", {"a": 1})
    await life.commit()
    with pytest.raises(OSError, match="No space"):
        await life.spine.settle()
    life.database.write_failure = None
    await life.spine.settle()

    stored = await life.database.read(lambda unit: unit.shadows.checkpoint())
    assert (life.world.index.offered, stored) == ({1: 1}, 1)
    assert await stored_version(life) == 1


async def stored_version(life):
    uid = (await life.entry("lamp")).uid
    return await life.database.read(lambda unit: unit.shadows.load([uid])[0].version)


async def test_a_state_store_that_failed_gets_the_shadow_as_it_is_by_then(life):
    life.database.write_failure = STORE_DOWN
    await life.update("lamp", {"a": 1})
    await life.commit()
    with pytest.raises(OSError, match="No space"):
        await life.spine.settle()
    await life.update("lamp", {"a": 2})
    await life.commit()
    life.database.write_failure = None
    await life.spine.settle()

    assert await stored_version(life) == 2


async def test_the_background_writes_by_itself_and_knows_its_last_failure(life):
    index = life.world.index
    index.is_down = True
    await life.update("lamp", {"a": 1})
    await life.commit()
    writer = life.spine.projector
    await writer._write_in_background()
    await writer._index_in_background()
    failure = writer.index_failure
    index.is_down = False
    await writer._index_in_background()

    assert (type(failure), writer.index_failure, writer.last_failure) == (IndexUnavailable, None, None)
    assert sorted(index.observations) == [1]
    assert sorted(name for _, name in index.things) == ["lamp"]


# Things


class Registry:
    """Makes, changes and removes things as the registry of things does."""

    def __init__(self, life):
        self.tenant = life.world.tenant

    async def touch(self, name, *, is_new=False):
        def write(unit):
            thing = unit.things.get(self.tenant.account.id, name)
            path = unit.domains.tree(self.tenant.account.id).path(thing.domain_id)
            unit.things.mark_for_index([thing.uid])
            unit.emit(ThingCreated(thing, path) if is_new else ThingChanged(thing, path, thing, path))
            return thing

        return await self.tenant.database.write(write)

    async def make(self, name):
        await self.tenant.add_thing(name)
        return await self.touch(name, is_new=True)

    async def remove(self, name):
        def write(unit):
            thing = unit.things.get(self.tenant.account.id, name)
            unit.things.remove(self.tenant.account.id, thing.uid)
            unit.emit(ThingRemoved(thing, unit.domains.tree(self.tenant.account.id).path(thing.domain_id)))

        await self.tenant.database.write(write)


@pytest.fixture
def registry(life):
    return Registry(life)


def found(life, name):
    return life.world.index.things.get((life.world.tenant.account.id, name))


async def test_a_thing_is_found_with_what_it_last_reported(life, registry):
    await registry.make("fan")
    await life.update("fan", {"a": 1})
    await life.commit()
    await life.spine.settle_things()

    assert found(life, "fan").state_json == b'{"a":1}'


async def test_a_thing_that_was_found_before_is_found_with_what_it_reported_since(life):
    await life.update("lamp", {"a": 1})
    await life.commit()
    await life.spine.settle_things()
    await life.update("lamp", {"a": 2})
    await life.commit()
    await life.spine.settle_things()

    assert found(life, "lamp").state_json == b'{"a":2}'


async def test_a_deleted_shadow_leaves_a_thing_without_state(life):
    await life.update("lamp", {"a": 1})
    await life.submit("lamp", Verb.DELETE, b"")
    await life.commit()
    await life.spine.settle_things()

    assert found(life, "lamp").state_json == b"{}"


async def test_a_thing_that_is_gone_is_not_found(life, registry):
    await registry.make("fan")
    await life.spine.settle_things()
    await registry.remove("fan")
    await life.spine.settle_things()

    assert found(life, "fan") is None


async def test_a_thing_made_anew_under_a_name_takes_the_place_of_the_old_one(life, registry):
    await registry.make("fan")
    await life.update("fan", {"old": 1})
    await life.commit()
    await life.spine.settle_things()
    await registry.remove("fan")
    again = await registry.make("fan")
    await life.spine.settle_things()

    assert (found(life, "fan").thing_uid, found(life, "fan").state_json) == (again.uid, b"{}")


async def test_marks_outlive_a_crash_and_an_index_that_is_down(life, registry):
    life.world.index.is_down = True
    await registry.make("fan")
    with pytest.raises(IndexUnavailable):
        await life.spine.settle_things()
    await life.crash()
    life.world.index.is_down = False
    next_life = await life.world.live()
    await next_life.spine.settle_things()

    assert found(life, "fan") is not None


async def test_whoever_settles_while_marks_are_being_read_waits_for_them(life, registry):
    await registry.make("fan")
    life.database.may_read.clear()
    first = life.begin(life.spine.settle_things())
    await life.until(lambda: life.database.reads)
    second = life.begin(life.spine.settle_things())
    await asyncio.sleep(0)
    life.database.may_read.set()
    await second

    assert found(life, "fan") is not None
    await first


async def test_more_marks_than_are_read_at_once_are_all_followed(life, registry):
    lamp, pump = await life.entry("lamp"), await life.entry("pump")

    def mark(unit):
        for _ in range(1_000):
            unit.things.mark_for_index([lamp.uid])
        unit.things.mark_for_index([pump.uid])

    await life.database.write(mark)
    await life.spine.settle_things()

    assert found(life, "pump") is not None
    assert await life.database.read(lambda unit: unit.things.pending_for_index(limit=9)) == []


# What thing types learn


async def learnt(life):
    found = await life.database.read(lambda unit: unit.thing_types.get(life.world.tenant.account.id, "1"))
    return {name: value["type"] for name, value in found.resources.items()}


async def test_a_thing_type_learns_the_resources_of_its_things(life):
    await life.update(
        "lamp", {"on": True, "temp": 1.5, "pump": {"type": "pump", "rpm": 5}, "x": {"y": "z"}, "gone": None}
    )
    await life.commit()
    await life.spine.settle()

    assert await learnt(life) == {"on": "boolean", "temp": "number", "pump.rpm": "number", "untyped.y": "string"}


async def test_what_could_not_be_written_is_learnt_later(life):
    life.database.write_failure = STORE_DOWN
    await life.update("lamp", {"on": True})
    await life.commit()
    with pytest.raises(OSError, match="No space"):
        await life.spine.settle()
    life.database.write_failure = None
    await life.spine.settle()

    assert await learnt(life) == {"on": "boolean"}


async def test_a_device_that_invents_names_fills_its_type_up_to_the_limit_however_often_it_is_restarted(world):
    for start in range(3):
        life = await world.live()
        for part in range(4):
            await life.update("lamp", None if part else {"kept": 1})
            await life.update("lamp", {f"n{start}-{part}-{number}": 1 for number in range(150)})
            await life.submit("lamp", Verb.DELETE, b"")
        await life.commit()
        await life.spine.settle()
        await life.crash()

    resources = await learnt(life)
    assert (len(resources), resources["kept"]) == (1000, "number")
