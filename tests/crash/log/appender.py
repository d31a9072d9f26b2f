"""A process made to be killed: it appends for ever and says on standard output what it was told is stored.

Usage: appender.py FOLDER. One line per commit: the last offset that is acknowledged.
"""

import os
import random
import sys
from datetime import UTC, datetime
from pathlib import Path

from cloudstead.log import CommitLog, GroupCommitWriter, Retention

SEGMENT_BYTES = 1 << 20
KEPT_BYTES = 4 << 20
# A consumer that is this far behind holds retention up.
BEHIND = 1000


def payload_of(offset: int) -> bytes:
    """Return the one payload that belongs to an offset, so that whoever reads it can tell."""
    source = random.Random(offset)
    return source.randbytes(source.choice((0, 20, 186, 186, 186, 3000, 30_000)))


def main(folder: Path) -> None:
    log = CommitLog.open(folder, segment_bytes=SEGMENT_BYTES)

    def say(first_offset: int, entries: list[int]) -> None:
        if entries[0] != first_offset:
            raise AssertionError(f"record {entries[0]} was stored as {first_offset}")
        os.write(1, b"%d\n" % entries[-1])

    def stop(entries: list[int], error: Exception) -> None:
        raise AssertionError(f"record {entries[0]} failed") from error

    # The writer calls back in its own thread: the acknowledgement leaves as early as it possibly can.
    writer = GroupCommitWriter[int](
        log, deliver=lambda callback, *args: callback(*args), on_commit=say, on_failure=stop, window_s=0.0005
    )
    offset = log.next_offset
    pause = random.Random(offset)
    while True:
        for _ in range(pause.randrange(1, 200)):
            writer.submit(offset, payload_of(offset))
            offset += 1
        writer.flush()
        log.retain(Retention(max_bytes=KEPT_BYTES), now=datetime.now(UTC), keep_from=max(1, log.next_offset - BEHIND))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
