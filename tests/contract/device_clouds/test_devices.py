"""The device's side: registered, claimed, provisioned, blocked, released."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509

from cloudstead.core.clouds.errors import EngineFailed
from cloudstead.core.clouds.ulids import ulid_of
from cloudstead.core.things.identities import IdentityKind
from factories.coverage import covers, covers_each
from factories.device_clouds import NO_CLOUD

DEVICE = "ABCDE12345"
STRANGER = {"origin": "https://other.cloud.example"}


@covers_each(["deviceRegister", "deviceClaim"], "success")
async def test_a_device_hears_nothing_but_registered_until_it_is_claimed(world):
    cloud = await world.ready()
    product = await world.product()
    said = {"id": DEVICE, "product": "LAMP", "name": "Lamp", "model": "L1", "test": True, "created": "2026-01-01"}
    for _ in range(2):
        assert await world.ok("deviceRegister", product, **said) == {"registered": True}
    claimed = await world.ok("deviceClaim", "writer", id=DEVICE, cloudId=cloud["id"])
    assert (claimed["cloudId"], claimed["name"], claimed["model"]) == (cloud["id"], "Lamp", "L1")
    told = await world.ok("deviceRegister", product, id=DEVICE)
    assert told.pop("token").startswith("dct_")
    assert told == {
        "registered": True,
        "api": "https://cloud.example/api",
        "cloudType": "hosted",
        "cloudName": "farm",
        "cloudRegion": "eu-west-1",
    }
    assert await world.ok("deviceClaim", id=DEVICE, cloudId=cloud["id"]) == claimed


async def test_a_device_may_name_the_cloud_that_claims_it(world):
    cloud = await world.ready()
    told = await world.ok(
        "deviceRegister", await world.product(), id=DEVICE, account=cloud["accountId"], cloud=cloud["id"]
    )
    assert told["cloudName"] == "farm"


async def test_a_device_claims_itself_into_no_other_account(world):
    stranger = (await world.call("cloudCreate", "stranger", **STRANGER, name="s", type="local")).body
    product = await world.product()
    for account in (world.account_id, stranger["accountId"], None):
        answer = await world.call("deviceRegister", product, id=DEVICE, account=account, cloud=stranger["id"])
        assert (answer.status, answer.body) == (404, "Cannot find cloud")
    assert (await world.ok("deviceFind"))["data"] == []


@covers_each(["deviceProvision", "provisionGetCerts"], "success")
async def test_a_claimed_device_is_given_the_same_certificate_again_and_again(world):
    cloud = await world.ready()
    token = await world.claimed(cloud)
    first = await world.ok("deviceProvision", token)
    assert await world.ok("provisionGetCerts", token) == first
    stored = await world.stored(cloud)
    account, thing, authority = await world.tenant.database.read(
        lambda unit: (
            unit.accounts.get(stored.tenant_id),
            unit.things.get(stored.tenant_id, DEVICE),
            unit.clouds.authority(stored.tenant_id),
        )
    )
    assert {name: first[name] for name in ("endpoint", "port", "accountId", "id", "thing", "cloudType")} == {
        "endpoint": "mqtt.cloud.example",
        "port": 8883,
        "accountId": account.number,
        "id": DEVICE,
        "thing": DEVICE,
        "cloudType": "hosted",
    }
    certificate = x509.load_pem_x509_certificate(first["certificate"].encode())
    issuer = x509.load_pem_x509_certificate(authority.certificate_pem.encode())
    certificate.verify_directly_issued_by(issuer)
    [identity] = await world.tenant.database.read(
        lambda unit: unit.outside_identities.of_things(stored.tenant_id, IdentityKind.DEVICE_CLOUD, [thing.uid])
    )
    assert identity.value == DEVICE
    [entry] = await world.trail("cloud-device.provision")
    assert entry.after == {"thing": DEVICE}


async def test_registering_again_gives_another_token_and_ends_the_old_one(world):
    cloud = await world.ready()
    old = await world.claimed(cloud)
    new = (await world.ok("deviceRegister", await world.product(), id=DEVICE))["token"]
    assert (await world.call("deviceProvision", old)).status == 401
    assert (await world.call("deviceProvision", new)).status == 200


@covers_each(["deviceProvision", "provisionGetCerts"], "refusal")
async def test_a_device_that_is_gone_hears_the_words_that_make_it_drop_its_certificate(world):
    cloud = await world.ready()
    token = await world.claimed(cloud)
    await world.ok("deviceRemove", id=DEVICE)
    for name in ("deviceProvision", "provisionGetCerts"):
        answer = await world.call(name, token)
        assert (answer.status, answer.body, answer.media_type) == (
            401,
            "Authentication failed",
            "text/plain; charset=utf-8",
        )
    answer = await world.call("deviceGet", id=DEVICE)
    assert (answer.status, answer.body) == (404, "Cannot find device")


@covers("deviceBlock", "success")
async def test_a_blocked_device_is_told_when_to_come_back(world):
    cloud = await world.ready()
    token = await world.claimed(cloud)
    blocked = await world.ok("deviceBlock", id=DEVICE, delay=90)
    assert blocked["blockedUntil"] == "2026-01-01T00:01:30.000Z"
    world.tenant.clock.advance(timedelta(milliseconds=500))
    assert await world.ok("deviceProvision", token) == {"error": "Device is blocked", "delay": 90}
    world.tenant.clock.advance(timedelta(seconds=90))
    assert "certificate" in await world.ok("deviceProvision", token)
    await world.ok("deviceBlock", id=DEVICE, delay=90)
    assert "blockedUntil" not in await world.ok("deviceBlock", id=DEVICE, delay=0)
    for delay in (-1, 10**12):
        assert (await world.call("deviceBlock", id=DEVICE, delay=delay)).status == 400


async def test_the_devices_of_a_closed_cloud_come_back_in_an_hour(world):
    cloud = await world.ready()
    token = await world.claimed(cloud)
    await world.ok("cloudUpdate", id=cloud["id"], enable=False)
    assert await world.ok("deviceProvision", token) == {"error": "Cloud is disabled", "delay": 3600}
    await world.ok("cloudUpdate", id=cloud["id"], enable=True)
    assert "certificate" in await world.ok("deviceProvision", token)


async def test_a_device_waits_for_its_cloud_to_be_provisioned(world):
    cloud = await world.make()
    product = await world.product()
    await world.ok("deviceRegister", product, id=DEVICE)
    await world.ok("deviceClaim", id=DEVICE, cloudId=cloud["id"])
    assert await world.ok("deviceRegister", product, id=DEVICE) == {"registered": True}
    await world.ok("cloudProvision", id=cloud["id"], query={"invoke": "sync"})
    token = (await world.ok("deviceRegister", product, id=DEVICE))["token"]
    await world.ok("cloudProvision", id=cloud["id"], query={"invoke": "none"})
    assert (await world.call("deviceProvision", token)).status == 502


@covers_each(["deviceGet", "deviceFind"], "success")
async def test_devices_are_listed_by_account_and_by_cloud(world):
    cloud = await world.ready()
    product = await world.product()
    for number in range(5):
        await world.ok("deviceRegister", product, id=f"ABCDE1234{number}")
    for number in (1, 3):
        await world.ok("deviceClaim", id=f"ABCDE1234{number}", cloudId=cloud["id"])
    first = await world.ok("deviceFind", "reader", query={"limit": 3})
    rest = await world.ok("deviceFind", "reader", query={"limit": 3, "next": first["next"]})
    assert [each["id"][-1] for each in (*first["data"], *rest["data"])] == ["0", "1", "2", "3", "4"]
    of_cloud = await world.ok("deviceFind", cloudId=cloud["id"])
    assert [each["id"][-1] for each in of_cloud["data"]] == ["1", "3"]
    assert (await world.ok("deviceFind", cloudId=NO_CLOUD))["data"] == []
    assert (await world.ok("deviceGet", "reader", id="ABCDE12340"))["product"] == "LAMP"


@covers_each(["deviceRelease", "deviceRemove"], "success")
async def test_a_released_device_goes_back_to_where_nobody_has_claimed_it(world):
    cloud = await world.ready()
    token = await world.claimed(cloud)
    await world.ok("deviceProvision", token)
    released = await world.ok("deviceRelease", "writer", id=DEVICE)
    assert not {"cloudId", "thing", "claimed"} & set(released)
    assert await world.ok("deviceRelease", id=DEVICE) == released
    stored = await world.stored(cloud)
    [(tenant_id, topic, _)] = world.told.messages
    assert (tenant_id, topic) == (stored.tenant_id, f"ioto/device/{DEVICE}/provision/release")
    assert not await world.tenant.database.read(lambda unit: unit.clouds.things_after(stored.tenant_id, "", limit=9))
    assert (await world.call("deviceProvision", token)).status == 401
    assert await world.ok("deviceRegister", await world.product(), id=DEVICE) == {"registered": True}
    assert await world.ok("deviceRemove", id=DEVICE) == {}
    assert (await world.ok("deviceFind"))["data"] == []


async def test_a_release_that_fails_leaves_the_device_where_it_is(world):
    cloud, _, _ = await world.connected()
    await world.work()
    token = await world.claimed(cloud)
    answer = await world.ok("deviceProvision", token)
    assert (answer["cloudType"], answer["port"], world.stacks.enrolled) == ("dedicated", 443, [DEVICE])
    world.stacks.failures.append(EngineFailed("AWS does not answer"))
    answer = await world.call("deviceRelease", id=DEVICE)
    assert (answer.status, answer.body) == (502, "AWS does not answer")
    assert (await world.ok("deviceGet", id=DEVICE))["cloudId"] == cloud["id"]


@covers_each(["deviceGet", "deviceClaim", "deviceRelease", "deviceRemove", "deviceBlock"], "refusal")
async def test_a_device_of_another_account_is_not_there(world):
    cloud = await world.ready()
    await world.claimed(cloud)
    for name, more in (
        ("deviceGet", {}),
        ("deviceRelease", {}),
        ("deviceRemove", {}),
        ("deviceBlock", {"delay": 5}),
        ("deviceClaim", {"cloudId": cloud["id"]}),
    ):
        answer = await world.call(name, "stranger", **STRANGER, id=DEVICE, **more)
        assert (answer.status, answer.body) == (404, "Cannot find device")
    assert (await world.call("deviceFind", "stranger", **STRANGER)).body == {"data": []}
    assert (await world.call("deviceClaim", id=DEVICE, cloudId=NO_CLOUD)).body == "Cannot find cloud"


async def test_a_device_belongs_to_one_cloud_at_a_time(world):
    cloud, other = await world.ready("a"), await world.ready("b")
    await world.claimed(cloud)
    answer = await world.call("deviceClaim", id=DEVICE, cloudId=other["id"])
    assert (answer.status, answer.body) == (409, "Device is claimed for another cloud. Release it first")


async def test_a_cloud_that_goes_takes_no_new_devices(world):
    cloud = await world.ready()
    await world.ok("deviceRegister", await world.product(), id=DEVICE)
    await world.ok("cloudRemove", id=cloud["id"], query={"invoke": "none"})
    answer = await world.call("deviceClaim", id=DEVICE, cloudId=cloud["id"])
    assert (answer.status, answer.body) == (409, "Cloud is being removed")


@pytest.mark.parametrize(
    "device_id", ["", "short", "abcde12345", "ABCDE123456", "ABCDE1234é", "ABCDE 2345", "../../../.."]
)
async def test_a_claim_id_that_is_none_is_refused(world, device_id):
    answer = await world.call("deviceRegister", await world.product(), id=device_id)
    assert (answer.status, answer.body) == (400, "id: is no claim id: it has ten of the characters 0-9 and A-Z")


async def test_a_product_knows_nothing_of_the_devices_of_another(world):
    await world.ok("deviceRegister", await world.product(), id=DEVICE)
    other = (await world.ok("tokenCreate", type="ProductID", description="fans", product="FAN"))["token"]
    answer = await world.call("deviceRegister", other, id=DEVICE)
    assert (answer.status, answer.body) == (404, "Cannot find device")
    assert (await world.call("deviceRegister", other, id="ZZZZZ99999", product="LAMP")).status == 400


async def test_removing_a_cloud_in_aws_releases_every_device(world):
    cloud, _, _ = await world.connected()
    await world.work()
    product = await world.product()
    for number in range(60):
        await world.ok(
            "deviceRegister", product, id=f"ABCDE123{number:02}", account=world.account_id, cloud=cloud["id"]
        )
    await world.ok("cloudRemove", id=cloud["id"], query={"invoke": "sync"})
    assert len(world.stacks.released) == 60
    assert world.stacks.asked[-1] == "remove"
    listed = await world.ok("deviceFind", query={"limit": 100})
    assert not any("cloudId" in each for each in listed["data"])
    assert ulid_of(world.tenant.account.id) == world.account_id
