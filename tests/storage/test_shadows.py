import pytest

from factories.rows import shadow, thing

pytestmark = pytest.mark.usefixtures("tenants")

EVERYTHING_SET = shadow(
    version=7,
    offset=2**40,
    updated_at_s=1_700_000_000,
    desired={"led": {"on": True, "level": 0.1, "name": "Flur\u0000😀"}},
    reported={"list": [1, [2.5, "x"], {"y": -1}], "big": 2**63 - 1, "empty": {}},
    desired_metadata={"led": {"on": {"timestamp": 1}}},
    reported_metadata={"list": [{"timestamp": 1}]},
)


async def add_things(database, *uids):
    def write(unit):
        for uid in uids:
            unit.things.add(thing(uid))

    await database.write(write)


async def test_a_shadow_comes_back_as_it_was_saved(database):
    await add_things(database, "u1")
    await database.write(lambda unit: unit.shadows.save([EVERYTHING_SET]))

    (loaded,) = await database.read(lambda unit: unit.shadows.load(["u1"]))
    assert loaded == EVERYTHING_SET


async def test_saving_again_replaces_every_column(database):
    await add_things(database, "u1")

    def write(unit):
        unit.shadows.save([shadow(desired={"a": 1}, reported={"b": 2})])
        unit.shadows.save([EVERYTHING_SET])
        return list(unit.shadows.load(["u1"]))

    assert await database.write(write) == [EVERYTHING_SET]


async def test_many_are_saved_and_loaded_at_once_and_those_without_a_shadow_left_out(database):
    uids = [f"u{number:03}" for number in range(300)]
    await add_things(database, *uids, "bare")
    shadows = [shadow(uid, version=number + 1, reported={"n": number}) for number, uid in enumerate(uids)]
    await database.write(lambda unit: unit.shadows.save(shadows))

    loaded = await database.read(lambda unit: unit.shadows.load([*uids, "bare", "nowhere"]))
    assert sorted(loaded, key=lambda each: each.thing_uid) == shadows
    assert list(await database.read(lambda unit: unit.shadows.load([]))) == []


async def test_a_shadow_whose_thing_is_gone_is_passed_over(database):
    await add_things(database, "u1", "u2")

    def write(unit):
        unit.things.remove("a1", "u1")
        unit.shadows.save([shadow("u1"), shadow("u2"), shadow("never there")])
        return [each.thing_uid for each in unit.shadows.load(["u1", "u2", "never there"])]

    assert await database.write(write) == ["u2"]


async def test_of_two_shadows_of_a_thing_in_one_batch_the_later_counts(database):
    await add_things(database, "u1")

    def write(unit):
        unit.shadows.save([shadow(version=1), shadow(version=2)])
        return [each.version for each in unit.shadows.load(["u1"])]

    assert await database.write(write) == [2]


async def test_saving_nothing_is_no_error(database):
    await database.write(lambda unit: unit.shadows.save([]))


async def test_a_deleted_shadow_keeps_its_offset(database):
    await add_things(database, "u1")
    await database.write(lambda unit: unit.shadows.save([shadow(version=0, offset=12)]))

    (loaded,) = await database.read(lambda unit: unit.shadows.load(["u1"]))
    assert (loaded.exists, loaded.offset) == (False, 12)


async def test_the_checkpoint_starts_at_zero_and_moves_with_its_transaction(database):
    def move_and_fail(unit):
        unit.shadows.set_checkpoint(99)
        raise LookupError

    before = await database.read(lambda unit: unit.shadows.checkpoint())
    await database.write(lambda unit: unit.shadows.set_checkpoint(7))
    await database.write(lambda unit: unit.shadows.set_checkpoint(2**40))
    with pytest.raises(LookupError):
        await database.write(move_and_fail)

    assert before == 0
    assert await database.read(lambda unit: unit.shadows.checkpoint()) == 2**40
