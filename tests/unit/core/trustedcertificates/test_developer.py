from __future__ import annotations

import calendar
import shutil
import subprocess
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from cloudstead.core.caller import Grant
from cloudstead.core.clock import SystemClock
from cloudstead.core.credentials.authority import create_authority
from cloudstead.core.errors import InvalidField, NotPermitted
from cloudstead.core.ids import AccountId, DomainId
from cloudstead.core.trustedcertificates.developer import MARK, der_of, make_certificate
from cloudstead.core.trustedcertificates.errors import TrustedCertificateNameTaken, TrustedCertificateNotFound
from cloudstead.core.trustedcertificates.model import Service, TrustedStatus
from cloudstead.core.trustedcertificates.servers import Servers
from cloudstead.core.trustedcertificates.source import DeviceSource, _escaped
from factories.authorities import authority

ROOT_PEM = create_authority(SystemClock()).root_certificate.decode()
URLS = {Service.BOOTSTRAP: "coaps://boot.example:5684", Service.LWM2M: "coaps://lwm2m.example:5684"}
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


@pytest.fixture
def servers():
    return Servers(URLS, authority_pem=ROOT_PEM)


async def test_a_developer_certificate_looks_as_it_is_printed(tenant, trust):
    made = await trust.developer("bench", description="on the bench")
    certificate = x509.load_pem_x509_certificate(made.trusted.trusted.pem.encode())
    names = [(each.oid._name, each.value) for each in certificate.subject]
    assert names == [
        ("countryName", "GB"),
        ("stateOrProvinceName", "Cambridgeshire"),
        ("localityName", "Cambridge"),
        ("organizationName", "cloudstead"),
        ("organizationalUnitName", tenant.account.id),
        ("commonName", made.trusted.id),
    ]
    certificate.verify_directly_issued_by(certificate)
    assert certificate.signature_algorithm_oid._name == "ecdsa-with-SHA256"
    assert isinstance(certificate.public_key().curve, ec.SECP256R1)
    mark, constraints = certificate.extensions
    assert (mark.oid, mark.critical, mark.value.value) == (MARK, False, b"\x02\x03\x40\x00\x91")
    assert (constraints.critical, constraints.value) == (True, x509.BasicConstraints(ca=True, path_length=0))
    assert MARK.dotted_string == "1.3.6.1.4.1.4128.201"


@pytest.mark.parametrize(
    ("begin", "end"),
    [((2018, 2, 28), (2028, 2, 28)), ((2024, 2, 29), (2034, 3, 1)), ((2026, 12, 31), (2036, 12, 31))],
)
def test_it_lasts_ten_years(begin, end):
    assert calendar.isleap(2024)
    key = ec.generate_private_key(ec.SECP256R1())
    made = make_certificate(key, AccountId("a" * 32), "b" * 32, now=datetime(*begin, 9, 27, 23, 7, tzinfo=UTC))
    assert made.not_valid_before_utc == datetime(*begin, 9, 27, 23, tzinfo=UTC)
    assert made.not_valid_after_utc == datetime(*end, 9, 27, 23, tzinfo=UTC)


async def test_it_is_a_trusted_certificate_with_the_same_id(tenant, trust):
    made = await trust.developer("bench")
    kept = await trust.get(made.trusted)
    assert kept == made.trusted
    assert (kept.service, kept.status, kept.is_developer) == (Service.BOOTSTRAP, TrustedStatus.ACTIVE, True)
    assert kept.owner_id == tenant.administrator.id


async def test_its_key_is_kept_sealed_and_given_again(tenant, trust):
    made = await trust.developer("bench")
    key = load_der_private_key(made.private_key_der, None)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    certificate = x509.load_pem_x509_certificate(made.trusted.trusted.pem.encode())
    assert certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == public
    assert made.private_key.startswith("-----BEGIN PRIVATE KEY-----")
    again = await tenant.database.read(
        lambda unit: trust.developers.get(unit, trust.caller(), certificate_id=made.trusted.id)
    )
    assert again == made
    assert made.private_key.encode() not in made.trusted.sealed_private_key
    assert made.private_key.splitlines()[1] not in repr(made)


async def test_an_uploaded_one_is_no_developer_certificate(tenant, trust):
    other = await tenant.open_another_account()
    uploaded, theirs = await trust.upload(authority()), await trust.developer("theirs")
    for caller, certificate in ((trust.caller(), uploaded), (trust.caller(other.id), theirs.trusted)):
        with pytest.raises(TrustedCertificateNotFound):
            await tenant.database.read(
                lambda unit, caller=caller, certificate=certificate: trust.developers.get(
                    unit, caller, certificate_id=certificate.id
                )
            )


async def test_names_are_those_of_trusted_certificates(trust):
    await trust.upload(authority(), name="taken")
    with pytest.raises(TrustedCertificateNameTaken):
        await trust.developer("taken")
    with pytest.raises(InvalidField):
        await trust.developer("")


@pytest.mark.parametrize(
    "change",
    [{"certificate": authority().pem}, {"enrols": True}, {"service": Service.LWM2M}, {"signature": "AAAA"}],
)
async def test_what_makes_it_a_developer_certificate_cannot_change(trust, change):
    made = await trust.developer()
    with pytest.raises(InvalidField):
        await trust.update(made.trusted, **change)
    assert (await trust.update(made.trusted, name="other", status=TrustedStatus.INACTIVE)).is_developer


def test_server_credentials_carry_the_account_and_stay_the_same(tenant, servers):
    found = servers.credentials(tenant.caller, Service.BOOTSTRAP)
    assert found == servers.credentials(tenant.caller, Service.BOOTSTRAP)
    assert found.url == f"coaps://boot.example:5684?aid={tenant.account.id}"
    assert found.authority_pem == ROOT_PEM
    assert len(bytes.fromhex(found.id)) == 16
    assert found.id != servers.credentials(tenant.caller, Service.LWM2M).id


def test_server_credentials_are_for_those_who_may_read(tenant, servers):
    with pytest.raises(NotPermitted):
        servers.credentials(tenant.caller_of(None, Grant(DomainId("root"), "Watch")), Service.LWM2M)


PROGRAM = """
#include <stdio.h>
#include "security.c"

static void array(const char *name, const uint8_t *bytes, uint32_t size) {
    printf("%s=", name);
    for (uint32_t i = 0; i < size; i++) printf("%02x", bytes[i]);
    printf("\\n");
}

int main(void) {
    printf("endpoint=%s\\naccount=%s\\nurl=%s\\n", MBED_CLOUD_DEV_BOOTSTRAP_ENDPOINT_NAME, MBED_CLOUD_DEV_ACCOUNT_ID,
           MBED_CLOUD_DEV_BOOTSTRAP_SERVER_URI);
    array("certificate", MBED_CLOUD_DEV_BOOTSTRAP_DEVICE_CERTIFICATE,
          MBED_CLOUD_DEV_BOOTSTRAP_DEVICE_CERTIFICATE_SIZE);
    array("bootstrap_ca", MBED_CLOUD_DEV_BOOTSTRAP_SERVER_ROOT_CA_CERTIFICATE,
          MBED_CLOUD_DEV_BOOTSTRAP_SERVER_ROOT_CA_CERTIFICATE_SIZE);
    array("lwm2m_ca", MBED_CLOUD_DEV_LWM2M_SERVER_ROOT_CA_CERTIFICATE,
          MBED_CLOUD_DEV_LWM2M_SERVER_ROOT_CA_CERTIFICATE_SIZE);
    array("key", MBED_CLOUD_DEV_BOOTSTRAP_DEVICE_PRIVATE_KEY, MBED_CLOUD_DEV_BOOTSTRAP_DEVICE_PRIVATE_KEY_SIZE);
    printf("about=%s %s %s %s %s %u\\n", MBED_CLOUD_DEV_MANUFACTURER, MBED_CLOUD_DEV_MODEL_NUMBER,
           MBED_CLOUD_DEV_SERIAL_NUMBER, MBED_CLOUD_DEV_DEVICE_TYPE, MBED_CLOUD_DEV_HARDWARE_VERSION,
           (unsigned) MBED_CLOUD_DEV_MEMORY_TOTAL_KB);
    return 0;
}
"""


def compiled(folder, source):
    """Compile the file into a program that tells what is in it; return that."""
    if COMPILER is None:
        pytest.skip("there is no C compiler here")
    (folder / "security.c").write_text(source)
    (folder / "main.c").write_text(PROGRAM)
    program = folder / "program"
    subprocess.run(
        [COMPILER, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-o", program, folder / "main.c"], check=True
    )
    told = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return dict(line.split("=", 1) for line in told.splitlines())


async def test_the_source_compiles_and_holds_everything(tmp_path, tenant, trust, servers):
    made = await trust.developer()
    told = compiled(tmp_path, servers.source_of(made))
    assert told == {
        "endpoint": made.trusted.id,
        "account": tenant.account.id,
        "url": f"coaps://boot.example:5684?aid={tenant.account.id}",
        "certificate": der_of(made.trusted.trusted.pem).hex(),
        "bootstrap_ca": der_of(ROOT_PEM).hex(),
        "lwm2m_ca": der_of(ROOT_PEM).hex(),
        "key": made.private_key_der.hex(),
        "about": "dev_manufacturer dev_model_num 0 dev_device_type dev_hardware_version 0",
    }


def test_no_text_breaks_out_of_its_literal(tmp_path):
    text = 'a"; int evil; // \\ ??/ é %s'
    source = DeviceSource(text, "a", "b", b"c", b"d", b"e", b"f").text()
    assert compiled(tmp_path, source)["endpoint"] == text
    assert set(_escaped(text)) & set('"?') == set()


def test_the_source_stands_alone_behind_its_guard():
    lines = DeviceSource("a", "b", "c", b"d", b"e", b"f", b"g").text().splitlines()
    assert lines[1:3] == ["#ifndef __MBED_CLOUD_DEV_CREDENTIALS_H__", "#define __MBED_CLOUD_DEV_CREDENTIALS_H__"]
    assert "#include <inttypes.h>" in lines
    assert lines[-1].startswith("#endif")
