"""Hits and counts across ``kill -9``: each report that is stored was counted once, and every run was delivered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from crash.rounds import load_and_kill, make_things
from factories.receiver import Receiver
from factories.running import running_cloud

if TYPE_CHECKING:
    from pathlib import Path

    from factories.running import RunningCloud

EVERY = 40


def deliveries_of(cloud: RunningCloud, rule_id: str) -> tuple[list[dict[str, Any]], int]:
    """Return every delivery of a rule, newest first, and how many were refused."""
    found: list[dict[str, Any]] = []
    page: dict[str, Any] = {"after": None}
    while "after" in page:
        asked = {"id": rule_id, "limit": 100, "after": page["after"]}
        page = cloud.invoke("RuleLambda", action="LIST_DELIVERIES", attributes=asked)
        found += page["deliveries"]
    return found, page["refused"]


def stored_of(cloud: RunningCloud, name: str) -> int:
    """Return how many reports of a thing are stored."""
    ever = {"bool": {"must": [{"term": {"thingName": name}}, {"range": {"timestamp": {"gte": 0}}}]}}
    return int(cloud.invoke("ObservationLambda", action="FIND", query={"size": 0, "query": ever})["hits"]["total"])


@pytest.mark.slow
def test_every_stored_report_counts_once_and_every_run_is_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDSTEAD_WEBHOOKS_ALLOW", "127.0.0.1/32")
    with Receiver() as receiver:
        rule = {
            "id": "counted",
            "name": "Counted",
            "enabled": True,
            "filter": {"domain": "root", "thingType": "counter"},
            "expression": {"operator": "gt", "resource": "n", "value": 0},
            "actions": [{"type": "WEBHOOK", "config": {"url": receiver.url}}],
            "threshold": {"count": EVERY},
        }
        with running_cloud(tmp_path) as cloud:
            reporters = make_things(cloud, 2)
            cloud.invoke("RuleLambda", action="CREATE", attributes=rule)
        for after_s in (0.6, 0.9):
            with running_cloud(tmp_path) as cloud:
                load_and_kill(cloud, reporters, after_s)
        with running_cloud(tmp_path) as cloud:
            stored = {reporter.name: stored_of(cloud, reporter.name) for reporter in reporters}
            runs, refused = deliveries_of(cloud, "counted")
            expected = sum(count // EVERY for count in stored.values())
            offsets = {run["offset"] for run in runs}
            heard: set[int] = set()
            while heard != offsets:
                heard.add(int(receiver.next_call().headers["x-cloudstead-offset"]))

    assert expected > 2, json.dumps(stored)
    assert (len(runs), len(offsets), refused) == (expected, expected, 0)
