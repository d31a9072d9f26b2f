"""Policy groups: what they give, who is in them, and what has to stay."""

from __future__ import annotations

import pytest

from cloudstead.core.caller import Grant
from cloudstead.core.paging import PageRequest
from cloudstead.core.people.events import PersonChanged
from cloudstead.core.policygroups.model import GroupKind
from factories.account_management import NOBODY
from factories.coverage import covers, covers_each
from factories.schema import operations

SERVED = [name for name, (_, path, _) in operations().items() if "/policy-groups" in path]
TWINS = [name for name in SERVED if operations()[name][1].startswith("/v3/accounts/")]
OF_ONE = [name for name in SERVED if "{group_id}" in operations()[name][1]]
CHANGES = [name for name in SERVED if not name.startswith(("list", "get"))]
OWN_CHANGES = [name for name in CHANGES if name not in TWINS]
NORTH_WRITER = {"domain": "north", "role": "ReadWrite"}


def body_of(name):
    if name.startswith(("create", "rename")):
        return {"name": "a name"}
    if name.startswith("add"):
        return {"users": [NOBODY]}
    if name.startswith("remove"):
        return [NOBODY]
    return None


@pytest.fixture
async def north(world):
    await world.tenant.add_domain("north")


async def made(world, name="Crew", **more):
    answer = await world.call("create_group", body={"name": name, **more})
    assert answer.status == 201, answer.body
    return answer.body


async def grants_of(world, name):
    caller = await world.rooms.callers.of_api_key(world.keys[name])
    return [(grant.domain_id, grant.role) for grant in caller.grants]


# The two that are there


@covers_each(["list_groups", "list_account_groups"], "success")
async def test_every_account_has_administrators_and_developers_from_its_opening(world):
    for name, account in (("list_groups", world.top), ("list_account_groups", world.below)):
        listed = (await world.call(name)).body
        assert [each["name"] for each in listed["data"]] == ["Administrators", "Developers"]
        assert {each["account_id"] for each in listed["data"]} == {account.id}
        assert (listed["total_count"], listed["data"][0]["user_count"]) == (2, 1)
    found = (await world.call("list_groups", "developer", query={"name__eq": "Developers"})).body
    assert [each["grants"] for each in found["data"]] == [[{"domain": "root", "role": "ReadWrite"}]]


@covers_each(["get_group", "get_account_group"], "success")
async def test_a_role_given_elsewhere_makes_an_administrator(world):
    administrators = await world.group(GroupKind.ADMINISTRATORS)
    assert (await world.call("get_group", group_id=administrators)).body["user_count"] == 1
    await world.add_person("second", world.top, Grant("root", "Administrator"))
    assert (await world.call("get_group", "developer", group_id=administrators)).body["user_count"] == 2
    theirs = await world.group(GroupKind.ADMINISTRATORS, world.below)
    assert (await world.call("get_account_group", group_id=theirs)).body["account_id"] == world.below.id


@covers_each(["delete_group", "delete_account_group", "rename_group", "rename_account_group"], "refusal")
async def test_the_built_in_groups_are_neither_renamed_nor_removed(world):
    for account, twin in ((world.top, ""), (world.below, "account_")):
        for kind in (GroupKind.ADMINISTRATORS, GroupKind.DEVELOPERS):
            group_id = await world.group(kind, account)
            for name, body in ((f"delete_{twin}group", None), (f"rename_{twin}group", {"name": "x"})):
                assert (await world.call(name, group_id=group_id, body=body)).refused == (403, "access_denied")


# What a group gives


@covers("create_group", "success")
@covers("delete_group", "success")
@covers("add_subjects_to_group", "success")
async def test_members_hold_what_the_group_gives_at_once_and_no_longer_than_they_are_in(world, north):
    group = await made(world, grants=[NORTH_WRITER])
    assert (group["user_count"], group["apikey_count"], group["grants"], group["etag"]) == (0, 0, [NORTH_WRITER], "1")
    assert ("north", "ReadWrite") not in await grants_of(world, "developer")
    members = {"users": [world.people["developer"].id], "apikeys": [world.key_ids["developer"]]}
    joined = await world.call("add_subjects_to_group", group_id=group["id"], body=members)
    assert (joined.body["object"], joined.body["id"]) == ("group", group["id"])
    assert ("north", "ReadWrite") in await grants_of(world, "developer")
    person = await world.rooms.callers.of_person(world.top.id, world.people["developer"].id)
    assert Grant("north", "ReadWrite") in person.grants
    assert (await world.call("delete_group", group_id=group["id"])).status == 204
    assert ("north", "ReadWrite") not in await grants_of(world, "developer")
    person = await world.rooms.callers.of_person(world.top.id, world.people["developer"].id)
    assert Grant("north", "ReadWrite") not in person.grants


@covers("rename_group", "success")
async def test_a_group_that_gives_something_else_gives_it_to_all_at_once(world, north):
    group = await made(world, members={"apikeys": [world.key_ids["developer"]]})
    assert group["apikey_count"] == 1
    changed = {"name": "Crew", "grants": [NORTH_WRITER]}
    assert (await world.call("rename_group", group_id=group["id"], body=changed)).body["object"] == "group"
    assert ("north", "ReadWrite") in await grants_of(world, "developer")
    assert (await world.call("rename_group", group_id=group["id"], body={"name": "Staff"})).status == 200
    now = (await world.call("get_group", group_id=group["id"])).body
    assert (now["name"], now["grants"], now["etag"]) == ("Staff", [NORTH_WRITER], "3")
    await world.call("rename_group", group_id=group["id"], body={"name": "Staff"})
    assert (await world.call("get_group", group_id=group["id"])).body["etag"] == "3"


@covers_each(["create_account_group", "rename_account_group", "delete_account_group"], "success")
@covers_each(["add_subjects_to_account_group", "list_api_keys_of_account_group"], "success")
@covers_each(["remove_api_keys_from_account_group", "remove_users_from_account_group"], "success")
async def test_a_parent_keeps_the_groups_of_its_tenant(world):
    group = (await world.call("create_account_group", body={"name": "Crew"})).body
    assert group["account_id"] == world.below.id
    path = {"group_id": group["id"]}
    person, key = world.people["tenant_developer"].id, world.key_ids["tenant_developer"]
    added = await world.call("add_subjects_to_account_group", **path, body={"users": [person], "apikeys": [key]})
    assert added.status == 200
    assert (await world.call("list_api_keys_of_account_group", **path)).body["data"][0]["id"] == key
    assert (await world.call("remove_api_keys_from_account_group", **path, body={"apikeys": [key]})).status == 200
    assert (await world.call("remove_users_from_account_group", **path, body={"users": [person]})).status == 200
    assert (await world.call("get_account_group", **path)).body["user_count"] == 0
    assert (await world.call("rename_account_group", **path, body={"name": "Staff"})).status == 200
    assert (await world.call("delete_account_group", **path)).status == 204


async def test_a_grant_dies_with_its_domain(world, north):
    group = await made(world, grants=[NORTH_WRITER], members={"apikeys": [world.key_ids["developer"]]})
    await world.tenant.database.write(lambda unit: unit.domains.remove(world.top.id, ["north"]))
    assert (await world.call("get_group", group_id=group["id"])).body["grants"] == []


# Who is in


@covers_each(["list_api_keys_of_group", "remove_api_keys_from_group", "remove_users_from_group"], "success")
async def test_members_are_taken_out_by_either_form_of_the_body(world):
    group = await made(world)
    people = [world.people[name].id for name in ("admin", "developer")]
    keys = [world.key_ids[name] for name in ("admin", "developer")]
    members = {"users": people, "apikeys": keys}
    assert (await world.call("add_subjects_to_group", group_id=group["id"], body=members)).status == 200
    listed = (await world.call("list_api_keys_of_group", "developer", group_id=group["id"])).body
    assert [each["id"] for each in listed["data"]] == sorted(keys)
    for name, listed_as, ids in (
        ("remove_api_keys_from_group", "apikeys", keys),
        ("remove_users_from_group", "users", people),
    ):
        for body in ([ids[0]], {listed_as: [ids[1]]}, [ids[1]], {listed_as: [NOBODY]}):
            assert (await world.call(name, group_id=group["id"], body=body)).status == 200
    now = (await world.call("get_group", group_id=group["id"])).body
    assert (now["user_count"], now["apikey_count"]) == (0, 0)


@covers_each(["list_users_of_group", "list_users_of_account_group"], "success")
async def test_people_of_a_group_are_listed_by_their_status(world):
    group = await made(world, members={"users": [world.people[name].id for name in ("admin", "developer")]})

    async def found(**query):
        listed = (await world.call("list_users_of_group", group_id=group["id"], query=query)).body
        return [each["id"] for each in listed["data"]], listed["total_count"], listed["has_more"]

    ids = sorted(world.people[name].id for name in ("admin", "developer"))
    assert await found() == (ids, 2, False)
    assert await found(status__eq="ACTIVE", limit=2, order="DESC") == (ids[::-1], 2, False)
    assert await found(status__in="RESET, INVITED") == ([], 0, False)
    assert await found(status__nin="ACTIVE") == ([], 0, False)
    assert await found(after=ids[0]) == (ids[1:], 2, False)
    theirs = await world.group(GroupKind.ADMINISTRATORS, world.below)
    listed = (await world.call("list_users_of_account_group", group_id=theirs)).body
    assert [each["account_id"] for each in listed["data"]] == [world.below.id]
    refused = await world.call("list_users_of_group", "developer", group_id=group["id"])
    assert refused.refused == (403, "access_denied")
    for query in ({"status__eq": "ASLEEP"}, {"status__like": "A"}):
        refused = await world.call("list_users_of_group", group_id=group["id"], query=query)
        assert refused.refused == (400, "validation_error")


@covers_each(["add_subjects_to_group", "add_subjects_to_account_group"], "malformed")
async def test_a_move_of_many_is_one_change_of_the_group(world):
    group = await made(world)
    users, keys = [world.people["developer"].id, world.people["admin"].id], [world.key_ids["developer"]]
    administrators = await world.group(GroupKind.ADMINISTRATORS)
    for group_id, moved in ((group["id"], users), (administrators, users[:1])):
        before = int((await world.call("get_group", group_id=group_id)).body["etag"])
        added = await world.call("add_subjects_to_group", group_id=group_id, body={"users": moved, "apikeys": keys})
        assert added.status == 200
        assert (await world.call("get_group", group_id=group_id)).body["etag"] == str(before + 1)
        for name, body in (("remove_users_from_group", moved), ("remove_api_keys_from_group", keys)):
            assert (await world.call(name, group_id=group_id, body=body)).status == 200
        assert (await world.call("get_group", group_id=group_id)).body["etag"] == str(before + 3)
    assert await grants_of(world, "developer") == [("root", "ReadWrite")]


async def test_adding_is_for_all_or_nobody(world):
    group = await made(world, members={"users": [world.people["developer"].id]})
    path, admin = {"group_id": group["id"]}, world.people["admin"].id
    both = {"users": [admin, world.people["developer"].id]}
    assert (await world.call("add_subjects_to_group", **path, body=both)).refused == (409, "duplicate")
    for body, field in (
        ({"users": [admin, NOBODY]}, "users"),
        ({"users": [admin], "apikeys": [NOBODY]}, "apikeys"),
        ({"users": [admin, world.people["stranger"].id]}, "users"),
        ({"users": [admin], "apikeys": [world.key_ids["stranger"]]}, "apikeys"),
        ({"users": ["x"]}, "users[0]"),
        ({"users": [], "apikeys": None}, "users"),
        ({}, "users"),
    ):
        refused = await world.call("add_subjects_to_group", **path, body=body)
        assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), [field]), body
    assert (await world.call("get_group", **path)).body["user_count"] == 1
    theirs = await world.group(GroupKind.DEVELOPERS, world.below)
    assert (await world.call("add_subjects_to_account_group", group_id=theirs, body={})).status == 400


@covers("remove_users_from_group", "refusal")
@covers("remove_users_from_account_group", "refusal")
async def test_an_account_keeps_its_last_administrator_and_nobody_leaves_by_their_own_hand(world):
    administrators = await world.group(GroupKind.ADMINISTRATORS)
    path, admin = {"group_id": administrators}, world.people["admin"].id
    token = await world.token("admin")
    assert (await world.call("remove_users_from_group", **path, body=[admin])).refused == (400, "bad_request")
    await world.add_person("second", world.top, Grant("root", "Administrator"))
    assert (await world.call("remove_users_from_group", token, **path, body=[admin])).refused == (400, "bad_request")
    assert (await world.call("remove_users_from_group", "second", **path, body=[admin])).status == 200
    assert (await world.call("list_api_keys", token)).body["total_count"] == 2  # none but the own ones
    theirs = {"group_id": await world.group(GroupKind.ADMINISTRATORS, world.below)}
    last = [world.people["tenant_admin"].id]
    refused = await world.call("remove_users_from_account_group", "second", **theirs, body=last)
    assert refused.refused == (400, "bad_request")


async def test_whoever_joins_the_administrators_administers_at_once_and_has_a_developers_rights_after(world):
    administrators, developer = await world.group(GroupKind.ADMINISTRATORS), world.people["developer"].id
    token, path = await world.token("developer"), {"group_id": administrators}
    assert (await world.call("list_account_api_keys", token)).status == 403
    world.tenant.events.clear()
    assert (await world.call("add_subjects_to_group", **path, body={"users": [developer]})).status == 200
    assert PersonChanged(world.top.id, developer) in world.tenant.events
    assert (await world.call("list_account_api_keys", token)).status == 200
    assert (await world.call("remove_users_from_group", **path, body=[developer])).status == 200
    assert (await world.call("list_account_api_keys", token)).status == 403
    assert (await world.call("create_api_key", token, body={"name": "k"})).status == 201


async def test_a_developer_takes_out_the_own_keys_and_those_of_others_where_nothing_is_lost(world):
    administrators = await world.group(GroupKind.ADMINISTRATORS)
    refused = await world.call(
        "remove_api_keys_from_group", "developer", group_id=administrators, body=[world.key_ids["admin"]]
    )
    assert refused.refused == (403, "access_denied")
    group = await made(world, members={"apikeys": [world.key_ids["admin"], world.key_ids["developer"]]})
    path = {"group_id": group["id"], "body": [world.key_ids["developer"], world.key_ids["admin"]]}
    assert (await world.call("remove_api_keys_from_group", "developer", **path)).status == 200


# What cannot be


@covers_each(["create_group", "create_account_group", "rename_group", "rename_account_group"], "malformed")
async def test_a_group_that_cannot_be_is_refused(world):
    group, theirs = await made(world), (await world.call("create_account_group", body={"name": "Crew"})).body
    for body, field in (
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "n", "grants": [{"domain": "nowhere", "role": "Read"}]}, "grants"),
        ({"name": "n", "grants": [{"domain": "root", "role": "Emperor"}]}, "grants"),
        ({"name": "n", "grants": [{"domain": "root"}]}, "grants[0].role"),
    ):
        for name, path in (
            ("create_group", {}),
            ("create_account_group", {}),
            ("rename_group", {"group_id": group["id"]}),
            ("rename_account_group", {"group_id": theirs["id"]}),
        ):
            refused = await world.call(name, **path, body=body)
            assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), [field]), (name, body)


@covers_each(["create_group", "create_account_group"], "refusal")
async def test_a_name_is_there_once_in_an_account(world):
    await made(world)
    for name in ("Crew", "Administrators"):
        refused = await world.call("create_group", body={"name": name})
        assert (refused.refused, list(refused.fields)) == ((409, "duplicate"), ["name"])
    assert (await world.call("create_account_group", body={"name": "Crew"})).status == 201
    assert (await world.call("create_account_group", body={"name": "Crew"})).status == 409


@covers_each([name for name in SERVED if name.startswith(("list", "get", "delete"))], "malformed")
async def test_a_group_that_is_not_there_is_not_found(world):
    foreign = await world.group(GroupKind.DEVELOPERS, world.other)
    for name in OF_ONE:
        for group_id in (NOBODY, foreign, "x", "%00", "A" * 32):
            answer = await world.call(name, group_id=group_id, body=body_of(name))
            assert answer.refused == (404, "not_found"), (name, group_id)
    for name in ("list_groups", "list_account_groups"):
        for query in ({"limit": 1}, {"order": "x"}, {"include": "x"}, {"name__like": "x"}, {"after": "x"}):
            assert (await world.call(name, query=query)).refused == (400, "validation_error")


@covers_each([name for name in SERVED if name.startswith("remove")], "malformed")
async def test_a_removal_of_nobody_is_refused(world):
    for name in (name for name in SERVED if name.startswith("remove")):
        group_id = await world.group(GroupKind.DEVELOPERS, world.below if name in TWINS else world.top)
        for body in (b"", b"{", b"[]", b"{}", b'["x"]', b'{"users":[],"apikeys":[]}', b"7", b'"x"'):
            assert (await world.call(name, group_id=group_id, body=body)).status == 400, (name, body)


# Who may not


@covers_each(OWN_CHANGES, "refusal")
async def test_a_developer_changes_no_group(world):
    group = await made(
        world, members={"apikeys": [world.key_ids["admin"]]}, grants=[{"domain": "root", "role": "Administrator"}]
    )
    for name in OWN_CHANGES:
        body = [world.key_ids["admin"]] if name == "remove_api_keys_from_group" else body_of(name)
        answer = await world.call(name, "developer", group_id=group["id"], body=body)
        assert answer.refused == (403, "access_denied"), name


@covers_each([name for name in SERVED if name.startswith(("list", "get"))], "refusal")
async def test_without_a_good_credential_nothing_is_answered(world):
    group_id = await world.group(GroupKind.DEVELOPERS)
    for name in SERVED:
        for credential in (None, "inactive", "deleted", "nonsense"):
            answer = await world.call(name, credential, group_id=group_id, body=body_of(name))
            assert answer.refused == (401, "invalid_auth"), name


@covers_each(TWINS, "refusal")
async def test_only_the_parents_administrators_act_on_a_tenant(world):
    group_id = await world.group(GroupKind.DEVELOPERS, world.below)
    for name in TWINS:
        for by, account, expected in (
            ("developer", world.below, (403, "access_denied")),
            ("tenant_admin", world.below, (403, "access_denied")),
            ("tenant_admin", world.top, (404, "not_found")),
            ("stranger", world.below, (404, "not_found")),
        ):
            answer = await world.call(name, by, account_id=account.id, group_id=group_id, body=body_of(name))
            assert answer.refused == expected, (name, by)


async def test_what_happened_to_groups_is_in_the_trail(world):
    group = await made(world)
    await world.call("add_subjects_to_group", group_id=group["id"], body={"users": [world.people["developer"].id]})
    await world.call("delete_group", group_id=group["id"])

    def read(unit):

        return [each.operation for each in unit.audit.page(world.top.id, PageRequest(limit=100)).items]

    operations_ = await world.tenant.database.read(read)
    assert operations_[-3:] == ["policy-group.create", "policy-group.add-members", "policy-group.remove"]
