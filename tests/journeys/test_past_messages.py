"""Messages that came already: followed while the cloud runs, replayed while it does not."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from factories.running import running_cloud

if TYPE_CHECKING:
    from pathlib import Path

RULE = {
    "name": "Always",
    "enabled": True,
    "filter": {"domain": "root", "thingType": "computer"},
    "expression": {"operator": "gte", "resource": "uptime_s", "value": 0},
    "actions": [
        {
            "type": "WEBHOOK",
            "config": {"url": "https://receiver.example/${thing.thingName}", "body": {"up": "${resource.value}"}},
        }
    ],
}


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cloudstead.app", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def wait_for_messages(cloud, count: int) -> int:
    """Wait until this machine has reported so often; return the newest offset."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        changes = cloud.invoke(
            "ObservationLambda", action="FIND", query={"size": 0, "query": {"range": {"timestamp": {"gte": 0}}}}
        )["hits"]["total"]
        if changes >= count:
            thing = {"thingName": cloud.ready["thing_name"]}
            return cloud.invoke("ThingLambda", action="TRACE", attributes=thing)["offset"]
    raise AssertionError("this machine does not report")


@pytest.mark.slow
def test_messages_are_followed_while_the_cloud_runs_and_replayed_while_it_does_not(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    with running_cloud(tmp_path) as cloud:
        name = cloud.ready["thing_name"]
        newest = wait_for_messages(cloud, 2)
        service = ("--ready-file", str(tmp_path / "ready.json"))
        told = command("trace", name, *service)
        as_json = json.loads(command("trace", name, *service, "--offset", "1", "--json").stdout)
        refused = command("trace", "nobody", *service)
        in_use = command("replay", "--to", "index", *data)
        cloud.invoke("RuleLambda", action="CREATE", attributes=RULE)
        cloud.invoke("RuleLambda", action="UPDATE", attributes={"id": "00000001", **RULE, "enabled": False})
        cloud.invoke("RuleLambda", action="UPDATE", attributes={"id": "00000001", **RULE})

    assert told.returncode == 0, told.stderr
    assert "Accepted: the shadow has version" in told.stdout
    assert [step["state"] for step in as_json["steps"]][:4] == ["done"] * 4
    assert refused.returncode == in_use.returncode == 2
    assert "nobody" in refused.stderr
    assert "is in use by process" in in_use.stderr

    elsewhere = ("--index", str(tmp_path / "elsewhere"))
    first = command("replay", "--to", "index", *data, *elsewhere)
    again = command("replay", "--to", "index", *data, *elsewhere)
    assert first.returncode == again.returncode == 0, first.stderr + again.stderr
    assert first.stdout == again.stdout
    counted = subprocess.run(
        [sys.executable, "-c", _COUNT, str(tmp_path / "elsewhere")], stdout=subprocess.PIPE, check=True
    )
    rows, offsets = json.loads(counted.stdout)
    assert rows == offsets >= newest

    dry = command("replay", "--to", "rules", *data, "--to-offset", "2", "--show", "1")
    assert dry.returncode == 0, dry.stderr
    run, summary = dry.stdout.splitlines()
    assert json.loads(run)["requests"][0]["url"] == f"https://receiver.example/{name}"
    assert summary.endswith("2 hits, 2 runs. Nothing was sent: that takes --fire.")
    fired = command("replay", "--to", "rules", *data, "--to-offset", "1", "--fire")
    assert "goes out when the service starts" in fired.stdout

    with running_cloud(tmp_path) as cloud:
        trace = cloud.invoke("ThingLambda", action="TRACE", attributes={"thingName": name, "offset": 1})
    (delivery,) = trace["steps"][-1]["details"]["deliveries"]
    assert delivery["cause"] == "rule:00000001"


_COUNT = """
import json, sys
import clickhouse_connect

client = clickhouse_connect.get_client(interface="chdb", path=sys.argv[1])
rows = client.query("SELECT count(), uniqExact(offset) FROM observations").result_rows
print(json.dumps(rows[0]))
client.close()
"""
