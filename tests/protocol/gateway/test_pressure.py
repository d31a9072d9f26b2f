"""Storage that stands still or fails, clients that do not read, floods, nonsense, and the end."""

from __future__ import annotations

import asyncio
import random

import pytest

from cloudstead.core.spine.intake import MAX_WAITING
from cloudstead.gateway.mqtt import GatewayLimits
from protocol.gateway.harness import close_site, open_site, update
from protocol.mqtt.harness import connect_packet, publish_packet

UPDATE = "$aws/things/pump/shadow/update"


@pytest.fixture
async def pump(site):
    return await site.add_thing("pump")


async def test_nothing_is_acknowledged_before_it_is_on_disk(site, pump):
    device = await site.device(pump)
    site.log.turns.clear()
    packet_id = device.publish(UPDATE, update(t=1))
    await device.ping()
    assert device.acknowledged == []
    site.log.turns.set()
    await device.acknowledgement(packet_id)


async def test_what_could_not_be_stored_is_not_acknowledged_and_the_connection_ends(site, pump):
    device = await site.device(pump)
    site.log.fails = True
    device.publish(UPDATE, update(t=1))
    assert await device.closed()
    assert device.acknowledged == []
    assert site.gateway.counters()["not_stored"] == 1
    site.log.fails = False
    again = await site.device(pump)
    await again.acknowledgement(again.publish(UPDATE, update(t=1)))


async def test_a_full_intake_stops_the_reading_and_loses_nothing(site, pump):
    valve = await site.add_thing("valve")
    flood, other = await site.device(pump), await site.device(valve)
    site.log.turns.clear()
    count = MAX_WAITING + 2_000
    for number in range(count):
        flood.publish(UPDATE, update(t=number), qos=0)
    await site.until(lambda: site.spine.is_full and site.gateway.counters()["held"] == 1)
    assert site.spine.intake.depth < count
    packet_id = other.publish("$aws/things/valve/shadow/update", update(t=1))
    await site.until(lambda: site.gateway.counters()["held"] == 2)
    site.log.turns.set()
    await other.acknowledgement(packet_id)
    await flood.ping()
    await site.until(lambda: site.spine.applier.accepted == count + 1)
    assert site.gateway.counters()["held"] == 0


async def test_a_flood_of_one_client_is_parsed_in_turns_with_the_others(site, pump):
    valve = await site.add_thing("valve")
    flood, other = await site.device(pump), await site.device(valve)
    site.log.turns.clear()
    packet = publish_packet(UPDATE, b'{"state":{"reported":{"t":1}}}')
    flood.send(packet * 4_000)
    await other.ping()
    assert site.spine.intake.depth < 4_000
    site.log.turns.set()
    await site.until(lambda: site.spine.applier.accepted == 4_000)


async def test_a_client_that_never_reads_delays_nobody_and_costs_little_memory(site, pump):
    sleeper = await site.person(await site.person_token("Read"))
    await sleeper.subscribe("thing-update-documents/#", qos=0)
    sleeper.transport.pause_reading()
    device = await site.device(pump)
    large = update(note="x" * 7_000)
    sent = 0
    while not site.gateway.counters()["dropped_unwritable"]:
        await device.acknowledgement(device.publish(UPDATE, large))
        sent += 1
        assert sent < 5_000  # 70 MB: no system buffers that much
    buffered = sum(link._transport.get_write_buffer_size() for link in site.gateway._links)
    assert buffered < 2_000_000
    for _ in range(20):
        await device.acknowledgement(device.publish(UPDATE, large))
    assert sum(link._transport.get_write_buffer_size() for link in site.gateway._links) == buffered
    sleeper.transport.resume_reading()
    await sleeper.ping()


NONSENSE = [
    b"\x00",
    b"\xff" * 64,
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x30\x02\0\0",
    b"\x10\xff\xff\xff\x7f",
    connect_packet("a") + connect_packet("a"),
    connect_packet("a", level=9),
    connect_packet("a")[:-1] + b"\xff",
    *(random.Random(seed).randbytes(400) for seed in range(10)),
    *(b"\x10" + random.Random(seed).randbytes(400) for seed in range(10)),
]


@pytest.mark.parametrize("nonsense", NONSENSE, ids=range(len(NONSENSE)))
async def test_nonsense_ends_its_own_connection_and_disturbs_nobody(site, pump, nonsense):
    device = await site.device(pump)
    stranger = await site.open_plain()
    stranger.send(nonsense)
    device.send(b"\xc0\0")
    await device.ping()
    await device.acknowledgement(device.publish(UPDATE, update(t=1)))
    stranger.abort()
    await site.until(lambda: site.gateway.counters()["connections"] == 1)


async def test_nonsense_from_a_device_that_is_in_ends_it(site, pump):
    device = await site.device(pump)
    device.send(b"\xf0\0")
    assert await device.closed()


async def test_an_oversized_packet_ends_the_connection_before_it_has_come(site, pump):
    device = await site.device(pump)
    device.send(b"\x32\xff\xff\x7f")
    assert await device.closed()


async def test_beyond_the_limit_connections_are_turned_away(tmp_path):
    site = await open_site(tmp_path, limits=GatewayLimits(connections=2, accepts_per_turn=1))
    try:
        pump = await site.add_thing("pump")
        first, second = await site.device(pump, client_id="a"), await site.device(pump, client_id="b")
        late = await site.open_plain()
        assert await late.closed()
        assert site.gateway.counters()["turned_away"] == 1
        await first.ping()
        await second.close()
        await site.until(lambda: site.gateway.counters()["connections"] == 1)
        await site.device(pump, client_id="c")
    finally:
        await close_site(site)


async def test_many_at_once_are_all_let_in(site, pump):
    context = site.client_context(await site.bundle(pump))

    async def come(number):
        client = await site.open_tls(context)
        assert await client.connect(f"tab-{number}") == 0

    await asyncio.gather(*(come(number) for number in range(150)))
    assert site.gateway.counters()["devices"] == 150


class Hands:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def timed(tmp_path):
    hands = Hands()
    site = await open_site(tmp_path, monotonic=hands)

    def pass_time(seconds):
        hands.now += seconds
        site.gateway.pump.tick(hands.now)

    yield site, pass_time
    await close_site(site)


async def test_a_silent_device_is_closed_after_one_and_a_half_keep_alives(timed):
    site, pass_time = timed
    device = await site.device(await site.add_thing("pump"), keep_alive=10)
    pass_time(14)
    await device.ping()
    pass_time(16)
    assert await device.closed()


async def test_a_connection_that_says_nothing_is_closed(timed):
    site, pass_time = timed
    client = await site.open_plain()
    await site.until(lambda: site.gateway.counters()["connections"] == 1)
    pass_time(11)
    assert await client.closed()


async def test_a_client_that_does_not_take_its_last_bytes_is_aborted(timed):
    site, pass_time = timed
    pump = await site.add_thing("pump")
    sleeper = await site.person(await site.person_token("Read"))
    await sleeper.subscribe("thing-update-documents/#", qos=0)
    sleeper.transport.pause_reading()
    device = await site.device(pump)
    while not site.gateway.counters()["dropped_unwritable"]:
        await device.acknowledgement(device.publish(UPDATE, update(note="x" * 7_000)))
    (link,) = [each for each in site.gateway._links if each.certificate_id is None]
    link.cut("for the test")
    await device.ping()
    assert site.gateway.counters()["connections"] == 2
    pass_time(6)
    await site.until(lambda: site.gateway.counters()["connections"] == 1)
    assert site.gateway.counters()["aborted"] == 1


async def refused(site):
    """Return once nobody listens any more."""
    while True:
        try:
            (await site.open_plain()).abort()
        except ConnectionError:
            return


async def test_the_end_loses_nothing_and_tells_everybody(site, pump):
    device = await site.device(pump, level=5)
    idle = await site.person(await site.person_token("Read"))
    site.log.turns.clear()
    packet_id = device.publish(UPDATE, update(t=1))
    await device.ping()
    stopping = asyncio.create_task(site.gateway.stop())
    await refused(site)
    assert device.acknowledged == []
    site.log.turns.set()
    assert await device.closed()
    assert await idle.closed()
    await stopping
    assert (device.acknowledged, device.farewell) == ([packet_id], 0x8B)
    assert site.gateway.counters()["connections"] == 0


async def test_the_end_leaves_no_wills(site, pump):
    token = await site.person_token("ReadWrite")
    await site.person(token, will=("thing-update/pump", b'{"state":{"reported":{"t":0}}}', 1, False))
    await site.gateway.stop()
    await site.spine.settle()
    assert site.spine.intake.stored == 0


async def test_clients_that_say_nothing_keep_nobody_else_from_the_handshake(site, pump):
    silent = [await asyncio.open_connection("127.0.0.1", site.tls_port) for _ in range(100)]
    async with asyncio.timeout(5):  # half of what one of them may take
        device = await site.device(pump)
        await device.ping()
    for _, writer in silent:
        writer.close()
        await writer.wait_closed()
