"""How long it takes to make a hundred device clouds on one installation, and what each costs at rest.

Usage: clouds.py [CLOUDS]. Asked for over HTTP of a running cloud: each gets an account with a domain tree, an issuing
authority, a host name and its people, and is tried by a thing that connects over TLS and makes its shadow answer. First
some are provisioned in the call, one after the other, then the others by the jobs of the queue. What is on disk is
counted while nothing runs, before and after.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

from _figures import Figure, conditions, tell

# The tests know how to run a cloud.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
running: Any = importlib.import_module("factories.running")

IN_THE_CALL = 10
LONGEST_S = 120.0
LONGEST_ONE_S = 2.0
MOST_BYTES = 2 * 1024 * 1024
LOOK_EVERY_S = 0.1


class Builder:
    """An administrator who is signed in."""

    def __init__(self, cloud: Any) -> None:
        self._url = cloud.ready["http"]
        login = {"userName": cloud.ready["user_name"], "password": cloud.ready["password"]}
        self._token = cloud.invoke("AuthLambda", action="LOGIN", attributes=login)["credentials"]["token"]

    def call(self, path: str, **body: Any) -> Any:
        """Call an operation of device clouds."""
        headers = {"Authorization": self._token, "Origin": self._url, "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._url}/api{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def make(self, number: int) -> str:
        """Make the record of a cloud."""
        cloud_id: str = self.call("/cloud/create", name=f"Cloud {number}", type="local")["id"]
        return cloud_id

    def count(self, where: str) -> int:
        """Return how many clouds meet a condition."""
        found = self.call(f"/cloud/find?limit=1000&where={quote(where)}")
        return len(found["data"])


def at_rest(folder: Path) -> int:
    """Return the bytes of everything that is kept."""
    return sum(path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file())


def one_by_one_s(builder: Builder, count: int) -> list[float]:
    """Return how long each of some clouds takes that are provisioned in the call."""
    took = []
    for number in range(count):
        cloud_id = builder.make(number)
        started = time.perf_counter()
        builder.call("/cloud/provision?invoke=sync", id=cloud_id)
        took.append(time.perf_counter() - started)
    return took


def by_the_queue_s(builder: Builder, first: int, count: int) -> float:
    """Return how long as many clouds take until the queue has provisioned the last one."""
    started = time.perf_counter()
    for number in range(first, first + count):
        builder.call("/cloud/provision", id=builder.make(number))
    while builder.count("attribute_exists(${provisioned})") < first + count:
        if broken := builder.count("attribute_exists(${error})"):
            raise RuntimeError(f"{broken} clouds could not be provisioned")
        time.sleep(LOOK_EVERY_S)
    return time.perf_counter() - started


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print(f"{conditions()}; SQLite", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running.running_cloud(folder):
            pass
        before = at_rest(folder)
        with running.running_cloud(folder) as cloud:
            builder = Builder(cloud)
            single = one_by_one_s(builder, min(count, IN_THE_CALL))
            took = sum(single) + by_the_queue_s(builder, len(single), count - len(single))
        each = (at_rest(folder) - before) / count
    tell(
        Figure(
            name="provisioning a local cloud in the call, with its self-test over TLS: median, longest",
            value=f"{statistics.median(single) * 1000:.0f} ms, {max(single) * 1000:.0f} ms",
            target="under 2 s",
            is_met=max(single) < LONGEST_ONE_S,
        )
    )
    tell(
        Figure(
            name=f"{count} local clouds, from the first call until all are ready",
            value=f"{took:.1f} s",
            reference="the same one after the other",
            ratio=took / (statistics.median(single) * count),
            target="100 in under two minutes",
            is_met=took * 100 / count < LONGEST_S,
        )
    )
    tell(
        Figure(
            name="a local cloud at rest, on disk",
            value=f"{each / 1024:.0f} KB",
            target="under 2 MB",
            is_met=each < MOST_BYTES,
        )
    )


if __name__ == "__main__":
    main()
