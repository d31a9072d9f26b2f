from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, load_pem_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from cloudstead.core.clock import ManualClock, SystemClock
from cloudstead.core.credentials.authority import (
    Authority,
    create_authority,
    create_issuing_authority,
    fingerprint,
)
from cloudstead.core.errors import InvalidField

ACCOUNT, THING = "0198" + "a" * 28, "0198" + "b" * 28


def authority_of(files, clock):
    return Authority(files.issuing_key, files.issuing_certificate, root_certificate=files.root_certificate, clock=clock)


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def files(clock):
    return create_authority(clock)


@pytest.fixture
def authority(files, clock):
    return authority_of(files, clock)


@pytest.fixture
def issued(authority):
    return authority.issue_thing_certificate(ACCOUNT, "00000001", thing_uid=THING)


def parsed(issued):
    return x509.load_pem_x509_certificates(issued.pem.encode())


def verifies(authority, issued, now):
    """Verify the chain as a server does that trusts the root alone."""
    leaf, *above = parsed(issued)
    store = Store([x509.load_pem_x509_certificate(authority.root_pem.encode())])
    return PolicyBuilder().store(store).time(now).build_client_verifier().verify(leaf, above)


def test_a_things_certificate_leads_to_the_root(authority, issued, clock):
    verified = verifies(authority, issued, clock.now())
    assert [name.value for name in verified.subjects] == [f"urn:cloudstead:thing:{ACCOUNT}:{THING}"]
    assert len(verified.chain) == 3


def test_a_certificate_of_another_authority_does_not(authority, clock):
    other = authority_of(create_authority(clock), clock)
    with pytest.raises(VerificationError):
        verifies(authority, other.issue_thing_certificate(ACCOUNT, "00000001", thing_uid=THING), clock.now())


def test_the_subject_says_account_and_name(issued):
    subject = parsed(issued)[0].subject
    assert subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == ACCOUNT
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "00000001"


def test_a_long_name_is_cut_in_the_subject(authority):
    leaf = parsed(authority.issue_thing_certificate(ACCOUNT, "n" * 128, thing_uid=THING))[0]
    assert leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "n" * 64


def test_what_is_stored_says_what_the_certificate_says(issued):
    leaf = parsed(issued)[0]
    assert issued.id == fingerprint(leaf.public_bytes(Encoding.DER))
    assert int(issued.serial, 16) == leaf.serial_number
    assert not issued.serial.startswith("0")
    assert issued.not_before_ms == leaf.not_valid_before_utc.timestamp() * 1000
    assert issued.not_after_ms == leaf.not_valid_after_utc.timestamp() * 1000


def test_the_keys_belong_to_the_certificate(issued):
    leaf = parsed(issued)[0]
    private = load_pem_private_key(issued.private_key_pem.encode(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    assert issued.private_key_pem.startswith("-----BEGIN PRIVATE KEY-----")
    assert private.public_key() == leaf.public_key() == load_pem_public_key(issued.public_key_pem.encode())


def test_a_things_certificate_ends_with_the_authority_that_signed_it(authority, clock):
    clock.advance(timedelta(days=365))
    leaf = parsed(authority.issue_thing_certificate(ACCOUNT, "00000001", thing_uid=THING))[0]
    assert leaf.not_valid_after_utc == authority.not_after == datetime(2035, 12, 30, tzinfo=UTC)


def test_two_things_never_share_a_serial_or_a_key(authority, issued):
    other = authority.issue_thing_certificate(ACCOUNT, "00000001", thing_uid=THING)
    assert other.serial != issued.serial
    assert other.private_key_pem != issued.private_key_pem


def test_a_things_certificate_may_only_identify_a_client(issued):
    leaf = parsed(issued)[0]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    key_usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert key_usage.digital_signature
    assert not key_usage.key_cert_sign


def test_a_server_certificate_holds_names_and_addresses(authority, clock):
    issued = authority.issue_server_certificate(["Cloud.Example", "*.cloud.example", "127.0.0.1", "::1", "localhost"])
    leaf, *above = parsed(issued)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["cloud.example", "*.cloud.example", "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=397)
    store = Store([x509.load_pem_x509_certificate(authority.root_pem.encode())])
    for name in (x509.DNSName("any.cloud.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))):
        PolicyBuilder().store(store).time(clock.now()).build_server_verifier(name).verify(leaf, above)


@pytest.mark.parametrize(
    "names", [[], [""], ["has blank"], ["a..b"], ["-a.b"], ["a.*"], ["a" * 64 + ".b"], ["ok", "no/"]]
)
def test_what_is_no_name_gets_no_server_certificate(authority, names):
    with pytest.raises(InvalidField) as refusal:
        authority.issue_server_certificate(names)
    assert refusal.value.field == "names"


def test_the_revocation_list_is_signed_and_names_serials(authority, files, clock, issued):
    revoked_at = clock.now() - timedelta(minutes=3)
    listed = x509.load_der_x509_crl(
        authority.issue_revocation_list([(issued.serial, int(revoked_at.timestamp() * 1000))])
    )
    issuing = x509.load_pem_x509_certificate(files.issuing_certificate)
    assert listed.is_signature_valid(issuing.public_key())
    assert listed.issuer == issuing.subject
    assert [(each.serial_number, each.revocation_date_utc) for each in listed] == [(int(issued.serial, 16), revoked_at)]
    assert listed.next_update_utc - listed.last_update_utc == timedelta(days=1)


def test_a_later_revocation_list_has_a_higher_number(authority, clock):
    def number():
        listed = x509.load_der_x509_crl(authority.issue_revocation_list([]))
        return listed.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number

    before = number()
    clock.advance(timedelta(seconds=1))
    assert number() > before


def test_the_next_issuing_authority_is_trusted_like_the_first(files, clock, authority):
    clock.advance(timedelta(days=9 * 365))
    certificate, key = create_issuing_authority(files.root_certificate, files.root_key, clock=clock)
    following = Authority(key, certificate, root_certificate=files.root_certificate, clock=clock)
    issued = following.issue_thing_certificate(ACCOUNT, "00000001", thing_uid=THING)
    assert following.not_after > authority.not_after
    verifies(authority, issued, clock.now())


def test_an_authority_needs_an_elliptic_curve_key(files, clock):
    from cloudstead.core.credentials.tokens import SigningKey

    with pytest.raises(TypeError, match="elliptic"):
        Authority(
            SigningKey.generate().to_pem(),
            files.issuing_certificate,
            root_certificate=files.root_certificate,
            clock=clock,
        )


class TestHandshake:
    """Mutual TLS through memory, as the device listener and a device do it."""

    @pytest.fixture
    def authority(self):
        # OpenSSL asks the machine's clock.
        clock = SystemClock()
        return authority_of(create_authority(clock), clock)

    def server_context(self, authority, folder):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load(context, authority.issue_server_certificate(["localhost"]), folder / "server.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=authority.chain_pem)
        return context

    def client_context(self, authority, issued, folder):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=authority.root_pem)
        if issued is not None:
            load(context, issued, folder / "client.pem")
        return context

    def test_a_thing_and_the_server_recognise_each_other(self, authority, tmp_path):
        issued = authority.issue_thing_certificate(ACCOUNT, "00000001", thing_uid=THING)
        server = shake_hands(self.server_context(authority, tmp_path), self.client_context(authority, issued, tmp_path))
        assert fingerprint(server.getpeercert(binary_form=True)) == issued.id

    def test_a_thing_of_another_installation_is_turned_away(self, authority, tmp_path):
        clock = SystemClock()
        stranger = authority_of(create_authority(clock), clock)
        issued = stranger.issue_thing_certificate(ACCOUNT, "00000001", thing_uid=THING)
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(self.server_context(authority, tmp_path), self.client_context(authority, issued, tmp_path))

    def test_nobody_enters_without_a_certificate(self, authority, tmp_path):
        with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN"):
            shake_hands(self.server_context(authority, tmp_path), self.client_context(authority, None, tmp_path))

    def test_a_server_certificate_does_not_identify_a_thing(self, authority, tmp_path):
        issued = authority.issue_server_certificate(["localhost"])
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(self.server_context(authority, tmp_path), self.client_context(authority, issued, tmp_path))

    @pytest.mark.parametrize("strict", [True, False])
    def test_strict_clients_accept_our_chain(self, authority, tmp_path, strict):
        issued = authority.issue_thing_certificate(ACCOUNT, "00000001", thing_uid=THING)
        context = self.client_context(authority, issued, tmp_path)
        if strict:
            context.verify_flags |= ssl.VERIFY_X509_STRICT
        shake_hands(self.server_context(authority, tmp_path), context)

    def test_the_aws_runtime_reads_certificate_and_key(self, authority):
        from awscrt.io import ClientTlsContext, TlsContextOptions

        issued = authority.issue_thing_certificate(ACCOUNT, "00000001", thing_uid=THING)
        options = TlsContextOptions.create_client_with_mtls(issued.pem.encode(), issued.private_key_pem.encode())
        options.override_default_trust_store(authority.root_pem.encode())
        assert ClientTlsContext(options) is not None


def load(context, issued, path):
    path.write_text(issued.pem + issued.private_key_pem)
    context.load_cert_chain(path)


def shake_hands(server_context, client_context):
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname="localhost")
    unfinished = [client, server]
    for _ in range(10):
        for side in list(unfinished):
            try:
                side.do_handshake()
                unfinished.remove(side)
            except ssl.SSLWantReadError:
                pass
        if not unfinished:
            return server
    raise AssertionError("the handshake does not end")
