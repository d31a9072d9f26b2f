"""One device through five APIs: announced with one, it is the same device in the others until the end of its cloud."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from factories.demo import Resident
from factories.panorama import Carried, panorama, until
from journeys.aws_user import AwsUser
from journeys.builder import Builder
from journeys.mqtt_user import Device, NotLetIn
from journeys.test_groups import GroupUser
from journeys.test_invitations import api, sign_in
from journeys.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from factories.demo import Demo


class Cloud:
    """A device cloud of this installation, and its maker in every role that somebody of it may have."""

    def __init__(self, demo: Demo, administrator: AwsUser) -> None:
        self.demo = demo
        self.builder = Builder(demo, administrator.token)
        self.record = self.builder.provisioned(
            self.builder.call("/cloud/create", name=demo.new_name("Five"), type="local")
        )
        self.token = sign_in(demo, administrator.who)
        tenants = api(demo, "GET", "/v3/accounts", self.token)["data"]
        [self.account_id] = [each["id"] for each in tenants if each["display_name"] == self.record["name"]]
        self.person_id = api(demo, "GET", "/v3/users/me", self.token)["id"]
        made = self.of_account("POST", "/api-keys", {"name": "groups", "owner": self.person_id}, expected=201)
        self.api_key, self.groups_key_id = made["key"], made["id"]
        self.user = AwsUser(demo, Resident(self.record["apiGateway"], "", "", self.api_key))
        keys = self.builder.call("/cloud/getBrowserKeys", id=self.record["id"])
        self.user.use(
            {
                "AccessKeyId": keys["accessKeyId"],
                "SecretKey": keys["secretAccessKey"],
                "SessionToken": keys["sessionToken"],
            }
        )
        self.access_key = self.user.client("iam").create_access_key()["AccessKey"]
        self.panorama = panorama(demo.url(), self.access_key)
        self.groups = GroupUser(demo, self.api_key)

    def of_account(self, method: str, path: str, body: Any = None, *, expected: int = 200) -> Any:
        """Call account management about the cloud's account."""
        return api(self.demo, method, f"/v3/accounts/{self.account_id}{path}", self.token, body, expected=expected)

    def trail(self, object_id: str) -> list[tuple[str, str]]:
        """Return what happened to something, and who did it."""
        found = self.of_account("GET", f"/audit-log?object_id__eq={object_id}&limit=100")["data"]
        return [(each["operation"], each["principal"]) for each in found]


@pytest.fixture
def cloud(demo: Demo, administrator: AwsUser) -> Iterator[Cloud]:
    made = Cloud(demo, administrator)
    yield made
    made.builder.ask("/cloud/remove?invoke=sync", id=made.record["id"])


def bring_in(cloud: Cloud, answer: dict[str, Any], folder: Path) -> Path:
    """Register the device of an archive, and keep what it got."""
    carried = Carried(answer["Certificates"])
    told = carried.register()
    assert told.status == 200, told.body
    files = folder / told.body["thingName"]
    files.mkdir()
    (files / "cert.pem").write_text(told.body["certificate"])
    (files / "privkey.pem").write_bytes(carried.private_key)
    return files


def observed(cloud: Cloud, name: str) -> list[Any]:
    window = {"range": {"timestamp": {"gte": 0}}}
    query = {"query": {"bool": {"must": [window, {"term": {"thingName": name}}]}}, "sort": [{"timestamp": "asc"}]}
    found = cloud.user.invoke("ObservationLambda.FIND", query=query)
    return [hit["_source"]["state"] for hit in found["hits"]["hits"]]


def exported(cloud: Cloud, administrator: AwsUser) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the manifest of the cloud's export, and the things in it."""
    s3, bucket = administrator.client("s3"), administrator.manifest["ObservationsBucket"]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"cloud-exports/{cloud.record['id']}")["Contents"]
    files = {each["Key"].rpartition("/")[2]: each["Key"] for each in listed}
    manifest = s3.get_object(Bucket=bucket, Key=files["manifest.json"])["Body"].read()
    things = gzip.decompress(s3.get_object(Bucket=bucket, Key=files["things-0001.jsonl.gz"])["Body"].read())
    return json.loads(manifest), [json.loads(line) for line in things.splitlines()]


def test_one_device_is_the_same_in_five_apis(demo: Demo, administrator: AwsUser, cloud: Cloud, tmp_path: Path) -> None:
    # ProvisionDevice: announced in the account of the cloud, and brought in by its archive.
    answer = cloud.panorama.provision_device(Name="camera", Description="by the gate", Tags={"site": "harbour"})
    device_id, name = answer["DeviceId"], answer["IotThingName"]
    files = bring_in(cloud, answer, tmp_path)

    # Groups: it is a device of the group of all, and moves into a field of its own.
    field = cloud.groups.call("POST", "/group", {"name": "field"})
    [seen] = cloud.groups.call("GET", "/group/devices?groupId=root")["items"]
    assert (seen["name"], seen["type"]) == (name, "provisioned-device")

    # Cloud Connect: it is a thing, and its topics move with it.
    thing = cloud.user.invoke("ThingLambda.GET", thingName=name, label=None, description=None, domain=None)
    assert (thing["label"], thing["description"], thing["domain"]["id"]) == ("camera", "by the gate", "root")
    with Watcher(demo, cloud.api_key) as watcher, Device(demo, files) as device:
        until(
            lambda: cloud.panorama.describe_device(DeviceId=device_id),
            lambda told: told["DeviceAggregatedStatus"] == "ONLINE",
        )
        assert watcher.subscribe("thing-update/#") == [1]
        device.listen("update/delta")
        device.ask("update", {"state": {"reported": {"frames": 1}}})
        assert watcher.hear() == [(f"thing-update/{name}", {"state": {"reported": {"frames": 1}}})]

        move = {"deviceIds": [seen["deviceId"]], "groupId": "root", "toGroupId": field["id"]}
        cloud.groups.call("PUT", "/devices/transfer", move)
        assert cloud.user.invoke("ThingLambda.GET", thingName=name, domain=None)["domain"]["id"] == field["id"]
        [moved] = cloud.groups.call("GET", f"/group/devices?groupId={field['id']}")["items"]
        assert moved["deviceId"] == seen["deviceId"]
        [counted] = cloud.groups.call("GET", f"/group?groupId={field['id']}")
        assert counted["numberOfDevices"] == 1
        device.ask("update", {"state": {"reported": {"frames": 2}}})
        assert watcher.hear() == [(f"thing-update/{field['id']}/{name}", {"state": {"reported": {"frames": 2}}})]

        cloud.user.update(name, state={"desired": {"zoom": 4}})
        assert device.answers()[0][1]["state"] == {"zoom": 4}
        shadow = cloud.user.shadow(name)["state"]
        assert (shadow["reported"], shadow["desired"]) == ({"frames": 2}, {"zoom": 4})
        assert observed(cloud, name) == [{"frames": 1}, {"frames": 2}]
        assert cloud.groups.call("GET", f"/device?deviceId={seen['deviceId']}")["groupId"] == field["id"]
        assert cloud.panorama.describe_device(DeviceId=device_id)["Tags"] == {"site": "harbour"}

        # It is taken its certificate: the connection ends, and it does not come back.
        cloud.user.invoke("ThingLambda.REPLACE_CERTIFICATE", thingName=name)
        device.wait_until_gone()
    with pytest.raises(NotLetIn), Device(demo, files):
        pass
    until(
        lambda: cloud.panorama.describe_device(DeviceId=device_id),
        lambda told: told["DeviceAggregatedStatus"] == "OFFLINE",
    )

    # Account management: every step, by whom and through which operation; and strangers find nothing of it.
    person, itself = f"person:{cloud.person_id}", f"device:{device_id}"
    assert cloud.trail(device_id) == [
        ("device.provision", person),
        ("device.register", itself),
        ("device.connect", itself),
    ]
    assert cloud.trail(name) == [
        ("thing.create", itself),
        ("thing.update", itself),
        ("thing.update", f"key:{cloud.groups_key_id}"),
        ("thing.replace-certificate", person),
    ]
    [step] = cloud.of_account("GET", f"/audit-log?object_id__eq={name}&principal__eq=key:{cloud.groups_key_id}")["data"]
    assert (step["before"]["domain"], step["after"]["domain"]) == ("root", field["id"])
    api(demo, "GET", f"/v3/accounts/{cloud.account_id}/audit-log", demo.stranger.api_key, expected=404)

    # Device clouds: it counts in the cloud of its account, and leaves with it.
    assert cloud.builder.call("/cloud/remove?invoke=sync", id=cloud.record["id"]) == {}
    manifest, things = exported(cloud, administrator)
    assert manifest["devices"] == 1
    assert [each["name"] for each in things] == [name]
