"""How long a batch of a thousand things with certificates takes, from the call to the archive.

Usage: batches.py [THINGS]. Asked for over HTTP of a running cloud, with the concurrency that is the default and a
larger one; each thing gets a key, a certificate, its row, its audit entry and its place in the search index. The
reference is what making as many keys and certificates takes, on one core and without anything else.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _figures import Figure, conditions, tell
from cloudstead.core.clock import SystemClock
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.core.ids import AccountId, ThingName, ThingUid

# The tests know how to run a cloud.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
running: Any = importlib.import_module("factories.running")

CONCURRENCIES = (3, 25)
LONGEST_S = 10.0
LOOK_EVERY_S = 0.05


def certificates_s(count: int) -> float:
    """Return how long making the keys and certificates alone takes."""
    clock = SystemClock()
    files = create_authority(clock)
    authority = Authority(
        files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=clock
    )
    started = time.perf_counter()
    for number in range(count):
        authority.issue_thing_certificate(
            AccountId("0" * 32), ThingName(f"{number:08d}"), thing_uid=ThingUid(f"{number:032x}")
        )
    return time.perf_counter() - started


def batch_s(cloud: Any, size: int, concurrency: int) -> float:
    """Return how long a batch takes until its archive can be fetched."""
    wanted = {"thingType": "lamp", "domain": "root", "requestedSize": size, "concurrency": concurrency}
    started = time.perf_counter()
    batch_id = cloud.invoke("ThingBatchLambda", action="CREATE", attributes=wanted)["batchId"]
    while True:
        time.sleep(LOOK_EVERY_S)
        files = cloud.invoke("ThingBatchLambda", action="LIST", attributes={"bucketName": "ThingCertsBucket"})["files"]
        file = next(file for file in files if file["batchId"] == batch_id)
        if "finishedAt" in file:
            if "url" not in file:
                raise RuntimeError(file["errors"])
            return time.perf_counter() - started


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"{conditions()}; SQLite", flush=True)
    bare = certificates_s(size)
    with tempfile.TemporaryDirectory() as folder, running.running_cloud(Path(folder)) as cloud:
        lamp = {"id": "lamp", "domain": "root", "label": "Lamp"}
        cloud.invoke("ThingTypeLambda", action="CREATE", attributes=lamp)
        for concurrency in CONCURRENCIES:
            took = batch_s(cloud, size, concurrency)
            tell(
                Figure(
                    name=f"batch of {size:,} things with certificates, {concurrency} at a time",
                    value=f"{took:.1f} s",
                    reference=f"making the certificates alone, {bare:.1f} s",
                    ratio=took / bare,
                    target="under 10 s for a thousand",
                    is_met=took * 1000 / size < LONGEST_S,
                )
            )


if __name__ == "__main__":
    main()
