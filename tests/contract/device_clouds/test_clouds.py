"""Clouds: made, found, read, changed, listed as hosts, suspended."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cloudstead.core.clouds.ulids import id_of
from factories.coverage import covers, covers_each
from factories.device_clouds import NO_CLOUD, connection, contract

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId

ON_ONE_CLOUD = [
    "cloudGet",
    "cloudUpdate",
    "cloudProvision",
    "cloudRemove",
    "cloudUpdateStack",
    "cloudWaitForTemplate",
    "cloudGetBrowserKeys",
]


def names(page):
    return [each["name"] for each in page["data"]]


@covers("cloudCreate", "success")
async def test_a_local_cloud_is_connected_from_its_beginning(world):
    cloud = await world.make("Orchard", schema={"models": {}}, sync=True)
    assert cloud == {
        "id": cloud["id"],
        "accountId": world.account_id,
        "name": "Orchard",
        "type": "local",
        "enable": True,
        "connected": True,
        "suspended": False,
        "shadows": True,
        "sync": True,
        "quota": {},
        "schema": {"models": {}},
        "region": "eu-west-1",
        "status": "CREATE_COMPLETE",
    }
    assert len(cloud["id"]) == 26
    [entry] = await world.trail("cloud.create")
    assert (entry.object_id, entry.after["name"]) == (id_of(cloud["id"]), "Orchard")


async def test_a_dedicated_cloud_begins_with_a_launch_that_is_shown_once(world):
    cloud, token, external = await world.launched()
    assert (cloud["connected"], cloud["quota"]["messagesPerDeviceHour"]) == (False, 100)
    assert token in cloud["launch"]["url"]
    assert len(external) == 64
    again = await world.ok("cloudGet", id=cloud["id"])
    assert "launch" not in again
    assert external not in json.dumps(again)


@pytest.mark.parametrize(
    ("fields", "blamed"),
    [
        ({"name": None}, 'Missing required field "name"'),
        ({"name": " "}, "name: blank"),
        ({"name": "a\nb"}, "name: holds a control character"),
        ({"name": "x" * 129}, "name: longer than 128 characters"),
        ({"type": "dedicated"}, "region: is needed for a dedicated cloud"),
        ({"region": "mars"}, "region: is no region"),
        ({"region": "us-east-1"}, "region: this installation is in eu-west-1"),
        ({"type": "moon"}, "type:"),
        ({"open": True}, "open: is for host clouds alone"),
        ({"external": "x" * 20}, "external: is for clouds in AWS accounts alone"),
        ({"type": "dedicated", "region": "us-east-1", "external": "short"}, "external: needs 16 to 128"),
        ({"type": "dedicated", "region": "us-east-1", "external": "x" * 15 + " "}, "external: needs 16 to 128"),
        ({"schema": {"a": "x" * 70_000}}, "schema: longer"),
        ({"schema": []}, "schema:"),
        ({"iotPolicy": "a b"}, "iotPolicy: needs 1 to 128"),
        ({"enable": "yes"}, "enable:"),
    ],
)
async def test_a_cloud_that_cannot_be_is_refused_with_the_field(world, fields, blamed):
    answer = await world.call("cloudCreate", **{"name": "n", "type": "local", **fields})
    assert answer.status == 400
    assert answer.body.startswith(blamed) or (fields.get("region") == "mars" and "region" in answer.body), answer.body


async def test_an_external_id_may_be_ones_own(world):
    own = "our-own-external-id"
    _, _, external = await world.launched(external=own)
    assert external == own


async def test_names_are_unique_in_the_account_only(world):
    await world.make("farm")
    answer = await world.call("cloudCreate", name="farm", type="local")
    assert (answer.status, answer.body) == (409, "name: another cloud of the account has it")
    assert (
        await world.call("cloudCreate", "stranger", name="farm", type="local", origin="https://other.cloud.example")
    ).status == 200


async def test_the_number_of_clouds_has_a_limit(world):
    def limit(unit):
        profile = unit.accounts.profile(world.tenant.account.id)
        unit.accounts.put_profile(replace(profile, limits={"cloud-count": "1"}))

    await world.tenant.database.write(limit)
    await world.make("one")
    answer = await world.call("cloudCreate", name="two", type="local")
    assert (answer.status, answer.body) == (429, "Quota exceeded")


@covers("cloudInit", "success")
async def test_init_answers_every_field_and_stores_nothing(world):
    blank = await world.ok("cloudInit", "reader", name="n", schema={"a": 1})
    assert set(blank) == set(contract()["components"]["schemas"]["CloudTemplate"]["properties"])
    assert (blank["id"], blank["name"], blank["schema"], blank["error"], blank["enable"]) == (
        None,
        "n",
        {"a": 1},
        None,
        True,
    )
    assert (await world.ok("cloudFind"))["data"] == []


@covers("cloudGet", "success")
async def test_whoever_reads_the_account_reads_its_clouds(world):
    cloud = await world.make()
    assert await world.ok("cloudGet", "reader", id=cloud["id"]) == cloud
    assert await world.ok("cloudGet", id=cloud["id"].lower()) == cloud


@covers_each(ON_ONE_CLOUD, "refusal")
@pytest.mark.parametrize("name", ON_ONE_CLOUD)
async def test_a_cloud_of_another_account_is_not_there(world, name):
    cloud = await world.ready()
    for cloud_id in (cloud["id"], NO_CLOUD, "", "x" * 26, "../../etc", "\0" * 26, id_of(cloud["id"])):
        answer = await world.call(name, "stranger", origin="https://other.cloud.example", id=cloud_id)
        assert (answer.status, answer.body) == (404, "Cannot find cloud"), cloud_id
    assert (await world.ok("cloudGet", id=cloud["id"]))["status"] == "CREATE_COMPLETE"


@covers("cloudFind", "success")
async def test_pages_lead_forwards_and_back_in_both_indexes(world):
    for name in ("delta", "alpha", "charlie", "bravo", "echo"):
        await world.make(name)
    for index, order in (
        ("primary", ["delta", "alpha", "charlie", "bravo", "echo"]),
        ("gs1", ["alpha", "bravo", "charlie", "delta", "echo"]),
    ):
        first = await world.ok("cloudFind", query={"limit": 2, "index": index})
        assert (names(first), "prev" in first) == (order[:2], False)
        second = await world.ok("cloudFind", query={"limit": 2, "index": index, "next": first["next"]})
        assert names(second) == order[2:4]
        third = await world.ok("cloudFind", query={"limit": 2, "index": index, "next": json.dumps(second["next"])})
        assert (names(third), "next" in third) == (order[4:], False)
        back = await world.ok("cloudFind", query={"limit": 2, "index": index, "prev": third["prev"]})
        assert names(back) == order[2:4]
        begin = await world.ok("cloudFind", query={"limit": 2, "index": index, "prev": back["prev"]})
        assert (names(begin), "prev" in begin) == (order[:2], False)
        assert (
            names(await world.ok("cloudFind", query={"limit": 2, "index": index, "next": begin["next"]})) == order[2:4]
        )


async def test_a_cursor_opens_nothing_but_its_own_list(world):
    for name in ("a", "b", "c"):
        await world.make(name)
    query = {"limit": 1, "where": "${type} = {local}"}
    cursor = (await world.ok("cloudFind", query=query))["next"]
    refused = [
        await world.call("cloudFind", query={**query, "index": "gs1", "next": cursor}),
        await world.call("cloudFind", query={"limit": 1, "next": cursor}),
        await world.call("cloudFind", query={**query, "filter": "a", "next": cursor}),
        await world.call(
            "cloudFind", "stranger", origin="https://other.cloud.example", query={**query, "next": cursor}
        ),
        await world.call("cloudFind", query={**query, "next": cursor[:-4] + "AAAA"}),
        await world.call("cloudFind", query={**query, "next": "{}"}),
        await world.call("cloudFind", query={**query, "next": '"'}),
        await world.call("cloudFind", query={**query, "next": ""}),
        await world.call("cloudFind", query={**query, "next": "x" * 5000}),
        await world.call("cloudFind", query={**query, "prev": "é"}),
    ]
    assert {(each.status, each.body.partition(":")[2]) for each in refused} == {(400, " is no cursor of this list")}
    both = await world.call("cloudFind", query={**query, "next": cursor, "prev": cursor})
    assert both.status == 400


async def test_where_and_filter_choose_among_what_is_shown(world):
    await world.make("apple", sync=True)
    await world.make("pear", schema={"models": {"Tree": {}}})
    await world.ready("plum")

    async def found(**query):
        return names(await world.ok("cloudFind", query=query))

    assert await found(where="${sync} = {true}") == ["apple"]
    assert await found(where="attribute_exists(${schema.models.Tree})") == ["pear"]
    assert await found(where='begins_with(${name}, {"p"}) and not attribute_exists(${provisioned})') == ["pear"]
    assert await found(where="${version} >= {1}") == ["plum"]
    assert await found(where="${name} in ({apple}, {plum})", limit=1) == ["apple"]
    assert await found(filter="PLUM") == ["plum"]
    assert await found(filter="p", where="${name} > {b}") == ["pear", "plum"]


@pytest.mark.parametrize(
    "where",
    [
        "(",
        "${name}",
        "${name} = ",
        "= {a}",
        "${name} == {a}",
        "${name} = {a",
        "${name = {a}",
        "${name} = {a} {b}",
        "${name} like {a}",
        "${name} between {a}",
        "${name} in ()",
        "${name} in {a}",
        "not",
        "and",
        "${password} = {a}",
        "${external} = {a}",
        "${__class__} = {a}",
        "size(${name}) > {1}",
        "begins_with({a}, {b})",
        "contains(${name})",
        "attribute_exists(${name}, {a})",
        "${name} = {a}; DROP TABLE clouds",
        "${name} = {a}' OR '1'='1",
        "(" * 40 + "${name} = {a}" + ")" * 40,
        "not " * 40 + "${name} = {a}",
        "${name} in (" + ",".join(["{a}"] * 200) + ")",
        "${name} = {a} or " * 300 + "${name} = {a}",
        "\0",
        "é",
    ],
)
async def test_a_where_that_cannot_be_read_is_refused_with_its_place(world, where):
    answer = await world.call("cloudFind", query={"where": where})
    assert answer.status == 400
    assert answer.body.startswith("where: ")


async def test_hidden_shows_times_and_the_external_id_to_administrators_alone(world):
    await world.launched(external="an-external-id-of-ours")
    [cloud] = (await world.ok("cloudFind", query={"hidden": "true"}))["data"]
    assert cloud["external"] == "an-external-id-of-ours"
    assert {"created", "updated"} <= set(cloud)
    for by, query in (("admin", {}), ("reader", {"hidden": "true"})):
        [plain] = (await world.ok("cloudFind", by, query=query))["data"]
        assert not {"created", "updated", "external"} & set(plain)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "x"},
        {"index": "gs9"},
        {"hidden": "maybe"},
        {"filter": "x" * 300},
        [("limit", "1"), ("limit", "2")],
    ],
)
async def test_an_option_that_cannot_be_is_refused(world, query):
    assert (await world.call("cloudFind", query=query)).status == 400


async def test_one_cloud_may_be_asked_for_by_its_id(world):
    await world.make("a")
    cloud = await world.make("b")
    assert names(await world.ok("cloudFind", id=cloud["id"], query={"log": "true"})) == ["b"]
    assert names(await world.ok("cloudFind", id=NO_CLOUD)) == []


@covers("cloudUpdate", "success")
async def test_a_change_is_merged_and_erase_unsets(world):
    cloud = await world.make("farm", schema={"a": 1})
    changed = await world.ok("cloudUpdate", id=cloud["id"], name="barn", error="look here", iotPolicy="p")
    assert (changed["name"], changed["error"], changed["schema"]) == ("barn", "look here", {"a": 1})
    erased = await world.ok("cloudUpdate", id=cloud["id"], erase={"error": True, "schema": 1, "iotPolicy": None})
    assert not {"error", "schema", "iotPolicy"} & set(erased)
    [first, second] = await world.trail("cloud.update")
    assert (first.before["name"], first.after["name"], second.before["error"]) == ("farm", "barn", "look here")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"erase": {"name": True}}, 400),
        ({"erase": {"unheardOf": True}}, 400),
        ({"erase": {"error": True}, "error": "x"}, 400),
        ({"attachments": {"logo": "aGVsbG8="}}, 400),
        ({"open": True}, 400),
        ({"external": "x" * 20}, 409),
        ({"region": "eu-west-2"}, 409),
        ({"type": "hosted"}, 409),
        ({"deviceRole": "a b"}, 400),
    ],
)
async def test_what_cannot_change_is_refused(world, fields, status):
    cloud = await world.make()
    assert (await world.call("cloudUpdate", id=cloud["id"], **fields)).status == status
    assert await world.ok("cloudGet", id=cloud["id"]) == cloud


async def test_the_same_value_of_what_is_settled_is_no_change(world):
    cloud = await world.make()
    same = await world.ok("cloudUpdate", id=cloud["id"], region="eu-west-1", type="local", attachments={})
    assert same == cloud


async def test_a_name_that_is_taken_is_refused_when_changing_too(world):
    await world.make("farm")
    cloud = await world.make("barn")
    assert (await world.call("cloudUpdate", id=cloud["id"], name="farm")).status == 409


async def test_region_and_external_id_of_a_draft_may_change_until_it_connects(world):
    cloud, token, external = await world.launched()
    own = "another-external-id"
    changed = await world.ok("cloudUpdate", id=cloud["id"], region="us-west-2", external=own)
    assert changed["region"] == "us-west-2"
    assert (await world.call("cloudConnect", token, **connection(cloud, external))).status == 403
    await world.ok("cloudConnect", token, **connection(cloud, own))
    for fields in ({"region": "us-east-1"}, {"external": external}):
        answer = await world.call("cloudUpdate", id=cloud["id"], **fields)
        assert answer.status == 409


async def test_another_schema_of_a_ready_cloud_is_provisioned(world):
    cloud = await world.ready()
    await world.ok("cloudUpdate", id=cloud["id"], schema={"models": {"Lamp": {}}})
    assert (await world.stored(cloud)).state == "provisioning"
    await world.work()
    stored = await world.stored(cloud)
    assert stored.state == "ready"
    kept = await world.tenant.database.read(lambda unit: unit.thing_types.get(stored.tenant_id, "device"))
    assert kept.data == {"schema": {"models": {"Lamp": {}}}}


@covers("cloudGetHosts", "success")
async def test_open_hosts_of_the_operator_are_listed_and_carry_hosted_clouds(world):
    host = await world.ready("shared", type="host", open=True)
    await world.ready("closed", type="host")
    assert await world.ok("cloudGetHosts") == {"data": [{"name": "shared", "region": "eu-west-1"}]}
    assert names(await world.ok("cloudGetHosts", open=False)) == ["closed"]
    assert await world.ok("cloudGetHosts", region="us-east-1") == {"data": []}
    stranger = {"origin": "https://other.cloud.example"}
    answer = await world.call("cloudGetHosts", "stranger", **stranger)
    assert answer.body == {"data": [{"name": "shared", "region": "eu-west-1"}]}
    hosted = (await world.call("cloudCreate", "stranger", **stranger, name="mine", type="hosted")).body
    assert (hosted["host"], hosted["quota"]["messagesPerDeviceHour"], hosted["planId"]) == ("shared", 10, "hosted")
    assert (await world.call("cloudUpdate", id=host["id"], name="renamed")).status == 409
    refused = await world.call("cloudRemove", id=host["id"])
    assert (refused.status, refused.body) == (409, "Hosted clouds stand on this host. Remove them first")
    await world.ok("cloudUpdate", id=host["id"], open=False)
    answer = await world.call("cloudCreate", "stranger", **stranger, name="late", type="hosted")
    assert (answer.status, answer.body) == (409, "No open host cloud takes it")


async def test_only_the_operator_makes_hosts(world):
    answer = await world.call("cloudCreate", "stranger", origin="https://other.cloud.example", name="h", type="host")
    assert answer.status == 403


async def test_there_are_no_clouds_inside_of_clouds(world):
    cloud = await world.ready()
    stored = await world.stored(cloud)
    [host] = [h for h in await hosts_of(world, stored.tenant_id) if h.startswith("farm")]
    token = world.tokens.issue_id_token(
        await world.tenant.database.read(lambda unit: unit.accounts.get(stored.tenant_id)), world.people["admin"]
    )
    answer = await world.client.post(
        "/api/cloud/create",
        headers={"authorization": token, "origin": f"https://{host}"},
        json={"name": "inner", "type": "local"},
    )
    assert (answer.status_code, answer.text) == (403, "Access denied")


async def hosts_of(world, account_id: AccountId):
    return await world.tenant.database.read(lambda unit: unit.accounts.hosts(account_id))


@covers_each(["cloudSuspend", "cloudResume"], "success")
async def test_the_operator_suspends_any_cloud_and_lets_it_go_on(world):
    stranger = {"origin": "https://other.cloud.example"}
    cloud = (await world.call("cloudCreate", "stranger", **stranger, name="s", type="local")).body
    await world.call("cloudProvision", "stranger", **stranger, id=cloud["id"], query={"invoke": "sync"})
    named = {"id": cloud["id"], "accountId": cloud["accountId"]}
    assert (await world.ok("cloudSuspend", **named))["suspended"]
    keys = await world.call("cloudGetBrowserKeys", "stranger", **stranger, id=cloud["id"])
    assert (keys.status, keys.body) == (409, "Cloud is suspended")
    stored = await world.stored(cloud)
    account = await world.tenant.database.read(lambda unit: unit.accounts.get(stored.tenant_id))
    assert account.status == "SUSPENDED"
    assert not (await world.ok("cloudResume", **named))["suspended"]
    account = await world.tenant.database.read(lambda unit: unit.accounts.get(stored.tenant_id))
    assert account.status == "ACTIVE"


@covers_each(["cloudSuspend", "cloudResume"], "refusal")
async def test_nobody_else_suspends_clouds_not_even_the_own_ones(world):
    cloud = await world.make()
    for account_id in (cloud["accountId"], NO_CLOUD):
        for name in ("cloudSuspend", "cloudResume"):
            answer = await world.call(
                name, "stranger", origin="https://other.cloud.example", id=cloud["id"], accountId=account_id
            )
            assert answer.status == 404
    assert (await world.call("cloudSuspend", id=NO_CLOUD, accountId=cloud["accountId"])).status == 404
