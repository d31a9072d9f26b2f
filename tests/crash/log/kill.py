"""Kill a process that appends to a log, at random moments, and count what it had acknowledged.

Usage: kill.py [ROUNDS]. A kill leaves the page cache intact: this proves the order of write and acknowledgement, the
recovery, rolling and retention; what a power cut may tear is covered by cutting files in tests/unit/log.
"""

import random
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appender import BEHIND, SEGMENT_BYTES, payload_of

from cloudstead.log import CommitLog


@dataclass
class Tally:
    rounds: int = 0
    acknowledged: int = 0
    found: int = 0
    lost: int = 0
    removed_early: int = 0
    changed: int = 0
    unacknowledged: int = 0
    cut_tails: int = 0


def run(folder: Path, rounds: int, seed: int) -> Tally:
    """Run some rounds over one log, which is killed and goes on again and again."""
    tally = Tally()
    moments = random.Random(seed)
    for _ in range(rounds):
        acknowledged = _append_until_killed(folder, moments.randrange(1, 60), moments.uniform(0, 0.02))
        tally.rounds += 1
        tally.acknowledged = max(tally.acknowledged, acknowledged)
        _count(folder, acknowledged, tally)
    return tally


def _append_until_killed(folder: Path, commits: int, seconds: float) -> int:
    """Kill a process some commits and a moment after its start; return the last offset that it acknowledged."""
    program = Path(__file__).with_name("appender.py")
    with subprocess.Popen([sys.executable, program, folder], stdout=subprocess.PIPE) as process:
        lines = [process.stdout.readline() for _ in range(commits)]
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()
        # Whatever was said between the last line read and the end counts as well.
        lines += process.stdout.readlines()
    said = [int(line) for line in lines if line.endswith(b"\n")]
    return said[-1] if said else 0


def _count(folder: Path, acknowledged: int, tally: Tally) -> None:
    with CommitLog.open(folder, segment_bytes=SEGMENT_BYTES) as log:
        tally.cut_tails += log.recovery is not None
        tally.lost += max(0, acknowledged - (log.next_offset - 1))
        # The process keeps what a consumer needs that is BEHIND the next offset, which was one more at the least.
        tally.removed_early += max(0, log.first_offset - max(1, acknowledged + 1 - BEHIND))
        tally.unacknowledged += log.next_offset - 1 - acknowledged
        tally.found = log.next_offset - 1
        expected = log.first_offset
        while expected < log.next_offset:
            for offset, payload in log.read(expected, max_records=1000, max_bytes=1 << 20):
                tally.changed += offset != expected or payload != payload_of(offset)
                expected += 1


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder:
        tally = run(Path(folder), rounds, random.randrange(1 << 30))
    sys.stdout.write(f"{tally}\n")
    if tally.lost or tally.removed_early or tally.changed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
