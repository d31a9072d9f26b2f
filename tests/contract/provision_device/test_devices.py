"""Devices from their announcement to their end, at a time that the test decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509

from cloudstead.core.accounts.model import AccountStatus
from factories.coverage import covers, covers_each
from factories.provisioning import REGION, fingerprint_of, operations

LONG = "n" * 256


# The life of a device ---------------------------------------------------------------------------------------------


@covers("ProvisionDevice", "success")
@covers("DescribeDevice", "success")
async def test_an_announced_device_waits_for_five_minutes_and_fails(world):
    device, carried = await world.provision()
    device_id = device["DeviceId"]
    assert await world.status(device_id) == ("AWAITING_PROVISIONING", "AWAITING_CREDENTIALS", "AWAITING_PROVISIONING")
    world.tenant.clock.advance(timedelta(minutes=5))
    assert (await world.status(device_id))[0] == "AWAITING_PROVISIONING"
    world.tenant.clock.advance(timedelta(milliseconds=1))
    assert (await world.status(device_id))[0] == "FAILED"
    late = await world.register(carried)
    assert (late.status, late.body["code"]) == (403, "claim_expired")
    assert (await world.status(device_id))[0] == "FAILED"


async def test_the_clock_that_counts_is_ours(world):
    _, carried = await world.provision()
    claim = carried.claim
    now = world.tenant.clock.now().replace(microsecond=0)
    assert claim.not_valid_before_utc == now - timedelta(minutes=1)
    assert claim.not_valid_after_utc == now + timedelta(minutes=5)


async def test_a_registered_device_connects_within_a_quarter_of_an_hour_or_fails(world):
    device, carried = await world.provision()
    device_id = device["DeviceId"]
    assert (await world.register(carried)).status == 200
    assert await world.status(device_id) == ("PENDING", "AWAITING_CREDENTIALS", "PENDING")
    world.tenant.clock.advance(timedelta(minutes=15, milliseconds=1))
    assert (await world.status(device_id))[0] == "FAILED"
    await world.connect(device_id)  # late, but there
    assert await world.status(device_id) == ("SUCCEEDED", "ONLINE", "ONLINE")


async def test_a_device_that_stays_away_loses_its_lease_after_five_days(world):
    device, carried = await world.provision()
    device_id = device["DeviceId"]
    await world.register(carried)
    await world.connect(device_id)
    await world.leave(device_id)
    assert (await world.status(device_id))[2] == "OFFLINE"
    world.tenant.clock.advance(timedelta(days=5, seconds=1))
    assert (await world.status(device_id))[2] == "LEASE_EXPIRED"


async def test_the_lasting_certificate_is_for_the_devices_own_key_and_name(world):
    device, carried = await world.provision()
    told = (await world.register(carried)).body
    certificate = x509.load_pem_x509_certificate(told["certificate"].encode())
    assert certificate.public_key() == carried.key.public_key()
    assert certificate.subject.rfc4514_string().startswith(f"CN={device['IotThingName']}")
    assert told["mqtt"] == {"endpoint": "cloud.example", "port": 8883}
    account_id = world.tenant.account.id

    def read(unit):
        thing = unit.things.get(account_id, device["IotThingName"])
        return thing, unit.certificates.get(fingerprint_of(told["certificate"]))

    thing, kept = await world.tenant.database.read(read)
    assert (kept.thing_uid, kept.sealed_private_key) == (thing.uid, None)
    assert thing.label == "camera"


async def test_a_failed_device_gives_way_to_its_namesake(world):
    first, carried = await world.provision()
    world.tenant.clock.advance(timedelta(minutes=6))
    second, _ = await world.provision()
    assert first["DeviceId"] != second["DeviceId"]
    assert (await world.call("DescribeDevice", DeviceId=first["DeviceId"])).status == 404
    assert (await world.register(carried)).status == 403


async def test_a_device_whose_domain_went_meanwhile_is_in_error_and_says_so(world):
    device, carried = await world.provision("lost", "nora")
    account_id = world.tenant.account.id
    await world.tenant.database.write(lambda unit: unit.domains.remove(account_id, {"sub"}))
    told = await world.register(carried)
    assert (told.status, told.body["code"]) == (409, "domain_not_found")
    assert "Provision the device again" in told.body["message"]
    kept = await world.tenant.database.read(lambda unit: unit.provisioned_devices.get(account_id, device["DeviceId"]))
    assert kept.status(world.tenant.clock.millis()) == "ERROR"
    assert (await world.register(carried)).status == 403


# How many, whose, and where ----------------------------------------------------------------------------------------


async def test_the_quota_is_told_with_its_code(world):
    account_id = world.tenant.account.id

    def write(unit):
        profile = unit.accounts.profile(account_id)
        unit.accounts.put_profile(replace(profile, limits={"provisioned-device-count": "1"}))

    await world.tenant.database.write(write)
    await world.provision("first")
    refusal = await world.call("ProvisionDevice", body={"Name": "second"})
    assert (refusal.status, refusal.kind) == (402, "ServiceQuotaExceededException")
    assert (refusal.body["QuotaCode"], refusal.body["ServiceCode"]) == ("L-DEVICES", "panorama")


async def test_what_a_key_makes_belongs_to_the_domain_of_the_key_or_of_its_person(world):
    device, carried = await world.provision("hers", "nora")
    await world.register(carried)
    account_id = world.tenant.account.id
    thing = await world.tenant.database.read(lambda unit: unit.things.get(account_id, device["IotThingName"]))
    assert thing.domain_id == "sub"


async def test_who_writes_elsewhere_does_not_see_the_device(world):
    device, _ = await world.provision("top")
    assert (await world.call("DescribeDevice", "nora", DeviceId=device["DeviceId"])).status == 404
    listed = (await world.call("ListDevices", "nora")).body["Devices"]
    assert listed == []


async def test_a_suspended_account_provisions_nothing_and_registers_nothing(world):
    _, carried = await world.provision()
    account = replace(world.tenant.account, status=AccountStatus.RESTRICTED)
    await world.tenant.database.write(lambda unit: unit.accounts.replace(account))
    told = await world.register(carried)
    assert (told.status, told.body["code"]) == (403, "account_closed")


# Every operation: success ------------------------------------------------------------------------------------------


@covers("ListDevices", "success")
async def test_a_list_pages_through_all(world):
    made = {(await world.provision(f"d{number}"))[0]["DeviceId"] for number in range(3)}
    first = (await world.call("ListDevices", query={"MaxResults": 2})).body
    second = (await world.call("ListDevices", query={"MaxResults": 2, "NextToken": first["NextToken"]})).body
    assert {each["DeviceId"] for each in first["Devices"] + second["Devices"]} == made
    assert "NextToken" not in second


@covers("UpdateDeviceMetadata", "success")
async def test_the_description_is_that_of_the_thing_too(world):
    device, carried = await world.provision(Description="before")
    await world.register(carried)
    await world.call("UpdateDeviceMetadata", DeviceId=device["DeviceId"], body={"Description": "after"})
    account_id = world.tenant.account.id
    thing = await world.tenant.database.read(lambda unit: unit.things.get(account_id, device["IotThingName"]))
    assert thing.description == "after"
    await world.call("UpdateDeviceMetadata", DeviceId=device["DeviceId"], body={})
    assert (await world.call("DescribeDevice", DeviceId=device["DeviceId"])).body["Description"] == "after"


@covers("DeleteDevice", "success")
async def test_deleting_takes_the_thing_and_its_certificates(world):
    device, carried = await world.provision()
    told = (await world.register(carried)).body
    assert (await world.call("DeleteDevice", DeviceId=device["DeviceId"])).body == {"DeviceId": device["DeviceId"]}
    account_id = world.tenant.account.id

    def read(unit):
        return (
            unit.things.get(account_id, device["IotThingName"]),
            unit.certificates.get(fingerprint_of(told["certificate"])),
        )

    thing, kept = await world.tenant.database.read(read)
    assert thing is None
    assert kept is None


@covers_each(["ListTagsForResource", "TagResource", "UntagResource"], "success")
async def test_tags_come_and_go(world):
    device, _ = await world.provision(Tags={"a": "1"})
    arn = device["Arn"]
    assert (await world.call("TagResource", ResourceArn=arn, body={"Tags": {"b": "2"}})).body == {}
    assert (await world.call("ListTagsForResource", ResourceArn=arn)).body == {"Tags": {"a": "1", "b": "2"}}
    await world.call("UntagResource", ResourceArn=arn, query={"tagKeys": ["a", "missing"]})
    assert (await world.call("ListTagsForResource", ResourceArn=arn)).body == {"Tags": {"b": "2"}}


# Every operation: refusal ------------------------------------------------------------------------------------------

BODIES = {
    "ProvisionDevice": {"Name": "theirs"},
    "UpdateDeviceMetadata": {"Description": "theirs"},
    "TagResource": {"Tags": {"a": "b"}},
}
QUERIES = {"UntagResource": {"tagKeys": "a"}}
CHANGES = ["ProvisionDevice", "UpdateDeviceMetadata", "DeleteDevice", "TagResource", "UntagResource"]


def place(name, device):
    _, path, _ = operations()[name]
    return {key: device[own] for key, own in (("DeviceId", "DeviceId"), ("ResourceArn", "Arn")) if f"{{{key}}}" in path}


@covers_each(CHANGES, "refusal")
@pytest.mark.parametrize("name", CHANGES)
async def test_a_reader_changes_nothing(world, name):
    device, _ = await world.provision()
    refusal = await world.call(name, "ron", body=BODIES.get(name), query=QUERIES.get(name), **place(name, device))
    assert (refusal.status, refusal.kind) == (403, "AccessDeniedException")
    assert refusal.body["Message"]


@covers_each(sorted(set(operations()) - {"ProvisionDevice"}), "refusal")
@pytest.mark.parametrize("name", sorted(set(operations()) - {"ProvisionDevice"}))
async def test_another_account_finds_nothing_of_it(world, name):
    device, _ = await world.provision()
    answer = await world.call(name, "stranger", body=BODIES.get(name), query=QUERIES.get(name), **place(name, device))
    if name == "ListDevices":
        assert answer.body == {"Devices": []}
        return
    assert (answer.status, answer.kind) == (404, "ResourceNotFoundException")
    assert (await world.call("DescribeDevice", DeviceId=device["DeviceId"])).body["Name"] == "camera"


@pytest.mark.parametrize("name", sorted(operations()))
async def test_a_key_that_is_switched_off_opens_nothing(world, name):
    device, _ = await world.provision()
    key_id = world.keys["ada"][0]

    def write(unit):
        unit.access_keys.replace(replace(unit.access_keys.get(key_id), is_active=False))

    await world.tenant.database.write(write)
    world.tenant.clock.advance(timedelta(seconds=6))  # what was remembered is forgotten
    refusal = await world.call(name, body=BODIES.get(name), query=QUERIES.get(name), **place(name, device))
    assert (refusal.status, refusal.kind) == (403, "UnrecognizedClientException")


# Every operation: malformed input ----------------------------------------------------------------------------------


@covers_each(["ProvisionDevice", "UpdateDeviceMetadata", "TagResource"], "malformed")
@pytest.mark.parametrize("name", ["ProvisionDevice", "UpdateDeviceMetadata", "TagResource"])
@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"{", "CANNOT_PARSE"), (b"[]", "FIELD_VALIDATION_FAILED"), (b"\xff", "CANNOT_PARSE"), (b"", "CANNOT_PARSE")],
)
async def test_a_body_that_is_none_is_told_apart(world, name, body, reason):
    device, _ = await world.provision()
    refusal = await world.call(name, body=body, **place(name, device))
    assert (refusal.status, refusal.kind) == (400, "ValidationException")
    assert refusal.body["Reason"] == reason


@covers_each(["DescribeDevice", "DeleteDevice"], "malformed")
@pytest.mark.parametrize("name", ["DescribeDevice", "DeleteDevice"])
@pytest.mark.parametrize("device_id", ["device-x", "ä", LONG, "a b"])
async def test_an_id_of_no_device_is_not_found(world, name, device_id):
    assert (await world.call(name, DeviceId=device_id)).status == 404


@covers("ListDevices", "malformed")
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"MaxResults": "many"}, "MaxResults"),
        ({"MaxResults": -1}, "MaxResults"),
        ({"SortBy": "COLOUR"}, "SortBy"),
        ({"SortOrder": "UP"}, "SortOrder"),
        ({"NextToken": "nonsense"}, "NextToken"),
        ({"NextToken": "kqJhYqJjZA=="}, "NextToken"),
        ({"DeviceAggregatedStatusFilter": "SAD"}, "DeviceAggregatedStatusFilter"),
    ],
)
async def test_a_list_names_the_word_that_it_does_not_know(world, query, field):
    refusal = await world.call("ListDevices", query=query)
    assert refusal.status == 400
    assert refusal.body["Fields"][0]["Name"] == field


@covers_each(["ListTagsForResource", "UntagResource"], "malformed")
@pytest.mark.parametrize("name", ["ListTagsForResource", "UntagResource"])
@pytest.mark.parametrize("arn", ["nonsense", "arn:aws:s3:::bucket", f"arn:aws:panorama:{REGION}:1:device/x"])
async def test_a_name_of_no_device_is_told(world, name, arn):
    refusal = await world.call(name, ResourceArn=arn, query=QUERIES.get(name))
    assert refusal.body["Fields"][0]["Name"] == "ResourceArn"


async def test_tag_keys_are_needed(world):
    device, _ = await world.provision()
    refusal = await world.call("UntagResource", ResourceArn=device["Arn"])
    assert refusal.body["Fields"][0]["Name"] == "tagKeys"


@pytest.mark.parametrize(("method", "path"), [("PATCH", "/devices"), ("GET", "/tags/x/y"), ("POST", "/devices/x/y")])
async def test_an_operation_that_nobody_serves_is_unknown(world, method, path):
    refusal = await world.send(method, path, "ada")
    assert (refusal.status, refusal.body["Reason"]) == (400, "UNKNOWN_OPERATION")


@pytest.mark.parametrize("claim", ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
async def test_a_claim_that_is_no_certificate_names_its_field(world, claim):
    _, carried = await world.provision()
    refusal = await world.register(carried, claimCertificate=claim)
    assert (refusal.status, refusal.body["field"]) == (400, "claimCertificate")


async def test_a_key_that_is_too_weak_is_not_certified(world):
    from cryptography.hazmat.primitives.asymmetric import rsa

    _, carried = await world.provision()
    carried.key = rsa.generate_private_key(65537, 1024)
    refusal = await world.register(carried)
    assert (refusal.status, refusal.body["field"]) == (400, "csr")
