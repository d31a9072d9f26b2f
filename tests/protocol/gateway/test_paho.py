"""The gateway as a client sees it that nobody here wrote."""

from __future__ import annotations

import asyncio
import json
import queue

import paho.mqtt.client as paho
import pytest

UPDATE = "$aws/things/pump/shadow/update"
VERSIONS = pytest.mark.parametrize("protocol", [paho.MQTTv31, paho.MQTTv311, paho.MQTTv5])


class PahoClient:
    """paho in its own thread; what it hears goes into a queue."""

    def __init__(self, site, protocol, *, client_id="paho"):
        self.heard = queue.Queue()
        self._site = site
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=protocol)
        self.client.on_connect = lambda *arguments: self.heard.put(("connect", arguments[3].value))
        self.client.on_message = lambda _client, _user, message: self.heard.put((message.topic, message.payload))
        self.client.on_publish = lambda *arguments: self.heard.put(("stored", arguments[2]))
        self.client.on_subscribe = lambda *arguments: self.heard.put(
            ("subscribed", [each.value for each in arguments[3]])
        )
        self.client.on_disconnect = lambda *arguments: self.heard.put(("disconnect", arguments[3].value))

    async def start(self, port):
        self.client.connect_async("127.0.0.1" if port == self._site.plain_port else "localhost", port)
        self.client.reconnect_delay_set(60, 60)
        self.client.loop_start()
        return await self.next()

    async def next(self):
        return await asyncio.to_thread(self.heard.get, timeout=5)

    async def stop(self):
        self.client.disconnect()
        await asyncio.to_thread(self.client.loop_stop)


@pytest.fixture
async def device(site, protocol):
    pump = await site.add_thing("pump")
    client = PahoClient(site, protocol)
    client.client.tls_set_context(site.client_context(await site.bundle(pump)))
    assert await client.start(site.tls_port) == ("connect", 0)
    yield client
    await client.stop()


@VERSIONS
async def test_an_update_is_stored_and_answered(site, device, protocol):
    device.client.subscribe([(f"{UPDATE}/{each}", 1) for each in ("accepted", "documents", "delta")])
    assert await device.next() == ("subscribed", [1, 1, 1])
    payload = {"state": {"desired": {"t": 2}, "reported": {"t": 1}}, "clientToken": "c1"}
    mid = device.client.publish(UPDATE, json.dumps(payload), qos=1).mid
    assert await device.next() == ("stored", mid)
    heard = [await device.next() for _ in range(3)]
    assert [topic.removeprefix(f"{UPDATE}/") for topic, _ in heard] == ["delta", "documents", "accepted"]
    assert all(json.loads(text)["clientToken"] == "c1" for _, text in heard)


@VERSIONS
async def test_a_forbidden_topic_ends_the_connection(site, device, protocol):
    device.client.publish("$aws/things/other/shadow/update", b"{}", qos=0)
    heard = await device.next()
    while heard[0] != "disconnect":
        heard = await device.next()


@VERSIONS
async def test_a_person_gets_in_with_a_token(site, protocol):
    client = PahoClient(site, protocol)
    client.client.username_pw_set("token", await site.person_token("Read"))
    assert await client.start(site.plain_port) == ("connect", 0)
    client.client.subscribe("thing-update/#")
    assert (await client.next())[0] == "subscribed"
    await client.stop()


@VERSIONS
async def test_nobody_gets_in_with_a_bad_token(site, protocol):
    client = PahoClient(site, protocol)
    client.client.username_pw_set("token", "nonsense")
    heard = await client.start(site.plain_port)
    assert heard == ("connect", 0x87)
    await client.stop()
