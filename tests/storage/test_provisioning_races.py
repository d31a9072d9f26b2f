"""What comes at the same time: registrations, and whatever else is done with the device meanwhile, on both engines."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from cloudstead.core.events import EventBus
from cloudstead.core.provisioning.forgetting import ForgettingDevices
from factories.provisioning import build_world
from factories.tenants import complain, tenant_in

ROUNDS = 5


@pytest.fixture
async def world(database, events):
    world = await build_world(await tenant_in(database, bus=EventBus(complain), events=events))
    yield world
    await world.client.aclose()


async def left_of(world, device):
    """Return what there is of a device: itself, its thing, and how many certificates in force."""
    account_id = world.tenant.account.id

    def read(unit):
        thing = unit.things.get(account_id, device["IotThingName"])
        found = unit.provisioned_devices.get(account_id, device["DeviceId"])
        certificates = [] if thing is None else unit.certificates.live_of(account_id, thing.uid)
        return found, thing, len(certificates)

    return await world.tenant.database.read(read)


async def test_two_that_come_with_one_claim_at_once_make_one_thing(world):
    for number in range(ROUNDS):
        device, carried = await world.provision(f"twin{number}")
        told = await asyncio.gather(*(world.register(carried) for _ in range(4)))
        assert sorted(each.status for each in told) == [200, 403, 403, 403]
        found, thing, certificates = await left_of(world, device)
        assert (found.thing_uid, found.claim_id, certificates) == (thing.uid, None, 1)


async def test_a_device_that_is_deleted_while_it_registers_leaves_nothing_behind(world):
    for number in range(ROUNDS):
        device, carried = await world.provision(f"gone{number}")
        registered, deleted = await asyncio.gather(
            world.register(carried), world.call("DeleteDevice", DeviceId=device["DeviceId"])
        )
        assert registered.status in {200, 403}
        assert deleted.status == 200
        assert await left_of(world, device) == (None, None, 0)


async def test_what_is_changed_while_a_device_registers_takes_nothing_back(world):
    for number in range(ROUNDS):
        device, carried = await world.provision(f"busy{number}")
        registered, tagged, described = await asyncio.gather(
            world.register(carried),
            world.call("TagResource", ResourceArn=device["Arn"], body={"Tags": {"a": "1"}}),
            world.call("UpdateDeviceMetadata", DeviceId=device["DeviceId"], body={"Description": "new"}),
        )
        assert (registered.status, tagged.status, described.status) == (200, 200, 200)
        found, thing, _ = await left_of(world, device)
        assert (found.claim_id, found.thing_uid, dict(found.tags), found.description) == (
            None,
            thing.uid,
            {"a": "1"},
            "new",
        )


async def test_of_two_devices_of_one_name_announced_at_once_there_is_one(world):
    for number in range(ROUNDS):
        told = await asyncio.gather(*(world.call("ProvisionDevice", body={"Name": f"same{number}"}) for _ in range(3)))
        assert sorted(each.status for each in told) == [200, 409, 409]


async def test_the_first_devices_of_an_account_may_come_at_once(world):
    announced = [await world.provision(f"first{number}") for number in range(4)]
    told = await asyncio.gather(*(world.register(carried) for _, carried in announced))
    assert [each.status for each in told] == [200] * 4


async def test_the_quota_holds_whoever_comes_at_once(world):
    from dataclasses import replace

    account_id = world.tenant.account.id

    def write(unit):
        profile = unit.accounts.profile(account_id)
        unit.accounts.put_profile(replace(profile, limits={"provisioned-device-count": "2"}))

    await world.tenant.database.write(write)
    told = await asyncio.gather(*(world.call("ProvisionDevice", body={"Name": f"n{number}"}) for number in range(4)))
    assert sorted(each.status for each in told) == [200, 200, 402, 402]


async def test_a_text_that_no_store_takes_is_the_id_of_no_device(world):
    for device_id in ("\x00", "device-\x00", "ä" * 300, "\ufffe"):
        assert (await world.call("DescribeDevice", DeviceId=device_id)).status == 404


async def test_who_never_came_is_forgotten_after_seven_days_and_who_came_is_not(world):
    tenant = world.tenant
    forgetting = ForgettingDevices(tenant.clock, tenant.ids)
    came, carried = await world.provision("came")
    assert (await world.register(carried)).status == 200
    for number in range(3):
        await world.provision(f"never{number}")
    tenant.clock.advance(timedelta(days=7, minutes=5))
    assert await tenant.database.write(forgetting.never_came) == 0
    assert len((await world.call("ListDevices")).body["Devices"]) == 4
    tenant.clock.advance(timedelta(milliseconds=1))
    assert await tenant.database.write(forgetting.never_came) == 3
    assert [each["DeviceId"] for each in (await world.call("ListDevices")).body["Devices"]] == [came["DeviceId"]]
