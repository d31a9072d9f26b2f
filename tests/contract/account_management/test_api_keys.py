"""API keys: who makes, sees and changes them, and what they open."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.core.policygroups.model import ADMINISTRATOR_GRANT, GroupKind
from factories.account_management import NOBODY
from factories.coverage import covers, covers_each
from factories.schema import operations

OWN = [name for name, (_, path, _) in operations().items() if path.startswith("/v3/api-keys")]
TWINS = [name for name, (_, path, _) in operations().items() if path.startswith("/v3/accounts/{account_id}/api-keys")]
OF_ONE = [name for name in OWN + TWINS if "{apikey_id}" in operations()[name][1]]
MINE = [name for name in OWN if "/me" in operations()[name][1]]
NAMED = {"name": "renamed"}


def body_of(name, world):
    """Return a body with which the operation would succeed."""
    if name.startswith(("create", "update")):
        return (
            {"name": "a key"} if "account" not in name else {"name": "a key", "owner": world.people["tenant_admin"].id}
        )
    if name.startswith(("add", "remove")):
        return [NOBODY]
    return None


async def made(world, by="admin", **body):
    answer = await world.call("create_api_key", by, body={"name": "made", **body})
    assert answer.status == 201, answer.body
    return answer.body


# Making


@covers("create_api_key", "success")
async def test_a_new_key_is_shown_whole_once_and_opens_the_door(world):
    new = await made(world)
    account = "MDE5"  # base64 of the beginning of every id of these years
    assert new["key"].startswith(f"ak_1{account}")
    assert new["key"][47:79] == new["id"]
    assert len(new["key"]) == 111
    again = await world.call("get_my_api_key", new["key"])
    assert again.status == 200
    assert again.body["key"] == new["key"][:-32]
    assert (again.body["owner"], again.body["groups"]) == (world.people["admin"].id, [])


@covers("create_account_api_key", "success")
async def test_a_key_made_from_above_needs_an_owner_of_that_account(world):
    refused = await world.call("create_account_api_key", body={"name": "k"})
    assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), ["owner"])
    foreign = await world.call("create_account_api_key", body={"name": "k", "owner": world.people["admin"].id})
    assert list(foreign.fields) == ["owner"]
    owner = world.people["tenant_developer"].id
    new = await world.call("create_account_api_key", body={"name": "k", "owner": owner})
    assert (new.status, new.body["account_id"], new.body["owner"]) == (201, world.below.id, owner)
    assert (await world.call("get_my_account", new.body["key"])).body["id"] == world.below.id


async def test_a_key_without_groups_holds_what_its_maker_holds_but_no_administration(world):
    new = await made(world)
    caller = await world.rooms.callers.of_api_key(new["key"])
    assert [(grant.domain_id, grant.role) for grant in caller.grants] == [("root", "ReadWrite")]
    assert (await world.call("list_account_api_keys", new["key"])).status == 403


@covers("create_api_key", "refusal")
async def test_a_developer_makes_keys_but_none_that_administers(world):
    assert (await made(world, "developer"))["owner"] == world.people["developer"].id
    administrators = await world.group(GroupKind.ADMINISTRATORS)
    refused = await world.call("create_api_key", "developer", body={"name": "k", "groups": [administrators]})
    assert refused.refused == (403, "access_denied")
    foreign = await world.call("create_api_key", "developer", body={"name": "k", "owner": world.people["admin"].id})
    assert foreign.refused == (403, "access_denied")


async def test_an_administrator_puts_a_new_key_into_the_administrators(world):
    administrators = await world.group(GroupKind.ADMINISTRATORS)
    new = await made(world, groups=[administrators])
    assert new["groups"] == [administrators]
    assert ADMINISTRATOR_GRANT in (await world.rooms.callers.of_api_key(new["key"])).grants
    assert (await world.call("list_account_api_keys", new["key"])).status == 200


@covers("create_api_key", "malformed")
@covers("create_account_api_key", "malformed")
async def test_a_key_that_cannot_be_is_not_made(world):
    for body, field in (
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": 7}, "name"),
        ({"name": "k", "status": "SLEEPY"}, "status"),
        ({"name": "k", "owner": "me"}, "owner"),
        ({"name": "k", "owner": NOBODY}, "owner"),
        ({"name": "k", "groups": ["g"]}, "groups[0]"),
        ({"name": "k", "groups": [NOBODY]}, "groups"),
    ):
        refused = await world.call("create_api_key", body=body)
        assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), [field]), body
    assert (await world.call("create_account_api_key", body={})).status == 400


async def test_null_is_as_good_as_absent_when_a_key_is_made_and_the_unknown_is_ignored(world):
    new = await made(world, owner=None, groups=None, status=None, colour="red")
    assert (new["owner"], new["status"]) == (world.people["admin"].id, "ACTIVE")


# Seeing


@covers("list_api_keys", "success")
async def test_administrators_list_all_keys_and_others_their_own(world):
    everything = (await world.call("list_api_keys")).body
    assert [each["id"] for each in everything["data"]] == sorted(
        world.key_ids[name] for name in ("admin", "developer", "inactive")
    )
    assert (everything["total_count"], everything["has_more"], everything["order"]) == (3, False, "ASC")
    assert all(len(each["key"]) == 79 for each in everything["data"])
    own = (await world.call("list_api_keys", "developer")).body
    assert [each["id"] for each in own["data"]] == [world.key_ids["developer"]]


async def test_keys_are_paged_both_ways_by_the_last_id_seen(world):
    ids = [(await made(world))["id"] for _ in range(3)]
    first = (await world.call("list_api_keys", query={"limit": 2, "order": "DESC", "include": "total_count"})).body
    assert ([each["id"] for each in first["data"]], first["has_more"]) == (ids[:0:-1], True)
    rest = (await world.call("list_api_keys", query={"limit": 50, "order": "DESC", "after": ids[1]})).body
    assert rest["data"][0]["id"] == ids[0]
    assert (rest["after"], rest["total_count"]) == (ids[1], 6)


async def test_a_cursor_outlives_its_key(world):
    ids = [(await made(world))["id"] for _ in range(2)]
    await world.call("delete_api_key", apikey_id=ids[0])
    assert [each["id"] for each in (await world.call("list_api_keys", query={"after": ids[0]})).body["data"]] == [
        ids[1]
    ]


async def test_a_key_is_found_by_its_public_part_and_by_the_whole_and_never_by_the_secret(world):
    new = await made(world)
    for text in (new["key"], new["key"][:-32], new["key"][:-32] + "x" * 32):
        found = (await world.call("list_api_keys", query={"key__eq": text})).body
        assert [each["id"] for each in found["data"]] == [new["id"]]
    for text in ("", "ak_1", new["key"][:-1], new["key"][-32:], "x" * 500):
        assert (await world.call("list_api_keys", query={"key__eq": text})).body["total_count"] == 0
    theirs = world.keys["stranger"]
    assert (await world.call("list_api_keys", query={"key__eq": theirs})).body["data"] == []


@covers("list_api_keys", "refusal")
async def test_only_administrators_ask_for_the_keys_of_others(world):
    query = {"owner__eq": world.people["admin"].id}
    assert (await world.call("list_api_keys", "developer", query=query)).refused == (403, "access_denied")
    query = {"owner__eq": world.people["developer"].id}
    assert (await world.call("list_api_keys", query=query)).body["total_count"] == 1
    assert (await world.call("list_api_keys", "developer", query=query)).body["total_count"] == 1


@covers_each(["list_api_keys", "list_account_api_keys", "list_groups_of_my_api_key"], "malformed")
async def test_a_list_that_cannot_be_is_refused(world):
    for query, field in (
        ({"limit": "1"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"order": "UP"}, "order"),
        ({"include": "secrets"}, "include"),
        ({"after": "there"}, "after"),
        ({"name__eq": "k"}, "name__eq"),
        ({"key__like": "k"}, "key__like"),
        ({"include": "\0"}, "include"),
    ):
        for name in ("list_api_keys", "list_account_api_keys", "list_groups_of_my_api_key"):
            refused = await world.call(name, query=query)
            assert (refused.refused, list(refused.fields)) == ((400, "validation_error"), [field]), (name, query)


@covers("get_api_key", "success")
@covers("get_my_api_key", "success")
async def test_a_key_is_shown_without_its_secret(world):
    shown = await world.call("get_api_key", apikey_id=world.key_ids["developer"])
    assert shown.body["key"] == world.keys["developer"][:-32]
    assert (await world.call("get_my_api_key", "developer")).body == {
        **shown.body,
        "last_login_time": world.tenant.clock.millis(),
    }


@covers_each(["get_api_key", "update_api_key", "delete_api_key", "reset_api_key_secret"], "refusal")
async def test_a_developer_neither_sees_nor_changes_the_keys_of_others(world):
    for name in ("get_api_key", "update_api_key", "delete_api_key", "reset_api_key_secret"):
        refused = await world.call(name, "developer", apikey_id=world.key_ids["admin"], body=body_of(name, world))
        assert refused.refused == (403, "access_denied")
    assert (await world.call("get_api_key", apikey_id=world.key_ids["admin"])).body["etag"] == "1"


@covers_each(MINE, "refusal")
async def test_whoever_logs_in_without_a_key_has_no_key_of_this_request(world):
    token = await world.token("admin")
    for name in MINE:
        assert (await world.call(name, token, body=body_of(name, world))).refused == (403, "access_denied")


# Changing


@covers("update_api_key", "success")
@covers("update_my_api_key", "success")
@covers("update_account_api_key", "success")
async def test_a_change_raises_the_etag_and_one_that_changes_nothing_leaves_it(world):
    key_id = world.key_ids["developer"]
    first = await world.call("update_api_key", "developer", apikey_id=key_id, body=NAMED)
    assert (first.body["name"], first.body["etag"], first.body["owner"]) == (
        "renamed",
        "2",
        world.people["developer"].id,
    )
    again = await world.call("update_my_api_key", "developer", body=NAMED)
    assert again.body["etag"] == "2"
    theirs = await world.call("update_account_api_key", apikey_id=world.key_ids["tenant_admin"], body=NAMED)
    assert (theirs.body["name"], theirs.body["etag"]) == ("renamed", "2")


async def test_an_inactive_key_is_refused_at_once_everywhere(world):
    assert (await world.call("get_my_api_key", "developer")).status == 200
    switched = {"name": "k", "status": "INACTIVE"}
    assert (await world.call("update_api_key", apikey_id=world.key_ids["developer"], body=switched)).status == 200
    assert (await world.call("get_my_api_key", "developer")).refused == (401, "invalid_auth")
    with pytest.raises(CredentialRefused):
        await world.rooms.callers.of_api_key(world.keys["developer"])


async def test_only_administrators_give_a_key_to_somebody_else(world):
    body = {"name": "k", "owner": world.people["admin"].id}
    key_id = world.key_ids["developer"]
    assert (await world.call("update_api_key", "developer", apikey_id=key_id, body=body)).status == 403
    assert (await world.call("update_api_key", apikey_id=key_id, body=body)).body["owner"] == body["owner"]


@covers_each(["update_api_key", "update_account_api_key", "update_my_api_key"], "malformed")
@covers_each(["reset_api_key_secret", "reset_account_api_key_secret"], "malformed")
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"name":""}', b'{"name":"k","status":1}', b"\xff"])
async def test_a_change_that_cannot_be_is_refused(world, body):
    own, theirs = world.key_ids["admin"], world.key_ids["tenant_admin"]
    for name, key_id in (
        ("update_api_key", own),
        ("update_my_api_key", own),
        ("update_account_api_key", theirs),
        ("reset_api_key_secret", own),
        ("reset_account_api_key_secret", theirs),
    ):
        if body or not name.startswith("reset"):
            assert (await world.call(name, apikey_id=key_id, body=body)).status == 400
    assert (await world.call("get_api_key", apikey_id=own)).body["etag"] == "1"


@covers("reset_api_key_secret", "success")
@covers("reset_account_api_key_secret", "success")
async def test_a_reset_secret_is_shown_once_and_the_old_one_dies_at_once(world):
    old = world.keys["developer"]
    assert (await world.call("get_my_api_key", old)).status == 200
    new = (await world.call("reset_api_key_secret", apikey_id=world.key_ids["developer"])).body
    assert (new["id"], new["key"][:-32], new["etag"]) == (world.key_ids["developer"], old[:-32], "2")
    assert new["key"] != old
    assert (await world.call("get_my_api_key", old)).refused == (401, "invalid_auth")
    assert (await world.call("get_my_api_key", new["key"])).body["key"] == old[:-32]
    theirs = await world.call(
        "reset_account_api_key_secret", apikey_id=world.key_ids["tenant_admin"], body={"name": "reset"}
    )
    assert (theirs.body["name"], theirs.body["etag"]) == ("reset", "3")


@covers("delete_api_key", "success")
@covers("delete_account_api_key", "success")
async def test_a_removed_key_is_refused_at_once(world):
    assert (await world.call("get_my_api_key", "developer")).status == 200
    assert (await world.call("delete_api_key", apikey_id=world.key_ids["developer"])).status == 204
    assert (await world.call("get_my_api_key", "developer")).refused == (401, "invalid_auth")
    assert (await world.call("delete_account_api_key", apikey_id=world.key_ids["tenant_developer"])).status == 204
    assert (await world.call("get_my_api_key", "tenant_developer")).status == 401


# Groups


@covers_each(["list_groups_of_api_key", "add_api_key_to_groups", "remove_api_key_from_groups"], "success")
async def test_an_administrator_moves_a_key_between_groups_and_its_rights_follow_at_once(world):
    administrators, key_id = await world.group(GroupKind.ADMINISTRATORS), world.key_ids["developer"]
    assert (await world.call("list_account_api_keys", "developer")).status == 403
    joined = await world.call("add_api_key_to_groups", apikey_id=key_id, body=[administrators])
    assert (joined.body["object"], joined.body["id"]) == ("api-key", key_id)
    assert (await world.call("list_account_api_keys", "developer")).status == 200
    listed = (await world.call("list_groups_of_api_key", apikey_id=key_id)).body
    assert [(each["name"], each["apikey_count"]) for each in listed["data"]] == [("Administrators", 3)]
    again = await world.call("add_api_key_to_groups", apikey_id=key_id, body=[administrators])
    assert again.refused == (409, "duplicate")
    assert (await world.call("remove_api_key_from_groups", apikey_id=key_id, body=[administrators])).status == 200
    assert (await world.call("remove_api_key_from_groups", apikey_id=key_id, body=[administrators])).status == 200
    assert (await world.call("list_account_api_keys", "developer")).status == 403
    assert (await world.call("get_api_key", apikey_id=key_id)).body["etag"] == "3"


@covers_each(
    ["list_groups_of_account_api_key", "add_account_api_key_to_groups", "remove_account_api_key_from_groups"], "success"
)
async def test_a_parent_moves_the_keys_of_its_tenant(world):
    administrators = await world.group(GroupKind.ADMINISTRATORS, world.below)
    path = {"apikey_id": world.key_ids["tenant_developer"]}
    assert (await world.call("add_account_api_key_to_groups", **path, body=[administrators])).status == 200
    assert (await world.call("list_groups_of_account_api_key", **path)).body["total_count"] == 1
    assert (await world.call("remove_account_api_key_from_groups", **path, body=[administrators])).status == 200
    assert (await world.call("list_groups_of_account_api_key", **path)).body["total_count"] == 0


@covers_each(["list_groups_of_my_api_key", "add_my_api_key_to_groups", "remove_my_api_key_from_groups"], "success")
async def test_a_key_joins_and_leaves_by_itself_what_gives_it_nothing_more(world):
    developers = await world.group(GroupKind.DEVELOPERS)
    assert (await world.call("add_my_api_key_to_groups", "developer", body=[developers])).status == 200
    assert [each["id"] for each in (await world.call("list_groups_of_my_api_key", "developer")).body["data"]] == [
        developers
    ]
    assert (await world.call("remove_my_api_key_from_groups", "developer", body=[developers])).status == 200
    assert (await world.call("list_groups_of_my_api_key", "developer")).body["data"] == []


async def test_no_key_makes_itself_an_administrator(world):
    administrators = await world.group(GroupKind.ADMINISTRATORS)
    refused = await world.call("add_my_api_key_to_groups", "developer", body=[administrators])
    assert refused.refused == (403, "access_denied")
    body = {"name": "k", "groups": [administrators]}
    for name in ("update_api_key", "reset_api_key_secret"):
        refused = await world.call(name, "developer", apikey_id=world.key_ids["developer"], body=body)
        assert refused.refused == (403, "access_denied")


@covers_each(["list_groups_of_api_key", "add_api_key_to_groups", "remove_api_key_from_groups"], "refusal")
async def test_a_developer_moves_no_key(world):
    developers = await world.group(GroupKind.DEVELOPERS)
    for name in ("list_groups_of_api_key", "add_api_key_to_groups", "remove_api_key_from_groups"):
        body = None if name.startswith("list") else [developers]
        refused = await world.call(name, "developer", apikey_id=world.key_ids["inactive"], body=body)
        assert refused.refused == (403, "access_denied")


MOVES = [name for name in OWN + TWINS if name.endswith(("to_groups", "from_groups"))]


@covers_each(MOVES, "malformed")
async def test_a_list_of_groups_that_is_none_is_refused(world):
    for name in MOVES:
        whose = "tenant_admin" if name in TWINS else "admin"
        for body in (b"", b"{", b"{}", b"[]", b'["x"]', b"[7]", b'"x"'):
            assert (await world.call(name, apikey_id=world.key_ids[whose], body=body)).status == 400, (name, body)


async def test_an_unknown_group_stores_nothing(world):
    developers = await world.group(GroupKind.DEVELOPERS)
    key_id = world.key_ids["developer"]
    refused = await world.call("add_api_key_to_groups", apikey_id=key_id, body=[developers, NOBODY])
    assert refused.refused == (404, "not_found")
    mine = await world.call("add_my_api_key_to_groups", body=[NOBODY])
    assert mine.refused == (400, "validation_error")
    assert (await world.call("list_groups_of_api_key", apikey_id=key_id)).body["data"] == []


# Who may not


@covers_each([name for name in OF_ONE if name.startswith(("get", "delete", "list_groups_of"))], "malformed")
async def test_a_key_that_is_not_there_is_not_found(world):
    for name in OF_ONE:
        for key_id in (NOBODY, "x", "0" * 31, "%00", "A" * 32, "%ff"):
            answer = await world.call(name, apikey_id=key_id, body=body_of(name, world))
            assert answer.refused == (404, "not_found"), (name, key_id)


async def test_a_key_of_another_account_is_not_found(world):
    for name in (name for name in OF_ONE if name in OWN):
        for whose in ("stranger", "tenant_admin"):
            answer = await world.call(name, apikey_id=world.key_ids[whose], body=body_of(name, world))
            assert answer.refused == (404, "not_found"), name


@covers_each(TWINS, "refusal")
async def test_only_the_parents_administrators_act_on_a_tenant(world):
    for name in TWINS:
        await refuse_all_but_the_parents_administrators(world, name)


async def refuse_all_but_the_parents_administrators(world, name):
    path = {"apikey_id": world.key_ids["tenant_developer"], "body": body_of(name, world)}
    assert (await world.call(name, "developer", **path)).refused == (403, "access_denied")
    assert (await world.call(name, "tenant_admin", **path)).refused == (403, "access_denied")
    assert (await world.call(name, "stranger", **path)).refused == (404, "not_found")
    upwards = await world.call(name, "tenant_admin", **path, account_id=world.top.id)
    assert upwards.refused == (404, "not_found")
    for account_id in (NOBODY, "me", "%00"):
        assert (await world.call(name, **path, account_id=account_id)).refused == (404, "not_found")


@pytest.mark.parametrize("credential", [None, "inactive", "deleted", "nonsense", "ak_1", "csk_x_y", "a.b.c"])
async def test_without_a_good_credential_nothing_is_answered(world, credential):
    for name in OWN + TWINS:
        answer = await world.call(name, credential, apikey_id=world.key_ids["admin"], body=body_of(name, world))
        assert answer.refused == (401, "invalid_auth"), name


@covers_each(["list_account_api_keys", "get_account_api_key"], "success")
async def test_a_parent_names_its_own_account_too(world):
    listed = (await world.call("list_account_api_keys")).body
    assert {each["account_id"] for each in listed["data"]} == {world.below.id}
    own = (await world.call("list_account_api_keys", account_id=world.top.id)).body
    assert {each["account_id"] for each in own["data"]} == {world.top.id}
    assert (await world.call("get_account_api_key", apikey_id=world.key_ids["tenant_admin"])).status == 200


@covers_each(["get_my_api_key"], "malformed")
async def test_a_login_token_that_is_spoilt_opens_nothing(world):
    token = await world.token("admin")
    assert (await world.call("list_api_keys", token)).status == 200
    assert (await world.call("get_my_api_key", token[:-4] + "AAAA")).refused == (401, "invalid_auth")


async def test_the_time_of_the_last_use_is_known_at_once_and_written_later(world):
    world.tenant.clock.advance(timedelta(hours=1))
    await world.call("get_my_account", "developer")
    key_id = world.key_ids["developer"]
    stored = await world.tenant.database.read(lambda unit: unit.api_keys.get(key_id))
    assert stored.last_used_at_ms == 0
    shown = (await world.call("get_api_key", apikey_id=key_id)).body
    assert (shown["last_login_time"], shown["etag"]) == (world.tenant.clock.millis(), "1")
    await world.rooms.uses.write(world.tenant.database)
    stored = await world.tenant.database.read(lambda unit: unit.api_keys.get(key_id))
    assert stored.last_used_at_ms == shown["last_login_time"]
