"""A lean HTTP client under load, in a process of its own: raw sockets, requests as bytes, latencies kept.

Reads a ``Load`` as JSON from its standard input and writes an ``Answered`` to its standard output. It sends one request
at a time on each connection. With ``per_second`` each request has its due time, and its latency counts from there, so
that a server that stalls cannot slow down its own examination.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec
import uvloop

if TYPE_CHECKING:
    from collections.abc import Iterator

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_WARM_UP_S = 0.5


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What to do. ``requests`` are sent in turn; ``refused`` marks an answer that counts as a failure.

    Where ``is_repeated`` is false each is sent once, and the load may end before its time.
    """

    port: int
    requests: list[bytes]
    connections: int
    seconds: float
    per_second: float = 0
    refused: bytes = b""
    is_repeated: bool = True


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. ``sent`` counts the requests of the warm-up too."""

    sent: int
    per_second: float
    p50_ms: float
    p99_ms: float


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run, number: int) -> None:
        self._run = run
        self._number = number
        self._buffer = b""
        self._started = 0.0
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        head = data.find(b"\r\n\r\n")
        length = _LENGTH.search(data, 0, head + 2) if head >= 0 else None
        if length is None or len(data) < head + 4 + int(length[1]):
            self._buffer = data
            return
        self._buffer = b""
        self._run.answered(data, self._started)
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.lost(exc)

    def _next(self) -> None:
        run = self._run
        now = time.perf_counter()
        if now >= run.end:
            self._transport.close()
        elif run.interval_s == 0:
            self._send(now)
        else:
            due = run.start + (self._number + next(run.turns[self._number]) * run.load.connections) * run.interval_s
            if due <= now:
                self._send(due)
            else:
                asyncio.get_running_loop().call_later(due - now, self._send, due)

    def _send(self, started: float) -> None:
        self._started = started
        request = next(self._run.requests, None)
        if request is None:
            self._run.end = min(self._run.end, time.perf_counter())
            self._transport.close()
        else:
            self._transport.write(request)


class _Run:
    def __init__(self, load: Load) -> None:
        self.load = load
        self.requests: Iterator[bytes] = itertools.cycle(load.requests) if load.is_repeated else iter(load.requests)
        self.turns = [itertools.count() for _ in range(load.connections)]
        self.interval_s = 1 / load.per_second if load.per_second else 0
        self.start = time.perf_counter()
        self.measured_from = self.start + _WARM_UP_S
        self.end = self.measured_from + load.seconds
        self.latencies: list[float] = []
        self.sent = 0
        self.open = load.connections
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def answered(self, data: bytes, started: float) -> None:
        """Note one answer; any but a good one ends the run, because its speed would mean nothing."""
        refused = self.load.refused
        if not data.startswith(b"HTTP/1.1 200 ") or (refused and refused in data):
            if not self.over.done():
                self.over.set_exception(RuntimeError(f"a request was refused: {data[:600]!r}"))
            return
        self.sent += 1
        if started >= self.measured_from:
            self.latencies.append(time.perf_counter() - started)

    def lost(self, error: Exception | None) -> None:
        """Note the end of a connection."""
        self.open -= 1
        if self.over.done():
            return
        if error is not None:
            self.over.set_exception(error)
        elif time.perf_counter() < self.end:
            self.over.set_exception(RuntimeError("the server closed a connection"))
        elif self.open == 0:
            self.over.set_result(None)


async def generate(load: Load) -> Answered:
    """Apply the load."""
    run = _Run(load)
    loop = asyncio.get_running_loop()
    for number in range(load.connections):
        await loop.create_connection(lambda number=number: _Connection(run, number), "127.0.0.1", load.port)  # type: ignore[misc]
    await run.over
    latencies = sorted(run.latencies)
    return Answered(
        sent=run.sent,
        per_second=len(latencies) / (run.end - run.measured_from),
        p50_ms=1e3 * latencies[len(latencies) // 2],
        p99_ms=1e3 * latencies[len(latencies) * 99 // 100],
    )


def apply(load: Load) -> Answered:
    """Apply the load from another process."""
    output = subprocess.run(
        [sys.executable, __file__], input=msgspec.json.encode(load), stdout=subprocess.PIPE, check=True
    )
    return msgspec.json.decode(output.stdout, type=Answered)


def main() -> None:
    gc.disable()
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(generate(load))))


if __name__ == "__main__":
    main()
