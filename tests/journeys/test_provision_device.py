"""ProvisionDevice with boto3: from the call to a device that is online, and everything that is refused on the way."""

from __future__ import annotations

import base64
import http.client
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from cloudstead.app.agent.archive import read_archive, signed_request
from factories.panorama import Carried, panorama, until
from journeys.mqtt_user import Device, NotLetIn

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from factories.demo import Demo
    from journeys.aws_user import AwsUser


@pytest.fixture(scope="module")
def client(demo: Demo, administrator: AwsUser) -> Any:
    return panorama(demo.url(), administrator.keys)


def refused(attempt: Callable[[], object]) -> dict[str, Any]:
    with pytest.raises(ClientError) as refusal:
        attempt()
    answer: dict[str, Any] = refusal.value.response
    return {**answer, "code": answer["Error"]["Code"], "status": answer["ResponseMetadata"]["HTTPStatusCode"]}


def provision(demo: Demo, client: Any, **more: Any) -> tuple[dict[str, Any], Carried]:
    answer = client.provision_device(Name=demo.new_name("camera"), **more)
    return answer, Carried(answer["Certificates"])


def settle(carried: Carried, folder: Path) -> Path:
    """Register, and put the files where the devices of the journeys look for them."""
    reply = carried.register()
    assert reply.status == 200, reply.body
    files = folder / reply.body["thingName"]
    files.mkdir()
    (files / "cert.pem").write_text(reply.body["certificate"])
    (files / "privkey.pem").write_bytes(carried.private_key)
    (files / "ca.pem").write_text(reply.body["authorities"])
    return files


# From the call to a device that is online --------------------------------------------------------------------------


def test_a_device_is_announced_with_an_archive_that_says_all_it_needs(demo: Demo, client: Any) -> None:
    network = {
        "Ethernet0": {
            "ConnectionType": "STATIC_IP",
            "StaticIpConnectionInfo": {
                "DefaultGateway": "192.0.2.1",
                "Dns": ["192.0.2.53"],
                "IpAddress": "192.0.2.10",
                "Mask": "255.255.255.0",
            },
        },
        "Ntp": {"NtpServers": ["ntp.example.org"]},
    }
    answer, carried = provision(demo, client, Description="by the gate", NetworkingConfiguration=network)

    assert answer["Status"] == "AWAITING_PROVISIONING"
    assert answer["DeviceId"].startswith("device-")
    assert answer["IotThingName"] == f"panorama-{answer['DeviceId']}"
    assert answer["Arn"].startswith("arn:aws:panorama:eu-west-1:")
    assert answer["Arn"].endswith(f":device/{answer['DeviceId']}")
    assert json.loads(carried.files["network.json"]) == network
    assert carried.manifest["deviceId"] == answer["DeviceId"]
    lasts = carried.claim.not_valid_after_utc - carried.claim.not_valid_before_utc
    assert lasts.total_seconds() == 360
    assert client.describe_device(DeviceId=answer["DeviceId"])["DeviceConnectionStatus"] == "AWAITING_CREDENTIALS"


def test_a_registered_device_goes_online_with_a_key_that_never_travelled(
    demo: Demo, client: Any, administrator: AwsUser, tmp_path: Path
) -> None:
    answer, carried = provision(demo, client, Description="by the gate", Tags={"site": "harbour"})
    device_id = answer["DeviceId"]
    files = settle(carried, tmp_path)
    assert client.describe_device(DeviceId=device_id)["ProvisioningStatus"] == "PENDING"

    with Device(demo, files) as device:
        device.listen("update/accepted")
        device.ask("update", {"state": {"reported": {"frames": 1}}})
        assert device.answers(1)[0][1]["version"] == 1
        told = until(
            lambda: client.describe_device(DeviceId=device_id), lambda told: told["ProvisioningStatus"] == "SUCCEEDED"
        )
        assert (told["DeviceConnectionStatus"], told["DeviceAggregatedStatus"]) == ("ONLINE", "ONLINE")
        assert (told["LeaseExpirationTime"] - told["CreatedTime"]).days >= 4
        assert told["Tags"] == {"site": "harbour"}

    until(lambda: client.describe_device(DeviceId=device_id), lambda told: told["DeviceAggregatedStatus"] == "OFFLINE")
    thing = administrator.invoke("ThingLambda.GET", thingName=answer["IotThingName"], label=None, description=None)
    assert (thing["label"], thing["description"]) == (told["Name"], "by the gate")
    client.delete_device(DeviceId=device_id)


def test_the_agent_goes_online_from_an_archive_and_again_without_it(demo: Demo, client: Any, tmp_path: Path) -> None:
    answer = client.provision_device(Name=demo.new_name("agent"))
    archive = tmp_path / "certificates-omni_agent.zip"
    archive.write_bytes(answer["Certificates"])
    command = [sys.executable, "-m", "cloudstead.app", "agent", "--archive", str(archive), "--log-format", "json"]

    def run_until_online() -> list[str]:
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as agent:
            lines = []
            for line in agent.stderr or ():
                lines.append(line)
                if '"connected"' in line:
                    break
            agent.send_signal(signal.SIGTERM)
            agent.communicate(timeout=30)
        return [json.loads(line)["event"] for line in lines]

    assert run_until_online() == ["registered", "connected"]
    assert client.describe_device(DeviceId=answer["DeviceId"])["ProvisioningStatus"] == "SUCCEEDED"
    assert run_until_online() == ["registered before", "connected"]
    client.delete_device(DeviceId=answer["DeviceId"])


def test_the_agent_says_why_an_archive_does_not_work(demo: Demo, client: Any, tmp_path: Path) -> None:
    answer, carried = provision(demo, client)
    assert carried.register().status == 200
    archive = tmp_path / "used.zip"
    archive.write_bytes(answer["Certificates"])

    def complaint(path: Path) -> str:
        command = [sys.executable, "-m", "cloudstead.app", "agent", "--archive", str(path)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert ended.returncode != 0
        return ended.stderr

    assert "was used before" in complaint(archive)
    assert "No such file" in complaint(tmp_path / "nowhere.zip")
    (tmp_path / "text.zip").write_text("no zip")
    assert "not a zip file" in complaint(tmp_path / "text.zip")


def test_behind_a_proxy_the_request_is_signed_instead(demo: Demo, client: Any) -> None:
    _, carried = provision(demo, client)
    request = carried.request()
    key = load_pem_private_key(carried.files["claim.key.pem"], password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    body = {
        "csr": request.public_bytes(Encoding.PEM).decode(),
        "claimCertificate": carried.files["claim.crt.pem"].decode(),
        "signature": base64.b64encode(key.sign(request.public_bytes(Encoding.DER), ec.ECDSA(SHA256()))).decode(),
    }
    forged = {**body, "signature": base64.b64encode(carried.key.sign(b"x", ec.ECDSA(SHA256()))).decode()}
    bare = {"csr": body["csr"]}

    assert [post(demo, each)[0] for each in (bare, forged, body, body)] == [401, 403, 200, 403]


def test_what_the_agent_sends_is_proof_enough_behind_a_proxy(demo: Demo, client: Any, tmp_path: Path) -> None:
    answer, _ = provision(demo, client)
    file = tmp_path / "archive.zip"
    file.write_bytes(answer["Certificates"])
    sent = signed_request(read_archive(file), ec.generate_private_key(ec.SECP256R1()))
    status, told = post(demo, json.loads(sent))
    assert (status, told["thingName"]) == (200, answer["IotThingName"])


def test_a_claim_opens_no_shadow_over_https(demo: Demo, client: Any, tmp_path: Path) -> None:
    answer, carried = provision(demo, client)
    place = urlsplit(carried.manifest["registerUrl"])
    for context, status in ((carried.tls, 403), (lambda: lasting(settle(carried, tmp_path), carried), 200)):
        connection = http.client.HTTPSConnection(place.hostname or "", place.port, context=context(), timeout=30)
        connection.request("POST", f"/things/{answer['IotThingName']}/shadow", b'{"state": {"reported": {"a": 1}}}')
        with connection.getresponse() as told:
            assert told.status == status, told.read()
        connection.close()


def lasting(files: Path, carried: Carried) -> ssl.SSLContext:
    return carried.tls((files / "cert.pem").read_bytes(), (files / "privkey.pem").read_bytes())


def post(demo: Demo, body: dict[str, str]) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(
        f"{demo.url()}/provision/register", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


# What a claim does not open ----------------------------------------------------------------------------------------


def test_a_claim_registers_once(demo: Demo, client: Any) -> None:
    _, carried = provision(demo, client)
    assert carried.register().status == 200
    again = carried.register()
    assert (again.status, again.body["code"]) == (403, "claim_refused")


def test_the_claim_of_a_deleted_device_opens_nothing(demo: Demo, client: Any) -> None:
    answer, carried = provision(demo, client)
    client.delete_device(DeviceId=answer["DeviceId"])
    assert (
        carried.register().status,
        refused(lambda: client.describe_device(DeviceId=answer["DeviceId"]))["status"],
    ) == (
        403,
        404,
    )


def test_a_claim_is_no_certificate_of_a_thing(demo: Demo, client: Any, tmp_path: Path) -> None:
    answer, carried = provision(demo, client)
    files = tmp_path / answer["IotThingName"]
    files.mkdir()
    for name, content in (("cert.pem", "claim.crt.pem"), ("privkey.pem", "claim.key.pem"), ("ca.pem", "root-ca.pem")):
        (files / name).write_bytes(carried.files[content])
    with pytest.raises(NotLetIn), Device(demo, files):
        pass


def test_the_certificate_of_a_thing_is_no_claim(demo: Demo, client: Any, tmp_path: Path) -> None:
    files = settle(provision(demo, client)[1], tmp_path)
    _, carried = provision(demo, client)
    body = json.dumps({"csr": carried.request().public_bytes(Encoding.PEM).decode()}).encode()
    tls = carried.tls((files / "cert.pem").read_bytes(), (files / "privkey.pem").read_bytes())
    assert carried.send(body, tls).body["code"] == "claim_refused"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", "csr"),
        (b'{"csr": "no request"}', "csr"),
        (b'{"csr": 1}', "csr"),
        (b'{"csr": "x", "more": 1}', "more"),
        (b"[]", ""),
    ],
)
def test_a_malformed_registration_names_the_field_and_leaves_the_claim_good(
    demo: Demo, client: Any, body: bytes, field: str
) -> None:
    _, carried = provision(demo, client)
    reply = carried.send(body, carried.tls())
    assert (reply.status, reply.body["field"]) == (400, field)
    assert carried.register().status == 200


def test_a_deleted_device_is_cut_off_and_gone_for_every_api(
    demo: Demo, client: Any, administrator: AwsUser, tmp_path: Path
) -> None:
    answer, carried = provision(demo, client)
    files = settle(carried, tmp_path)
    with Device(demo, files) as device:
        client.delete_device(DeviceId=answer["DeviceId"])
        device.wait_until_gone()
    with pytest.raises(NotLetIn), Device(demo, files):
        pass
    things = administrator.invoke("ThingLambda.FIND", query={"query": {"term": {"thingName": answer["IotThingName"]}}})
    assert things["hits"]["total"] == 0


def test_a_thing_removed_elsewhere_takes_the_device_with_it(
    demo: Demo, client: Any, administrator: AwsUser, tmp_path: Path
) -> None:
    answer, carried = provision(demo, client)
    settle(carried, tmp_path)
    administrator.invoke("ThingLambda.REMOVE", thingName=answer["IotThingName"])
    assert refused(lambda: client.describe_device(DeviceId=answer["DeviceId"]))["code"] == "ResourceNotFoundException"


# Names, lists, tags ------------------------------------------------------------------------------------------------


def test_a_name_is_taken_while_its_archive_is_good(demo: Demo, client: Any) -> None:
    name = demo.new_name("twin")
    first = client.provision_device(Name=name)
    refusal = refused(lambda: client.provision_device(Name=name))
    assert (refusal["code"], refusal["status"]) == ("ConflictException", 409)
    assert (refusal["ResourceId"], refusal["ResourceType"]) == (first["DeviceId"], "device")


def test_devices_are_listed_in_pages_filtered_and_ordered(demo: Demo, client: Any) -> None:
    stem = demo.new_name("listed")
    made = [client.provision_device(Name=f"{stem}-{letter}")["DeviceId"] for letter in "bca"]
    for order in ("DEVICE_ID", "NAME", "CREATED_TIME", "DEVICE_AGGREGATED_STATUS"):
        seen: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            page = client.list_devices(NameFilter=stem, MaxResults=2, SortBy=order, SortOrder="DESCENDING", **token)
            seen += page["Devices"]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        expected = {
            "NAME": [f"{stem}-{letter}" for letter in "cba"],
            "CREATED_TIME": [f"{stem}-{letter}" for letter in "acb"],
        }.get(order)
        if expected is not None:
            assert [each["Name"] for each in seen] == expected
        assert sorted(each["DeviceId"] for each in seen) == sorted(made)
    waiting = client.list_devices(NameFilter=stem, DeviceAggregatedStatusFilter="AWAITING_PROVISIONING")
    assert len(waiting["Devices"]) == 3
    assert client.list_devices(NameFilter=stem, DeviceAggregatedStatusFilter="ONLINE")["Devices"] == []
    page = client.list_devices(NameFilter=stem, MaxResults=1)
    refusal = refused(lambda: client.list_devices(NameFilter="other", NextToken=page["NextToken"]))
    assert refusal["code"] == "ValidationException"


def test_description_and_tags_change(demo: Demo, client: Any) -> None:
    answer, _ = provision(demo, client, Tags={"a": "1"})
    client.update_device_metadata(DeviceId=answer["DeviceId"], Description="moved")
    assert client.describe_device(DeviceId=answer["DeviceId"])["Description"] == "moved"
    client.tag_resource(ResourceArn=answer["Arn"], Tags={"b": "2", "ä/ö": "ü"})
    assert client.list_tags_for_resource(ResourceArn=answer["Arn"])["Tags"] == {"a": "1", "b": "2", "ä/ö": "ü"}
    client.untag_resource(ResourceArn=answer["Arn"], TagKeys=["a", "ä/ö", "missing"])
    assert client.list_tags_for_resource(ResourceArn=answer["Arn"])["Tags"] == {"b": "2"}


def test_each_region_has_its_own_devices_and_a_path_in_front_is_signed(
    demo: Demo, client: Any, administrator: AwsUser
) -> None:
    answer, _ = provision(demo, client)
    elsewhere = panorama(f"{demo.url()}/panorama", administrator.keys, region="us-east-1")
    assert refused(lambda: elsewhere.describe_device(DeviceId=answer["DeviceId"]))["status"] == 404
    made = elsewhere.provision_device(Name=demo.new_name("far"))
    assert made["Arn"].startswith("arn:aws:panorama:us-east-1:")
    assert elsewhere.list_tags_for_resource(ResourceArn=made["Arn"])["Tags"] == {}


# Who is refused, and what ------------------------------------------------------------------------------------------


def test_a_reader_sees_devices_and_changes_none(demo: Demo, client: Any, ron: AwsUser, stranger: AwsUser) -> None:
    answer, _ = provision(demo, client)
    device_id, arn = answer["DeviceId"], answer["Arn"]
    reader = panorama(demo.url(), ron.keys)
    other = panorama(demo.url(), stranger.keys)
    for refusal in (
        refused(lambda: reader.provision_device(Name=demo.new_name("no"))),
        refused(lambda: reader.delete_device(DeviceId=device_id)),
    ):
        assert refusal["code"] in {"AccessDeniedException", "ResourceNotFoundException"}
    for attempt in (
        lambda: other.describe_device(DeviceId=device_id),
        lambda: other.delete_device(DeviceId=device_id),
        lambda: other.update_device_metadata(DeviceId=device_id, Description="mine"),
        lambda: other.list_tags_for_resource(ResourceArn=arn),
        lambda: other.tag_resource(ResourceArn=arn, Tags={"a": "b"}),
        lambda: other.untag_resource(ResourceArn=arn, TagKeys=["a"]),
    ):
        assert refused(attempt)["code"] == "ResourceNotFoundException"
    assert device_id not in {each["DeviceId"] for each in other.list_devices()["Devices"]}


STATIC = {"DefaultGateway": "192.0.2.1", "Dns": ["192.0.2.53"], "IpAddress": "192.0.2.10", "Mask": "255.255.255.0"}


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"Name": "with blank"}, "Name"),
        ({"Name": "n" * 256}, "Name"),
        ({"Name": "line\n"}, "Name"),
        ({"Description": "d" * 256}, "Description"),
        ({"Description": "two\nlines"}, "Description"),
        ({"Tags": {f"k{number}": "" for number in range(51)}}, "Tags"),
        ({"Tags": {"k" * 129: ""}}, "Tags"),
        ({"Tags": {"key": "v" * 257}}, "Tags"),
        ({"Tags": {"aws:cloudformation": "x"}}, "Tags"),
        ({"NetworkingConfiguration": {"Ethernet0": {"ConnectionType": "WIFI"}}}, "ConnectionType"),
        ({"NetworkingConfiguration": {"Ethernet0": {"ConnectionType": "STATIC_IP"}}}, "Ethernet0"),
        (
            {
                "NetworkingConfiguration": {
                    "Ethernet1": {
                        "ConnectionType": "STATIC_IP",
                        "StaticIpConnectionInfo": {**STATIC, "IpAddress": "192.0.2.10/24"},
                    }
                }
            },
            "IpAddress",
        ),
        ({"NetworkingConfiguration": {"Ntp": {"NtpServers": ["x.example"] * 6}}}, "NtpServers"),
        ({"NetworkingConfiguration": {"Ntp": {"NtpServers": ["UPPER.example"]}}}, "NtpServers"),
    ],
)
def test_every_constraint_is_checked_and_the_field_named(client: Any, request_: dict[str, Any], field: str) -> None:
    refusal = refused(lambda: client.provision_device(**{"Name": "fine", **request_}))
    assert (refusal["code"], refusal["status"]) == ("ValidationException", 400)
    assert refusal["Reason"] == "FIELD_VALIDATION_FAILED"
    assert field in refusal["Fields"][0]["Name"]


def test_lists_refuse_what_they_do_not_know(client: Any) -> None:
    for query in (
        {"MaxResults": 26},
        {"NextToken": "!"},
        {"SortBy": "COLOUR"},
        {"DeviceAggregatedStatusFilter": "SAD"},
    ):
        assert refused(lambda query=query: client.list_devices(**query))["code"] == "ValidationException"
    for arn in ("arn:aws:panorama:eu-west-1:1:device/x", "nonsense"):
        assert refused(lambda arn=arn: client.list_tags_for_resource(ResourceArn=arn))["code"] == "ValidationException"


def test_without_a_true_signature_nothing_is_told(demo: Demo, administrator: AwsUser) -> None:
    wrong = panorama(demo.url(), {**administrator.keys, "SecretKey": "x" * 40})
    assert refused(wrong.list_devices)["code"] == "InvalidSignatureException"
    unknown = panorama(demo.url(), {"AccessKeyId": "AKIAAAAAAAAAAAAAAAAA", "SecretAccessKey": "x" * 40})
    assert refused(unknown.list_devices)["code"] == "UnrecognizedClientException"
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(f"{demo.url()}/devices", timeout=30)
    with refusal.value as answer:
        assert (answer.code, answer.headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")
