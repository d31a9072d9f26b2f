"""The load generator: a process of its own that drives many devices and hears what a domain's subscriber hears.

Reads one JSON document from standard input (see ``Plan``) and writes one to standard output (see ``Result``). Lean on
purpose: packets are encoded beforehand and answers are counted, not decoded, so that what is measured is the server.
"""

from __future__ import annotations

import asyncio
import gc
import json
import ssl
import sys
import time
from collections import deque
from typing import Any, cast

import msgspec
import uvloop

_PUBLISH, _PUBACK = 3, 4
_AT_ONCE = 20
_VARIANTS = 8


class Plan(msgspec.Struct):
    """What to do. ``per_second`` 0 is as fast as the answers come, ``window`` updates in flight per device."""

    port: int
    ca_file: str
    bundles: list[tuple[str, str, str]]  # thing, certificate file, key file
    subscriber_port: int
    subscriber_password: str
    window: int
    per_second: int
    warm_up_s: float
    seconds: float


class Result(msgspec.Struct):
    """What came of it, within the measured seconds. ``updates`` counts accepted documents, latencies are PUBACKs'."""

    updates: int
    seconds: float
    p50_ms: float
    p99_ms: float
    device_messages: int
    subscriber_messages: int
    cpu_s: float


def text(value: str) -> bytes:
    encoded = value.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def packet(first: int, body: bytes) -> bytes:
    length, size = b"", len(body)
    while True:
        size, low = divmod(size, 128)
        length += bytes((low | (128 if size else 0),))
        if not size:
            return bytes((first,)) + length + body


def connect(client_id: str, *, password: str = "") -> bytes:
    flags, tail = (2, b"") if not password else (0xC2, text("token") + text(password))
    return packet(0x10, text("MQTT") + bytes((4, flags, 0, 0)) + text(client_id) + tail)


def subscribe(filters: list[str]) -> bytes:
    return packet(0x82, b"\0\1" + b"".join(text(each) + b"\0" for each in filters))


def payload(variant: int) -> bytes:
    """Return an update of 186 bytes."""
    reported = {
        "type": "pump",
        "temperature": 21.5 + variant,
        "pressure": 1013.25,
        "humidity": 44.0 + variant,
        "battery": 3.71,
        "rssi": -67,
        "uptime": 1_234_567 + variant,
        "state": "running",
        "note": "",
    }
    document = {"state": {"reported": reported}}
    missing = 186 - len(json.dumps(document, separators=(",", ":")))
    reported["note"] = "x" * missing
    return json.dumps(document, separators=(",", ":")).encode()


class Peer(asyncio.Protocol):
    """Cuts what comes into frames and counts them."""

    answer_topic_bytes = -1

    def __init__(self) -> None:
        self.messages = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(f"not let in: {exc}"))

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
            self._rest = b""
        position, end = 0, len(data)
        while end - position >= 2:
            length, body = data[position + 1], position + 2
            if length > 127:
                if end - position < 3:
                    break
                length, body = length - 128 + (data[position + 2] << 7), position + 3
            if body + length > end:
                break
            kind = data[position] >> 4
            if kind == _PUBLISH:
                self.messages += 1
                if data[body + 1] == self.answer_topic_bytes:
                    self.answered()
            elif kind == _PUBACK:
                self.acknowledged(data[body] << 8 | data[body + 1])
            elif kind == 2 and data[body + 1]:
                self.ready.set_exception(ConnectionError(f"CONNACK {data[body + 1]}"))
            elif kind == 9 and not self.ready.done():
                self.ready.set_result(None)
            position = body + length
        if position < end:
            self._rest = data[position:]

    def acknowledged(self, packet_id: int) -> None:
        """Hear a PUBACK."""

    def answered(self) -> None:
        """Hear an accepted document."""


class Device(Peer):
    """Sends the next update as soon as one is acknowledged and accepted, or at the pace that it is told."""

    def __init__(self, load: Load, thing: str) -> None:
        super().__init__()
        self._load = load
        topic = text(f"$aws/things/{thing}/shadow/update")
        self.answer_topic_bytes = len(topic) - 2 + len("/accepted")  # shorter than documents', longer than delta's
        self._packets = [
            [packet(0x32, topic + number.to_bytes(2, "big") + payload(variant)) for variant in range(_VARIANTS)]
            for number in range(1, 65)
        ]
        self._sent: dict[int, float] = {}
        self._free = deque(range(1, 65))
        self._turn = 0

    def begin(self, window: int) -> None:
        for _ in range(window):
            self.send_one()

    def send_one(self) -> None:
        if self._free:
            self._send(self._free.popleft())
        else:
            self._load.skipped += 1

    def _send(self, packet_id: int) -> None:
        self._sent[packet_id] = time.perf_counter()
        self._turn += 1
        self.transport.write(self._packets[packet_id - 1][self._turn % _VARIANTS])

    def acknowledged(self, packet_id: int) -> None:
        self._load.latencies.append(time.perf_counter() - self._sent[packet_id])
        self._free.append(packet_id)

    def answered(self) -> None:
        self._load.answers += 1
        if self._load.goes_on:
            self._send(self._free.popleft())


class Load:
    """All devices and the subscriber."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.latencies: list[float] = []
        self.goes_on = plan.per_second == 0
        self.answers = 0
        self.skipped = 0
        self.devices: list[Device] = []

    async def connect(self) -> Peer:
        """Connect the subscriber, which is returned, and all devices."""
        plan = self.plan
        loop = asyncio.get_running_loop()
        _, subscriber = await loop.create_connection(Peer, "127.0.0.1", plan.subscriber_port)
        subscriber.transport.write(connect("subscriber", password=plan.subscriber_password))
        families = ("accepted", "documents", "delta")
        subscriber.transport.write(subscribe([f"thing-update-{each}/#" for each in families]))
        await subscriber.ready
        for start in range(0, len(plan.bundles), _AT_ONCE):
            self.devices += await asyncio.gather(*map(self._device, plan.bundles[start : start + _AT_ONCE]))
        return subscriber

    async def run(self) -> Result:
        plan = self.plan
        subscriber = await self.connect()
        gc.collect()
        gc.freeze()
        pacer = asyncio.create_task(self.pace()) if plan.per_second else None
        if pacer is None:
            for device in self.devices:
                device.begin(plan.window)
        await asyncio.sleep(plan.warm_up_s)
        sys.stderr.write("measuring\n")
        sys.stderr.flush()
        first, answers = len(self.latencies), self.answers
        at_devices, at_subscriber = self._device_messages(), subscriber.messages
        begin, cpu_begin = time.perf_counter(), time.process_time()
        await asyncio.sleep(plan.seconds)
        seconds, cpu_s = time.perf_counter() - begin, time.process_time() - cpu_begin
        measured = sorted(self.latencies[first:])
        sys.stderr.write("measured\n")
        sys.stderr.flush()
        self.goes_on = False
        if pacer is not None:
            pacer.cancel()
        return Result(
            updates=self.answers - answers,
            seconds=seconds,
            p50_ms=1e3 * measured[len(measured) // 2],
            p99_ms=1e3 * measured[len(measured) * 99 // 100],
            device_messages=self._device_messages() - at_devices,
            subscriber_messages=subscriber.messages - at_subscriber,
            cpu_s=cpu_s,
        )

    async def _device(self, bundle: tuple[str, str, str]) -> Device:
        thing, certificate, key = bundle
        context = ssl.create_default_context(cafile=self.plan.ca_file)
        context.load_cert_chain(certificate, key)
        _, device = await asyncio.get_running_loop().create_connection(
            lambda: Device(self, thing), "127.0.0.1", self.plan.port, ssl=context, server_hostname="localhost"
        )
        prefix = f"$aws/things/{thing}/shadow/update/"
        device.transport.write(
            connect(thing) + subscribe([f"{prefix}{each}" for each in ("accepted", "documents", "delta")])
        )
        await device.ready
        return device

    async def pace(self) -> None:
        """Send evenly: each turn as many as the clock says are due."""
        start, sent, turn = time.perf_counter(), 0, 0
        while True:
            due = int((time.perf_counter() - start) * self.plan.per_second)
            while sent < due:
                self.devices[turn].send_one()
                turn = (turn + 1) % len(self.devices)
                sent += 1
            await asyncio.sleep(0.001)

    def _device_messages(self) -> int:
        return sum(device.messages for device in self.devices)


def main() -> None:
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    result: Any = uvloop.run(Load(plan).run())
    sys.stdout.buffer.write(msgspec.json.encode(result) + b"\n")


if __name__ == "__main__":
    main()
