"""Somebody makes a device cloud on this installation, lets a device into it, and removes both."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING, Any, Self

import boto3
import pytest
from botocore.config import Config

from factories.demo import REGION
from journeys.builder import Builder
from journeys.mqtt_user import GONE, MqttUser, NotLetIn
from journeys.plain import ask

if TYPE_CHECKING:
    from pathlib import Path

    from factories.demo import Demo
    from journeys.aws_user import AwsUser

DEVICE = "J0URNEY001"


class Agent(MqttUser):
    """A device with what its cloud has given it."""

    def __init__(self, demo: Demo, given: dict[str, Any], folder: Path) -> None:
        super().__init__(given["id"])
        (folder / "cert.pem").write_text(given["certificate"], encoding="ascii")
        (folder / "key.pem").write_text(given["key"], encoding="ascii")
        context = ssl.create_default_context(cafile=demo.ca_file)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.client.tls_set_context(context)
        self._address = given["endpoint"], given["port"]

    def __enter__(self) -> Self:
        self.connect(self._address)
        return self


@pytest.fixture
def builder(demo: Demo, administrator: AwsUser) -> Builder:
    return Builder(demo, administrator.token)


def test_a_cloud_is_made_takes_a_device_is_closed_opened_and_removed(
    demo: Demo, builder: Builder, administrator: AwsUser, tmp_path: Path
) -> None:
    cloud = builder.provisioned(builder.call("/cloud/create", name="Journey", type="local"))
    assert cloud["apiGateway"] == "journey.localhost"
    manifest = ask(demo, "GET", f"/prod/manifest/?hostname={cloud['apiGateway']}").json
    assert manifest["UserPool"] == cloud["userPoolId"]

    product = builder.call("/token/create", type="ProductID", description="lamps", product="LAMP")["token"]
    assert builder.call("/device/register", product, id=DEVICE, product="LAMP") == {"registered": True}
    builder.call("/device/claim", id=DEVICE, cloudId=cloud["id"])
    told = builder.call("/device/register", product, id=DEVICE)
    given = builder.call("/device/provision", told["token"])
    number = given["accountId"]

    keys = builder.call("/cloud/getBrowserKeys", id=cloud["id"])
    shadows = boto3.Session().client(
        "iot-data",
        region_name=REGION,
        endpoint_url=demo.url(),
        aws_access_key_id=keys["accessKeyId"],
        aws_secret_access_key=keys["secretAccessKey"],
        aws_session_token=keys["sessionToken"],
        config=Config(retries={"total_max_attempts": 1}),
    )
    with Agent(demo, given, tmp_path) as agent:
        assert agent.subscribe(f"ioto/device/{DEVICE}/#", "ioto/account/all/#", f"ioto/account/{number}/#") == [1, 1, 1]
        agent.publish(f"$aws/rules/IotoDevice/ioto/service/{DEVICE}/metric/set", {"metric": "temp", "value": 21.5})
        agent.publish(f"ioto/service/{DEVICE}/store/set", {"key": "colour", "value": "red"})
        shadow = json.load(shadows.get_thing_shadow(thingName=DEVICE)["payload"])
        assert shadow["state"]["reported"] == {"metrics": {"temp": 21.5}, "colour": "red"}
        builder.call("/cloud/update", id=cloud["id"], enable=False)
        agent.wait_until_gone()
    with pytest.raises(NotLetIn), Agent(demo, given, tmp_path):
        pass
    assert builder.call("/device/provision", told["token"]) == {"error": "Cloud is disabled", "delay": 3600}

    builder.call("/cloud/update", id=cloud["id"], enable=True)
    with Agent(demo, given, tmp_path) as agent:
        agent.subscribe(f"ioto/device/{DEVICE}/#")
        assert builder.call("/cloud/remove?invoke=sync", id=cloud["id"]) == {}
        heard = agent.hear_until(GONE)
        assert heard[0][0] == f"ioto/device/{DEVICE}/provision/release"
    answer = builder.ask("/device/provision", told["token"])
    assert (answer.status, answer.text) == (401, "Authentication failed")
    assert builder.ask("/cloud/get", id=cloud["id"]).text == "Cannot find cloud"
    assert ask(demo, "GET", f"/prod/manifest/?hostname={cloud['apiGateway']}").json == {}

    files = administrator.client("s3").list_objects_v2(
        Bucket=administrator.manifest["ObservationsBucket"], Prefix=f"cloud-exports/{cloud['id']}"
    )
    names = {each["Key"].rpartition("/")[2] for each in files["Contents"]}
    assert {"manifest.json", "things-0001.jsonl.gz", "changes-0001.jsonl.gz", "audit-0001.jsonl.gz"} <= names


def test_a_hosted_cloud_stands_on_a_host_and_has_the_published_limits(builder: Builder) -> None:
    host = builder.provisioned(builder.call("/cloud/create", name="Shared", type="host", open=True))
    assert {"name": "Shared", "region": REGION} in builder.call("/cloud/getHosts")["data"]
    hosted = builder.provisioned(builder.call("/cloud/create", name="Guest", type="hosted"))
    assert (hosted["host"], hosted["quota"]["messagesPerDeviceHour"]) == ("Shared", 10)
    assert builder.ask("/cloud/remove", id=host["id"]).status == 409
    for cloud in (hosted, host):
        builder.call("/cloud/remove?invoke=sync", id=cloud["id"])


def test_a_stranger_finds_nothing_of_it(demo: Demo, builder: Builder, stranger: AwsUser) -> None:
    cloud = builder.call("/cloud/create", name=demo.new_name("cloud"), type="local")
    eve = Builder(demo, stranger.token)
    assert eve.call("/cloud/find") == {"data": []}
    for path in ("get", "update", "provision", "remove", "waitForTemplate", "getBrowserKeys", "updateStack"):
        answer = eve.ask(f"/cloud/{path}", id=cloud["id"])
        assert (answer.status, answer.text) == (404, "Cannot find cloud")
    builder.call("/cloud/remove?invoke=sync", id=cloud["id"])
