"""What group commit costs and gives: records per second and commit latency through the writer, on this disk.

Usage: log_commit.py [FOLDER]. Each figure of throughput is printed as a ratio to writing and syncing the same records
one by one, measured in the same run on the same disk. Takes about six seconds.
"""

import asyncio
import itertools
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from _figures import Figure, tell
from cloudstead.log import CommitLog, GroupCommitWriter

PAYLOAD = os.urandom(186)
IN_FLIGHT = 1000
SECONDS = 2.0
PACED_PER_SECOND = 2000


class Outcome(NamedTuple):
    """What one run measured; latencies are from submission to the event loop's hearing of the commit."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    records_per_commit: float


def one_by_one(folder: Path, seconds: float) -> float:
    """Write and sync each record by itself, as a program without group commit does; return records per second."""
    fd = os.open(folder / "reference", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    end = time.perf_counter() + seconds
    count = 0
    while time.perf_counter() < end:
        os.write(fd, PAYLOAD)
        os.fdatasync(fd)
        count += 1
    os.close(fd)
    return count / seconds


class Load:
    """Submits records from an event loop and measures the time until the loop hears that they are durable."""

    def __init__(self, log: CommitLog) -> None:
        loop = asyncio.get_running_loop()
        self.latencies: list[float] = []
        self.commits = 0
        self.heard = asyncio.Event()
        self.writer = GroupCommitWriter[float](
            log, deliver=loop.call_soon_threadsafe, on_commit=self._on_commit, on_failure=self._on_failure
        )

    def _on_commit(self, _first_offset: int, entries: list[float]) -> None:
        now = time.perf_counter()
        self.commits += 1
        self.latencies += [now - submitted for submitted in entries]
        self.heard.set()

    def _on_failure(self, _entries: list[float], error: Exception) -> None:
        raise error

    async def full_speed(self) -> None:
        """Keep a fixed number of records in flight, as connections that wait for their acknowledgement do."""
        submitted = 0
        end = time.perf_counter() + SECONDS
        while (now := time.perf_counter()) < end:
            self.heard.clear()
            for _ in range(IN_FLIGHT - (submitted - len(self.latencies))):
                self.writer.submit(now, PAYLOAD)
                submitted += 1
            await self.heard.wait()

    async def paced(self) -> None:
        """Submit at a steady rate, each record by itself."""
        start = time.perf_counter()
        for i in itertools.count():
            due = start + i / PACED_PER_SECOND
            if due - start > SECONDS:
                return
            if (pause := due - time.perf_counter()) > 0:
                await asyncio.sleep(pause)
            self.writer.submit(time.perf_counter(), PAYLOAD)


async def measure(folder: Path, shape: str) -> Outcome:
    with CommitLog.open(folder / shape) as log:
        load = Load(log)
        start, cpu = time.perf_counter(), time.process_time()
        await getattr(load, shape)()
        await asyncio.to_thread(load.writer.close)
        await asyncio.sleep(0)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    count = len(load.latencies)
    cuts = statistics.quantiles(load.latencies, n=100)
    return Outcome(count / seconds, 1e3 * cuts[49], 1e3 * cuts[98], 1e6 * cpu / count, count / load.commits)


def read_back(folder: Path) -> float:
    """Read all that the full-speed run wrote; return records per second, opening included."""
    start = time.perf_counter()
    with CommitLog.open(folder / "full_speed") as log:
        offset = log.first_offset
        while found := log.read(offset, max_records=4096, max_bytes=4 << 20):
            offset = found[-1][0] + 1
    return (offset - 1) / (time.perf_counter() - start)


def main() -> None:
    # What the application does when it starts; see cloudstead.log.writer.
    sys.setswitchinterval(0.0005)
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        reference = one_by_one(folder, SECONDS / 2)
        print(f"reference, write + fdatasync per record: {reference:,.0f} records/s of {len(PAYLOAD)} bytes")
        for shape, title in (
            ("full_speed", f"full speed, {IN_FLIGHT} in flight"),
            ("paced", f"paced, {PACED_PER_SECOND}/s"),
        ):
            found = asyncio.run(measure(folder, shape))
            tell(
                Figure(
                    name=title,
                    value=f"{found.per_second:,.0f} records/s, commit p50 {found.p50_ms:.2f} ms, "
                    f"p99 {found.p99_ms:.2f} ms, {found.cpu_us:.0f} us of processor and "
                    f"1/{found.records_per_commit:.0f} of a sync per record",
                    reference=f"write + fdatasync per record ({reference:,.0f}/s)",
                    ratio=found.per_second / reference,
                )
            )
        tell(Figure(name="read back", value=f"{read_back(folder):,.0f} records/s"))


if __name__ == "__main__":
    main()
