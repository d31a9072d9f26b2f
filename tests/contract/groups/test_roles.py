"""Roles: listed, made, changed, removed, and what they give."""

from __future__ import annotations

import pytest

from cloudstead.core.roles.words import WORDS
from factories.coverage import covers
from factories.groups import NOBODY


async def made(world, *words, name="role", group="farm", by="owner"):
    sent = {"groupId": world.id(group), "name": name, "description": "d", "permissions": list(words)}
    return (await world.ok("createRole", by, body=sent))["id"]


@covers("listPermissions", "success")
async def test_all_permissions_are_listed_in_pages(world):
    first = await world.ok("listPermissions", query={"limit": 30})
    rest = await world.ok("listPermissions", query={"limit": 30, "nextToken": first["nextToken"]})
    assert [each["id"] for each in first["items"] + rest["items"]] == [word.id for word in WORDS]
    assert "nextToken" not in rest


@covers("listGroupRoles", "success")
async def test_a_group_knows_the_built_in_roles_its_own_and_those_from_above(world):
    above, own = (
        await made(world, "group:view", name="above"),
        await made(world, "group:view", name="own", group="barn"),
    )
    barn = (await world.ok("listGroupRoles", query={"groupId": world.id("barn")}))["items"]
    assert {each["id"] for each in barn if each["removable"]} == {above, own}
    assert {each["name"] for each in barn if not each["removable"]} == {
        "Subscriber",
        "Administrator",
        "Installer",
        "Viewer",
    }
    farm = (await world.ok("listGroupRoles", "viewer", query={"groupId": world.id("farm")}))["items"]
    assert {each["id"] for each in farm if each["removable"]} == {above}


async def test_without_a_group_the_roles_of_all_the_callers_groups_are_listed(world):
    own = await made(world, "group:view")
    foreign = await made(world, "group:view", group="elsewhere", by="stranger")
    listed = {each["id"] for each in (await world.ok("listGroupRoles", "viewer"))["items"]}
    assert own in listed
    assert foreign not in listed
    assert {each["id"] for each in (await world.ok("listGroupRoles", "outsider"))["items"]} == {
        "group-administrator",
        "group-installer",
        "group-subscriber",
        "group-viewer",
    }


async def test_roles_are_paged(world):
    names = {await made(world, "group:view", name=str(number)) for number in range(3)}
    seen, query = set(), {"groupId": world.id("farm"), "limit": 2}
    while True:
        page = await world.ok("listGroupRoles", query=query)
        seen |= {each["id"] for each in page["items"]}
        if "nextToken" not in page:
            break
        query["nextToken"] = page["nextToken"]
    assert names < seen
    assert len(seen) == 7


@covers("createRole", "success")
@pytest.mark.parametrize(
    "permissions",
    [
        ["device:view", "group:view"],
        "device:view, group:view",
        "group:view device:view",
        '["device:view","group:view"]',
    ],
)
async def test_permissions_come_as_a_list_or_as_a_text(world, permissions):
    sent = {"name": "role", "description": "d", "permissions": permissions}
    role = await world.ok("createRole", body=sent, query={"groupId": world.id("farm")})
    assert (role["permissions"], role["removable"]) == (["group:view", "device:view"], True)


@covers("createRole", "refusal")
async def test_nobody_makes_a_role_that_holds_more_than_the_maker(world):
    sent = {"groupId": world.id("farm"), "name": "role", "permissions": ["contract:edit"]}
    assert (await world.call("createRole", body=sent)).status == 403
    assert (await world.call("createRole", "installer", body={**sent, "permissions": []})).status == 403
    assert (await world.call("createRole", "ada", body=sent)).status == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"permissions": ["x:y"]}, "permissions"),
        ({"permissions": "thing:read"}, "permissions"),
        ({"description": "x" * 5000}, "description"),
    ],
)
async def test_a_role_with_unfit_words_is_not_made(world, change, field):
    sent = {"groupId": world.id("farm"), "name": "role", "permissions": [], **change}
    refused = await world.call("createRole", body=sent)
    assert (refused.status, refused.told.partition(":")[0]) == (400, field)


async def test_the_names_of_a_groups_roles_differ(world):
    await made(world, "group:view")
    again = await world.call("createRole", body={"groupId": world.id("farm"), "name": "role", "permissions": []})
    assert (again.status, again.told.partition(":")[0]) == (400, "name")
    other = await made(world, name="other")
    sent = {"groupId": world.id("farm"), "roleId": other, "name": "role"}
    assert (await world.call("updateRole", body=sent)).status == 400


async def test_a_member_may_do_what_the_role_says_and_nothing_else(world):
    role = await made(world, "device:view", "device:create")
    await world.let_in("outsider", role=role)
    devices = await world.register("A1", by="outsider")
    assert (await world.call("getDevice", "outsider", query={"deviceId": devices[0]})).status == 200
    for call, sent in (
        ("getGroup", {"query": {"groupId": world.id("farm")}}),
        ("listGroupUsers", {"query": {"groupId": world.id("farm")}}),
        ("deleteDevices", {"body": {"groupId": world.id("farm"), "deviceIds": devices}}),
        ("updateDevices", {"body": {"groupId": world.id("farm"), "devicesIds": devices, "configuration": "{}"}}),
        ("addGroupApiKey", {"body": {"groupId": world.id("farm"), "type": "t", "token": "s", "name": "n"}}),
    ):
        assert (await world.call(call, "outsider", **sent)).status == 403, call


@covers("updateRole", "success")
async def test_whoever_holds_a_role_may_do_what_it_says_from_the_next_call_on(world):
    role = await made(world, "device:view")
    await world.let_in("outsider", role=role)
    query = {"groupId": world.id("farm")}
    assert (await world.call("getGroup", "outsider", query=query)).status == 403
    sent = {**query, "roleId": role, "permissions": ["group:view"], "name": "renamed", "description": ""}
    changed = await world.ok("updateRole", body=sent)
    assert (changed["name"], changed["permissions"]) == ("renamed", ["group:view"])
    assert (await world.ok("getGroup", "outsider", query=query))[0]["role"]["name"] == "renamed"
    assert (await world.call("listGroupDevices", "outsider", query=query)).status == 403


@covers("updateRole", "refusal")
async def test_a_role_that_holds_more_than_oneself_can_be_neither_changed_nor_removed(world):
    strong = await made(world, "contract:edit", by="ada")
    for words in (["contract:edit"], []):
        sent = {"groupId": world.id("farm"), "roleId": strong, "permissions": words}
        assert (await world.call("updateRole", body=sent)).status == 403
    query = {"groupId": world.id("farm"), "roleId": strong}
    assert (await world.call("deleteRole", body=None, query=query)).status == 403
    weak = await made(world, "group:view", name="weak")
    stronger = {"groupId": world.id("farm"), "roleId": weak, "permissions": ["contract:edit"]}
    assert (await world.call("updateRole", body=stronger)).status == 403


async def test_built_in_roles_and_those_of_other_groups_cannot_be_changed(world):
    of_parent = await made(world, "group:view")
    for group, role in (("farm", "group-viewer"), ("barn", of_parent), ("farm", NOBODY), ("farm", "Administrator")):
        sent = {"groupId": world.id(group), "roleId": role}
        for refused in (
            await world.call("updateRole", body={**sent, "name": "x"}),
            await world.call("deleteRole", query=sent),
        ):
            assert (refused.status, refused.told.partition(":")[0]) == (400, "roleId")


@covers("deleteRole", "success")
async def test_a_role_goes_once_nobody_holds_it_and_no_group_names_it(world):
    role = await made(world, "group:view")
    query = {"groupId": world.id("farm"), "roleId": role, "userId": world.people["owner"].id}
    await world.let_in("outsider", role=role)
    assert "still held" in (await world.call("deleteRole", query=query)).told
    await world.ok("removeGroupUser", "outsider", query={"groupId": world.id("farm")})
    await world.ok("updateGroup", body={"groupId": world.id("farm"), "roleId": role})
    assert (await world.call("deleteRole", query=query)).status == 400
    await world.ok("updateGroup", body={"groupId": world.id("farm"), "roleId": "group-viewer"})
    assert (await world.ok("deleteRole", query=query))["id"] == role
    assert (await world.call("deleteRole", query=query)).status == 400


async def test_a_role_of_a_group_cannot_be_given_elsewhere(world):
    role = await made(world, "group:view", group="barn")
    sent = {"email": "x@mail.example", "groupId": world.id("farm"), "roleId": role}
    assert (await world.call("inviteToGroup", body=sent)).status == 400


async def test_a_group_cannot_be_moved_away_from_a_role_that_is_held_in_it(world):
    """Those who change the role would have power over whoever holds it, and so over the group."""
    role = await made(world, "group:view")
    await world.add_group("shed", parent="barn")
    await world.add_group("mill")
    await world.let_in("outsider", "shed", role=role)
    move = {"groupId": world.id("barn"), "parent": world.id("mill")}
    refused = await world.call("updateGroup", body=move)
    assert (refused.status, refused.told.partition(":")[0]) == (400, "parent")
    await world.ok("updateGroup", body={"groupId": world.id("farm"), "parent": world.id("mill")})
    await world.ok("updateGroup", body={"groupId": world.id("shed"), "parent": world.id("farm")})
    await world.ok("updateGroup", body=move)


async def test_a_group_cannot_be_moved_away_from_a_role_that_it_names(world):
    role = await made(world, "group:view")
    await world.add_group("mill")
    await world.ok("updateGroup", body={"groupId": world.id("barn"), "roleId": role})
    move = {"groupId": world.id("barn"), "parent": world.id("mill")}
    for sent in (move, {**move, "roleId": role}):
        assert (await world.call("updateGroup", body=sent)).status == 400
    await world.ok("updateGroup", body={**move, "roleId": "group-viewer"})


async def test_roles_are_in_the_trail(world):
    role = await made(world, "group:view")
    await world.ok("updateRole", body={"groupId": world.id("farm"), "roleId": role, "name": "x"})
    await world.ok("deleteRole", query={"groupId": world.id("farm"), "roleId": role})
    assert [operation for operation, subject in await world.trail() if subject == role] == [
        "role.create",
        "role.update",
        "role.remove",
    ]
