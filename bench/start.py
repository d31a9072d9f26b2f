"""How soon the cloud is ready, and how much memory it holds when it has nothing to do.

Usage: start.py [STARTS]. The first start makes everything; then a thousand observations are stored and the cloud is
started again on that data, some times over, and left alone for a few seconds. Time is that from the start of the
process to the moment when it says that it is ready; memory is what belongs to the process alone, with the column store
open and everything indexed. Pages of library files are told apart: the system drops them at will, and other processes
share them. The demo's agent is another process and not counted. Takes about fifteen seconds.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from _figures import Figure, conditions, tell

# The tests know how to run a cloud.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
running: Any = importlib.import_module("factories.running")

UPDATES = 1000
LONGEST_START_S = 2.0
MOST_PRIVATE_MB = 250
IDLE_S = 3.0


def bare_start_s() -> float:
    """Return how long the interpreter itself takes, the part that nobody can spare."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", ""], check=True)
    return time.perf_counter() - started


def fill(cloud: Any) -> None:
    """Store observations of the demo's own thing, and have them indexed."""
    path = f"{cloud.ready['http']}/things/{cloud.ready['thing_name']}/shadow"
    for number in range(UPDATES):
        document = json.dumps({"state": {"reported": {"temperature": number / 10}}}).encode()
        headers = {"Authorization": f"Bearer {cloud.ready['api_key']}"}
        with urllib.request.urlopen(urllib.request.Request(path, document, headers)) as answer:
            answer.read()
    cloud.invoke("ObservationLambda", action="FIND", query={"size": 0, "query": {"range": {"timestamp": {"gte": 0}}}})


def memory_mb(pid: int) -> tuple[float, float]:
    """Return what a process has written to, and all that it has resident (proc(5), smaps_rollup; values are in kB)."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    kilobytes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in rollup)}
    return kilobytes["Private_Dirty"] / 1024, kilobytes["Rss"] / 1024


def main() -> None:
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    os.environ["CLOUDSTEAD_DEMO_INTERVAL_S"] = "3600"
    # The first start leaves compiled modules behind, as it does wherever nobody has forbidden it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print(conditions())
    times, processor_s = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        with running.running_cloud(folder) as cloud:
            first = time.perf_counter() - started
            fill(cloud)
        for number in range(starts):
            started = time.perf_counter()
            with running.running_cloud(folder) as cloud:
                times.append(time.perf_counter() - started)
                spent = psutil.Process(cloud.process.pid).cpu_times()
                processor_s.append(spent.user + spent.system)
                if number == starts - 1:
                    time.sleep(IDLE_S)
                    private, resident = memory_mb(cloud.process.pid)
    ready = statistics.median(times)
    tell(Figure(name="first start, everything made", value=f"{first:.2f} s"))
    reference = bare_start_s()
    tell(
        Figure(
            name="ready when data exists",
            value=f"{ready:.2f} s, {statistics.median(processor_s):.2f} s of processor (median of {starts})",
            reference=f"a bare interpreter ({reference:.2f} s)",
            ratio=ready / reference,
            target=f"under {LONGEST_START_S:.0f} s",
            is_met=ready < LONGEST_START_S,
        )
    )
    tell(
        Figure(
            name="private memory, idle",
            value=f"{private:.0f} MB, and {resident - private:.0f} MB of library files",
            target=f"under {MOST_PRIVATE_MB} MB",
            is_met=private < MOST_PRIVATE_MB,
        )
    )


if __name__ == "__main__":
    main()
