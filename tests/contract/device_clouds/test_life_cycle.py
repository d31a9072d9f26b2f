"""The life of clouds, through the wire and the jobs behind it."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.clouds.errors import EngineFailed
from cloudstead.core.clouds.model import TEMPLATE_VERSION
from cloudstead.core.clouds.ports import StackLook
from cloudstead.core.clouds.ulids import id_of, ulid_of
from cloudstead.core.files.model import Bucket
from cloudstead.core.jobs.model import Done, Failed
from cloudstead.core.observations.model import ShadowChange
from cloudstead.core.paging import PageRequest
from factories.coverage import covers, covers_each
from factories.device_clouds import NO_CLOUD, build_cloud_world, connection


def named(cloud):
    return {"id": cloud["id"], "accountId": cloud["accountId"]}


@covers("cloudProvision", "success")
async def test_a_local_cloud_becomes_an_account_with_all_that_belongs_to_it(world):
    cloud = await world.make("Apple Farm")
    marked = await world.ok("cloudProvision", id=cloud["id"])
    assert "provisioned" not in marked
    assert await world.work() == [Done()]
    ready = await world.ok("cloudGet", id=cloud["id"])
    stored = await world.stored(cloud)
    account, hosts, member, authority = await world.tenant.database.read(
        lambda unit: (
            unit.accounts.get(stored.tenant_id),
            unit.accounts.hosts(stored.tenant_id),
            unit.people.membership(stored.tenant_id, world.people["admin"].id),
            unit.clouds.authority(stored.tenant_id),
        )
    )
    assert (ready["api"], ready["apiGateway"]) == ("https://cloud.example/api", "apple-farm.cloud.example")
    assert (ready["stack"], ready["version"]) == (ulid_of(stored.tenant_id), TEMPLATE_VERSION)
    assert ready["userPoolId"] == f"eu-west-1_{account.user_pool}"
    assert ready["userPoolClient"] == account.user_pool_client
    assert ready["trailBucket"].startswith("prod-observationsbucket-")
    assert ready["provisioned"] == "2026-01-01T00:00:00.000Z"
    assert (account.parent_id, account.name) == (world.tenant.account.id, "Apple Farm")
    assert set(hosts) == {"apple-farm.cloud.example", f"{cloud['id'].lower()}.cloud.example"}
    assert [grant.role for grant in member.grants] == ["Administrator"]
    assert "BEGIN CERTIFICATE" in authority.certificate_pem
    [(tenant_id, thing)] = world.self_test.tried
    assert (tenant_id, thing.authorities.startswith(authority.certificate_pem)) == (stored.tenant_id, True)
    assert not await world.tenant.database.read(lambda unit: unit.clouds.things_after(stored.tenant_id, "", limit=9))


async def test_two_clouds_of_one_name_get_hosts_of_their_own(world):
    await world.ready("farm")
    stranger = {"origin": "https://other.cloud.example"}
    cloud = (await world.call("cloudCreate", "stranger", **stranger, name="Farm!", type="local")).body
    answer = await world.call("cloudProvision", "stranger", **stranger, id=cloud["id"], query={"invoke": "sync"})
    assert answer.body["apiGateway"] == f"farm-{cloud['id'][-8:].lower()}.cloud.example"


async def test_invoke_none_only_marks_and_the_service_does_the_work(world):
    cloud = await world.make()
    await world.ok("cloudProvision", id=cloud["id"], query={"invoke": "none"})
    assert (await world.stored(cloud)).state == "provisioning"
    assert await world.work() == []
    service = world.rooms.service_tokens.make()
    assert "provisioned" in await world.ok("cloudProvisionAsync", service, **named(cloud))


@covers("cloudProvisionAsync", "success")
async def test_the_work_is_idempotent(world):
    cloud = await world.ready()
    service = world.rooms.service_tokens.make()
    assert await world.ok("cloudProvisionAsync", service, **named(cloud)) == cloud
    await world.ok("cloudProvision", id=cloud["id"])
    await world.ok("cloudProvision", id=cloud["id"])
    assert await world.work() == [Done(), Done()]
    again = await world.ok("cloudGet", id=cloud["id"])
    assert again["stack"] == cloud["stack"]
    assert len(world.self_test.tried) == 2


async def test_what_cannot_be_provisioned_is_told_in_the_record_and_tried_again(world):
    world.self_test.failures += [EngineFailed("The line is cut")] * 2
    cloud = await world.make()
    await world.ok("cloudProvision", id=cloud["id"])
    [result] = await world.work()
    assert result == Failed(detail="The line is cut")
    waiting = await world.ok("cloudGet", id=cloud["id"])
    assert (waiting["error"], waiting["progress"]) == ("The line is cut (it is tried again)", "2 of 2: self-test")
    answer = await world.call("cloudProvision", id=cloud["id"], query={"invoke": "sync"})
    assert (answer.status, answer.body) == (502, "The line is cut")
    failed = await world.ok("cloudGet", id=cloud["id"])
    assert (failed["error"], "progress" in failed) == ("The line is cut", False)
    assert (await world.stored(cloud)).state == "error"
    tried = {tenant_id for tenant_id, _ in world.self_test.tried}
    ready = await world.ok("cloudProvision", id=cloud["id"], query={"invoke": "sync"})
    assert ("error" in ready, len(tried)) == (False, 1)
    assert tried == {(await world.stored(cloud)).tenant_id}  # what was made is kept


async def test_a_defect_on_the_last_try_leaves_the_cloud_where_it_can_be_tried_again(world):
    world.self_test.failures.append(ValueError("a defect"))
    cloud = await world.make()
    answer = await world.call("cloudProvision", id=cloud["id"], query={"invoke": "sync"})
    assert (answer.status, answer.body) == (500, "Internal error")
    stored = await world.stored(cloud)
    assert (stored.state, stored.error) == ("error", "Something went wrong inside; provision the cloud again")


async def test_without_the_roots_key_a_cloud_says_what_to_do(tenant):
    world = await build_cloud_world(tenant, root_key=lambda: None)
    cloud = await world.make()
    answer = await world.call("cloudProvision", id=cloud["id"], query={"invoke": "sync"})
    assert answer.status == 502
    assert "put keys/root.key back" in answer.body
    assert not world.self_test.tried
    await world.client.aclose()


async def test_a_cloud_is_not_provisioned_before_it_is_connected_or_while_it_goes(world):
    draft, _, _ = await world.launched()
    answer = await world.call("cloudProvision", id=draft["id"])
    assert (answer.status, answer.body) == (409, "Cloud is not connected, so provision is not possible")
    going = await world.make()
    await world.ok("cloudRemove", id=going["id"], query={"invoke": "none"})
    answer = await world.call("cloudProvision", id=going["id"])
    assert (answer.status, answer.body) == (409, "Cloud is being removed")
    service = world.rooms.service_tokens.make()
    assert (await world.call("cloudProvisionAsync", service, **named(draft))).status == 409


async def test_the_service_finds_nothing_in_another_account(world):
    cloud = await world.ready()
    service = world.rooms.service_tokens.make()
    other = {"id": cloud["id"], "accountId": ulid_of(world.other.id)}
    assert (await world.call("cloudProvisionAsync", service, **other)).status == 404
    assert await world.ok("cloudRemoveAsync", service, **other) == {}
    assert (await world.ok("cloudGet", id=cloud["id"])) == cloud


async def test_a_service_token_is_good_for_a_minute_and_for_nothing_else(world):
    cloud = await world.make()
    service = world.rooms.service_tokens.make()
    for name in ("cloudGet", "cloudFind", "cloudConnect", "tokenFind", "deviceProvision"):
        assert (await world.call(name, service, id=cloud["id"])).status == 403
    answer = await world.client.post("/api/cloud/provisionAsync", headers={"authorization": service}, json={})
    assert answer.status_code == 401
    assert (await world.call("cloudProvisionAsync", service[:-2] + "AA", **named(cloud))).status == 401
    world.tenant.clock.advance(timedelta(minutes=1))
    assert (await world.call("cloudProvisionAsync", service, **named(cloud))).status == 401


@pytest.mark.parametrize("kind", ["BuilderAPI", "CloudAPI", "CloudToBuilder", "ProductID"])
async def test_no_token_of_an_account_reaches_the_services_work(world, kind):
    cloud = await world.make()
    made = await world.ok("tokenCreate", type=kind, description="t", cloudId=cloud["id"], product="p")
    for name in ("cloudProvisionAsync", "cloudRemoveAsync"):
        answer = await world.call(name, made["token"], **named(cloud))
        assert (answer.status, answer.body) == (403, "Access denied")


@covers("cloudUpdateStack", "success")
async def test_a_stack_is_updated_until_it_says_that_it_is_done(world):
    cloud, _, _ = await world.connected()
    await world.work()
    updating = await world.ok("cloudUpdateStack", id=cloud["id"])
    assert updating["status"] == "UPDATE_IN_PROGRESS"
    assert (await world.call("cloudUpdateStack", id=cloud["id"])).status == 409
    world.stacks.looks += [
        StackLook(status="UPDATE_IN_PROGRESS"),
        StackLook(status="UPDATE_COMPLETE", template_version=7),
    ]
    for _ in range(2):
        world.tenant.clock.advance(timedelta(seconds=10))
        await world.work()
    done = await world.ok("cloudGet", id=cloud["id"])
    assert (done["status"], done["version"], (await world.stored(cloud)).state) == ("UPDATE_COMPLETE", 7, "ready")


async def test_a_stack_that_rolls_back_keeps_its_version_and_says_why(world):
    cloud, _, _ = await world.connected()
    await world.work()
    await world.ok("cloudUpdateStack", id=cloud["id"])
    world.stacks.looks.append(StackLook(status="UPDATE_ROLLBACK_COMPLETE", reason="Not enough rights"))
    world.tenant.clock.advance(timedelta(seconds=10))
    await world.work()
    back = await world.ok("cloudGet", id=cloud["id"])
    assert (back["status"], back["version"], back["error"]) == ("UPDATE_ROLLBACK_COMPLETE", 1, "Not enough rights")
    assert (await world.stored(cloud)).state == "ready"


async def test_an_update_that_cannot_be_looked_at_is_followed_all_the_same(world):
    cloud, _, _ = await world.connected()
    await world.work()
    await world.ok("cloudUpdateStack", id=cloud["id"])
    world.stacks.failures.append(EngineFailed("Cannot assume role", is_final=True))
    world.tenant.clock.advance(timedelta(seconds=10))
    assert await world.work() == [Failed(detail="Cannot assume role", is_final=True)]
    assert (await world.ok("cloudGet", id=cloud["id"]))["error"] == "Cannot assume role"
    world.stacks.looks.append(StackLook(status="UPDATE_COMPLETE"))
    world.tenant.clock.advance(timedelta(minutes=10))
    await world.work()
    done = await world.ok("cloudGet", id=cloud["id"])
    assert (done["status"], "error" in done) == ("UPDATE_COMPLETE", False)


async def test_a_stack_with_nothing_to_update_is_done_at_once(world):
    cloud, _, _ = await world.connected()
    await world.work()
    world.stacks.update_status = "UPDATE_COMPLETE"
    done = await world.ok("cloudUpdateStack", id=cloud["id"])
    assert (done["status"], done["version"]) == ("UPDATE_COMPLETE", TEMPLATE_VERSION)


async def test_an_update_that_is_refused_changes_nothing_but_the_error(world):
    cloud, _, _ = await world.connected()
    await world.work()
    world.stacks.failures.append(EngineFailed("Cannot assume role"))
    answer = await world.call("cloudUpdateStack", id=cloud["id"])
    assert (answer.status, answer.body) == (502, "Cannot assume role")
    stored = await world.stored(cloud)
    assert (stored.state, stored.status, stored.error) == ("ready", "CREATE_COMPLETE", "Cannot assume role")


async def test_a_cloud_without_a_stack_is_returned_as_it_is(world):
    cloud = await world.ready()
    assert await world.ok("cloudUpdateStack", id=cloud["id"]) == cloud


@covers("cloudWaitForTemplate", "success")
async def test_waiting_ends_as_soon_as_the_stack_calls_back(world):
    cloud, token, external = await world.launched()

    async def connect():
        await world.ok("cloudConnect", token, **connection(cloud, external))

    world.pauses.happens.append(connect)
    answer = await world.ok("cloudWaitForTemplate", id=cloud["id"])
    assert (answer["connected"], answer["status"], world.rooms.waiting.waiting) == (True, "CREATE_COMPLETE", 0)


async def test_waiting_ends_after_twenty_five_seconds_with_the_record_as_it_is(world):
    cloud, _, _ = await world.launched()
    answer = await world.ok("cloudWaitForTemplate", id=cloud["id"])
    assert (answer["connected"], answer["status"], sum(world.pauses.waited_s)) == (False, "REVIEW_IN_PROGRESS", 25)
    assert (await world.stored(cloud)).state == "launching"


async def test_nobody_waits_for_what_is_connected_has_failed_or_goes(world):
    local = await world.make()
    assert (await world.ok("cloudWaitForTemplate", id=local["id"]))["connected"]
    failed, token, _ = await world.launched()
    await world.ok("cloudConnect", token, cloud=failed["id"], error="No rights")
    assert (await world.ok("cloudWaitForTemplate", id=failed["id"]))["error"] == "No rights"
    assert world.pauses.waited_s == []


async def test_waiting_ends_when_the_cloud_is_gone(world):
    cloud, _, _ = await world.launched()

    async def remove():
        await world.ok("cloudRemove", id=cloud["id"], query={"invoke": "sync"})

    world.pauses.happens.append(remove)
    assert (await world.call("cloudWaitForTemplate", id=cloud["id"])).status == 404


@covers_each(["cloudRemove", "cloudRemoveAsync"], "success")
async def test_removing_twice_is_fine_and_then_there_is_nothing(world):
    cloud = await world.ready()
    assert await world.ok("cloudRemove", id=cloud["id"]) == {}
    assert await world.ok("cloudRemove", id=cloud["id"]) == {}
    assert (await world.ok("cloudGet", id=cloud["id"]))["status"] == "DELETE_IN_PROGRESS"
    assert await world.work() == [Done(), Done()]
    assert (await world.call("cloudGet", id=cloud["id"])).status == 404
    assert (await world.call("cloudRemove", id=cloud["id"])).status == 404
    service = world.rooms.service_tokens.make()
    assert await world.ok("cloudRemoveAsync", service, **named(cloud)) == {}


async def test_nothing_is_removed_that_nobody_asked_to_remove(world):
    cloud = await world.ready()
    service = world.rooms.service_tokens.make()
    answer = await world.call("cloudRemoveAsync", service, **named(cloud))
    assert (answer.status, answer.body) == (400, "id: nobody has asked to remove this cloud")
    assert (await world.ok("cloudGet", id=cloud["id"])) == cloud


async def test_a_removed_cloud_leaves_its_export_a_closed_account_and_the_trail(world):
    cloud = await world.ready()
    stored = await world.stored(cloud)
    await world.claimed(cloud)
    device = (await world.ok("deviceRegister", await world.product(), id="ABCDE12345"))["token"]
    await world.ok("deviceProvision", device)
    thing = await world.tenant.database.read(lambda unit: unit.things.get(stored.tenant_id, "ABCDE12345"))
    for offset in range(1, 4):
        world.index.changes[offset] = ShadowChange(
            offset, stored.tenant_id, thing.uid, thing.name, "update", offset, "thing:x", 0, b'{"state":{}}', 0
        )
    await world.objects.put(f"{stored.tenant_id}/PublicBucket/picture.png", b"x")
    await world.ok("cloudRemove", id=cloud["id"], query={"invoke": "sync"})

    root = f"{world.tenant.account.id}/{Bucket.OBSERVATIONS}/cloud-exports/{cloud['id']}-20260101T000000Z/"
    names = sorted(path.removeprefix(root) for path in world.objects.held)
    assert names == [
        "account-0001.jsonl.gz",
        "audit-0001.jsonl.gz",
        "changes-0001.jsonl.gz",
        "domains-0001.jsonl.gz",
        "manifest.json",
        "thing-types-0001.jsonl.gz",
        "things-0001.jsonl.gz",
    ]
    assert world.objects.puts[-1] == f"{root}manifest.json"

    def rows(name):
        return [json.loads(line) for line in gzip.decompress(world.objects.held[root + name]).splitlines()]

    assert [row["name"] for row in rows("things-0001.jsonl.gz")] == ["ABCDE12345"]
    assert [row["version"] for row in rows("changes-0001.jsonl.gz")] == [3, 2, 1]
    assert json.loads(world.objects.held[f"{root}manifest.json"])["rows"]["changes"] == 3
    assert "PRIVATE KEY" not in str([rows(name) for name in names if name.endswith(".gz")])
    account, things, hosts, own, device_left, trail = await world.tenant.database.read(
        lambda unit: (
            unit.accounts.get(stored.tenant_id),
            unit.clouds.things_after(stored.tenant_id, "", limit=9),
            unit.accounts.hosts(stored.tenant_id),
            unit.clouds.authority(stored.tenant_id),
            unit.cloud_devices.get(world.tenant.account.id, "ABCDE12345"),
            unit.audit.page(stored.tenant_id, PageRequest(limit=10)),
        )
    )
    assert (account.status, list(things), list(hosts), own) == ("SUSPENDED", [], [], None)
    assert (device_left.cloud_id, device_left.thing) == (None, None)
    assert trail.items
    [entry] = await world.trail("cloud.removed")
    assert entry.after["export"].startswith(f"cloud-exports/{cloud['id']}")
    assert "retained" in entry.after
    [(tenant_id, topic, payload)] = world.told.messages
    assert (tenant_id, topic) == (stored.tenant_id, "ioto/device/ABCDE12345/provision/release")
    assert int(payload) == world.tenant.clock.millis()
    assert world.index.changes == {}


async def test_nothing_is_deleted_before_the_export_is_whole(world):
    cloud = await world.ready()
    stored = await world.stored(cloud)
    await world.ok("deviceProvision", await world.claimed(cloud))
    world.objects.failures = 1
    answer = await world.call("cloudRemove", id=cloud["id"], query={"invoke": "sync"})
    assert answer.status == 500
    things = await world.tenant.database.read(lambda unit: unit.clouds.things_after(stored.tenant_id, "", limit=9))
    assert [thing.name for thing in things] == ["ABCDE12345"]
    await world.ok("cloudRemove", id=cloud["id"], query={"invoke": "sync"})
    assert (await world.call("cloudGet", id=cloud["id"])).status == 404


async def test_what_hinders_removing_is_told_and_tried_again(world):
    cloud, _, _ = await world.connected()
    await world.work()
    world.stacks.failures.append(EngineFailed("The stack is being updated"))
    await world.ok("cloudRemove", id=cloud["id"])
    [result] = await world.work()
    assert result == Failed(detail="The stack is being updated")
    assert (await world.ok("cloudGet", id=cloud["id"]))["error"] == "The stack is being updated"
    await world.ok("cloudRemove", id=cloud["id"], query={"invoke": "sync"})
    assert (await world.call("cloudGet", id=cloud["id"])).status == 404
    [entry] = await world.trail("cloud.removed")
    assert entry.after["retained"] == ["bucket"]


async def test_a_removed_clouds_tokens_open_nothing(world):
    cloud = await world.ready()
    texts = [
        (await world.ok("tokenCreate", type=kind, description=kind, cloudId=cloud["id"]))["token"]
        for kind in ("CloudAPI", "CloudToBuilder")
    ]
    device = await world.claimed(cloud)
    await world.ok("cloudRemove", id=cloud["id"], query={"invoke": "sync"})
    assert (await world.call("cloudGet", texts[0], id=cloud["id"])).status == 401
    assert (await world.call("deviceProvision", device)).body == "Authentication failed"
    late = await world.call("cloudReport", texts[1], accountId=cloud["accountId"], cloudId=cloud["id"])
    assert (late.status, late.body) == (404, "Cannot find cloud")
    world.tenant.clock.advance(timedelta(days=31))
    assert (await world.call("cloudReport", texts[1], accountId=cloud["accountId"], cloudId=cloud["id"])).status == 401


@covers("cloudGetBrowserKeys", "success")
async def test_browser_keys_let_people_into_the_clouds_account_for_an_hour(world):
    cloud = await world.ready()
    stored = await world.stored(cloud)
    for by, role in (("admin", "Administrator"), ("reader", "Watch")):
        keys = await world.ok("cloudGetBrowserKeys", by, id=cloud["id"])
        assert (keys["expires"], keys["region"]) == ("2026-01-01T01:00:00.000Z", "eu-west-1")
        member = await world.tenant.database.read(
            lambda unit, who=world.people[by].id: unit.people.membership(stored.tenant_id, who)
        )
        assert [grant.role for grant in member.grants] == [role]


async def test_browser_keys_need_a_cloud_that_is_there_and_a_person(world):
    draft, _, _ = await world.launched()
    assert (await world.call("cloudGetBrowserKeys", id=draft["id"])).status == 409
    made = await world.make()
    assert (await world.call("cloudGetBrowserKeys", id=made["id"])).status == 409
    ready = await world.ready("ready")
    builder = (await world.ok("tokenCreate", type="BuilderAPI", description="b"))["token"]
    assert (await world.call("cloudGetBrowserKeys", builder, id=ready["id"])).status == 403
    await world.ok("cloudUpdate", id=ready["id"], enable=False)
    answer = await world.call("cloudGetBrowserKeys", id=ready["id"])
    assert (answer.status, answer.body) == (409, "Cloud is disabled")


@covers("cloudReport", "success")
async def test_a_report_is_kept_once_for_each_month(world):
    cloud = await world.ready()
    token = (await world.ok("tokenCreate", type="CloudToBuilder", description="r", cloudId=cloud["id"]))["token"]
    usage = [{"devices": 3, "tenants": 1, "load": 0.5}, {"devices": 4, "tenants": 2, "load": 1}]
    named_here = {"accountId": cloud["accountId"], "cloudId": cloud["id"]}
    assert await world.ok("cloudReport", token, **named_here, usage=usage, count=2) == {}
    shown = await world.ok("cloudGet", id=cloud["id"])
    assert (shown["devices"], shown["tenants"], shown["load"]) == (7, 3, 1.5)
    await world.ok("cloudReport", token, **named_here, usage=usage[:1], load=9)
    world.tenant.clock.advance(timedelta(days=31))
    await world.ok("cloudReport", token, **named_here, usage=[])
    rows = await world.tenant.database.read(lambda unit: unit.clouds.usage(id_of(cloud["id"]), limit=9))
    assert [(row.month, row.devices, row.tenants, row.load) for row in rows] == [
        ("2026-02", 0, 0, 0.0),
        ("2026-01", 3, 1, 9.0),
    ]


@pytest.mark.parametrize(
    "wrong", [{"usage": [{"devices": -1}]}, {"load": 1e300}, {"count": -1}, {"usage": [{}] * 1001}, {"usage": ["x"]}]
)
async def test_a_report_of_what_cannot_be_is_refused(world, wrong):
    cloud = await world.ready()
    token = (await world.ok("tokenCreate", type="CloudToBuilder", description="r", cloudId=cloud["id"]))["token"]
    answer = await world.call("cloudReport", token, accountId=cloud["accountId"], cloudId=cloud["id"], **wrong)
    assert answer.status == 400


async def test_a_cloud_reports_about_itself_only(world):
    cloud, other = await world.ready("a"), await world.ready("b")
    token = (await world.ok("tokenCreate", type="CloudToBuilder", description="r", cloudId=cloud["id"]))["token"]
    for account_id, cloud_id in (
        (cloud["accountId"], other["id"]),
        (ulid_of(world.other.id), cloud["id"]),
        (cloud["accountId"], NO_CLOUD),
    ):
        answer = await world.call("cloudReport", token, accountId=account_id, cloudId=cloud_id)
        assert answer.status == 404


async def test_clouds_here_are_measured_when_their_month_is_over(world):
    world.counted.number = 44_640
    cloud = await world.ready("here", type="host", open=True)
    for name in ("one", "two"):
        await world.ready(name, type="hosted")
    assert await world.rooms.usage.measure_all() == 0
    world.tenant.clock.advance(timedelta(days=31))
    assert await world.rooms.usage.measure_all() == 3
    assert await world.rooms.usage.measure_all() == 0
    shown = await world.ok("cloudGet", id=cloud["id"])
    assert (shown["devices"], shown["tenants"], shown["hubs"], shown["load"]) == (0, 2, 2, 1.0)


async def test_a_disabled_account_has_no_tokens_that_open_anything(world):
    builder = (await world.ok("tokenCreate", type="BuilderAPI", description="b"))["token"]

    def restrict(unit, status):
        account = unit.accounts.get(world.tenant.account.id)
        unit.accounts.replace(replace(account, status=status))

    await world.tenant.database.write(lambda unit: restrict(unit, AccountStatus.RESTRICTED))
    assert (await world.call("cloudFind", builder)).status == 200
    assert (await world.call("cloudCreate", builder, name="n", type="local")).status == 403
    await world.tenant.database.write(lambda unit: restrict(unit, AccountStatus.SUSPENDED))
    assert (await world.call("cloudFind", builder)).status == 401
