"""What an idle device costs: private memory and processor time of many idle TLS connections, and of the idle process.

Usage: connections.py [COUNT]. The clients are a process of their own; each connection is a session let in with a
client certificate. Private memory is what the process has written to: pages of library files, which the system may
drop, belong to nobody.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from _figures import Figure, tell
from updates import HERE, site

if TYPE_CHECKING:
    import psutil

COUNT = 5_000
WATCHED_S = 3.0


def private_kb(process: psutil.Process) -> float:
    """Return what the process alone has written to, in KB of 1,000 bytes; files that it has mapped are not its own."""
    return sum(float(each.private_dirty) for each in process.memory_maps()) / 1e3


def load_of(process: psutil.Process) -> float:
    """Return the share of one processor core that the process uses, in percent."""
    before = sum(process.cpu_times()[:2])
    time.sleep(WATCHED_S)
    return 100 * (sum(process.cpu_times()[:2]) - before) / WATCHED_S


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    with site("gateway", devices=1) as (ready, (server,)):
        empty_kb, empty_load = private_kb(server), load_of(server)
        tell(
            Figure(
                name="idle process, column store open",
                value=f"{empty_kb / 1e3:.0f} MB private, {empty_load:.1f} % of a core",
                target="250 MB",
                is_met=empty_kb < 250e3,
            )
        )
        _, certificate, key = ready["bundles"][0]
        start = time.perf_counter()
        clients = subprocess.Popen(
            [
                sys.executable,
                HERE / "_mqtt_idlers.py",
                str(ready["port"]),
                ready["ca_file"],
                certificate,
                key,
                str(count),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if clients.stdout is None or clients.stdout.readline() != "in\n":
            raise RuntimeError("the clients were not let in")
        seconds = time.perf_counter() - start
        full_kb, full_load = private_kb(server), load_of(server)
        each_kb = (full_kb - empty_kb) / count
        tell(
            Figure(
                name=f"{count:,} idle TLS connections",
                value=f"{each_kb:.1f} KB private each, {full_load:.1f} % of a core together; "
                f"let in at {count / seconds:.0f} a second with both ends on this machine",
                target="40 KB each",
                is_met=each_kb < 40,
            )
        )
        clients.communicate()
        time.sleep(WATCHED_S)
        tell(Figure(name="after they have left", value=f"{private_kb(server) / 1e3:.0f} MB private"))


if __name__ == "__main__":
    main()
