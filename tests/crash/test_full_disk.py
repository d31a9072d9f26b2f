"""A disk without room. No file of the process may grow beyond a limit, which any user may set for a child and lift."""

from __future__ import annotations

import json
import queue
import resource
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt
import pytest

from crash.rounds import make_things
from factories.running import running_cloud

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crash.rounds import Reporter
    from factories.running import RunningCloud

# Less than the log holds after the first reports, so that not even a small record fits; more than any file of a part of
# the column store has here, since that store does not notice when a file is cut short by such a limit.
_ROOM_BYTES = 16 << 10
_PADDING = "." * 8000
_WITHIN_S = 30


@contextmanager
def full_disk(cloud: RunningCloud) -> Iterator[None]:
    """Let no file of the cloud grow beyond the limit, until the end of the context."""
    before = resource.prlimit(cloud.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(cloud.process.pid, resource.RLIMIT_FSIZE, (_ROOM_BYTES, before[1]))
    yield
    resource.prlimit(cloud.process.pid, resource.RLIMIT_FSIZE, before)


class Device:
    """A connected thing."""

    def __init__(self, client: mqtt.Client, topic: str) -> None:
        self._client = client
        self._topic = topic
        self._heard: queue.Queue[str] = queue.Queue()
        client.on_publish = lambda *_: self._heard.put("acknowledged")
        client.on_disconnect = lambda *_: self._heard.put("cut")

    def outcome(self, number: int) -> str:
        """Publish a report, and return what comes of it."""
        report = json.dumps({"state": {"reported": {"n": number, "padding": _PADDING}}})
        self._client.publish(self._topic, report, qos=1)
        return self._heard.get(timeout=_WITHIN_S)


@contextmanager
def connected(reporter: Reporter, cloud: RunningCloud) -> Iterator[Device]:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=reporter.name, reconnect_on_failure=False)
    client.tls_set_context(reporter.tls)
    device = Device(client, f"$aws/things/{reporter.name}/shadow/update")
    host, port = cloud.ready["mqtts"].rsplit(":", 1)
    client.connect(host, int(port))
    client.loop_start()
    yield device
    client.disconnect()
    client.loop_stop()


def readiness(cloud: RunningCloud) -> tuple[int, list[str]]:
    try:
        with urllib.request.urlopen(f"{cloud.ready['http']}/readyz", timeout=10) as response:
            return response.status, json.load(response).get("troubles", [])
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)["troubles"]


def stored(cloud: RunningCloud, name: str) -> list[int]:
    terms = [{"term": {"thingName": name}}, {"range": {"timestamp": {"gte": 0}}}]
    query = {"size": 100, "query": {"bool": {"must": terms}}, "sort": [{"state.n": "asc"}], "_source": ["state.n"]}
    answer: Any = cloud.invoke("ObservationLambda", action="FIND", query=query)
    return [hit["_source"]["state"]["n"] for hit in answer["hits"]["hits"]]


def stored_when_ready(cloud: RunningCloud, name: str) -> list[int]:
    deadline = time.monotonic() + _WITHIN_S
    while (answer := readiness(cloud))[0] != 200:
        assert time.monotonic() < deadline, f"still not ready: {answer[1]}"
        threading.Event().wait(0.05)
    return stored(cloud, name)


@pytest.mark.slow
def test_on_a_full_disk_nothing_is_acknowledged_and_with_room_again_everything_works(tmp_path: Path) -> None:
    with running_cloud(tmp_path) as cloud:
        (reporter,) = make_things(cloud, 1)
        with connected(reporter, cloud) as device:
            for number in (1, 2, 3):
                assert device.outcome(number) == "acknowledged"

            with full_disk(cloud):
                assert device.outcome(4) == "cut"
                status, troubles = readiness(cloud)
                with connected(reporter, cloud) as device_again:
                    assert device_again.outcome(5) == "cut"

        assert status == 503
        assert "The log cannot be written: " in troubles[0]
        assert "File too large" in troubles[0]
        with connected(reporter, cloud) as device:
            for number in (6, 7, 8):
                assert device.outcome(number) == "acknowledged"
        assert stored_when_ready(cloud, reporter.name) == [1, 2, 3, 6, 7, 8]
    assert cloud.process.returncode == 0

    with running_cloud(tmp_path) as cloud:
        assert stored_when_ready(cloud, reporter.name) == [1, 2, 3, 6, 7, 8]
