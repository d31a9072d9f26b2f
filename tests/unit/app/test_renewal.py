"""Certificates exchanged while they are shown."""

from __future__ import annotations

import ssl

import pytest
from cryptography import x509

from cloudstead.app.renewal import ServedCertificate
from cloudstead.core.clock import SystemClock
from cloudstead.core.credentials.authority import Authority, create_authority
from cloudstead.gateway.tls import https_context


@pytest.fixture(scope="module")
def authority():
    clock = SystemClock()
    files = create_authority(clock)
    return Authority(files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=clock)


@pytest.fixture
def files(authority, tmp_path):
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"

    def write() -> int:
        issued = authority.issue_server_certificate(["localhost"])
        key.write_text(issued.private_key_pem)
        certificate.write_text(issued.pem)
        return int(issued.serial, 16)

    return write, certificate, key


def shown(context: ssl.SSLContext, authority: Authority) -> int:
    """Return the serial of the certificate that a new client is shown."""
    client = ssl.create_default_context(cadata=authority.root_pem)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    far = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(8):
        for end in (near, far):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    der = near.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der).serial_number


def test_a_new_certificate_is_shown_to_new_clients(authority, files):
    write, certificate, key = files
    first = write()
    context = https_context(certificate, key, trusted=authority.chain_pem)
    served = ServedCertificate(lambda: (certificate, key))
    served.watch(context)
    before = shown(context, authority)

    second = write()
    was_renewed = served.renew()

    assert (before, was_renewed, shown(context, authority)) == (first, True, second)


def test_files_that_did_not_change_are_not_read_again(authority, files):
    write, certificate, key = files
    write()
    served = ServedCertificate(lambda: (certificate, key))
    served.watch(https_context(certificate, key, trusted=authority.chain_pem))

    assert served.renew() is False


def test_files_that_cannot_be_used_leave_the_old_one_in_place_and_are_tried_again(authority, files):
    write, certificate, key = files
    first = write()
    context = https_context(certificate, key, trusted=authority.chain_pem)
    served = ServedCertificate(lambda: (certificate, key))
    served.watch(context)
    good = certificate.read_text()

    certificate.write_text("nonsense")
    for _ in range(2):
        with pytest.raises(OSError, match="PEM"):
            served.renew()

    assert good
    assert shown(context, authority) == first
