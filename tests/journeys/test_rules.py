"""A thing reports over MQTT, and somebody else's server is told."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING

import pytest

from factories.demo import Doors
from factories.receiver import Receiver
from factories.running import running_cloud
from journeys.aws_user import AwsUser
from journeys.mqtt_user import Device

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from factories.receiver import Called


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOUDSTEAD_WEBHOOKS_ALLOW", "127.0.0.1/32")
        with running_cloud(tmp_path_factory.mktemp("ruled")) as cloud:
            yield Doors(cloud.ready)


@pytest.fixture(scope="module")
def user(doors: Doors) -> AwsUser:
    return AwsUser(doors, doors.administrator).log_in()


def is_signed(call: Called, secret: str) -> bool:
    """Check a signature as a receiver would."""
    parts = dict(part.split("=", 1) for part in call.headers["x-cloudstead-signature"].split(","))
    expected = hmac.new(secret.encode(), f"{parts['t']}.".encode() + call.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, parts["v1"])


def test_a_report_that_hits_a_rule_arrives_signed(
    doors: Doors, user: AwsUser, receiver: Receiver, tmp_path: Path
) -> None:
    files = user.fetch_certificate(user.add_thing("oven"), tmp_path)
    rule = user.invoke(
        "RuleLambda.CREATE",
        name="Too hot",
        enabled=True,
        filter={"domain": "root", "thingType": "sensor"},
        expression={"operator": "gte", "resource": "temp", "value": 50},
        actions=[
            {
                "type": "WEBHOOK",
                "config": {
                    "url": f"{receiver.url}/hot/${{thing.thingName}}",
                    "method": "PUT",
                    "headers": {"X-Value": "${resource.value}"},
                    "body": {"text": "${thing.thingName} is at ${resource.value}", "temp": "${resource.value}"},
                },
            }
        ],
    )
    with Device(doors, files) as device:
        for temp in (20, 61.5):
            device.ask("update", {"state": {"reported": {"temp": temp}}})
        call = receiver.next_call()

    assert (call.method, call.path, call.headers["x-value"]) == ("PUT", "/hot/oven", "61.5")
    assert json.loads(call.body) == {"text": "oven is at 61.5", "temp": 61.5}
    assert is_signed(call, rule["signingSecret"])

    renewed = user.invoke("RuleLambda.RENEW_SECRET", id=rule["id"])["signingSecret"]
    user.update("oven", state={"reported": {"temp": 70}})
    call = receiver.next_call()
    assert is_signed(call, renewed)
    assert not is_signed(call, rule["signingSecret"])

    listed = user.invoke("RuleLambda.LIST_DELIVERIES", id=rule["id"])["deliveries"]
    assert str(listed[0]["offset"]) == call.headers["x-cloudstead-offset"]
    tried = user.invoke("RuleLambda.TRY", id=rule["id"])
    assert (tried["examined"], tried["runs"], tried["nearMisses"]) == (3, 2, 1)
    assert [each["offset"] for each in tried["messages"]] == [each["offset"] for each in reversed(listed)]
    user.invoke("RuleLambda.REMOVE", id=rule["id"])


def test_sub_things_are_told_with_their_parents(user: AwsUser, receiver: Receiver) -> None:
    user.add_thing("plant")
    rule = user.invoke(
        "RuleLambda.CREATE",
        name="Pumps",
        enabled="true",
        filter={"domain": "root", "thingType": "sensor", "thingNames": ["plant"]},
        expression={"operator": "eq", "resource": "pump.on", "value": False},
        actions=[{"type": "WEBHOOK", "config": {"url": receiver.url}}],
    )
    user.update("plant", state={"reported": {"p1": {"type": "pump", "on": True}, "p2": {"type": "pump", "on": False}}})
    first = json.loads(receiver.next_call().body)
    user.update("plant", state={"reported": {"p1": {"on": False}}})
    second = json.loads(receiver.next_call().body)

    assert first["resource"] == {
        "name": "on",
        "path": "p2.on",
        "value": False,
        "parent": {"id": "p2", "state": {"type": "pump", "on": False}},
    }
    assert (second["resource"]["path"], second["rule"]) == ("p1.on", {"id": rule["id"], "name": "Pumps"})
    user.invoke("RuleLambda.REMOVE", id=rule["id"])
