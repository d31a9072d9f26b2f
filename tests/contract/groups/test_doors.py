"""What every operation has in common: who is let in, what is malformed, what a foreign id is told."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta

import pytest

from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.credentials.events import ApiKeyWithdrawn
from factories.coverage import covers, covers_each
from factories.groups import NOBODY, operations

SIGNED = sorted(name for name, (_, _, told) in operations().items() if "security" not in told)
CALLBACKS = sorted(name for name in operations() if name.startswith("take"))
READS = {"listUserGroups", "listPermissions", "listGroupRoles"}


def sent(name, group_id, **more):
    """Return what a call needs to be well formed, about a group."""
    body = {
        "createGroup": {"name": "x"},
        "updateGroup": {"groupId": group_id, "name": "x"},
        "addGroupApiKey": {"groupId": group_id, "type": "t", "token": "s", "name": "n"},
        "updateGroupApiKey": {"groupId": group_id, "type": "t", "name": "n"},
        "inviteToGroup": {"groupId": group_id, "email": "x@cloud.example", "roleId": "group-viewer"},
        "updateGroupUser": {"groupId": group_id, "userId": NOBODY, "roleId": "group-viewer"},
        "createDevices": {"groupId": group_id, "originalDevicesIds": ["1"], "network": "sigfox"},
        "updateDevices": {"groupId": group_id, "devicesIds": [NOBODY], "configuration": "{}"},
        "deleteDevices": {"groupId": group_id, "deviceIds": [NOBODY]},
        "transferDevices": {"groupId": group_id, "toGroupId": group_id, "deviceIds": [NOBODY]},
        "createRole": {"groupId": group_id, "name": "x", "permissions": []},
        "updateRole": {"groupId": group_id, "roleId": NOBODY},
    }.get(name)
    query = {
        "createGroup": {"parentId": group_id},
        "getGroup": {"groupId": group_id},
        "deleteGroup": {"groupId": group_id},
        "deleteGroupApiKey": {"groupId": group_id, "type": "t"},
        "removeGroupUser": {"groupId": group_id, "userId": NOBODY},
        "listGroupDevices": {"groupId": group_id},
        "listGroupRoles": {"groupId": group_id},
        "listGroupUsers": {"groupId": group_id},
        "deleteRole": {"groupId": group_id, "roleId": NOBODY},
        "getDevice": {"deviceId": NOBODY},
        "getUser": {"userId": NOBODY},
    }.get(name)
    return {"body": body, "query": query, **more}


@covers_each(SIGNED, "refusal")
@pytest.mark.parametrize("name", SIGNED)
async def test_without_an_access_token_nothing_is_done(world, name):
    for authorization in (None, "", "nonsense", f"Bearer {'x' * 80}", f"Bearer {world.keys['owner'][1]}"):
        refused = await world.call(name, authorization, **sent(name, world.id("farm")))
        assert refused.status == 401, authorization


@pytest.mark.parametrize("name", sorted(set(SIGNED) - {"listUserGroups", "listPermissions"}))
async def test_a_group_of_another_account_looks_like_none(world, name):
    foreign = await world.call(name, **sent(name, world.id("elsewhere")))
    missing = await world.call(name, **sent(name, NOBODY))
    assert (foreign.status, foreign.body) == (missing.status, missing.body)
    assert foreign.status == 400


@pytest.mark.parametrize("name", sorted(set(SIGNED) - {"listUserGroups", "listPermissions", "getDevice", "getUser"}))
async def test_a_group_that_one_is_not_in_looks_like_none(world, name):
    hidden = await world.call(name, "outsider", **sent(name, world.id("farm")))
    missing = await world.call(name, "outsider", **sent(name, NOBODY))
    assert (hidden.status, hidden.body) == (missing.status, missing.body)
    assert hidden.status == 400


BODIES = sorted(name for name in SIGNED if "requestBody" in operations()[name][2])


@covers_each(BODIES, "malformed")
@pytest.mark.parametrize("name", BODIES)
async def test_a_body_that_is_none_is_refused_naming_what_is_wrong(world, name):
    query = sent(name, world.id("farm"))["query"]
    for body in (b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000):
        assert (await world.call(name, body=body, query=query)).status == 400
    missing = await world.call(name, body={}, query=query)
    assert missing.told.endswith(": is missing")
    good = sent(name, world.id("farm"))["body"]
    for field in good:
        wrong = await world.call(name, body={**good, field: {"not": "that"}}, query=query)
        assert wrong.status == 400, field
        assert wrong.told.startswith(field), wrong.told


QUERIES = sorted(set(SIGNED) - set(BODIES) - {"listUserGroups", "listPermissions", "listGroupRoles"})


@covers_each([name for name in QUERIES if "ermission" not in name], "malformed")
@pytest.mark.parametrize("name", [name for name in QUERIES if "ermission" not in name])
async def test_a_query_without_its_names_is_refused_naming_one(world, name):
    refused = await world.call(name)
    assert (refused.status, refused.told.endswith(": is missing")) == (400, True)


LISTS = sorted(
    name
    for name, (_, _, told) in operations().items()
    if any(each["name"] == "limit" for each in told.get("parameters", ()))
)


@covers_each(LISTS, "malformed")
@pytest.mark.parametrize("name", LISTS)
async def test_a_limit_out_of_bounds_and_a_token_of_no_list_are_refused(world, name):
    query = sent(name, world.id("farm"))["query"] or {}
    for limit in ("0", "-1", "1001", "x", "1.5", ""):
        refused = await world.call(name, query={**query, "limit": limit})
        assert (refused.status, refused.told.startswith("limit")) == (400, True), limit
    for token in ("x", "é", "A" * 2000, base64.urlsafe_b64encode(bytes(16) + b"farm").decode(), "%00"):
        refused = await world.call(name, query={**query, "nextToken": token})
        assert (refused.status, refused.told.startswith("nextToken")) == (400, True), token


NAMING = {
    "getGroup": "groupId",
    "updateGroup": "groupId",
    "addGroupApiKey": "groupId",
    "updateGroupApiKey": "type",
    "deleteGroupApiKey": "type",
    "inviteToGroup": "roleId",
    "updateGroupUser": "userId",
    "removeGroupUser": "userId",
    "createDevices": "groupId",
    "updateDevices": "devicesIds",
    "deleteDevices": "deviceIds",
    "transferDevices": "toGroupId",
    "createRole": "groupId",
    "updateRole": "roleId",
    "deleteRole": "roleId",
    "getDevice": "deviceId",
    "getUser": "userId",
    "listGroupDevices": "groupId",
}


@pytest.mark.parametrize("text", ["\0", "a\0b", "\u2028", "x" * 5000, "🜁", "../..", "%00"])
async def test_an_id_that_can_be_none_is_one_that_is_not_there(world, text):
    for name, field in NAMING.items():
        good = sent(name, world.id("farm"))
        part = "body" if field in (good["body"] or ()) else "query"
        value = [text] if isinstance(good[part][field], list) else text
        refused = await world.call(name, **{**good, part: {**good[part], field: value}})
        assert (refused.status, refused.told.partition(":")[0]) == (400, field), name
    for change in ({"ownerId": text}, {"parent": text}, {"roleId": text}):
        assert (await world.call("updateGroup", body={"groupId": world.id("farm"), **change})).status == 400
    token = f"Bearer {world.groups['farm']['token']}"
    assert (await world.call("takeSigfoxData", token, body={"device": text, "data": "00"})).status == 400


async def test_a_next_token_belongs_to_its_call_its_group_and_its_account(world):
    for name in ("a", "b", "c"):
        await world.add_group(name)
    token = (await world.ok("listUserGroups", query={"limit": 1}))["nextToken"]
    users = (await world.ok("listGroupUsers", query={"limit": 1, "groupId": world.id("farm")}))["nextToken"]
    for name, by, query in (
        ("listPermissions", "owner", {"nextToken": token}),
        ("listUserGroups", "stranger", {"nextToken": token}),
        ("listGroupUsers", "owner", {"nextToken": users, "groupId": world.id("barn")}),
        ("listGroupDevices", "owner", {"nextToken": users, "groupId": world.id("farm")}),
    ):
        refused = await world.call(name, by, query=query)
        assert (refused.status, refused.told.startswith("nextToken")) == (400, True), name
    assert (await world.call("listUserGroups", query={"nextToken": token})).status == 200


@pytest.mark.parametrize("path", ["/group", "/v1/group", "/group/", "/v1/group/"])
async def test_every_path_is_served_bare_and_below_v1_and_with_a_last_slash(world, path):
    headers = {"authorization": world.tokens["owner"], "content-type": "application/x-www-form-urlencoded"}
    response = await world.client.get(path, params={"groupId": world.id("farm")}, headers=headers)
    assert (response.status_code, response.json()[0]["name"]) == (200, "farm")


async def test_the_token_stands_alone_or_behind_bearer(world):
    for authorization in (world.tokens["owner"], f"Bearer {world.tokens['owner']}", f"bearer  {world.tokens['owner']}"):
        assert (await world.call("listUserGroups", authorization)).status == 200


async def test_a_method_that_is_not_served_is_told_those_that_are(world):
    response = await world.client.patch("/v1/group", headers={"authorization": world.tokens["owner"]})
    assert (response.status_code, response.headers["allow"]) == (405, "DELETE, GET, HEAD, POST, PUT")


# The token call


@covers("issueAccessToken", "success")
async def test_the_grant_type_stands_in_the_query_or_in_the_body(world):
    token = await world.token("owner")
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3600)
    basic = "Basic " + base64.b64encode(":".join(world.keys["owner"]).encode()).decode()
    in_body = await world.ok("issueAccessToken", basic, body=b"grant_type=client_credentials")
    assert (await world.call("listUserGroups", in_body["access_token"])).status == 200


async def test_the_whole_key_may_stand_in_place_of_its_secret(world):
    key_id, secret = world.keys["owner"]
    whole = f"ak_1{base64.b64encode(world.tenant.account.id.encode()).decode().rstrip('=')}{key_id}{secret}"
    basic = "Basic " + base64.b64encode(f"{key_id}:{whole}".encode()).decode()
    await world.ok("issueAccessToken", basic, query={"grant_type": "client_credentials"})
    other = "Basic " + base64.b64encode(f"{world.keys['second'][0]}:{whole}".encode()).decode()
    assert (await world.call("issueAccessToken", other, query={"grant_type": "client_credentials"})).status == 401


@covers("issueAccessToken", "refusal")
async def test_a_client_that_is_unknown_wrong_or_nobodys_gets_no_token(world):
    key_id, secret = world.keys["owner"]
    sent_pairs = [(NOBODY, secret), (key_id, "wrong"), (key_id, ""), ("", secret), ("é", "é"), ("x" * 32, secret)]
    for pair in sent_pairs:
        basic = "Basic " + base64.b64encode(":".join(pair).encode()).decode()
        refused = await world.call("issueAccessToken", basic, query={"grant_type": "client_credentials"})
        assert (refused.status, refused.body["error"]) == (401, "invalid_client"), pair
    for authorization in (
        None,
        "Basic",
        "Basic !",
        f"Bearer {secret}",
        "Basic " + base64.b64encode(b"nocolon").decode(),
    ):
        refused = await world.call("issueAccessToken", authorization, query={"grant_type": "client_credentials"})
        assert (refused.status, refused.body["error"]) == (401, "invalid_client")


@covers("issueAccessToken", "malformed")
async def test_another_grant_type_is_refused(world):
    for sent_grant, error in (({}, "invalid_request"), ({"grant_type": "password"}, "unsupported_grant_type")):
        refused = await world.call("issueAccessToken", query=sent_grant)
        assert (refused.status, refused.body["error"]) == (400, error)
    assert (await world.call("issueAccessToken", body=b"\xff\xfe=")).status == 400


async def test_a_token_ends_after_an_hour(world):
    world.tenant.clock.advance(timedelta(seconds=3599))
    assert (await world.call("listUserGroups")).status == 200
    world.tenant.clock.advance(timedelta(seconds=1))
    assert (await world.call("listUserGroups")).status == 401


async def test_a_token_ends_with_its_key(world):
    key_id, _ = world.keys["viewer"]

    def write(unit):
        unit.api_keys.remove(world.tenant.account.id, key_id)
        unit.emit(ApiKeyWithdrawn(key_id))

    await world.tenant.database.write(write)
    assert (await world.call("listUserGroups", "viewer")).status == 401


async def test_in_a_restricted_account_everything_can_be_read_and_nothing_changed(world):
    device = (await world.register("A1"))[0]

    def restrict(unit):
        unit.accounts.replace(replace(world.tenant.account, status=AccountStatus.RESTRICTED))

    await world.tenant.database.write(restrict)
    world.tenant.clock.advance(timedelta(seconds=6))
    assert (await world.call("getDevice", query={"deviceId": device})).status == 200
    assert (await world.call("createGroup", body={"name": "x"})).status == 403
    token = f"Bearer {world.groups['farm']['token']}"
    assert (await world.call("takeSigfoxData", token, body={"device": "A1", "data": "00"})).status == 403


@covers_each(CALLBACKS, "refusal")
@pytest.mark.parametrize("name", CALLBACKS)
async def test_a_network_without_the_token_of_a_group_is_refused(world, name):
    await world.register("A1")
    body = {"device": "A1", "data": "00", "lat": 1, "lng": 1, "DevEUI_uplink": {"DevEUI": "A1"}}
    for token in (None, world.groups["farm"]["token"], "Bearer x", f"Bearer {world.tokens['owner']}"):
        assert (await world.call(name, token, body=body)).status == 401


@covers_each(CALLBACKS, "malformed")
@pytest.mark.parametrize("name", CALLBACKS)
async def test_what_a_network_sends_in_another_form_is_refused(world, name):
    await world.register("A1")
    token = f"Bearer {world.groups['farm']['token']}"
    for body in (b"", b"[]", b"{", b'{"device": 5}', b"{}"):
        assert (await world.call(name, token, body=body)).status == 400


@covers_each(["createPermission", "updatePermission", "deletePermission"], "malformed")
@covers_each(["createPermission", "updatePermission", "deletePermission"], "success")
@pytest.mark.parametrize("name", ["createPermission", "updatePermission", "deletePermission"])
async def test_permissions_cannot_be_changed_and_the_refusal_says_what_can(world, name):
    refused = await world.call(name)
    assert (refused.status, "POST /role" in refused.told) == (400, True)
