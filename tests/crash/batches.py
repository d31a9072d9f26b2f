"""Batches of things, ``kill -9`` while they are made, restart, count: the third part of ``make crash``.

A thing is *missing* when its batch has ended without it, *too many* when there are more than were asked for, and *at
odds* when the archive holds others than there are, or the batch tells another number.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import ssl
import sys
import tempfile
import threading
import time
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factories.running import running_cloud

if TYPE_CHECKING:
    from factories.running import RunningCloud

_PATIENCE_S = 60
_CONCURRENCY = 3


@dataclass
class BatchOutcome:
    """What the rounds came to."""

    asked: int = 0
    made: int = 0
    missing: int = 0
    too_many: int = 0
    at_odds: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether every thing is there, once."""
        return not (self.missing or self.too_many or self.at_odds)

    def __str__(self) -> str:
        return (
            f"batches: asked {self.asked:6}  made {self.made:6}  missing {self.missing}  too many {self.too_many}  "
            f"at odds {self.at_odds}"
        )


def run_rounds(folder: Path, rounds: int, *, size: int, longest_s: float, random_source: random.Random) -> BatchOutcome:
    """Ask for a batch in each round, kill the cloud while it is made, and look at what becomes of it."""
    outcome = BatchOutcome()
    for number in range(1, rounds + 1):
        lamp = f"lamp-{number}"
        with running_cloud(folder) as cloud:
            cloud.invoke("ThingTypeLambda", action="CREATE", attributes={"id": lamp, "domain": "root", "label": lamp})
            wanted = {"thingType": lamp, "domain": "root", "requestedSize": size, "concurrency": _CONCURRENCY}
            batch_id = cloud.invoke("ThingBatchLambda", action="CREATE", attributes=wanted)["batchId"]
            threading.Event().wait(random_source.uniform(0, longest_s))
            cloud.kill()
        with running_cloud(folder) as cloud:
            _count(cloud, batch_id, lamp, size, outcome)
    return outcome


def _count(cloud: RunningCloud, batch_id: str, thing_type: str, size: int, outcome: BatchOutcome) -> None:
    file = _finished(cloud, batch_id)
    query = {"size": 2 * size, "query": {"term": {"thingType": thing_type}}, "_source": ["thingName"]}
    hits = cloud.invoke("ThingLambda", action="FIND", query=query)["hits"]["hits"]
    names = {hit["_source"]["thingName"] for hit in hits}
    outcome.asked += size
    outcome.made += len(names)
    outcome.missing += max(0, size - len(names))
    outcome.too_many += max(0, len(names) - size)
    outcome.at_odds += int(_archived(cloud, file) != names or file["currentSize"] != len(names))


def _finished(cloud: RunningCloud, batch_id: str) -> dict[str, Any]:
    latest = time.monotonic() + _PATIENCE_S
    while time.monotonic() < latest:
        files = cloud.invoke("ThingBatchLambda", action="LIST", attributes={"bucketName": "ThingCertsBucket"})["files"]
        file: dict[str, Any] = next(file for file in files if file["batchId"] == batch_id)
        if "finishedAt" in file:
            return file
    raise AssertionError("the batch was not finished")


def _archived(cloud: RunningCloud, file: dict[str, Any]) -> set[str]:
    context = ssl.create_default_context(cafile=cloud.ready["ca_file"])
    with urllib.request.urlopen(file["url"], context=context, timeout=30) as answer:
        archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    return {name.partition("/")[0] for name in archive.namelist()}


def main() -> None:
    """Run as many rounds as were asked for; exit code 1 when a thing is missing or one too many."""
    parser = argparse.ArgumentParser(description="Kill the cloud while batches are made and count the things.")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS", "5")))
    parser.add_argument("--size", type=int, default=1000, help="things in a batch")
    parser.add_argument("--longest", type=float, default=0.8, metavar="SECONDS", help="longest time before the kill")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cloudstead-crash-") as folder:
        outcome = run_rounds(
            Path(folder), chosen.rounds, size=chosen.size, longest_s=chosen.longest, random_source=random.Random()
        )
    sys.stdout.write(f"{outcome}\n")
    sys.exit(0 if outcome.is_sound else 1)


if __name__ == "__main__":
    main()
