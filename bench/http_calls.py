"""What HTTP costs: requests per second on the paths of an API user, against the real server process.

Usage: http_calls.py [SECONDS]. GET reads one thing's shadow with an API key; POST changes one thing through a function,
which writes the thing and an audit row in one transaction, durably. The reference is a bare ASGI application that
answers the same bytes, under the same server with the same settings, in the same run. It sends the two messages of
ASGI, as any application does; ours hands small answers to the server whole (``web/answer.py``), and a bare one that did
so as well would take 15 microseconds of processor instead of 22. The client is a process of its own on the same machine
(``_http_load.py``). PostgreSQL is a private one on a Unix socket, with its commits synced, and has been told to look at
its tables, as it does by itself within a minute. Where the machine has other things to do, look at the processor time
of a request. Takes about a minute with the default of three seconds for each measurement.
"""

from __future__ import annotations

import asyncio
import gc
import http.client
import importlib
import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
import msgspec
import psutil
import uvloop

from _figures import Figure, conditions, tell
from _http_load import Answered, Load, apply
from cloudstead.app.addresses import Address
from cloudstead.app.http_server import HttpServer, bind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send

# The tests know how to run a cloud and how to start a PostgreSQL.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
running: Any = importlib.import_module("factories.running")
postgres: Any = importlib.import_module("factories.postgres")

CONNECTIONS = 32
THINGS = 400
REFUSED = b'"errorMessage"'
TARGETS = {"SQLite": (6000, 2500), "PostgreSQL": (3000, None)}
MOST_P99_MS = 15


class Answer(msgspec.Struct, frozen=True):
    """An answer that the bare application repeats."""

    headers: list[tuple[bytes, bytes]]
    body: bytes


async def serve_bare(answer: Answer) -> None:
    """Answer every request with the same bytes, for ever; the port is told on standard output."""
    start = {"type": "http.response.start", "status": 200, "headers": answer.headers}
    body = {"type": "http.response.body", "body": answer.body}

    async def bare(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            while (await receive()).get("more_body"):
                pass
        await send(start)
        await send(body)

    server = HttpServer(bare, bind("http", Address("127.0.0.1", 0)))
    await server.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    print(server.port, flush=True)
    await asyncio.get_running_loop().create_future()


class Server(NamedTuple):
    """A process that serves."""

    pid: int
    port: int


class Speed(NamedTuple):
    """How fast requests were answered, and what each cost the server's process."""

    answered: Answered
    cpu_us: float


@contextmanager
def bare_server(answer: Answer) -> Iterator[Server]:
    """Run the bare application in a process of its own."""
    command = [sys.executable, __file__, "bare"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(answer))
            process.stdin.close()
            yield Server(process.pid, int(process.stdout.readline()))
        finally:
            process.kill()


def request(method: str, path: str, key: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: localhost", f"authorization: Bearer {key}"]
    if body:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def example(port: int, sent: bytes) -> Answer:
    """Send one request and keep its answer."""
    head, _, body = sent.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body or None, dict(line.split(": ", 1) for line in lines))
    response = connection.getresponse()
    text = response.read()
    if response.status != 200 or REFUSED in text:
        raise RuntimeError(f"{first}: {response.status} {text!r}")
    headers = [(name.lower().encode(), value.encode()) for name, value in response.getheaders() if name != "date"]
    connection.close()
    return Answer(headers, text)


def prepare(cloud: Any) -> tuple[list[bytes], list[bytes]]:
    """Make things with shadows; return the requests that read one, and those that change one."""
    key, port = cloud.ready["api_key"], int(cloud.ready["http"].rpartition(":")[2])
    cloud.invoke("ThingTypeLambda", action="CREATE", attributes={"id": "probe", "label": "Probe", "domain": "root"})
    gets, posts = [], []
    state = {"temperature": 21.5, "humidity": 40, "led": {"on": True, "colour": "red"}, "uptime": 123456}
    for number in range(THINGS):
        name = f"probe-{number}"
        attributes = {"thingName": name, "thingType": "probe", "domain": "root"}
        cloud.invoke("ThingLambda", action="CREATE", attributes=attributes)
        path = f"/things/{name}/shadow"
        example(port, request("POST", path, key, json.dumps({"state": {"reported": state}}).encode()))
        gets.append(request("GET", path, key))
    # No two requests under way change the same thing: they would wait for each other on any engine.
    for label in ("the first label", "the other label"):
        for number in range(THINGS):
            change = {"action": "UPDATE", "attributes": {"thingName": f"probe-{number}", "label": label}}
            posts.append(request("POST", "/functions/ThingLambda", key, json.dumps(change).encode()))
    return gets, posts


async def analyse(url: str) -> None:
    """Let PostgreSQL count its rows: without, it finds one thing by reading all, and every two writers conflict."""
    connection = await asyncpg.connect(url)
    await connection.execute("ANALYZE")
    await connection.close()


class Bench:
    """Measures one engine after the other."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def measure(self, engine: str, folder: Path, url: str = "") -> None:
        """Run a cloud in ``folder``, with its state in PostgreSQL where a ``url`` is given, and measure it."""
        folder.mkdir()
        os.environ["CLOUDSTEAD_STORAGE_URL"] = url
        with running.running_cloud(folder) as cloud:
            server = Server(cloud.process.pid, int(cloud.ready["http"].rpartition(":")[2]))
            gets, posts = prepare(cloud)
            if url:
                asyncio.run(analyse(url))
            least_gets, least_posts = TARGETS[engine]
            self._measure(f"GET of a shadow, {engine}", server, gets, least=least_gets, least_ratio=1 / 3)
            self._measure(f"POST with audit row, {engine}", server, posts, least=least_posts)

    def _measure(
        self,
        title: str,
        server: Server,
        requests: list[bytes],
        *,
        least: int | None,
        least_ratio: float | None = None,
    ) -> None:
        found, cpu_us = self._load(server, requests)
        with bare_server(example(server.port, requests[0])) as bare:
            reference, bare_cpu_us = self._load(bare, requests)
        half, _ = self._load(server, requests, per_second=found.per_second / 2)
        ratio = found.per_second / reference.per_second
        is_met = least is None or found.per_second >= least or (least_ratio is not None and ratio >= least_ratio)
        target = "" if least is None else f"{least:,}/s"
        if least_ratio is not None:
            target = f"{least_ratio:.2f} of bare, or {target}"
        tell(
            Figure(
                name=title,
                value=f"{found.per_second:,.0f}/s, p99 {found.p99_ms:.1f} ms, {cpu_us:.0f} us of processor",
                reference=f"bare ASGI ({reference.per_second:,.0f}/s, {bare_cpu_us:.0f} us)",
                ratio=ratio,
                target=target,
                is_met=is_met if target else None,
            )
        )
        tell(
            Figure(
                name=f"{title}, at half of that",
                value=f"p50 {half.p50_ms:.1f} ms, p99 {half.p99_ms:.1f} ms",
                target=f"p99 under {MOST_P99_MS} ms",
                is_met=half.p99_ms < MOST_P99_MS,
            )
        )

    def _load(self, server: Server, requests: list[bytes], *, per_second: float = 0) -> Speed:
        process = psutil.Process(server.pid)
        before = process.cpu_times()
        answered = apply(
            Load(
                port=server.port,
                requests=requests,
                connections=CONNECTIONS,
                seconds=self._seconds,
                per_second=per_second,
                refused=REFUSED,
            )
        )
        after = process.cpu_times()
        cpu_s = after.user + after.system - before.user - before.system
        return Speed(answered, 1e6 * cpu_s / answered.sent)


def main() -> None:
    if sys.argv[1:] == ["bare"]:
        uvloop.run(serve_bare(msgspec.json.decode(sys.stdin.buffer.read(), type=Answer)))
        return
    print(f"{CONNECTIONS} connections, one request at a time on each; {conditions()}, shared with the client")
    bench = Bench(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
    # The demo's own machine would report once a second.
    os.environ["CLOUDSTEAD_DEMO_INTERVAL_S"] = "3600"
    with tempfile.TemporaryDirectory() as folder:
        bench.measure("SQLite", Path(folder, "sqlite"))
        with postgres.private_postgresql(durable=True) as server:
            bench.measure("PostgreSQL", Path(folder, "postgresql"), server.new_database())


if __name__ == "__main__":
    main()
