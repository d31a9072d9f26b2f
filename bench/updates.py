"""Shadow updates per second: our gateway against Mosquitto with the same core behind it, on the same work.

200 devices over TLS with client certificates each send an update of 186 bytes at QoS 1 as soon as the one before is
acknowledged. Each is durable before its PUBACK and answered with accepted and documents (and delta for a tenth of the
devices) to the device and to one subscriber of the domain, both at QoS 0; the index runs. The load generator is a
process of its own on the same machine. Behind Mosquitto the device's PUBACK means only that the broker has the message
in memory; there, the core acknowledges to Mosquitto what is on disk.

Usage: updates.py [SECONDS]. Takes about five times as long. Needs Debian's package ``mosquitto`` for the comparison.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil

from _figures import Figure, tell
from _mqtt_site import find_mosquitto

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
DEVICES = 200
WARM_UP_S = 1.5
PACED_PER_SECOND = 2_000


class Figures(NamedTuple):
    """One run; ``cores`` is what the server's processes used of one processor core each second."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cores: float
    messages_per_update: float
    load_cores: float


@contextmanager
def site(kind: str, *, devices: int = DEVICES) -> Iterator[tuple[dict[str, Any], list[psutil.Process]]]:
    """Run a server; give what clients need and its processes."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        server = subprocess.Popen(
            [sys.executable, HERE / "_mqtt_site.py", kind, folder, str(devices)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            line = server.stdout.readline() if server.stdout is not None else ""
            ready = json.loads(line)
            yield ready, [psutil.Process(pid) for pid in (server.pid, *ready.pop("pids"))]
        finally:
            server.communicate()


def drive(
    ready: dict[str, Any], processes: list[psutil.Process], *, window: int, per_second: int, seconds: float
) -> Figures:
    """Run the load generator against a server."""
    plan = {"window": window, "per_second": per_second, "warm_up_s": WARM_UP_S, "seconds": seconds, **ready}
    load = subprocess.Popen(
        [sys.executable, HERE / "_mqtt_load.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if load.stdin is None or load.stdout is None or load.stderr is None:
        raise RuntimeError("a pipe is missing")
    used: list[float] = []

    def watch() -> None:
        for line in load.stderr or ():
            if line.startswith("measur"):
                used.append(sum(sum(process.cpu_times()[:2]) for process in processes))
            else:
                sys.stderr.write(line)

    watcher = threading.Thread(target=watch)
    watcher.start()
    load.stdin.write(json.dumps(plan))
    load.stdin.close()
    result = json.loads(load.stdout.readline() or "null")
    load.wait()
    watcher.join()
    if result is None:
        raise RuntimeError("the load generator failed")
    spent = result["seconds"]
    return Figures(
        per_second=result["updates"] / spent,
        p50_ms=result["p50_ms"],
        p99_ms=result["p99_ms"],
        cores=(used[1] - used[0]) / spent,
        messages_per_update=(result["device_messages"] + result["subscriber_messages"]) / result["updates"],
        load_cores=result["cpu_s"] / spent,
    )


def show(figures: Figures) -> str:
    return (
        f"{figures.per_second:,.0f} updates/s, PUBACK p50 {figures.p50_ms:.1f} ms, p99 {figures.p99_ms:.1f} ms, "
        f"{figures.cores:.2f} cores, {figures.messages_per_update:.2f} messages per update"
    )


def tell_full_speed(ours: Figures, theirs: Figures | None) -> None:
    """Tell what one processor does as fast as it can, beside Mosquitto where there is one."""
    name = f"{DEVICES} devices, PUBACK = on disk"
    if theirs is None:
        tell(Figure(name=name, value=f"{show(ours)}; for the comparison, `apt-get install mosquitto`"))
        return
    ratio = ours.per_second / theirs.per_second
    tell(
        Figure(
            name=name,
            value=show(ours),
            reference=f"Mosquitto + core, PUBACK = in its memory, {show(theirs)}",
            ratio=ratio,
            target="1.8 times, PUBACK p99 under 25 ms",
            is_met=ratio >= 1.8 and ours.p99_ms < 25,
        )
    )
    print(
        f"processor time of an update: {1e6 * ours.cores / ours.per_second:.0f} us, "
        f"Mosquitto + core {1e6 * theirs.cores / theirs.per_second:.0f} us; "
        f"load generator {ours.load_cores:.2f} and {theirs.load_cores:.2f} cores",
        flush=True,
    )


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    with site("gateway") as (ready, processes):
        ours = drive(ready, processes, window=1, per_second=0, seconds=seconds)
        paced = drive(ready, processes, window=1, per_second=PACED_PER_SECOND, seconds=seconds)
        private_mb = sum(process.memory_full_info().uss for process in processes) / 1e6
    theirs = None
    if find_mosquitto() is not None:
        with site("mosquitto") as (ready, processes):
            theirs = drive(ready, processes, window=1, per_second=0, seconds=seconds)
    tell_full_speed(ours, theirs)
    tell(
        Figure(
            name=f"{PACED_PER_SECOND:,} updates a second",
            value=show(paced),
            target="PUBACK p99 under 8 ms, less than 0.5 cores",
            is_met=paced.p99_ms < 8 and paced.cores < 0.5,
        )
    )
    tell(Figure(name="private memory after both runs", value=f"{private_mb:.0f} MB, column store included"))


if __name__ == "__main__":
    main()
