from __future__ import annotations

import asyncio
import base64
import socket
from contextlib import suppress

import pytest
import uvicorn
import websockets
from websockets.asyncio.client import connect

from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.gateway.upgrade import LooseWebSocketProtocol
from cloudstead.gateway.websocket import MqttWebSocket
from protocol.gateway.harness import update
from protocol.mqtt.harness import connect_packet, packet, publish_packet, subscribe_packet


class QueryTokens:
    """Knows the caller of ``?token=...`` and refuses any other query."""

    def __init__(self, site):
        self._site = site
        self.seen = []

    async def of_upgrade(self, raw_path, raw_query, *, headers, source_address):
        self.seen.append((raw_path, raw_query, dict(headers)[b"host"].decode(), source_address))
        if not raw_query:
            return None
        name, _, token = raw_query.partition("=")
        if name != "token":
            raise CredentialRefused
        return await self._site.caller_of(token)


class Front:
    """A WebSocket listener on loopback in front of a site."""

    def __init__(self, site):
        self.authenticator = QueryTokens(site)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(
                MqttWebSocket(site.gateway, self.authenticator),
                ws=LooseWebSocketProtocol,
                ws_per_message_deflate=False,
                ws_ping_interval=None,
                lifespan="off",
                log_config=None,
            )
        )

    async def start(self):
        self._task = asyncio.create_task(self._server._serve([self._socket]))
        while not self._server.started:  # noqa: ASYNC110 - uvicorn has no other way of telling
            await asyncio.sleep(0)

    async def stop(self):
        self._server.should_exit = True
        await self._task
        self._socket.close()

    def url(self, query=""):
        return f"ws://127.0.0.1:{self.port}/mqtt{query}"


@pytest.fixture
async def front(site):
    opened = Front(site)
    await opened.start()
    yield opened
    await site.gateway.stop()
    await opened.stop()


async def received(client, size):
    data = b""
    while len(data) < size:
        data += await client.recv()
    return data


@pytest.mark.parametrize("subprotocol", ["mqtt", "mqttv3.1"])
async def test_a_person_talks_mqtt_in_frames_cut_anywhere(site, front, subprotocol):
    await site.add_thing("pump")
    token = await site.person_token("ReadWrite")
    async with connect(front.url(f"?token={token}"), subprotocols=[subprotocol], proxy=None) as client:
        assert client.subprotocol == subprotocol
        sent = connect_packet("tab") + subscribe_packet(1, [("thing-update-accepted/#", 0)])
        sent += publish_packet("thing-update/pump", b'{"state":{"reported":{"t":1}}}', qos=1, packet_id=7)
        for position in range(0, len(sent), 5):
            await client.send(sent[position : position + 5])
        answer = await received(client, 60)
    assert answer.startswith(b"\x20\x02\0\0\x90\x03\0\1\0\x40\x02\0\x07\x30")
    assert b"thing-update-accepted/pump" in answer


async def test_credentials_that_are_not_good_are_answered_with_403(site, front):
    with pytest.raises(websockets.InvalidStatus) as refused:
        await connect(front.url("?signature=bad"), subprotocols=["mqtt"], proxy=None)
    assert refused.value.response.status_code == 403


async def test_another_path_or_subprotocol_is_answered_with_403(site, front):
    with pytest.raises(websockets.InvalidStatus) as refused:
        await connect(front.url().replace("/mqtt", "/other"), subprotocols=["mqtt"], proxy=None)
    assert refused.value.response.status_code == 403
    with pytest.raises(websockets.InvalidStatus) as refused:
        await connect(front.url(), subprotocols=["soap"], proxy=None)
    assert refused.value.response.status_code == 403


async def test_without_credentials_in_the_handshake_the_connect_has_to_carry_a_token(site, front):
    token = await site.person_token("Read")
    async with connect(front.url(), subprotocols=["mqtt"], proxy=None) as client:
        await client.send(connect_packet("tab"))
        assert await client.recv() == b"\x20\x02\0\x05"
    async with connect(front.url(), subprotocols=["mqtt"], proxy=None) as client:
        await client.send(connect_packet("tab", user_name="token", password=token.encode()))
        assert await client.recv() == b"\x20\x02\0\0"


async def test_a_text_frame_ends_the_connection(site, front):
    token = await site.person_token("Read")
    async with connect(front.url(f"?token={token}"), subprotocols=["mqtt"], proxy=None) as client:
        await client.send("hello")
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await client.recv()
    assert closed.value.rcvd.code == 1003


async def test_the_end_of_the_mqtt_session_ends_the_websocket(site, front):
    token = await site.person_token("Read")
    async with connect(front.url(f"?token={token}"), subprotocols=["mqtt"], proxy=None) as client:
        await client.send(connect_packet("tab") + packet(0xE0, b""))
        assert await client.recv() == b"\x20\x02\0\0"
        with pytest.raises(websockets.ConnectionClosedOK):
            await client.recv()
    await site.until(lambda: site.gateway.counters()["connections"] == 0)


async def test_a_client_that_vanishes_leaves_nothing_behind(site, front):
    token = await site.person_token("Read")
    client = await connect(front.url(f"?token={token}"), subprotocols=["mqtt"], proxy=None)
    await client.send(connect_packet("tab"))
    await client.recv()
    client.transport.abort()
    await site.until(lambda: site.gateway.counters()["connections"] == 0)
    assert site.gateway.counters()["people"] == 0


async def test_a_reader_that_does_not_read_costs_little_memory(site, front):
    pump = await site.add_thing("pump")
    token = await site.person_token("Read")
    client = await connect(front.url(f"?token={token}"), subprotocols=["mqtt"], proxy=None, max_queue=1)
    await client.send(connect_packet("tab") + subscribe_packet(1, [("thing-update-documents/#", 0)]))
    await client.recv()
    device = await site.device(pump)
    sent = 0
    while not site.gateway.counters()["dropped_unwritable"]:
        await device.acknowledgement(device.publish("$aws/things/pump/shadow/update", update(note="x" * 7_000)))
        sent += 1
        assert sent < 5_000
    client.transport.abort()
    with suppress(websockets.ConnectionClosed):
        await client.close()


async def test_a_client_of_2017_with_a_long_key_finds_its_header(site, front):
    """AWSIoTPythonSDK reads the answer once, at most 1024 bytes, and looks for the header in lower case."""
    token = await site.person_token("Read")
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    key = base64.b64encode(bytes(range(128))).decode()
    writer.write(
        f"GET /mqtt?token={token} HTTP/1.1\r\nHost: cloud.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: mqttv3.1\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n".encode()
    )
    answer = await reader.read(1024)
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"\r\nsec-websocket-accept: " in answer
    assert b"Sec-WebSocket-Protocol: mqttv3.1\r\n" in answer
    assert b"permessage-deflate" not in answer
    assert front.authenticator.seen[0][2:] == ("cloud.example", "127.0.0.1")


@pytest.mark.parametrize("key", ["", "AAAA", "not base64!", "A" * 400])
async def test_a_key_that_is_none_is_refused(site, front, key):
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(
        "GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 400 ")
