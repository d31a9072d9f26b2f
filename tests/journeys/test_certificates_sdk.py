"""A client that nobody here wrote manages certificates: both layers of mbed-cloud-sdk."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from factories.authorities import authority, device
from journeys.mqtt_user import Device, NotLetIn

if TYPE_CHECKING:
    from factories.demo import Demo

mbed_cloud = pytest.importorskip("mbed_cloud")


@pytest.fixture(scope="module")
def certificates(demo: Demo) -> Any:
    """The older layer."""
    return mbed_cloud.CertificatesAPI({"api_key": demo.ready["api_key"], "host": demo.url()})


@pytest.fixture(scope="module")
def entities(demo: Demo) -> Any:
    """The newer layer."""
    return mbed_cloud.SDK(api_key=demo.ready["api_key"], host=demo.url()).foundation


def test_the_older_layer_adds_lists_changes_and_deletes(demo: Demo, certificates: Any) -> None:
    party = authority(demo.new_name("older"))
    account = mbed_cloud.AccountManagementAPI({"api_key": demo.ready["api_key"], "host": demo.url()}).get_account().id
    made = certificates.add_certificate(
        demo.new_name("cert"), "lwm2m", party.pem, party.sign(account), description="first", status="ACTIVE"
    )
    assert made.subject == party.certificate.subject.rfc4514_string()
    found = certificates.get_certificate(made.id)
    assert (found.description, found.type, found.status, found.certificate_data) == (
        "first",
        "lwm2m",
        "ACTIVE",
        party.pem,
    )
    assert made.id in {each.id for each in certificates.list_certificates(filters={"type": "lwm2m"})}
    changed = certificates.update_certificate(made.id, description="second")
    assert changed.description == "second"
    certificates.delete_certificate(made.id)
    assert certificates.get_certificate(made.id) is None  # what this client makes of 404


def test_the_older_layer_makes_a_developer_certificate(demo: Demo, certificates: Any, tmp_path: Path) -> None:
    made = certificates.add_developer_certificate(demo.new_name("bench"), description="on the bench")
    assert made.developer_certificate.startswith("-----BEGIN CERTIFICATE-----")
    assert "MBED_CLOUD_DEV_BOOTSTRAP_DEVICE_PRIVATE_KEY" in made.header_file
    place = tmp_path / made.id
    place.mkdir()
    (place / "cert.pem").write_text(made.developer_certificate)
    (place / "privkey.pem").write_text(made.developer_private_key)
    with Device(demo, place) as thing:
        thing.listen("update/accepted")
        thing.ask("update", {"state": {"reported": {"bench": True}}})
        assert thing.answers()[0][0] == "update/accepted"
        certificates.delete_certificate(made.id)
        thing.wait_until_gone()


def test_the_newer_layer_does_both(demo: Demo, entities: Any, tmp_path: Path) -> None:
    party = authority(demo.new_name("newer"))
    trusted = entities.trusted_certificate(
        name=demo.new_name("cert"), certificate=party.pem, service="lwm2m", enrollment_mode=True
    ).create()
    assert (trusted.certificate_fingerprint, trusted.valid, trusted.is_developer_certificate) == (party.id, True, False)
    name = demo.new_name("own")
    own = device(name, party)
    place = tmp_path / name
    place.mkdir()
    (place / "cert.pem").write_text(own.pem)
    (place / "privkey.pem").write_text(own.key_pem)
    with Device(demo, place) as thing:
        trusted.status = "INACTIVE"
        trusted.update()
        thing.wait_until_gone()
    with pytest.raises(NotLetIn), Device(demo, place):
        pass
    listed = entities.trusted_certificate().list(filter={"name": {"eq": trusted.name}})
    assert [each.id for each in listed] == [trusted.id]

    made = entities.developer_certificate(name=demo.new_name("bench")).create()
    assert made.get_trusted_certificate_info().is_developer_certificate
    (tmp_path / "security.c").write_text(made.security_file_content)
    subprocess.run(["cc", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", tmp_path / "security.c"], check=True)
    found = entities.trusted_certificate(id=made.id).read()
    assert found.is_developer_certificate
    found.delete()

    server = entities.server_credentials()
    assert server.get_bootstrap().server_uri.startswith("coaps://")
    assert server.get_lwm2m().server_certificate == Path(demo.ca_file).read_text()
    trusted.delete()
