import pytest

from cloudstead.core.thingtypes.errors import ThingTypeIdTaken
from factories.rows import thing_type

pytestmark = pytest.mark.usefixtures("tenants")

EVERYTHING_SET = thing_type(
    "t2",
    description="d",
    data={"a": [None, {"b": True}]},
    resources={"temp": {"type": "number"}},
    view_mode="Mine",
    view_modes={"Mine": {"id": "Mine"}},
    extra={"icon": None},
    created_at_ms=9,
)


async def test_a_type_comes_back_as_it_was_added(database):
    await database.write(lambda unit: unit.thing_types.add(EVERYTHING_SET))

    assert await database.read(lambda unit: unit.thing_types.get("a1", "t2")) == EVERYTHING_SET
    assert await database.read(lambda unit: unit.thing_types.get("a2", "t2")) is None


async def test_replacing_writes_every_column_and_touches_no_other_account(database):
    changed = thing_type(
        **{name: getattr(EVERYTHING_SET, name) for name in ("description", "data", "resources", "extra")}
    )
    await database.write(lambda unit: unit.thing_types.replace(changed))

    assert await database.read(lambda unit: unit.thing_types.get("a1", "t1")) == changed
    assert await database.read(lambda unit: unit.thing_types.get("a2", "t1")) == thing_type(account_id="a2")


async def test_a_type_id_is_unique_in_its_account_and_free_in_others(database):
    def write(unit):
        unit.thing_types.add(thing_type("t2"))
        unit.thing_types.add(thing_type("t2", account_id="a2"))
        with pytest.raises(ThingTypeIdTaken) as caught:
            unit.thing_types.add(thing_type("t2"))
        return caught.value.thing_type_id

    assert await database.write(write) == "t2"


async def test_types_of_one_account_are_listed_by_id(database):
    def write(unit):
        for type_id in ("z", "B", "b"):
            unit.thing_types.add(thing_type(type_id))
        unit.thing_types.add(thing_type("foreign", account_id="a2"))

    await database.write(write)

    assert [each.id for each in await database.read(lambda unit: unit.thing_types.all("a1"))] == ["B", "b", "t1", "z"]


async def test_a_type_is_removed_from_its_own_account_only(database):
    await database.write(lambda unit: unit.thing_types.remove("a1", "t1"))

    assert await database.read(lambda unit: unit.thing_types.get("a1", "t1")) is None
    assert await database.read(lambda unit: unit.thing_types.get("a2", "t1")) == thing_type(account_id="a2")


async def test_learnt_resources_are_merged_and_known_ones_overwritten(database):
    def write(unit):
        unit.thing_types.add_resources("a1", "t1", {"temp": {"type": "number"}, "on": {"type": "boolean"}})
        unit.thing_types.add_resources("a1", "t1", {"temp": {"type": "string"}})
        return unit.thing_types.get("a1", "t1").resources, unit.thing_types.get("a2", "t1").resources

    assert await database.write(write) == ({"temp": {"type": "string"}, "on": {"type": "boolean"}}, {})


async def test_learning_about_a_type_that_is_gone_is_no_error(database):
    await database.write(lambda unit: unit.thing_types.add_resources("a1", "gone", {"temp": {"type": "number"}}))

    assert await database.read(lambda unit: unit.thing_types.get("a1", "gone")) is None
