"""Tokens: made, shown once, suspended, withdrawn, and what each kind opens."""

from __future__ import annotations

from datetime import timedelta

import pytest

from factories.coverage import covers_each
from factories.device_clouds import NO_CLOUD

STRANGER = {"origin": "https://other.cloud.example"}


async def made(world, **fields):
    return await world.ok("tokenCreate", **{"type": "BuilderAPI", "description": "ours", **fields})


@covers_each(["tokenCreate", "tokenFind"], "success")
async def test_a_token_is_shown_once(world):
    token = await made(world)
    [listed] = (await world.ok("tokenFind"))["data"]
    assert token.pop("token").startswith("dct_")
    assert listed == token
    assert (token["role"], token["enable"], token["state"]) == ("admin", True, "active")
    [entry] = await world.trail("cloud-token.create")
    assert entry.after["type"] == "BuilderAPI"


async def test_tokens_come_in_pages_without_those_of_devices_and_launches_aside(world):
    cloud = await world.ready()
    await world.claimed(cloud)
    names = ["lamps", *(f"token {number}" for number in range(3))]
    for name in names[1:]:
        await made(world, description=name)
    first = await world.ok("tokenFind", query={"limit": 2})
    second = await world.ok("tokenFind", query={"limit": 2, "next": first["next"]})
    assert [each["description"] for each in (*first["data"], *second["data"])] == names
    assert "next" not in second


async def test_a_builders_token_does_what_administrators_do(world):
    token = (await made(world))["token"]
    cloud = await world.ok("cloudCreate", token, name="by program", type="local")
    ready = await world.ok("cloudProvision", token, id=cloud["id"], query={"invoke": "sync"})
    assert ready["provisioned"]
    [entry] = await world.trail("cloud.create")
    assert entry.principal.startswith("cloud-token:")


async def test_an_owners_token_sees_its_one_cloud_and_makes_none(world):
    cloud, other = await world.ready("mine"), await world.ready("theirs")
    token = (await made(world, type="CloudAPI", cloudId=cloud["id"]))["token"]
    assert [each["id"] for each in (await world.ok("cloudFind", token))["data"]] == [cloud["id"]]
    assert (await world.ok("cloudUpdate", token, id=cloud["id"], name="ours"))["name"] == "ours"
    for name in ("cloudGet", "cloudUpdate", "cloudRemove", "cloudProvision", "cloudGetBrowserKeys"):
        assert (await world.call(name, token, id=other["id"])).status == 404
    assert (await world.ok("cloudFind", token, id=other["id"]))["data"] == []
    assert (await world.call("cloudCreate", token, name="n", type="local")).status == 403
    assert (await world.call("tokenFind", token)).status == 403
    assert (await world.call("tokenCreate", token, type="BuilderAPI", description="d")).status == 403
    assert (await world.call("tokenAction", token, id=NO_CLOUD, action="delete")).status == 403
    assert (await world.call("deviceFind", token, cloudId=other["id"])).status == 404


@covers_each(["tokenAction"], "success")
async def test_a_token_is_suspended_resumed_revoked_and_deleted(world):
    token = await made(world)

    async def opens():
        return (await world.call("cloudFind", token["token"])).status

    async def act(action):
        return await world.ok("tokenAction", id=token["id"], action=action)

    assert await opens() == 200
    assert (await act("suspend"))["enable"] is False
    assert await opens() == 401
    assert (await act("resume"))["enable"] is True
    assert await opens() == 200
    renewed = await act("new")
    assert await opens() == 401
    token["token"] = renewed["token"]
    assert await opens() == 200
    assert (await act("revoke"))["state"] == "revoked"
    assert await opens() == 401
    for action in ("resume", "new", "suspend"):
        answer = await world.call("tokenAction", id=token["id"], action=action)
        assert (answer.status, answer.body.partition(":")[0]) == (400, "action")
    assert await act("delete") == {}
    assert (await world.call("tokenAction", id=token["id"], action="delete")).status == 404
    assert (await world.ok("tokenFind"))["data"] == []


async def test_a_token_ends_when_it_was_said(world):
    token = await made(world, expires="2026-01-02T00:00:00.000Z")
    assert token["expires"] == "2026-01-02T00:00:00.000Z"
    assert (await world.call("cloudFind", token["token"])).status == 200
    world.tenant.clock.advance(timedelta(days=1))
    assert (await world.call("cloudFind", token["token"])).status == 401


@covers_each(["tokenAction"], "refusal")
async def test_nobody_touches_tokens_of_another_account(world):
    token = await made(world)
    for action in ("new", "suspend", "resume", "revoke", "delete"):
        answer = await world.call("tokenAction", "stranger", **STRANGER, id=token["id"], action=action)
        assert (answer.status, answer.body) == (404, "Cannot find token")
    assert (await world.call("tokenFind", "stranger", **STRANGER)).body == {"data": []}
    cloud = await world.make()
    answer = await world.call(
        "tokenCreate", "stranger", **STRANGER, type="CloudAPI", description="d", cloudId=cloud["id"]
    )
    assert (answer.status, answer.body) == (404, "Cannot find cloud")


@pytest.mark.parametrize(
    ("fields", "blamed"),
    [
        ({"type": "DeviceToCloud"}, "type"),
        ({"type": "service"}, "type"),
        ({"type": "CloudAPI"}, 'Missing required field "cloudId"'),
        ({"type": "ProductID"}, "product"),
        ({"description": " "}, "description"),
        ({"expires": "tomorrow"}, "expires"),
        ({"expires": "2020-01-01T00:00:00Z"}, "expires"),
    ],
)
async def test_a_token_that_cannot_be_is_refused_with_the_field(world, fields, blamed):
    answer = await world.call("tokenCreate", **{"type": "BuilderAPI", "description": "d", **fields})
    assert answer.status == 400
    assert answer.body.startswith(blamed)
