"""An account lets its own certificates in: it uploads an authority, connects devices, and takes it back."""

from __future__ import annotations

import json
import re
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from factories.authorities import authority, device
from journeys.mqtt_user import Device, NotLetIn

if TYPE_CHECKING:
    from factories.authorities import Party
    from factories.demo import Demo
    from journeys.aws_user import AwsUser

REFUSED = re.compile("unknown ca|eof|reset|closed|broken", re.IGNORECASE)
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


class Management:
    """Whoever calls account management with a key."""

    def __init__(self, demo: Demo, key: str | None = None) -> None:
        self._url = demo.url()
        self._key = key or demo.administrator.api_key

    def call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self._url + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            text = response.read()
        return json.loads(text) if text else None

    def upload(self, *chain: Party, **options: Any) -> dict[str, Any]:
        name = chain[-1].certificate.subject.rfc4514_string()
        pem = "".join(each.pem for each in chain)
        body = {"name": name, "certificate": pem, "service": "lwm2m", **options}
        return self.call("POST", "/v3/trusted-certificates", body)


@pytest.fixture
def management(demo: Demo) -> Management:
    return Management(demo)


def put(folder: Path, name: str, certificate: str, key: str) -> Path:
    """Write what a device identifies itself with, under the name of its thing."""
    place = folder / name
    place.mkdir()
    (place / "cert.pem").write_text(certificate)
    (place / "privkey.pem").write_text(key)
    return place


def shadow(demo: Demo, files: Path) -> tuple[int | None, Any]:
    """Read the shadow over HTTPS with the device's certificate; return the status and the document.

    The status is ``None`` where the handshake did not succeed.
    """
    context = ssl.create_default_context(cafile=demo.ca_file)
    context.load_cert_chain(files / "cert.pem", files / "privkey.pem")
    try:
        url = f"{demo.url('https')}/things/{files.name}/shadow"
        with urllib.request.urlopen(url, timeout=30, context=context) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, None
    except OSError as error:
        if not REFUSED.search(str(error)):
            raise
        return None, None


def test_devices_of_an_own_authority_come_and_go_with_it(
    demo: Demo, management: Management, administrator: AwsUser, tmp_path: Path
) -> None:
    root = authority(demo.new_name("Acme root"))
    issuing = authority(demo.new_name("Acme issuing"), root)
    name = demo.new_name("own")
    party = device(name, issuing)
    files = put(tmp_path, name, party.pem, party.key_pem)
    with pytest.raises(NotLetIn), Device(demo, files):
        pass

    trusted = management.upload(root, issuing)
    with pytest.raises(NotLetIn), Device(demo, files):  # it does not enrol, and there is no such thing
        pass
    assert shadow(demo, files)[0] == 403

    path = f"/v3/trusted-certificates/{trusted['id']}"
    management.call("PUT", path, {"enrollment_mode": True})
    with Device(demo, files) as thing:
        thing.listen("update/accepted")
        thing.ask("update", {"state": {"reported": {"t": 20}}})
        assert thing.answers()[0][1]["state"] == {"reported": {"t": 20}}
        assert shadow(demo, files)[1]["state"] == {"reported": {"t": 20}}

        management.call("PUT", path, {"status": "INACTIVE"})
        thing.wait_until_gone()
    with pytest.raises(NotLetIn), Device(demo, files):
        pass
    assert shadow(demo, files)[0] in {403, None}
    management.call("PUT", path, {"status": "ACTIVE"})
    assert shadow(demo, files)[0] == 200
    management.call("DELETE", path)
    with pytest.raises(NotLetIn), Device(demo, files):
        pass


def test_a_device_enrols_over_https_and_with_the_authorities_that_it_sends(
    demo: Demo, management: Management, tmp_path: Path
) -> None:
    root = authority(demo.new_name("Deep root"))
    lower = authority(demo.new_name("Deep lower"), root)
    management.upload(root, enrollment_mode=True)
    name = demo.new_name("deep")
    party = device(name, lower)
    files = put(tmp_path, name, party.pem + lower.pem, party.key_pem)
    assert shadow(demo, files)[0] == 404  # the thing is there, and has no shadow yet
    with Device(demo, files) as thing:
        thing.ask("update", {"state": {"reported": {"t": 1}}})
    assert shadow(demo, files)[0] == 200


def test_no_certificate_of_another_authority_gets_in(demo: Demo, management: Management, tmp_path: Path) -> None:
    name = demo.new_name("Acme")
    management.upload(authority(name), enrollment_mode=True)
    impostor = device(demo.new_name("own"), authority(name))
    files = put(tmp_path, "impostor", impostor.pem, impostor.key_pem)
    with pytest.raises(NotLetIn), Device(demo, files):
        pass
    assert shadow(demo, files) == (None, None)


PROGRAM = """
#include <stdio.h>
#include "security.c"

int main(void) {
    fwrite(MBED_CLOUD_DEV_BOOTSTRAP_DEVICE_CERTIFICATE, 1, MBED_CLOUD_DEV_BOOTSTRAP_DEVICE_CERTIFICATE_SIZE, stdout);
    fwrite(MBED_CLOUD_DEV_BOOTSTRAP_DEVICE_PRIVATE_KEY, 1, MBED_CLOUD_DEV_BOOTSTRAP_DEVICE_PRIVATE_KEY_SIZE, stderr);
    return 0;
}
"""


def test_a_program_with_a_developer_certificate_connects(demo: Demo, management: Management, tmp_path: Path) -> None:
    if COMPILER is None:
        pytest.skip("there is no C compiler here")
    made = management.call("POST", "/v3/developer-certificates", {"name": demo.new_name("bench")})
    trusted = management.call("GET", f"/v3/trusted-certificates/{made['id']}")
    assert (trusted["device_execution_mode"], trusted["valid"]) == (1, True)
    (tmp_path / "security.c").write_text(made["security_file_content"])
    (tmp_path / "main.c").write_text(PROGRAM)
    program = tmp_path / "program"
    subprocess.run([COMPILER, "-Wall", "-Wextra", "-Werror", "-o", program, tmp_path / "main.c"], check=True)
    ran = subprocess.run([program], capture_output=True, check=True)
    certificate = x509.load_der_x509_certificate(ran.stdout).public_bytes(Encoding.PEM).decode()
    key = load_der_private_key(ran.stderr, None).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files = put(tmp_path, made["id"], certificate, key.decode())
    with Device(demo, files) as thing:
        thing.listen("update/accepted")
        thing.ask("update", {"state": {"reported": {"bench": True}}})
        assert thing.answers()[0][0] == "update/accepted"
        management.call("DELETE", f"/v3/trusted-certificates/{made['id']}")
        thing.wait_until_gone()


def test_server_credentials_name_our_host_and_our_authority(demo: Demo, management: Management) -> None:
    found = management.call("GET", "/v3/server-credentials")
    account = management.call("GET", "/v3/accounts/me")["id"]
    assert {each["url"] for each in found.values()} == {f"coaps://localhost:5684?aid={account}"}
    assert {each["certificate"] for each in found.values()} == {Path(demo.ca_file).read_text()}
