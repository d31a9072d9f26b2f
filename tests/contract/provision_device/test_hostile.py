"""What somebody sends who means no good, or whose client is broken: told, or ignored, and never our fault."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from datetime import timedelta

import httpx2
import msgspec
import pytest
import structlog
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from cloudstead.core.ids import ThingUid
from cloudstead.core.paging import PageRequest
from cloudstead.core.provisioning.contacts import Contacts
from cloudstead.dialects.provision_device.table import provision_device_faces
from cloudstead.web.app import WebApp
from cloudstead.web.metrics import WebMetrics
from factories.provisioning import REGION

ALL = PageRequest(limit=100)

STATIC = {"DefaultGateway": "192.0.2.1", "Dns": ["192.0.2.53"], "IpAddress": "192.0.2.10", "Mask": "255.255.255.0"}
LINE_ENDS = ["\n", "\r", "\x85", "\u2028", "\u2029", "\x00"]


def static(**changed):
    ethernet = {"ConnectionType": "STATIC_IP", "StaticIpConnectionInfo": {**STATIC, **changed}}
    return {"NetworkingConfiguration": {"Ethernet0": ethernet}}


def said(answer):
    return answer.status, answer.body["Reason"], answer.body["Fields"][0]["Name"]


@pytest.mark.parametrize("end", LINE_ENDS)
async def test_no_text_holds_a_line_end_of_whatever_script(world, end):
    text = f"one{end}two"
    device, _ = await world.provision()
    refusals = [
        await world.call("ProvisionDevice", body={"Name": "other", "Description": text}),
        await world.call("ProvisionDevice", body={"Name": "other", "Tags": {text: ""}}),
        await world.call("ProvisionDevice", body={"Name": "other", "Tags": {"a": text}}),
        await world.call("ProvisionDevice", body={"Name": "other", **static(Mask=text)}),
        await world.call("UpdateDeviceMetadata", DeviceId=device["DeviceId"], body={"Description": text}),
        await world.call("TagResource", ResourceArn=device["Arn"], body={"Tags": {"a": text}}),
    ]
    assert {(each.status, each.body["Reason"]) for each in refusals} == {(400, "FIELD_VALIDATION_FAILED")}
    names = [each.body["Fields"][0]["Name"].rpartition(".")[2] for each in refusals]
    assert names == ["Description", "Tags", "Tags", "Mask", "Description", "Tags"]


@pytest.mark.parametrize(
    "address",
    ["\u0661.1.1.1", "192.0.2.256", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1\n", "192.0.2.1/24", "::1", ""],
)
async def test_an_address_is_four_numbers_in_our_own_digits(world, address):
    refusal = await world.call("ProvisionDevice", body={"Name": "n", **static(IpAddress=address)})
    assert said(refusal)[:2] == (400, "FIELD_VALIDATION_FAILED")
    assert "IpAddress" in said(refusal)[2]


@pytest.mark.parametrize("address", ["0.0.0.0", "255.255.255.255", "192.0.2.1:1", "192.0.2.1:65535"])
async def test_every_address_of_the_model_is_taken(world, address):
    assert (await world.call("ProvisionDevice", body={"Name": "n", **static(IpAddress=address)})).status == 200


async def test_absent_and_null_are_the_same_where_a_member_may_be_absent(world):
    body = {"Name": "n", "Description": None, "Tags": None, "NetworkingConfiguration": None, "Unknown": {"x": [1]}}
    assert (await world.call("ProvisionDevice", body=body)).status == 200
    nested = {"Name": "m", "NetworkingConfiguration": {"Ethernet0": None, "Ntp": None, "Wlan0": {}}}
    device = (await world.call("ProvisionDevice", body=nested)).body
    told = (await world.call("DescribeDevice", DeviceId=device["DeviceId"])).body
    assert told["NetworkingConfiguration"] == {}
    assert None not in told.values()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"Name": None}, "Name"),
        ({"Name": ["n"]}, "Name"),
        ({"Name": "n", "Tags": {"a": None}}, "Tags"),
        ({"Name": "n", "Tags": []}, "Tags"),
        ({"Name": "n", **static(Dns=[None])}, "Dns"),
        ({"Name": "n", **static(Dns="192.0.2.1")}, "Dns"),
        ({"Name": "n", "NetworkingConfiguration": {"Ntp": {}}}, "NtpServers"),
        ({}, "Name"),
    ],
)
async def test_null_stands_for_nothing_that_is_needed(world, body, field):
    status, reason, name = said(await world.call("ProvisionDevice", body=body))
    assert (status, reason) == (400, "FIELD_VALIDATION_FAILED")
    assert field in name


async def test_a_member_that_stands_twice_counts_as_its_last(world):
    made = await world.call("ProvisionDevice", body=b'{"Name": "one", "Name": "two"}')
    assert (await world.call("DescribeDevice", DeviceId=made.body["DeviceId"])).body["Name"] == "two"


@pytest.mark.parametrize(
    "body",
    [b'{"Name": "n", "Description": "\\ud800"}', b'{"Name": "n", "Tags": {"\\udfff": ""}}', b'{"Name": "n"}x', b'"n"'],
)
async def test_what_is_no_text_is_told(world, body):
    assert (await world.call("ProvisionDevice", body=body)).status == 400


async def test_a_body_without_end_is_not_read_to_its_end(world):
    answer = await world.send("POST", "/devices", "ada", body=b"[" * 65_536 + b"]" * 65_536)
    assert (answer.status, answer.kind) == (413, "ValidationException")
    assert (await world.send("POST", "/devices", "ada", body=b"[" * 60_000)).status == 400


# Regions, names and tokens -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["", "eu:west", "EU-WEST-1", "a" * 65, "eu-west-1-", "-"])
async def test_a_region_that_no_arn_can_hold_is_none(world, region):
    refusal = await world.send("POST", "/devices", "ada", body={"Name": "n"}, region=region)
    assert (refusal.status, refusal.kind) == (403, "InvalidSignatureException")


async def test_a_name_of_another_region_or_account_is_that_of_no_device(world):
    device, _ = await world.provision()
    number = device["Arn"].split(":")[4]
    for arn in (
        device["Arn"].replace(REGION, "us-east-1"),
        device["Arn"].replace(number, str(int(number) + 1).zfill(12)),
        device["Arn"] + "x",
    ):
        assert (await world.call("ListTagsForResource", ResourceArn=arn)).status == 404
    assert (await world.call("ListTagsForResource", ResourceArn=device["Arn"])).status == 200


@pytest.mark.parametrize(
    "last", [("abc", "d"), ("9" * 40, "d"), ("1\x00", "d"), ("", ""), ("-1", "d"), ("\u0661", "d")]
)
async def test_a_token_that_somebody_made_leads_nowhere(world, last):
    await world.provision()
    await world.provision("second")
    asked = {"MaxResults": 1, "SortBy": "CREATED_TIME"}
    token = (await world.call("ListDevices", query=asked)).body["NextToken"]
    question = msgspec.msgpack.decode(base64.urlsafe_b64decode(token))[1]
    made = base64.urlsafe_b64encode(msgspec.msgpack.encode([last, question])).decode()
    refusal = await world.call("ListDevices", query={**asked, "NextToken": made})
    assert said(refusal) == (400, "FIELD_VALIDATION_FAILED", "NextToken")


# What fails on the way -----------------------------------------------------------------------------------------------


async def test_a_call_that_fails_leaves_no_device_however_often_it_is_sent(world):
    whole, working = world.backend, world.client
    torn = replace(whole.around(world.tenant.account), root_pem="\ud800")  # which no archive can hold
    app = WebApp(
        provision_device_faces(replace(whole, around=lambda _: torn)),
        ids=world.tenant.ids,
        log=structlog.get_logger(),
        metrics=WebMetrics.registered(CollectorRegistry()),
    )
    world.client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app))
    for _ in range(5):  # as often as boto3 sends it
        refusal = await world.call("ProvisionDevice", body={"Name": "once"})
        assert (refusal.status, refusal.kind, refusal.headers["retry-after"]) == (500, "InternalServerException", "5")
    await world.client.aclose()
    world.client = working
    assert (await world.call("ListDevices")).body["Devices"] == []
    assert (await world.call("ProvisionDevice", body={"Name": "once"})).status == 200


async def test_a_device_whose_domain_went_can_be_seen_deleted_and_replaced_from_the_top(world):
    device, _ = await world.provision("lost", "nora")
    account_id = world.tenant.account.id
    await world.tenant.database.write(lambda unit: unit.domains.remove(account_id, {"sub"}))
    assert (await world.call("DescribeDevice", DeviceId=device["DeviceId"])).body["Name"] == "lost"
    assert [each["DeviceId"] for each in (await world.call("ListDevices")).body["Devices"]] == [device["DeviceId"]]
    world.tenant.clock.advance(timedelta(minutes=6))
    again, _ = await world.provision("lost")
    assert (await world.call("DeleteDevice", DeviceId=again["DeviceId"])).status == 200


class FailsAtFirst:
    """A store whose first write fails."""

    def __init__(self, database):
        self.database = database
        self.has_failed = False

    async def write(self, work):
        if not self.has_failed:
            self.has_failed = True
            raise OSError("the disk is full")
        return await self.database.write(work)


def watched(coroutine):
    return asyncio.ensure_future(coroutine)


async def test_a_first_contact_that_could_not_be_written_is_written_with_the_next(world):
    tenant = world.tenant
    device, carried = await world.provision()
    await world.register(carried)
    uid = (await world._device(device["DeviceId"])).thing_uid

    contacts = Contacts(FailsAtFirst(tenant.database), tenant.clock, tenant.ids, spawn=watched)
    contacts.note(uid)
    with pytest.raises(OSError, match="full"):
        await contacts.close()
    contacts.note(ThingUid("another"))
    await contacts.close()
    assert (await world.status(device["DeviceId"]))[0] == "SUCCEEDED"
    trail = await tenant.database.read(lambda unit: unit.audit.page(tenant.account.id, ALL))
    told = [(each.operation, each.principal.partition(":")[0]) for each in trail.items if each.object_type == "device"]
    assert told == [
        ("device.provision", "person"),
        ("device.register", "device"),
        ("device.connect", "device"),
    ]


async def test_no_key_is_written_into_the_log_or_the_trail(world):
    with capture_logs() as lines:
        device, carried = await world.provision(Tags={"a": "1"})
        told = await world.register(carried)
        await world.send("GET", "/devices", "ada", query={"X-Amz-Security-Token": "x"})
        await world.call("DeleteDevice", DeviceId=device["DeviceId"])
    assert lines
    trail = await world.tenant.database.read(lambda unit: unit.audit.page(world.tenant.account.id, ALL))
    written = json.dumps(lines, default=repr) + repr(trail.items)
    for secret in (
        world.keys["ada"][1],
        "PRIVATE KEY",
        device["Certificates"][:40],
        carried.claim.fingerprint(carried.claim.signature_hash_algorithm).hex(),
        told.body["certificate"][30:60],
    ):
        assert secret not in written
