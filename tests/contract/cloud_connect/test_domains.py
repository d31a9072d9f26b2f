"""DomainLambda, where it succeeds."""

from __future__ import annotations

import pytest

from cloudstead.core.domains.events import DomainMoved
from factories.contract import require_output, require_tree
from factories.coverage import covers

FIELD = {"id": "mail", "label": "Mail", "type": "text"}


def node(tree, *path):
    for step in path:
        tree = tree[step]
    return tree


@covers("DomainLambda.LIST", "success")
@pytest.mark.parametrize(("domain_id", "below"), [("root", {"north", "south"}), ("north", {"fjord"}), ("fjord", set())])
async def test_the_tree_starts_at_the_callers_own_domain(world, domain_id, below):
    tree = (await world.call("DomainLambda.LIST", world.caller((domain_id, "Read")))).ok()
    require_output("DomainLambda.LIST", tree)
    assert set(tree) == {domain_id}
    assert set(tree[domain_id]) == {"attributes"} | below


async def test_a_tree_shows_what_was_selected_and_the_id_of_every_node(world):
    bare = (await world.call("DomainLambda.LIST", world.reader)).ok()
    named = (await world.call("DomainLambda.LIST", world.reader, id=None, name=None, data=None, nonsense=None)).ok()
    assert bare["north"]["fjord"] == {"attributes": {"id": "fjord"}}
    assert named["north"]["fjord"] == {"attributes": {"id": "fjord", "name": "Fjord", "data": {}}}


@covers("DomainLambda.CREATE", "success")
async def test_a_new_domain_is_in_the_tree_that_is_answered(world):
    tree = (
        await world.call(
            "DomainLambda.CREATE",
            world.writer,
            id="bay",
            parentId="fjord",
            name="Bay",
            description="A bay of the fjord",
            data={"email": "info@bay.example"},
        )
    ).ok()
    require_output("DomainLambda.CREATE", tree)
    assert node(tree, "north", "fjord", "bay", "attributes") == {
        "id": "bay",
        "name": "Bay",
        "description": "A bay of the fjord",
        "data": {"email": "info@bay.example"},
    }


async def test_an_id_may_come_as_a_number_and_is_a_text_ever_after(world):
    tree = (await world.call("DomainLambda.CREATE", world.writer, id=490, parentId="north", name="Number")).ok()
    assert tree["north"]["490"]["attributes"]["id"] == "490"
    found = await world.call("DomainLambda.GET", world.writer, id=490.0, parentId=None)
    assert found.ok() == {"id": "490", "parentId": "north"}


@covers("DomainLambda.GET", "success")
async def test_a_domain_shows_what_was_selected_and_inherits_what_it_lacks(world):
    await world.call(
        "DomainLambda.UPDATE",
        world.administrator,
        id="root",
        domainMetadata=[FIELD],
        thingTypeMetadata=[FIELD],
        settings={"theme": {"colour": "red"}},
    )
    await world.call("DomainLambda.UPDATE", world.administrator, id="north", settings={"theme": "dark"})
    names = ("parentId", "name", "description", "data", "domainMetadata", "thingTypeMetadata", "settings")
    found = (await world.call("DomainLambda.GET", world.reader, id="fjord", **dict.fromkeys(names))).ok()
    require_output("DomainLambda.GET", found)
    assert found == {
        "id": "fjord",
        "parentId": "north",
        "name": "Fjord",
        "description": "",
        "data": {},
        "domainMetadata": [FIELD],
        "thingTypeMetadata": [FIELD],
        "settings": {"theme": "dark"},
    }


async def test_nothing_selected_means_the_id_alone(world):
    assert (await world.call("DomainLambda.GET", world.reader, id="fjord")).ok() == {"id": "fjord"}


async def test_the_root_has_no_parent_and_nobody_has_settings_that_nobody_set(world):
    found = await world.call(
        "DomainLambda.GET", world.administrator, id="root", parentId=None, settings=None, domainMetadata=None
    )
    assert found.ok() == {"id": "root", "domainMetadata": []}


async def test_settings_without_a_theme_show_an_empty_one(world):
    await world.call("DomainLambda.UPDATE", world.writer, id="north", settings={"logo": "x"})
    found = await world.call("DomainLambda.GET", world.writer, id="north", settings=None)
    require_output("DomainLambda.GET", found.ok())
    assert found.ok()["settings"] == {"theme": None, "logo": "x"}


@covers("DomainLambda.UPDATE", "success")
async def test_a_change_touches_what_was_given_and_shows_metadata_and_settings_that_were_set(world):
    await world.call("DomainLambda.UPDATE", world.writer, id="fjord", description="deep", data={"x": 1})
    tree = (
        await world.call("DomainLambda.UPDATE", world.writer, id="fjord", name="Fjord 2", domainMetadata=[FIELD])
    ).ok()
    require_output("DomainLambda.UPDATE", tree)
    assert tree["north"]["fjord"]["attributes"] == {
        "id": "fjord",
        "name": "Fjord 2",
        "description": "deep",
        "data": {"x": 1},
        "domainMetadata": [FIELD],
    }
    assert "domainMetadata" not in tree["north"]["attributes"]


async def test_null_clears_what_can_be_cleared_and_leaves_the_rest(world):
    await world.call("DomainLambda.UPDATE", world.writer, id="fjord", description="deep", data={"x": 1})
    tree = (
        await world.call(
            "DomainLambda.UPDATE", world.writer, id="fjord", name=None, parentId=None, description=None, data=None
        )
    ).ok()
    assert tree["north"]["fjord"]["attributes"] == {"id": "fjord", "name": "Fjord"}


async def test_a_domain_moves_with_everything_below_it(world):
    await world.call("DomainLambda.CREATE", world.administrator, id="bay", parentId="fjord", name="Bay")
    tree = (await world.call("DomainLambda.UPDATE", world.administrator, id="fjord", parentId="south")).ok()
    require_tree(tree)
    assert set(tree["root"]["north"]) == {"attributes"}
    assert set(tree["root"]["south"]["fjord"]) == {"attributes", "bay"}
    (moved,) = world.tenant.events
    assert moved == DomainMoved(world.tenant.account.id, "fjord", ("root", "south", "fjord"))


async def test_a_move_takes_effect_at_once_for_who_sees_what(world):
    southern = world.caller(("south", "Read"))
    assert (await world.call("DomainLambda.GET", southern, id="fjord")).told == ("NOT_AUTHORIZED_DOMAIN", "parentId")
    await world.call("DomainLambda.UPDATE", world.administrator, id="fjord", parentId="south")
    assert (await world.call("DomainLambda.GET", southern, id="fjord")).ok() == {"id": "fjord"}
    assert (await world.call("DomainLambda.GET", world.reader, id="fjord")).failed


@covers("DomainLambda.REMOVE", "success")
async def test_a_removed_domain_is_gone_with_all_below_it(world):
    await world.call("DomainLambda.CREATE", world.writer, id="bay", parentId="fjord", name="Bay")
    tree = (await world.call("DomainLambda.REMOVE", world.writer, id="fjord")).ok()
    require_output("DomainLambda.REMOVE", tree)
    assert set(tree["north"]) == {"attributes"}
    assert (await world.call("DomainLambda.GET", world.writer, id="bay")).told == ("DOMAIN_NO_FOUND", "id")


async def test_two_accounts_may_use_the_same_ids_and_never_meet(world):
    foreign = await world.runtime.invoke(
        "DomainLambda", world.foreign, world.stranger, b'{"action":"LIST","attributes":{"name":null}}'
    )
    assert foreign.body == b'{"root":{"attributes":{"id":"root","name":"foreign"}}}'
