"""What slow receivers of webhooks cost devices: PUBACK p99 with fifty webhooks a second on their way, and with none.

A cloud runs with everything in it. 200 devices send 2,000 updates a second over TLS, as in ``updates.py``, on the same
connections all the time. A hundred rules, each about one of them, are true of every update and call a receiver of their
own every two seconds, evenly spread: fifty requests a second. A receiver answers after one second, so that fifty are
always open. Windows with the rules on and off take turns; the median of the windows' p99 of each counts. A window in
which others on the machine were busy is measured again.

In the end, what one destination each can take: fifty rules that fire every second at receivers that need all of it.

Usage: webhooks.py [SECONDS [ROUNDS]]. Takes about twice SECONDS and seven more for each round, and some twenty seconds.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import psutil

from _figures import Figure, conditions, tell
from _mqtt_load import Plan
from _mqtt_windows import Window
from updates import DEVICES, PACED_PER_SECOND, WARM_UP_S

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
# The tests know how to run a cloud.
sys.path.append(str(HERE.parent / "tests"))
running: Any = importlib.import_module("factories.running")

RULES = 100
EVERY_S = 2.0
WANTED_PER_SECOND = RULES / EVERY_S
ANSWER_AFTER_S = 1.0
SETTLE_S = 1.5
MOST = 1.2
OTHERS_CORES = 0.25
"""What everybody else on the machine may take of its processors in a window; one in which it was more is repeated."""


@contextmanager
def child(name: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program of this folder that is asked by lines."""
    program = [sys.executable, str(HERE / name), *arguments]
    process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.communicate()


def ask(process: subprocess.Popen[str], line: str = "") -> str:
    """Write a line, unless it is empty, and return the one that is answered."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a pipe is missing")
    if line:
        process.stdin.write(line + "\n")
        process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise RuntimeError("a program of the bench has ended early")
    return answer.strip()


@dataclass(frozen=True, slots=True)
class Turn:
    """One window: what devices felt, what receivers answered and what the cloud used."""

    p50_ms: float
    p99_ms: float
    updates_per_s: float
    answered_per_s: float
    cores: float
    load_cores: float
    others_cores: float

    def __str__(self) -> str:
        """Show it in one line."""
        return (
            f"{self.updates_per_s:,.0f} updates/s, PUBACK p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms, "
            f"{self.answered_per_s:.1f} webhooks/s, {self.cores:.2f} cores "
            f"(load {self.load_cores:.2f}, others {self.others_cores:.2f})"
        )


@contextmanager
def cloud() -> Iterator[tuple[Any, Path]]:
    """Run a cloud that may call this machine, with a plain listener for the subscriber."""
    os.environ |= {
        "CLOUDSTEAD_WEBHOOKS_ALLOW_PRIVATE": "true",
        "CLOUDSTEAD_WEBHOOKS_AT_ONCE": "200",  # half of them for one account
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
            "threshold": {"interval": int(1e3 * EVERY_S) - 50},  # the next update is due a tenth of a second later
        }
        made = started.invoke("RuleLambda", action="CREATE", attributes=rule)
        rules.append({**rule, "id": made["id"]})
    return rules


def switch(started: Any, rules: list[dict[str, Any]], *, on: bool) -> None:
    """Switch the rules on or off one by one, so that they fire evenly spread."""
    began = time.perf_counter()
    for number, rule in enumerate(rules):
        time.sleep(max(0.0, began + number * EVERY_S / len(rules) - time.perf_counter()))
        started.invoke("RuleLambda", action="UPDATE", attributes={**rule, "enabled": on})
    time.sleep(SETTLE_S)


def used_s(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:2])


def used_by_all_s() -> float:
    times = psutil.cpu_times()
    return sum(times) - times.idle - times.iowait - times.guest - times.guest_nice


def measure(
    cloud: psutil.Process, load: subprocess.Popen[str], receiver: subprocess.Popen[str], seconds: float
) -> Turn:
    """Measure one window."""
    receiving = psutil.Process(receiver.pid)
    answered, used = int(ask(receiver, "?")), used_s(cloud)
    others = used_by_all_s() - used_s(receiving)
    window = msgspec.json.decode(ask(load, str(seconds)), type=Window)
    others = used_by_all_s() - used_s(receiving) - others
    used = used_s(cloud) - used
    answered = int(ask(receiver, "?")) - answered
    if window.skipped:
        raise RuntimeError(f"{window.skipped} updates were not sent: the cloud is behind")
    latencies = window.latencies_ms
    return Turn(
        p50_ms=latencies[len(latencies) // 2],
        p99_ms=latencies[len(latencies) * 99 // 100],
        updates_per_s=window.updates / window.seconds,
        answered_per_s=answered / window.seconds,
        cores=used / window.seconds,
        load_cores=window.cpu_s / window.seconds,
        others_cores=max(0.0, (others - used - window.cpu_s) / window.seconds),
    )


def quiet_turn(
    cloud: psutil.Process, load: subprocess.Popen[str], receiver: subprocess.Popen[str], seconds: float
) -> Turn:
    """Measure a window until nobody else was busy in it, or for the third time."""
    for _ in range(2):
        turn = measure(cloud, load, receiver, seconds)
        if turn.others_cores <= OTHERS_CORES:
            return turn
        print(f"  again, since others were busy: {turn}", flush=True)
    return measure(cloud, load, receiver, seconds)


def fill_lanes(
    started: Any, load: subprocess.Popen[str], receiver: subprocess.Popen[str], rules: list[dict[str, Any]]
) -> Turn:
    """Let every other rule fire as soon as its receiver has answered, and measure."""
    switch(started, rules, on=False)
    often = [{**rule, "threshold": {"interval": int(1e3 * ANSWER_AFTER_S) - 50}} for rule in rules[::2]]
    switch(started, often, on=True)
    return quiet_turn(psutil.Process(started.process.pid), load, receiver, 5.0)


def take_turns(
    started: Any, folder: Path, receiver: subprocess.Popen[str], *, seconds: float, rounds: int
) -> tuple[dict[bool, list[Turn]], Turn]:
    """Measure windows without and with webhooks in turns, and one in which all lanes are full."""
    things = bundles(started, folder)
    rules = make_rules(started, [name for name, *_ in things], int(ask(receiver)))
    plan = Plan(
        port=int(started.ready["mqtts"].rpartition(":")[2]),
        ca_file=started.ready["ca_file"],
        bundles=things,
        subscriber_port=started.ready["mqtt_port"],
        subscriber_password=started.ready["api_key"],
        window=1,
        per_second=PACED_PER_SECOND,
        warm_up_s=WARM_UP_S,
        seconds=seconds,
    )
    turns: dict[bool, list[Turn]] = {False: [], True: []}
    with child("_mqtt_windows.py") as load:
        ask(load, json.dumps(msgspec.to_builtins(plan)))
        for _ in range(rounds):
            for on in (False, True):
                switch(started, rules, on=on)
                turn = quiet_turn(psutil.Process(started.process.pid), load, receiver, seconds)
                print(f"  {'with' if on else 'none'}: {turn}", flush=True)
                turns[on].append(turn)
        full = fill_lanes(started, load, receiver, rules)
    return turns, full


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    print(conditions(), flush=True)
    with cloud() as (started, folder), child("_slow_receiver.py", str(ANSWER_AFTER_S)) as receiver:
        turns, full = take_turns(started, folder, receiver, seconds=seconds, rounds=rounds)
    calm, busy = (statistics.median(each.p99_ms for each in turns[on]) for on in (False, True))
    fired = statistics.mean(each.answered_per_s for each in turns[True])
    cores = [statistics.median(each.cores for each in turns[on]) for on in (False, True)]
    tell(
        Figure(
            name=f"PUBACK p99 with {fired:.0f} webhooks a second to receivers that answer after a second",
            value=f"{busy:.1f} ms, {cores[1]:.2f} cores (medians of {rounds} windows of {seconds:.0f} s)",
            reference=f"none, {calm:.1f} ms, {cores[0]:.2f} cores",
            ratio=busy / calm,
            target=f"at most {MOST:.1f} times, {WANTED_PER_SECOND:.0f} webhooks a second",
            is_met=busy / calm <= MOST and fired >= 0.98 * WANTED_PER_SECOND,
        )
    )
    lanes = RULES // 2
    tell(
        Figure(
            name=f"{lanes} rules that fire as soon as their receivers have answered, after a second",
            value=f"{full.answered_per_s:.1f} webhooks/s",
            reference=f"{lanes / ANSWER_AFTER_S:.0f}, were there nothing in between",
            ratio=full.answered_per_s / (lanes / ANSWER_AFTER_S),
        )
    )


if __name__ == "__main__":
    main()
