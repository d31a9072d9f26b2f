"""Devices of a device cloud: their agents' topics, the cloud's switches, and what it may send."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from cloudstead.core.accounts.events import AccountStatusChanged
from cloudstead.core.clouds.events import CloudDevicesChanged
from cloudstead.core.clouds.gate import CloudGate
from cloudstead.core.clouds.model import Cloud, CloudSecret, CloudState, CloudType
from cloudstead.core.clouds.quotas import quota_of
from protocol.gateway.harness import close_site, open_site, update
from protocol.mqtt.harness import subscribe_packet

DEVICE = "ABCDE12345"
NOT_AUTHORIZED = 5  # MQTT 3.1.1, section 3.2.2.3


class Seconds:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@dataclass
class Farm:
    """A site whose account is that of a cloud."""

    site: Any
    seconds: Seconds
    gate: CloudGate
    cloud: Cloud
    thing: Any

    async def change(self, **changes):
        """Change the record of the cloud."""
        self.cloud = replace(self.cloud, **changes)
        await self.site.tenant.database.write(lambda unit: unit.clouds.replace(self.cloud))

    async def reported(self):
        """Return what the index has seen, in the order of the log."""
        await self.site.spine.settle()
        return [row.state_json.decode() for row in self.site.index.observations]


@pytest.fixture
async def farm(tmp_path):
    seconds = Seconds()
    gate = CloudGate(seconds)
    site = await open_site(tmp_path, clouds=gate)
    owner = await site.tenant.open_another_account("owner")
    account = replace(site.tenant.account, parent_id=owner.id)
    cloud = Cloud(
        id="c" * 32,
        account_id=owner.id,
        name="farm",
        type=CloudType.LOCAL,
        state=CloudState.READY,
        created_at_ms=0,
        updated_at_ms=0,
        connected=True,
        tenant_id=account.id,
    )

    def write(unit):
        unit.accounts.replace(account)
        unit.clouds.add(cloud, CloudSecret(cloud.id, b""))

    await site.tenant.database.write(write)
    yield Farm(site, seconds, gate, cloud, await site.add_thing(DEVICE))
    await close_site(site)
    assert site.failures == []


async def test_what_an_agent_says_goes_down_the_spine_whichever_way_it_comes(farm):
    device = await farm.site.device(farm.thing)
    for topic, said in (
        (f"$aws/rules/IotoDevice/ioto/service/{DEVICE}/metric/set", {"metric": "temp", "value": 21.5}),
        (f"ioto/service/{DEVICE}/store/set", {"key": "colour", "value": "red"}),
    ):
        await device.acknowledgement(device.publish(topic, said))
    assert await farm.reported() == ['{"metrics":{"temp":21.5}}', '{"colour":"red"}']
    device.publish(f"$aws/things/{DEVICE}/shadow/update", update(t=1))
    await device.subscribe(f"$aws/things/{DEVICE}/shadow/get/accepted")
    device.publish(f"$aws/things/{DEVICE}/shadow/get", b"")
    assert set((await device.message()).json["state"]["reported"]) == {"metrics", "colour", "t"}


async def test_what_cannot_be_read_is_acknowledged_and_changes_nothing(farm):
    device = await farm.site.device(farm.thing)
    for said in (b"", b"\xff", b"[1]", b'{"key": "a.b", "value": 1}', b"[" * 5000):
        await device.acknowledgement(device.publish(f"ioto/service/{DEVICE}/store/set", said))
    assert await farm.reported() == []


async def test_an_agent_hears_what_is_for_it_its_account_and_everybody(farm):
    number = farm.site.tenant.account.number
    device = await farm.site.device(farm.thing)
    mine = [f"ioto/device/{DEVICE}/#", "ioto/account/all/#", f"ioto/account/{number}/#"]
    assert await device.subscribe(*mine) == [1, 1, 1]
    farm.site.watch.publish(farm.site.tenant.account.id, f"ioto/device/{DEVICE}/provision/release", b"1", qos=1)
    assert (await device.message()).topic == f"ioto/device/{DEVICE}/provision/release"


@pytest.mark.parametrize(
    "topic_filter",
    ["ioto/device/OTHER12345/#", "ioto/device/+/x", "ioto/#", "#", "ioto/account/+/x", "ioto/account/1/#"],
)
async def test_an_agent_hears_nothing_else(farm, topic_filter):
    device = await farm.site.device(farm.thing)
    device.send(subscribe_packet(1, [(topic_filter, 1)]))
    assert await device.closed()


@pytest.mark.parametrize(
    "topic",
    [
        "ioto/service/OTHER12345/store/set",
        f"ioto/device/{DEVICE}/x",
        "$aws/rules/n/ioto/service/OTHER12345/store/set",
        f"$aws/rules/ioto/service/{DEVICE}/store/set",
        "$aws/things/OTHER12345/shadow/update",
    ],
)
async def test_an_agent_says_nothing_in_another_name(farm, topic):
    device = await farm.site.device(farm.thing)
    device.publish(topic, {"key": "a", "value": 1})
    assert await device.closed()
    assert await farm.reported() == []


async def test_devices_of_other_accounts_have_no_agents_topics(site):
    device_thing = await site.add_thing(DEVICE)
    device = await site.device(device_thing)
    device.send(subscribe_packet(1, [(f"ioto/device/{DEVICE}/#", 1)]))
    assert await device.closed()
    device = await site.device(device_thing)
    device.publish(f"ioto/service/{DEVICE}/store/set", {"key": "a", "value": 1})
    assert await device.closed()


@pytest.mark.parametrize("closed", [{"enabled": False}, {"suspended": True}, {"state": CloudState.REMOVING}])
async def test_a_closed_cloud_lets_no_device_in_and_opens_again(farm, closed):
    device = await farm.site.device(farm.thing)
    await farm.change(**closed)
    account = farm.site.tenant.account
    farm.site.tenant.bus.publish(AccountStatusChanged(account.id, account.status))
    assert await device.closed()
    refused = await farm.site.open_tls(farm.site.client_context(await farm.site.bundle(farm.thing)))
    assert await refused.connect(DEVICE) == NOT_AUTHORIZED
    await farm.change(enabled=True, suspended=False, state=CloudState.READY)
    await farm.site.device(farm.thing)


async def test_a_cloud_that_sends_too_much_is_not_read_until_its_minute_is_over(farm):
    await farm.change(quota=quota_of("evaluation"))  # one device: 60 an hour, 8 at once after light minutes
    device = await farm.site.device(farm.thing)
    topic = f"$aws/things/{DEVICE}/shadow/update"
    sent = [device.publish(topic, update(n=number)) for number in range(100)]
    await device.acknowledgement(sent[7])
    gateway = farm.site.gateway
    await farm.site.until(lambda: gateway.counters()["held"] == 1)
    first = len(await farm.reported())
    assert 8 <= first < 100  # what one look at the socket brought; then it is not read
    gateway.pump.tick(gateway.pump.monotonic())
    assert len(await farm.reported()) == first
    while first < 100:
        farm.seconds.now += 600
        gateway.pump.tick(gateway.pump.monotonic())
        await device.acknowledgement(sent[first])
        first = len(await farm.reported())
    assert farm.gate.messages() == {farm.site.tenant.account.id: 100}


async def test_a_cloud_without_a_limit_has_no_meter(farm):
    device = await farm.site.device(farm.thing)
    for number in range(50):
        packet_id = device.publish(f"$aws/things/{DEVICE}/shadow/update", update(n=number))
    await device.acknowledgement(packet_id)
    assert farm.gate.messages() == {}


async def test_the_meter_hears_how_many_devices_there_are(farm):
    await farm.change(quota=quota_of("evaluation"))
    await farm.site.device(farm.thing)
    account_id = farm.site.tenant.account.id
    farm.site.tenant.bus.publish(CloudDevicesChanged(account_id, 100))
    device = await farm.site.device(farm.thing, client_id="again")
    del device
    assert farm.gate.messages() == {account_id: 0}
