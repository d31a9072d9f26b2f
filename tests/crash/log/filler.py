"""A process whose disk fills up: it may not make a file larger than a limit, until the limit is lifted.

Usage: filler.py FOLDER LIMIT_BYTES. Prints JSON: what was stored, how the failure looked, and that it went on.
"""

import json
import resource
import sys
from pathlib import Path

from cloudstead.log import CommitLog, LogWriteFailed


def main(folder: Path, limit_bytes: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = CommitLog.open(folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, most))
    stored = 0
    failures: list[str] = []
    while len(failures) < 2:
        try:
            log.append([b"record %d" % (stored + i) for i in range(1, 11)])
            stored += 10
        except LogWriteFailed as error:
            failures.append(error.reason)
    visible = len(log.read(1, max_records=1 << 20, max_bytes=1 << 30))
    smaller = log.append([b"a smaller one"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    larger = log.append([b"the rest"] * 10)
    found = {"stored": stored, "failures": failures, "visible": visible, "smaller": smaller, "larger": larger}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
