"""Groups: made, shown, changed, moved, handed over, removed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cloudstead.core.accounts.acting import acting_in
from cloudstead.core.accounts.profile import FeaturePolicy
from cloudstead.core.caller import Grant
from cloudstead.core.domains.model import Domain
from cloudstead.core.groups.model import MAX_DEPTH
from cloudstead.core.policygroups.members import GroupMembers
from cloudstead.core.policygroups.registry import PolicyGroups, Subjects
from factories.coverage import covers


async def shown(world, name, by="owner"):
    (group,) = await world.ok("getGroup", by, query={"groupId": world.id(name)})
    return group


@covers("createGroup", "success")
async def test_anybody_of_an_account_may_make_a_group_and_is_its_owner_and_administrator(world):
    group = await world.ok("createGroup", "outsider", body={"name": "mine", "description": "d", "tags": ["a", "b"]})
    person = world.people["outsider"].id
    assert (group["name"], group["description"], group["numberOfDevices"]) == ("mine", "d", 0)
    assert [group[name] for name in ("userId", "ownerId", "createdBy", "updatedBy")] == [person] * 4
    assert (group["role"]["name"], group["administratorRole"]) == ("Administrator", "group-administrator")
    assert group["defaultRole"] == "group-viewer"
    assert len(group["token"]) == 64
    assert "parent" not in group


async def test_a_new_group_is_seen_at_once_by_its_maker_and_by_nobody_else(world):
    made = await world.add_group("mine", "outsider")
    assert [each["id"] for each in (await world.ok("listUserGroups", "outsider"))["items"]] == [made]
    assert made not in [each["id"] for each in (await world.ok("listUserGroups", "viewer"))["items"]]


async def test_a_sub_group_needs_the_right_in_its_parent(world):
    refused = await world.call("createGroup", "viewer", body={"name": "x"}, query={"parentId": world.id("farm")})
    assert refused.status == 403
    assert world.groups["barn"]["parent"] == world.id("farm")
    allowed = await world.call("createGroup", "second", body={"name": "x"}, query={"parentId": world.id("barn")})
    assert allowed.status == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a", "description": "x" * 5000}, "description"),
        ({"name": "a", "tags": ["x"] * 101}, "tags"),
        ({"name": "a", "tags": [""]}, "tags"),
    ],
)
async def test_a_group_with_unfit_words_is_not_made(world, body, field):
    refused = await world.call("createGroup", body=body)
    assert (refused.status, refused.told.partition(":")[0]) == (400, field)


async def test_groups_nest_sixteen_levels_deep_and_no_deeper(world):
    parent = world.id("farm")
    for level in range(2, MAX_DEPTH + 1):
        made = await world.ok("createGroup", body={"name": str(level)}, query={"parentId": parent})
        parent = made["id"]
    refused = await world.call("createGroup", body={"name": "x"}, query={"parentId": parent})
    assert (refused.status, refused.told.partition(":")[0]) == (400, "parentId")
    top = await world.add_group("top")
    moved = await world.call("updateGroup", body={"groupId": world.id("farm"), "parent": top})
    assert (moved.status, moved.told.partition(":")[0]) == (400, "parent")


async def test_an_account_has_so_many_groups_and_no_more(world):
    def limit(unit):
        profile = unit.accounts.profile(world.tenant.account.id)
        unit.accounts.put_profile(replace(profile, limits={"group-count": "3"}))

    await world.tenant.database.write(limit)
    await world.add_group("third")
    refused = await world.call("createGroup", "outsider", body={"name": "fourth"})
    assert (refused.status, "group-count" in refused.told) == (403, True)


@covers("getGroup", "success")
async def test_a_group_is_answered_as_a_list_of_one(world):
    answer = await world.ok("getGroup", query={"groupId": world.id("barn")})
    assert [each["name"] for each in answer] == ["barn"]


async def test_only_who_may_edit_a_group_sees_its_token(world):
    assert (await shown(world, "farm", "second"))["token"] == world.groups["farm"]["token"]
    assert "token" not in await shown(world, "farm", "viewer")
    assert all("token" not in each for each in (await world.ok("listUserGroups"))["items"])


async def test_a_domain_that_was_made_elsewhere_is_a_group_with_a_token_that_stays(world):
    account = world.tenant.account
    domain = Domain(account.id, world.tenant.ids.new(), "north", "root", "North", created_by="ada")
    await world.tenant.database.write(lambda unit: unit.domains.add(domain))
    (first,) = await world.ok("getGroup", "ada", query={"groupId": "north"})
    (again,) = await world.ok("getGroup", "ada", query={"groupId": "north"})
    assert (first["name"], first["token"], "ownerId" in first) == ("North", again["token"], False)
    assert first["role"]["name"] == "Administrator"


async def test_the_token_is_neither_stored_readable_nor_told_by_the_trail(world):
    token = world.groups["farm"]["token"]
    facts = await world.tenant.database.read(
        lambda unit: unit.groups.named(world.tenant.account.id, (world.id("farm"),))[world.id("farm")]
    )
    assert token.encode() not in facts.sealed_token + facts.token_hash
    assert token not in repr(facts)


@covers("listUserGroups", "success")
async def test_the_groups_of_somebody_are_those_of_the_own_and_all_below_each_once_in_the_order_of_ids(world):
    await world.add_group("loft", parent="barn")
    found = (await world.ok("listUserGroups", "viewer"))["items"]
    wanted = sorted(world.id(name) for name in ("farm", "barn", "loft"))
    assert [each["id"] for each in found] == wanted
    assert {each["role"]["name"] for each in found} == {"Viewer"}


async def test_a_page_goes_on_behind_the_last_item_until_the_end(world):
    names = [await world.add_group(f"g{number}") for number in range(4)]
    wanted = sorted([world.id("farm"), world.id("barn"), *names])
    seen, query = [], {"limit": 4}
    while True:
        page = await world.ok("listUserGroups", query=query)
        seen.append([each["id"] for each in page["items"]])
        if "nextToken" not in page:
            break
        query["nextToken"] = page["nextToken"]
    assert seen == [wanted[:4], wanted[4:]]


async def test_a_group_given_twice_over_shows_the_nearest_role_and_allows_the_union(world):
    await world.let_in("installer", "barn", "viewer")
    barn = await shown(world, "barn", "installer")
    assert barn["role"]["name"] == "Viewer"
    await world.register("A1", group="barn", by="installer")


@covers("updateGroup", "success")
async def test_what_is_absent_of_a_change_stays_and_an_empty_description_clears_it(world):
    group_id = world.id("farm")
    await world.ok("updateGroup", body={"groupId": group_id, "description": "d", "tags": ["t"]})
    renamed = await world.ok("updateGroup", body={"groupId": group_id, "name": "ranch"})
    assert (renamed["name"], renamed["description"]) == ("ranch", "d")
    cleared = await world.ok("updateGroup", body={"groupId": group_id, "description": "", "name": None})
    assert (cleared["name"], cleared["description"]) == ("ranch", "")


async def test_a_group_is_changed_by_who_may_edit_it(world):
    refused = await world.call("updateGroup", "installer", body={"groupId": world.id("farm"), "name": "x"})
    assert refused.status == 403


async def test_the_default_role_is_one_that_the_group_knows(world):
    group_id = world.id("farm")
    changed = await world.ok("updateGroup", body={"groupId": group_id, "roleId": "group-installer"})
    assert changed["defaultRole"] == "group-installer"
    for role in ("Administrator", "x", ""):
        refused = await world.call("updateGroup", body={"groupId": group_id, "roleId": role})
        assert (refused.status, refused.told.partition(":")[0]) == (400, "roleId")


async def test_a_group_moves_with_all_below_it_and_with_it_who_sees_it(world):
    await world.add_group("loft", parent="barn")
    await world.add_group("yard")
    moved = await world.ok("updateGroup", body={"groupId": world.id("barn"), "parent": world.id("yard")})
    assert moved["parent"] == world.id("yard")
    assert [each["name"] for each in (await world.ok("listUserGroups", "viewer"))["items"]] == ["farm"]
    assert (await world.call("getGroup", "viewer", query={"groupId": world.id("loft")})).status == 400


async def test_a_group_is_not_moved_below_itself(world):
    for parent in ("farm", "barn"):
        refused = await world.call("updateGroup", body={"groupId": world.id("farm"), "parent": world.id(parent)})
        assert (refused.status, refused.told.partition(":")[0]) == (400, "parent")


async def test_moving_needs_the_right_to_make_groups_at_the_new_place(world):
    yard = await world.add_group("yard", "outsider")
    await world.let_in("second", "yard", "viewer", by="outsider")
    for by, status in (("second", 403), ("owner", 400)):
        refused = await world.call("updateGroup", by, body={"groupId": world.id("barn"), "parent": yard})
        assert refused.status == status
    foreign = await world.call("updateGroup", body={"groupId": world.id("barn"), "parent": world.id("elsewhere")})
    assert foreign.status == 400
    top = await world.call("updateGroup", body={"groupId": world.id("barn"), "parent": "root"})
    assert top.status == 400


async def test_the_group_at_the_top_of_an_account_stays(world):
    for call, sent in (
        ("updateGroup", {"body": {"groupId": "root", "parent": world.id("farm")}}),
        ("deleteGroup", {"query": {"groupId": "root"}}),
    ):
        refused = await world.call(call, "ada", **sent)
        assert (refused.status, "at the top" in refused.told) == (400, True)


async def test_the_owner_hands_a_group_over_to_a_member_and_keeps_the_role(world):
    group_id, second = world.id("farm"), world.people["second"].id
    handed = await world.ok("updateGroup", body={"groupId": group_id, "ownerId": second})
    assert (handed["ownerId"], handed["role"]["name"]) == (second, "Administrator")
    taken = await world.call("updateGroup", body={"groupId": group_id, "ownerId": world.people["owner"].id})
    assert taken.status == 403


async def test_a_group_is_handed_over_by_its_owner_and_to_members_alone(world):
    group_id = world.id("farm")
    for by, to, status in (("second", "second", 403), ("owner", "outsider", 400), ("owner", "stranger", 400)):
        refused = await world.call("updateGroup", by, body={"groupId": group_id, "ownerId": world.people[to].id})
        assert refused.status == status
    same = await world.call("updateGroup", "second", body={"groupId": group_id, "ownerId": world.people["owner"].id})
    assert same.status == 200


async def test_a_pending_member_cannot_become_the_owner(world):
    sent = {"email": "new@cloud.example", "groupId": world.id("farm"), "roleId": "group-administrator"}
    invited = await world.ok("inviteToGroup", body=sent)
    refused = await world.call("updateGroup", body={"groupId": world.id("farm"), "ownerId": invited["userId"]})
    assert (refused.status, refused.told.partition(":")[0]) == (400, "ownerId")


@covers("deleteGroup", "success")
async def test_a_group_goes_once_it_is_empty_and_its_members_with_it(world):
    farm, barn = {"groupId": world.id("farm")}, {"groupId": world.id("barn")}
    assert "groups below" in (await world.call("deleteGroup", query=farm)).told
    devices = await world.register("A1", group="barn")
    assert "devices" in (await world.call("deleteGroup", query=barn)).told
    await world.ok("deleteDevices", body={"groupId": world.id("barn"), "deviceIds": devices})
    assert (await world.call("deleteGroup", "viewer", query=barn)).status == 403
    await world.ok("deleteGroup", query=barn)
    await world.ok("deleteGroup", query=farm)
    assert (await world.ok("listUserGroups", "viewer"))["items"] == []


async def test_counters_count_what_is_directly_in_the_group(world):
    await world.register("A1", "A2")
    await world.register("B1", group="barn")
    assert [(await shown(world, name))["numberOfDevices"] for name in ("farm", "barn")] == [2, 1]


@pytest.mark.parametrize(("feature", "action"), [("group", "create"), ("domain", "")])
async def test_a_policy_of_the_account_that_takes_groups_away_binds_everybody(world, feature, action):
    def write(unit):
        profile = unit.accounts.profile(world.tenant.account.id)
        unit.accounts.put_profile(
            replace(profile, policies=(FeaturePolicy(feature=feature, action=action, allow=False),))
        )

    await world.tenant.database.write(write)
    world.tenant.clock.advance(timedelta(seconds=6))
    for query in (None, {"parentId": world.id("farm")}):
        refused = await world.call("createGroup", body={"name": "x"}, query=query)
        assert (refused.status, feature in refused.told) == (403, True)


async def test_every_change_is_in_the_trail(world):
    group_id = world.id("farm")
    await world.ok("updateGroup", body={"groupId": group_id, "tags": ["t"]})
    trail = await world.trail()
    assert ("group.create", group_id) in trail
    assert ("group.update", group_id) in trail


async def test_a_change_of_name_or_place_is_in_the_trail_once(world):
    group_id = await world.add_group("shed")
    move = {"groupId": group_id, "name": "hut", "parent": world.id("farm")}
    await world.ok("updateGroup", body=move)
    assert [told for told, subject in await world.trail() if subject == group_id] == [
        *("domain.create", "group.create"),
        "domain.update",
    ]


async def test_a_key_holds_what_it_was_given_at_the_root_and_nothing_of_its_owners(world):
    await world.add_person("reader", Grant("root", "Read"))
    assert (await world.ok("listUserGroups", "reader"))["items"] == []
    assert (await world.call("getGroup", "ada", query={"groupId": world.id("farm")})).status == 200


async def test_a_key_that_was_put_into_a_policy_group_is_for_what_that_gives_alone(world):
    policy_groups = PolicyGroups(world.tenant.clock, world.tenant.ids, GroupMembers(world.tenant.clock))
    members = Subjects(key_ids=(world.keys["owner"][0],))
    await world.tenant.database.write(
        lambda unit: policy_groups.create(unit, acting_in(unit, world.tenant.caller), name="few", members=members)
    )
    assert (await world.ok("listUserGroups"))["items"] == []
