from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from journeys.mqtt_user import Device, MqttUser, NotLetIn

if TYPE_CHECKING:
    from pathlib import Path

    from factories.demo import Demo
    from journeys.aws_user import AwsUser

LEVELS = pytest.mark.parametrize("level", [mqtt.MQTTv311, mqtt.MQTTv5], ids=["3.1.1", "5"])


@pytest.fixture
def files(demo: Demo, administrator: AwsUser, tmp_path: Path) -> Path:
    """The certificate of a new thing."""
    return administrator.fetch_certificate(administrator.add_thing(demo.new_name("meter"), "harbour"), tmp_path)


@LEVELS
def test_an_update_is_answered_in_order_and_says_what_changed(demo: Demo, files: Path, level: int) -> None:
    with Device(demo, files, level=level) as device:
        device.listen("update/accepted", "update/delta", "update/documents", "update/rejected")

        device.ask("update", {"state": {"reported": {"n": 1}, "desired": {"n": 2}}, "clientToken": "first"})
        topics, (delta, documents, accepted) = zip(*device.answers(3), strict=True)
        assert topics == ("update/delta", "update/documents", "update/accepted")
        assert (delta["state"], delta["version"]) == ({"n": 2}, 1)
        assert documents["previous"] is None
        assert documents["current"]["state"] == {"reported": {"n": 1}, "desired": {"n": 2}}
        assert accepted["state"] == {"reported": {"n": 1}, "desired": {"n": 2}}
        assert {each["clientToken"] for each in (delta, documents, accepted)} == {"first"}

        device.ask("update", {"state": {"reported": {"n": 2.0}}})
        topics, (documents, accepted) = zip(*device.answers(2), strict=True)
        assert topics == ("update/documents", "update/accepted")
        assert documents["previous"]["version"], documents["current"]["version"] == (1, 2)
        assert accepted["version"] == 2


@LEVELS
def test_a_shadow_is_got_and_deleted(demo: Demo, files: Path, level: int) -> None:
    with Device(demo, files, level=level) as device:
        device.listen("get/+", "delete/+")

        device.ask("get", {"clientToken": "none yet"})
        ((topic, rejected),) = device.answers()
        assert (topic, rejected["code"], rejected["clientToken"]) == ("get/rejected", 404, "none yet")

        device.ask("update", {"state": {"reported": {"n": 1}, "desired": {"m": True}}})
        device.ask("get")
        ((topic, shadow),) = device.answers()
        assert topic == "get/accepted"
        assert shadow["state"] == {"reported": {"n": 1}, "desired": {"m": True}, "delta": {"m": True}}

        device.ask("delete")
        device.ask("delete")
        (first, deleted), (second, rejected) = device.answers(2)
        assert (first, deleted["version"]) == ("delete/accepted", 1)
        assert (second, rejected["code"]) == ("delete/rejected", 404)


@LEVELS
def test_a_bad_update_is_rejected_and_the_connection_goes_on(demo: Demo, files: Path, level: int) -> None:
    deep: dict = {"n": 1}
    for _ in range(5):
        deep = {"down": deep}
    refused = [
        (b"{not json", 400),
        (b"", 400),
        (b'{"state":{"reported":{"text":"\xff\xfe"}}}', 415),
        ({"state": {"imagined": {}}}, 400),
        ({"state": {"reported": deep}}, 400),
        ({"state": {"reported": {"text": "x" * 9000}}}, 413),
        ({"state": {"reported": {"n": 1}}, "version": 9}, 409),
    ]
    with Device(demo, files, level=level) as device:
        device.listen("update/rejected", "update/accepted")
        device.ask("update", {"state": {"reported": {"n": 0}}})
        assert [topic for topic, _ in device.answers()] == ["update/accepted"]

        for document, code in refused:
            device.ask("update", document)
            ((topic, rejected),) = device.answers()
            assert (topic, rejected["code"]) == ("update/rejected", code)

        device.ask("update", {"state": {"reported": {"n": 1}}})
        assert device.answers()[0][1]["version"] == 2


@LEVELS
def test_a_burst_is_acknowledged_and_found_exactly_once_each(
    demo: Demo, administrator: AwsUser, files: Path, level: int
) -> None:
    with Device(demo, files, level=level) as device:
        sent = [
            device.client.publish(f"{device.prefix}update", f'{{"state":{{"reported":{{"n":{n}}}}}}}', qos=1)
            for n in range(500)
        ]
        for each in sent:
            each.wait_for_publish(30)
        assert device.acknowledged == {each.mid for each in sent}

    found = administrator.invoke(
        "ObservationLambda.FIND",
        query={
            "size": 1000,
            "query": {"bool": {"must": [{"term": {"thingName": files.name}}, {"range": {"timestamp": {"gte": 0}}}]}},
        },
    )
    assert found["hits"]["total"] == 500
    assert sorted(hit["_source"]["state"]["n"] for hit in found["hits"]["hits"]) == list(range(500))
    assert administrator.shadow(files.name)["version"] == 500


@LEVELS
def test_a_device_has_its_own_shadow_and_nothing_else(
    demo: Demo, administrator: AwsUser, files: Path, level: int
) -> None:
    neighbour = administrator.add_thing(demo.new_name("neighbour"), "harbour")
    theirs = f"$aws/things/{neighbour}/shadow/"
    for topic_filter in (f"{theirs}#", "#", "$aws/#", "$aws/things/+/shadow/update", "thing-update/#", "event/#"):
        with Device(demo, files, level=level) as device:
            granted = device.subscribe(topic_filter)
            if level == mqtt.MQTTv311:
                device.wait_until_gone()  # Cloud Connect 2.11, section 4: clients of 3.1.1 rely on the close
            else:
                assert granted == [0x87]
    for topic in (f"{theirs}update", f"thing-update/north/harbour/{files.name}", "elsewhere"):
        with Device(demo, files, level=level) as device:
            device.client.publish(topic, '{"state":{"reported":{"n":1}}}', qos=0)
            device.wait_until_gone()
    assert administrator.invoke("ThingLambda.GET", thingName=neighbour, shadow=None)["shadow"]["version"] == 0


def test_a_replaced_certificate_cuts_the_connection_and_opens_no_door_any_more(
    demo: Demo, administrator: AwsUser, files: Path, tmp_path: Path
) -> None:
    old = files.rename(tmp_path / "old")
    with Device(demo, old) as device:
        administrator.invoke("ThingLambda.REPLACE_CERTIFICATE", thingName=files.name)
        device.wait_until_gone()

    with pytest.raises(NotLetIn):
        Device(demo, old).__enter__()
    with Device(demo, administrator.fetch_certificate(files.name, tmp_path)) as device:
        device.ask("update", {"state": {"reported": {"renewed": True}}})
    assert administrator.shadow(files.name)["state"]["reported"] == {"renewed": True}


def test_a_removed_thing_is_cut_off_and_its_name_may_be_given_anew(
    demo: Demo, administrator: AwsUser, files: Path
) -> None:
    with Device(demo, files) as device:
        device.ask("update", {"state": {"reported": {"n": 1}}})
        administrator.invoke("ThingLambda.REMOVE", thingName=files.name)
        device.wait_until_gone()

    with pytest.raises(NotLetIn):
        Device(demo, files).__enter__()
    administrator.add_thing(files.name, "south")
    with pytest.raises(NotLetIn):
        Device(demo, files).__enter__()
    assert administrator.invoke("ThingLambda.GET", thingName=files.name, shadow=None)["shadow"]["version"] == 0


def test_certificates_of_others_and_no_certificate_open_nothing(demo: Demo, files: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged"
    forged.mkdir()
    genuine = x509.load_pem_x509_certificate((files / "cert.pem").read_bytes())
    _self_signed(forged, genuine.subject)
    _self_signed(tmp_path, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, files.name)]))

    for folder in (forged, tmp_path):
        with pytest.raises(NotLetIn):
            Device(demo, folder).__enter__()
    anonymous = MqttUser(files.name)
    anonymous.client.tls_set(demo.ca_file)
    with pytest.raises(NotLetIn):
        anonymous.connect(demo.devices)


def test_a_second_connection_of_a_device_ends_the_first(demo: Demo, files: Path) -> None:
    with Device(demo, files) as first, Device(demo, files) as second:
        first.wait_until_gone()
        second.listen("get/+")
        second.ask("get")
        assert second.answers()[0][0] == "get/rejected"


def _self_signed(folder: Path, name: x509.Name) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "privkey.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
