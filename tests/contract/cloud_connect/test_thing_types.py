"""ThingTypeLambda, where it succeeds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.core.ids import ThingTypeId
from cloudstead.core.thingtypes.model import ThingType
from cloudstead.core.thingtypes.registry import SeenThingType
from cloudstead.dialects.cloud_connect.shapes.selection import pick, selected_names
from cloudstead.dialects.cloud_connect.shapes.thing_types import SELECTABLE, seen_type
from factories.contract import require_output
from factories.coverage import covers


@covers("ThingTypeLambda.CREATE", "success")
async def test_a_new_type_has_the_default_view_mode(world):
    made = (
        await world.call(
            "ThingTypeLambda.CREATE",
            world.writer,
            id="Lights",
            domain="north",
            label="Lights",
            description="Light switches",
            data={"maker": "x"},
        )
    ).ok()
    require_output("ThingTypeLambda.CREATE", made)
    assert made["viewMode"] == "DefaultView"
    assert made["viewModes"]["DefaultView"]["id"] == "DefaultView"


async def test_an_id_may_come_as_a_number_and_is_a_text_ever_after(world):
    made = await world.call("ThingTypeLambda.CREATE", world.writer, id=490, domain="north", label="Number")
    assert made.ok()["id"] == "490"
    thing = await world.call("ThingLambda.CREATE", world.writer, thingType=490, domain="north")
    assert thing.ok()["thingType"] == "490"


@covers("ThingTypeLambda.GET", "success")
async def test_everything_is_shown_when_nothing_was_selected(world):
    found = (await world.call("ThingTypeLambda.GET", world.reader, id="type-north", description=None)).ok()
    require_output("ThingTypeLambda.GET", found)
    assert (found["readOnly"], found["thingCount"], found["resources"]) == (True, 1, {})


async def test_what_was_selected_is_shown_with_the_id_and_a_view_mode_brings_them_all(world):
    found = await world.call(
        "ThingTypeLambda.GET", world.writer, id="type-north", viewMode=None, readOnly=None, virtualResources=None
    )
    assert set(found.ok()) == {"id", "viewMode", "viewModes", "readOnly"}
    require_output("ThingTypeLambda.GET", found.ok(), chosen=frozenset({"id", "viewMode", "viewModes", "readOnly"}))


@covers("ThingTypeLambda.LIST", "success")
async def test_a_list_is_a_bare_array_of_what_the_caller_sees(world):
    listed = (await world.call("ThingTypeLambda.LIST", world.writer)).ok()
    require_output("ThingTypeLambda.LIST", listed)
    assert {each["id"]: each["readOnly"] for each in listed} == {
        "spare": False,
        "type-north": False,
        "type-root": True,
    }


async def test_a_list_shows_what_was_selected(world):
    listed = (await world.call("ThingTypeLambda.LIST", world.reader, label=None, thingCount=None)).ok()
    assert {"id": "type-north", "label": "type-north", "thingCount": 1} in listed


async def test_learnt_resources_are_shown(world):
    resources = {"temp": {"type": "number"}}
    await world.tenant.database.write(
        lambda unit: unit.thing_types.add_resources(world.tenant.account.id, ThingTypeId("type-north"), resources)
    )
    found = await world.call("ThingTypeLambda.GET", world.reader, id="type-north", resources=None)
    assert found.ok() == {"id": "type-north", "resources": resources}


@covers("ThingTypeLambda.UPDATE", "success")
async def test_a_change_touches_what_was_given_and_shows_a_description_even_when_there_is_none(world):
    changed = (await world.call("ThingTypeLambda.UPDATE", world.writer, id="type-north", label="New")).ok()
    require_output("ThingTypeLambda.UPDATE", changed)
    assert (changed["label"], changed["description"]) == ("New", "")
    described = await world.call(
        "ThingTypeLambda.UPDATE", world.writer, id="type-north", label="New", description="x", data={"y": 1}
    )
    kept = await world.call("ThingTypeLambda.UPDATE", world.writer, id="type-north", label="Newer")
    assert kept.ok() == {**described.ok(), "label": "Newer"}


@covers("ThingTypeLambda.UPDATE_ATTRIBUTE", "success")
async def test_an_attribute_is_put_at_its_key_path(world):
    changed = (
        await world.call(
            "ThingTypeLambda.UPDATE_ATTRIBUTE",
            world.writer,
            id="type-north",
            keyPath="viewModes.DefaultView.description",
            item="A new description",
        )
    ).ok()
    require_output("ThingTypeLambda.UPDATE_ATTRIBUTE", changed)
    assert changed["viewModes"]["DefaultView"]["description"] == "A new description"


@pytest.mark.parametrize("item", [None, "", 0, False, [], {}, {"w1": {"type": "graph"}}, [1, {"x": None}]])
async def test_every_json_value_is_an_item(world, item):
    path = "viewModes.DefaultView.thingWidgets"
    changed = await world.call(
        "ThingTypeLambda.UPDATE_ATTRIBUTE", world.writer, id="type-north", keyPath=path, item=item
    )
    assert changed.ok()["viewModes"]["DefaultView"]["thingWidgets"] == item


async def test_a_view_mode_begun_by_one_attribute_has_the_others_too(world):
    changed = await world.call(
        "ThingTypeLambda.UPDATE_ATTRIBUTE",
        world.writer,
        id="type-north",
        keyPath="viewModes.Wall.description",
        item="On the wall",
    )
    assert changed.ok()["viewModes"]["Wall"] == {
        "id": "Wall",
        "label": "Wall",
        "thingWidgets": [],
        "description": "On the wall",
    }


async def test_an_attribute_of_the_callers_own_making_is_shown_again(world):
    await world.call("ThingTypeLambda.UPDATE_ATTRIBUTE", world.writer, id="spare", keyPath="icon.colour", item="red")
    found = await world.call("ThingTypeLambda.GET", world.writer, id="spare")
    assert found.ok()["icon"] == {"colour": "red"}


@covers("ThingTypeLambda.REMOVE_ATTRIBUTE", "success")
async def test_a_view_mode_can_be_removed_even_the_default_one(world):
    await world.call(
        "ThingTypeLambda.UPDATE_ATTRIBUTE", world.writer, id="type-north", keyPath="viewModes.Wall.label", item="Wall"
    )
    changed = (
        await world.call(
            "ThingTypeLambda.REMOVE_ATTRIBUTE", world.writer, id="type-north", keyPath="viewModes.DefaultView"
        )
    ).ok()
    assert (changed["viewMode"], list(changed["viewModes"])) == ("Wall", ["Wall"])


async def test_removing_what_is_not_there_changes_nothing(world):
    before = await world.call("ThingTypeLambda.UPDATE", world.writer, id="type-north", label="type-north")
    after = await world.call("ThingTypeLambda.REMOVE_ATTRIBUTE", world.writer, id="type-north", keyPath="viewModes.X")
    require_output("ThingTypeLambda.REMOVE_ATTRIBUTE", after.ok())
    assert after.ok() == before.ok()


@covers("ThingTypeLambda.REMOVE", "success")
async def test_a_removed_type_is_gone(world):
    removed = await world.call("ThingTypeLambda.REMOVE", world.writer, id="spare")
    require_output("ThingTypeLambda.REMOVE", removed.ok())
    assert (await world.call("ThingTypeLambda.GET", world.writer, id="spare")).told == ("THING_TYPE_NOT_FOUND", "id")


ATTRIBUTES = st.dictionaries(
    st.sampled_from([*sorted(SELECTABLE), "id", "description", "viewModes", "batchId", "nonsense"]),
    st.none() | st.text(max_size=3) | st.integers(),
    max_size=8,
)


@given(ATTRIBUTES)
@settings(max_examples=100)
def test_an_answer_holds_the_id_and_what_was_asked_for_with_null_or_everything(attributes):
    thing_type = ThingType(account_id="a", id="t", domain_id="root", label="T", data={"x": 1}, extra={"icon": 1})
    selected = selected_names(attributes)
    answer = seen_type(SeenThingType(thing_type, is_read_only=False), selected, {"t": 3})
    asked = {name for name, value in attributes.items() if value is None} & SELECTABLE
    if not asked:
        assert {"id", "domain", "label", "data", "readOnly", "thingCount", "icon", "viewModes"} <= set(answer)
    else:
        views = {"viewModes"} if "viewMode" in asked else set()
        assert set(answer) == {"id"} | (asked - {"virtualResources"}) | views


@given(st.dictionaries(st.text(max_size=3), st.integers()), st.frozensets(st.text(max_size=3)))
@settings(max_examples=100)
def test_picking_takes_what_is_there_and_asked_for_and_nothing_else(available, selected):
    assert pick(available, selected) == {name: available[name] for name in available if name in selected}
