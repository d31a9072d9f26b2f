"""What slow receivers of webhooks cost devices: PUBACK p99 with fifty webhooks a second on their way, and with none.

A cloud runs with everything in it. 200 devices send 2,000 updates a second over TLS, as in ``updates.py``. Then fifty
rules are enabled, each of which calls a receiver of its own once a second; a receiver answers after one second, so that
fifty requests are always open. Both are measured in turns, and the median of the p99 of each counts.

Usage: webhooks.py [SECONDS [ROUNDS]]. Takes about four times SECONDS for each round.
"""

from __future__ import annotations

import asyncio
import importlib
import io
import os
import socket
import ssl
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from _figures import Figure, conditions, tell
from updates import DEVICES, PACED_PER_SECOND, Figures, drive, show

if TYPE_CHECKING:
    from collections.abc import Iterator

# The tests know how to run a cloud.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
running: Any = importlib.import_module("factories.running")

RULES = 50
ANSWER_AFTER_S = 1.0
MOST = 1.2


class SlowReceiver:
    """Answers every request after a second, in a thread of its own, and counts them."""

    def __init__(self) -> None:
        self.answered = 0
        self.port = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, daemon=True).start()
        self._ready.wait()

    def _run(self) -> None:
        async def serve() -> None:
            server = await asyncio.start_server(self._answer, "127.0.0.1", 0, backlog=256)
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()
            await server.serve_forever()

        self._loop.run_until_complete(serve())

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        await asyncio.sleep(ANSWER_AFTER_S)
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        self.answered += 1
        writer.close()


@contextmanager
def cloud() -> Iterator[tuple[Any, Path]]:
    """Run a cloud that may call this machine, with a plain listener for the subscriber."""
    os.environ |= {
        "CLOUDSTEAD_WEBHOOKS_ALLOW_PRIVATE": "true",
        "CLOUDSTEAD_WEBHOOKS_AT_ONCE": "120",
    }
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        place = Path(folder)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with running.running_cloud(place, "demo", "--mqtt", f"127.0.0.1:{port}") as started:
            started.ready["mqtt_port"] = port
            yield started, place


def bundles(started: Any, folder: Path) -> list[tuple[str, str, str]]:
    """Make the devices as a batch and unpack their credentials."""
    started.invoke("ThingTypeLambda", action="CREATE", attributes={"id": "lamp", "domain": "root", "label": "Lamp"})
    wanted = {"thingType": "lamp", "domain": "root", "requestedSize": DEVICES, "concurrency": 50}
    started.invoke("ThingBatchLambda", action="CREATE", attributes=wanted)
    while True:
        bucket = {"bucketName": "ThingCertsBucket"}
        (file,) = started.invoke("ThingBatchLambda", action="LIST", attributes=bucket)["files"]
        if "url" in file:
            break
        time.sleep(0.1)
    context = ssl.create_default_context(cafile=started.ready["ca_file"])
    with urllib.request.urlopen(file["url"], context=context) as answer:
        archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    archive.extractall(folder / "things")
    names = sorted({name.partition("/")[0] for name in archive.namelist()})
    place = folder / "things"
    return [(name, str(place / name / "cert.pem"), str(place / name / "privkey.pem")) for name in names]


def make_rules(started: Any, names: list[str], port: int) -> list[dict[str, Any]]:
    """Make a rule for each of the first things, disabled."""
    rules = []
    for number, name in enumerate(names[:RULES]):
        rule = {
            "name": f"slow {number}",
            "enabled": False,
            "filter": {"domain": "root", "thingType": "lamp", "thingNames": [name]},
            "expression": {"operator": "gte", "resource": "temperature", "value": -1000},
            "actions": [{"type": "WEBHOOK", "config": {"url": f"http://127.0.0.1:{port}/hook/{number}"}}],
            "threshold": {"interval": 1000},
        }
        made = started.invoke("RuleLambda", action="CREATE", attributes=rule)
        rules.append({**rule, "id": made["id"]})
    return rules


def switch(started: Any, rules: list[dict[str, Any]], *, on: bool) -> None:
    for rule in rules:
        started.invoke("RuleLambda", action="UPDATE", attributes={**rule, "enabled": on})


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 8.0
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    print(conditions(), flush=True)
    receiver = SlowReceiver()
    measured: dict[bool, list[Figures]] = {False: [], True: []}
    fired = 0.0
    with cloud() as (started, folder):
        things = bundles(started, folder)
        rules = make_rules(started, [name for name, *_ in things], receiver.port)
        ready = {
            "port": int(started.ready["mqtts"].rpartition(":")[2]),
            "ca_file": started.ready["ca_file"],
            "bundles": things,
            "subscriber_port": started.ready["mqtt_port"],
            "subscriber_password": started.ready["api_key"],
        }
        processes = [psutil.Process(started.process.pid)]
        for _ in range(rounds):
            for on in (False, True):
                switch(started, rules, on=on)
                before, began = receiver.answered, time.perf_counter()
                figures = drive(dict(ready), processes, window=1, per_second=PACED_PER_SECOND, seconds=seconds)
                measured[on].append(figures)
                if on:
                    fired = max(fired, (receiver.answered - before) / (time.perf_counter() - began))
    calm, busy = (statistics.median(each.p99_ms for each in measured[on]) for on in (False, True))
    tell(
        Figure(
            name=f"PUBACK p99 with {fired:.0f} webhooks a second to receivers that answer after a second",
            value=f"{busy:.1f} ms ({show(measured[True][-1])})",
            reference=f"none, {calm:.1f} ms",
            ratio=busy / calm,
            target=f"at most {MOST:.1f} times",
            is_met=busy / calm <= MOST,
        )
    )


if __name__ == "__main__":
    main()
