"""What sign-ins cost devices: PUBACK p99 with twenty people signing in each second, and with none.

A cloud runs with everything in it. 200 devices send 2,000 updates a second over TLS, as in ``updates.py``, on the same
connections all the time. Twenty times a second somebody logs in with a password, which is verified with argon2id at
OWASP's parameters: some 20 ms of a processor each. Windows with and without take turns, each pair in the other order
than the one before; the median of the windows' p99 of each counts.

Usage: sign_ins.py [SECONDS [ROUNDS]]. Takes about twice SECONDS and six more for each round.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import psutil

from _figures import Figure, conditions, tell
from _http_load import Answered, Load
from _mqtt_load import Plan
from _mqtt_windows import Window
from http_calls import request
from updates import PACED_PER_SECOND, WARM_UP_S
from webhooks import ask, bundles, child, cloud

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
PER_SECOND = 20
PEOPLE = 40
PASSWORD = "correct horse battery staple"
SETTLE_S = 1.5
MOST = 1.1


class Turn(msgspec.Struct, frozen=True):
    """One window: what devices felt, and what the cloud used."""

    p50_ms: float
    p99_ms: float
    updates_per_s: float
    cores: float

    def __str__(self) -> str:
        """Show it in one line."""
        return (
            f"{self.updates_per_s:,.0f} updates/s, PUBACK p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms, "
            f"{self.cores:.2f} cores"
        )


def add_people(started: Any) -> list[bytes]:
    """Make people, and return the requests by which they log in."""
    requests = []
    for number in range(PEOPLE):
        somebody = {
            "userName": f"person{number}",
            "password": PASSWORD,
            "firstName": "A",
            "lastName": "B",
            "email": f"person{number}@cloud.example",
            "roleName": "Read",
            "domainName": "root",
        }
        started.invoke("UserLambda", action="CREATE", attributes=somebody)
        login = {"action": "LOGIN", "attributes": {"userName": somebody["userName"], "password": PASSWORD}}
        requests.append(request("POST", "/functions/AuthLambda", started.ready["api_key"], json.dumps(login).encode()))
    return requests


def measure(process: psutil.Process, load: subprocess.Popen[str], seconds: float) -> Turn:
    """Measure one window."""
    used = sum(process.cpu_times()[:2])
    window = msgspec.json.decode(ask(load, str(seconds)), type=Window)
    used = sum(process.cpu_times()[:2]) - used
    if window.skipped:
        raise RuntimeError(f"{window.skipped} updates were not sent: the cloud is behind")
    latencies = window.latencies_ms
    return Turn(
        p50_ms=latencies[len(latencies) // 2],
        p99_ms=latencies[len(latencies) * 99 // 100],
        updates_per_s=window.updates / window.seconds,
        cores=used / window.seconds,
    )


def measure_with_sign_ins(
    process: psutil.Process, load: subprocess.Popen[str], wanted: Load, seconds: float
) -> tuple[Turn, Answered]:
    """Measure one window in which people sign in all the time."""
    with subprocess.Popen(
        [sys.executable, HERE / "_http_load.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as people:
        if people.stdin is None or people.stdout is None:
            raise RuntimeError("a pipe is missing")
        people.stdin.write(msgspec.json.encode(wanted))
        people.stdin.close()
        time.sleep(SETTLE_S)
        turn = measure(process, load, seconds)
        return turn, msgspec.json.decode(people.stdout.read(), type=Answered)


def take_turns(started: Any, folder: Path, *, seconds: float, rounds: int) -> Iterator[tuple[Turn, Turn, Answered]]:
    """Measure pairs of windows, without and with sign-ins."""
    plan = Plan(
        port=int(started.ready["mqtts"].rpartition(":")[2]),
        ca_file=started.ready["ca_file"],
        bundles=bundles(started, folder),
        subscriber_port=started.ready["mqtt_port"],
        subscriber_password=started.ready["api_key"],
        window=1,
        per_second=PACED_PER_SECOND,
        warm_up_s=WARM_UP_S,
        seconds=0,
    )
    wanted = Load(
        port=int(started.ready["http"].rpartition(":")[2]),
        requests=add_people(started),
        connections=4,
        seconds=SETTLE_S + seconds,
        per_second=PER_SECOND,
        refused=b"errorMessage",
    )
    process = psutil.Process(started.process.pid)
    with child("_mqtt_windows.py") as load:
        ask(load, msgspec.json.encode(plan).decode())
        for number in range(rounds):
            quiet = None if number % 2 else measure(process, load, seconds)
            busy, answered = measure_with_sign_ins(process, load, wanted, seconds)
            time.sleep(SETTLE_S)
            yield quiet or measure(process, load, seconds), busy, answered


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 6.0
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 6
    print(f"{rounds} pairs of windows of {seconds:.0f} s; {conditions()}, shared with the clients", flush=True)
    os.environ["CLOUDSTEAD_DEMO_INTERVAL_S"] = "3600"
    turns = []
    with cloud() as (started, folder):
        for quiet, busy, answered in take_turns(started, folder, seconds=seconds, rounds=rounds):
            print(f"  without: {quiet}\n  with:    {busy}, sign-in p50 {answered.p50_ms:.0f} ms", flush=True)
            turns.append((quiet, busy, answered))
    quiet_ms, busy_ms = (statistics.median(each[index].p99_ms for each in turns) for index in (0, 1))
    signed_in = statistics.median(each[2].per_second for each in turns)
    tell(
        Figure(
            name=f"PUBACK p99 at {PACED_PER_SECOND:,} updates/s and {signed_in:.0f} sign-ins/s",
            value=f"{busy_ms:.2f} ms",
            reference=f"without sign-ins ({quiet_ms:.2f} ms)",
            ratio=busy_ms / quiet_ms,
            target=f"less than {MOST:.1f} times",
            is_met=busy_ms < MOST * quiet_ms,
        )
    )
    tell(
        Figure(
            name="a sign-in meanwhile",
            value=f"p50 {statistics.median(each[2].p50_ms for each in turns):.0f} ms, "
            f"p99 {statistics.median(each[2].p99_ms for each in turns):.0f} ms",
        )
    )


if __name__ == "__main__":
    main()
