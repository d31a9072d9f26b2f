from __future__ import annotations

import pytest

from cloudstead.core.caller import Grant
from cloudstead.core.domains.errors import DomainNotFound
from cloudstead.core.errors import InvalidField, NotPermitted, OutOfReach
from cloudstead.core.thingtypes.errors import ThingTypeHasThings, ThingTypeIdTaken, ThingTypeNotFound
from cloudstead.core.thingtypes.events import (
    ThingTypeAttributeRemoved,
    ThingTypeChanged,
    ThingTypeCreated,
    ThingTypeRemoved,
)
from cloudstead.core.thingtypes.registry import ThingTypes


@pytest.fixture
async def types(tenant):
    await tenant.add_domain("a")
    await tenant.add_domain("b", parent_id="a")
    await tenant.add_domain("c")
    return ThingTypes(tenant.clock, tenant.ids)


@pytest.fixture
def create(tenant, types):
    async def make(type_id, domain_id, **more):
        return await tenant.database.write(
            lambda unit: types.create(
                unit, tenant.caller, thing_type_id=type_id, domain_id=domain_id, label=type_id, **more
            )
        )

    return make


def caller_at(tenant, domain_id, role="ReadWrite"):
    return tenant.caller_of(None, Grant(domain_id, role))


async def test_a_caller_sees_the_types_within_reach_and_above_but_changes_only_those_within(tenant, types, create):
    for type_id, domain_id in (("R", "root"), ("A", "a"), ("B", "b"), ("C", "c")):
        await create(type_id, domain_id)
    seen = await tenant.database.read(lambda unit: types.list(unit, caller_at(tenant, "a")))
    assert [(each.thing_type.id, each.is_read_only) for each in seen] == [("A", False), ("B", False), ("R", True)]


async def test_everything_is_read_only_for_a_reader(tenant, types, create):
    await create("A", "a")
    (seen,) = await tenant.database.read(lambda unit: types.list(unit, caller_at(tenant, "a", "Read")))
    assert seen.is_read_only


async def test_things_out_of_reach_are_not_counted(tenant, types, create):
    await create("1", "root")
    await tenant.add_thing("t1", domain_id="a")
    await tenant.add_thing("t2", domain_id="c")
    everywhere = await tenant.database.read(lambda unit: types.thing_counts(unit, tenant.caller))
    within = await tenant.database.read(lambda unit: types.thing_counts(unit, caller_at(tenant, "a")))
    assert (everywhere, within) == ({"1": 2}, {"1": 1})


async def test_a_type_out_of_sight_looks_like_none_at_all(tenant, types, create):
    await create("C", "c")
    for type_id in ("C", "nowhere"):
        with pytest.raises(ThingTypeNotFound):
            await tenant.database.read(lambda unit, t=type_id: types.get(unit, caller_at(tenant, "a"), thing_type_id=t))
        with pytest.raises(ThingTypeNotFound):
            await tenant.database.write(
                lambda unit, t=type_id: types.remove(unit, caller_at(tenant, "a"), thing_type_id=t)
            )


async def test_a_type_above_is_seen_but_not_changed(tenant, types, create):
    await create("R", "root")
    with pytest.raises(OutOfReach):
        await tenant.database.write(
            lambda unit: types.update(unit, caller_at(tenant, "a"), thing_type_id="R", label="mine")
        )


async def test_a_reader_creates_nothing(tenant, types):
    with pytest.raises(NotPermitted):
        await tenant.database.write(
            lambda unit: types.create(unit, caller_at(tenant, "a", "Read"), thing_type_id="x", domain_id="a", label="x")
        )


@pytest.mark.parametrize(
    ("type_id", "domain_id", "error"),
    [
        ("A", "a", ThingTypeIdTaken),
        ("new", "nowhere", DomainNotFound),
        ("new", "c", OutOfReach),
        (" ", "a", InvalidField),
        ("x" * 129, "a", InvalidField),
        ("a\nb", "a", InvalidField),
    ],
)
async def test_a_type_needs_a_free_id_and_a_domain_within_reach(tenant, types, create, type_id, domain_id, error):
    await create("A", "a")
    with pytest.raises(error):
        await tenant.database.write(
            lambda unit: types.create(
                unit, caller_at(tenant, "a"), thing_type_id=type_id, domain_id=domain_id, label="x"
            )
        )


async def test_every_change_is_told_with_the_path_of_the_domain(tenant, types, create):
    await create("B", "b")

    def change(unit):
        types.update(unit, tenant.caller, thing_type_id="B", label="new")
        types.update_attribute(unit, tenant.caller, thing_type_id="B", key_path="data.x", item=1)
        types.remove_attribute(unit, tenant.caller, thing_type_id="B", key_path="data.x")
        types.remove(unit, tenant.caller, thing_type_id="B")

    await tenant.database.write(change)
    told = [(type(each), each.path) for each in tenant.events]
    path = ("root", "a", "b")
    assert told == [
        (ThingTypeCreated, path),
        (ThingTypeChanged, path),
        (ThingTypeChanged, path),
        (ThingTypeAttributeRemoved, path),
        (ThingTypeRemoved, path),
    ]


async def test_what_is_absent_stays_and_what_is_null_is_cleared(tenant, types, create):
    await create("A", "a", description="before", data={"x": 1})
    same = await tenant.database.write(lambda unit: types.update(unit, tenant.caller, thing_type_id="A", label="new"))
    cleared = await tenant.database.write(
        lambda unit: types.update(unit, tenant.caller, thing_type_id="A", label="new", description=None, data=None)
    )
    assert (same.label, same.description, same.data) == ("new", "before", {"x": 1})
    assert (cleared.description, cleared.data) == (None, None)


async def test_a_type_stays_while_there_are_things_of_it(tenant, types, create):
    await create("1", "root")
    await tenant.add_thing("t1", domain_id="c")
    with pytest.raises(ThingTypeHasThings):
        await tenant.database.write(lambda unit: types.remove(unit, tenant.caller, thing_type_id="1"))


@pytest.fixture
def put(tenant, types, create):
    async def put_item(key_path, item):
        if await tenant.database.read(lambda unit: unit.thing_types.get(tenant.account.id, "A")) is None:
            await create("A", "a")
        return await tenant.database.write(
            lambda unit: types.update_attribute(unit, tenant.caller, thing_type_id="A", key_path=key_path, item=item)
        )

    return put_item


async def test_attributes_nobody_knows_are_kept_beside_the_known_ones(put):
    changed = await put("icon.colour", "red")
    assert changed.extra == {"icon": {"colour": "red"}}


async def test_a_view_mode_grows_by_key_paths(put):
    await put("viewModes.DefaultView.thingWidgets.w1", {"type": "graph"})
    changed = await put("viewModes.Wall.label", "Wall")
    assert changed.view_modes["DefaultView"]["thingWidgets"] == {"w1": {"type": "graph"}}
    assert changed.view_modes["Wall"] == {"label": "Wall"}


@pytest.mark.parametrize("key_path", ["id", "domain", "readOnly", "thingCount", "resources.temp", "errorMessage"])
async def test_what_a_type_is_or_learnt_cannot_be_set(put, key_path):
    with pytest.raises(InvalidField) as refused:
        await put(key_path, "x")
    assert refused.value.field == "key_path"


@pytest.mark.parametrize(
    ("key_path", "item"),
    [
        ("label", ""),
        ("label", 5),
        ("label", None),
        ("description", {}),
        ("description", "x" * 5000),
        ("data", [1]),
        ("viewMode", 1),
        ("viewModes", []),
        ("viewModes.X", "text"),
        ("note", "x" * 300_000),
        ("note", "nul \0"),
    ],
)
async def test_an_item_has_to_fit_its_place(put, key_path, item):
    with pytest.raises(InvalidField) as refused:
        await put(key_path, item)
    assert refused.value.field == "item"


async def test_an_item_is_bounded_in_depth(put):
    deep: object = 1
    for _ in range(40):
        deep = {"x": deep}
    with pytest.raises(InvalidField):
        await put("note", deep)


async def test_the_label_cannot_be_removed(tenant, types, create):
    await create("A", "a")
    with pytest.raises(InvalidField):
        await tenant.database.write(
            lambda unit: types.remove_attribute(unit, tenant.caller, thing_type_id="A", key_path="label")
        )


async def test_removing_the_selected_view_mode_selects_one_that_is_left(tenant, types, put):
    await put("viewModes.Wall", {"id": "Wall"})
    await put("viewMode", "Wall")
    changed = await tenant.database.write(
        lambda unit: types.remove_attribute(unit, tenant.caller, thing_type_id="A", key_path="viewModes.Wall")
    )
    assert changed.view_mode == "DefaultView"
    assert list(changed.view_modes) == ["DefaultView"]
