from __future__ import annotations

import base64
import functools
import itertools
import random
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA224, SHA256, SHA384
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.core.errors import InvalidField
from cloudstead.core.trustedcertificates.chains import MAX_CERTIFICATES, MAX_CHARS, name_hash, read_chain, require_proof
from factories.authorities import HOUR, authority, device, name_of, usage

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
ACCOUNT = "0" * 32


@functools.cache
def rsa_key(bits=2048):
    return rsa.generate_private_key(65537, bits)


@functools.cache
def family(length=4):
    """A root, and authorities each issued by the one before."""
    members = [authority("root")]
    while len(members) < length:
        members.append(authority(f"level {len(members)}", members[-1]))
    return tuple(members)


@functools.cache
def stranger():
    return authority("stranger")


def text_of(*parties):
    return "".join(each.pem for each in parties)


def read(*parties):
    return read_chain(text_of(*parties), now=NOW)


def refused(*parties, text=None):
    with pytest.raises(InvalidField) as caught:
        read_chain(text_of(*parties) if text is None else text, now=NOW)
    assert caught.value.field == "certificate"
    return caught.value.reason


@pytest.mark.parametrize("length", [1, 2, 4])
def test_the_last_certificate_of_a_chain_is_the_one_to_trust(length):
    members = family()[:length]
    chain = read(*members)
    assert chain.is_complete
    assert chain.trusted.fingerprint == members[-1].id
    assert chain.trusted.authority_pem == members[-1].pem
    assert chain.trusted.subject == members[-1].certificate.subject.rfc4514_string()
    assert chain.trusted.pem == text_of(*members)


def test_a_chain_without_its_root_is_read_and_said_to_be_incomplete():
    assert not read(*family()[1:]).is_complete


@pytest.mark.parametrize("order", [order for order in itertools.permutations(range(3)) if order != (0, 1, 2)])
def test_no_other_order_than_root_to_leaf_is_taken(order):
    members = [family()[each] for each in order]
    assert "is not issued by the one before it" in refused(*members)


def test_a_leaf_that_only_bears_the_issuers_name_is_refused():
    root = family()[0]
    impostor = authority(root.certificate.subject)
    assert "certificate 2: is not issued" in refused(root, authority("leaf", impostor))


def test_a_leaf_issued_by_itself_is_refused_behind_a_root():
    assert "certificate 2: is not issued" in refused(family()[0], authority("alone"))


def test_the_same_certificate_twice_is_refused():
    assert "twice" in refused(family()[0], family()[0])


def test_a_certificate_of_a_device_is_refused_alone_and_behind_its_authority():
    assert "not a certificate authority" in refused(device("pump", None))
    assert "certificate 2: is not a certificate authority" in refused(family()[0], device("pump", family()[0]))


def test_an_expired_certificate_is_refused_wherever_it_stands():
    ended = {"begin": NOW - 9 * DAY, "end": NOW - DAY}
    root = authority("old root", **ended)
    assert f"certificate 1: expired on {NOW - DAY:%Y-%m-%d}" in refused(root, authority("young", root))
    assert "certificate 2: expired" in refused(family()[0], authority("old", family()[0], **ended))


def test_an_authority_that_begins_tomorrow_may_be_handed_over_today():
    chain = read(authority("next year's", begin=NOW + DAY))
    assert chain.trusted.not_before_ms > NOW.timestamp() * 1000


def test_a_chain_is_in_force_as_long_as_all_of_it_is():
    root = authority("root", end=NOW.replace(microsecond=0) + 5 * DAY, begin=NOW - 3 * HOUR)
    leaf = authority("leaf", root, begin=NOW.replace(microsecond=0) - HOUR)
    trusted = read(root, leaf).trusted
    assert trusted.not_after_ms == (NOW.replace(microsecond=0) + 5 * DAY).timestamp() * 1000
    assert trusted.not_before_ms == (NOW.replace(microsecond=0) - HOUR).timestamp() * 1000


@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1, ec.SECP521R1])
def test_good_curves_are_taken(curve):
    assert read(authority(key=ec.generate_private_key(curve()), hash_algorithm=SHA384())).is_complete


def test_a_good_rsa_key_is_taken():
    assert read(authority(key=rsa_key())).is_complete


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: authority(key=rsa.generate_private_key(65537, 1024)), "1024 bits"),
        (lambda: authority(key=ec.generate_private_key(ec.SECP224R1())), "secp224r1"),
        (lambda: authority(key=ec.generate_private_key(ec.SECP256K1())), "secp256k1"),
        (lambda: authority(key=dsa.generate_private_key(2048)), "neither RSA nor"),
        (lambda: authority(hash_algorithm=SHA224()), "weak hash"),
        (lambda: authority(key_usage=usage(signs_certificates=False)), "may not sign certificates"),
        (lambda: authority(critical=True), "critical extension 1.2.3.4"),
        (lambda: authority(name_of()), "no subject"),
    ],
)
def test_weak_and_strange_certificates_are_refused(make, reason):
    assert reason in refused(make())


def test_a_key_of_edwards_curve_is_refused():
    root = family()[0]
    key = ed25519.Ed25519PrivateKey.generate()
    assert "neither RSA nor" in refused(root, authority("edwards", root, key=key))


def test_an_authority_that_may_sign_certificates_is_taken():
    assert read(authority(key_usage=usage(signs_certificates=True))).is_complete


def test_more_authorities_than_one_allows_below_it_are_refused():
    root = authority("root", path_length=0)
    assert read(root).is_complete
    assert "certificate 1: allows 0 authorities below it, and 1 follow" in refused(root, authority("below", root))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not an X.509"),
        ("certificate_data", "not an X.509"),
        ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "not an X.509"),
        ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "not an X.509"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----", "not an X.509"),
        ("é" * 10, "not an X.509"),
        ("\x00", "not an X.509"),
        ("x" * (1 << 20), f"longer than {MAX_CHARS}"),
    ],
)
def test_what_is_no_pem_is_refused(text, reason):
    assert reason in refused(text=text)


def test_many_certificates_are_refused_before_they_are_read():
    assert f"more than {MAX_CERTIFICATES}" in refused(text="-----BEGIN CERTIFICATE-----\n" * (MAX_CERTIFICATES + 1))


def test_a_private_key_beside_the_certificate_is_refused_with_a_warning():
    party = authority()
    assert "private key" in refused(text=party.pem + party.key_pem)


def read_or_refused(text):
    """Anything but a refusal that names the field is let through, and fails the test."""
    with suppress(InvalidField):
        trusted = read_chain(text, now=NOW).trusted
        assert re.fullmatch("[0-9a-f]{64}", trusted.fingerprint)
        assert trusted.subject
        assert trusted.authority_pem.count("BEGIN") == 1


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_pem_is_refused_or_read_and_never_anything_else(data):
    text = list(text_of(*family()[:2]))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(text) - 1))
        text[position] = data.draw(st.sampled_from(["", "A", "=", "-", "\n", "é", "\x00", " "]))
    read_or_refused("".join(text))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 30))
def test_a_damaged_certificate_is_refused_or_read_and_never_anything_else(seed):
    rng = random.Random(seed)
    der = bytearray(family()[1].der)
    for _ in range(rng.randint(1, 3)):
        der[rng.randrange(len(der))] = rng.randrange(256)
    body = base64.encodebytes(bytes(der)).decode()
    text = f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"
    read_or_refused(text)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=5))
def test_only_runs_of_a_line_of_issuers_are_chains(picked):
    members = [*family(), stranger()]
    chosen = [members[each] for each in picked]
    is_run = all(b == a + 1 for a, b in itertools.pairwise(picked)) and not (len(picked) > 1 and 4 in picked)
    if is_run:
        assert read(*chosen).trusted.fingerprint == chosen[-1].id
    else:
        refused(*chosen)


@pytest.mark.parametrize("key", [None, rsa_key])
def test_a_signature_of_the_message_with_the_key_is_a_proof(key):
    party = authority(key=key and key())
    require_proof(read(party), party.sign(ACCOUNT), ACCOUNT)
    require_proof(read(party), "\n".join(party.sign(ACCOUNT)), ACCOUNT)


@pytest.mark.parametrize(
    "signature",
    ["", "!", "AAAA", "é", "A" * 1_000, authority().sign(ACCOUNT)],
    ids=["", "!", "A", "é", "long", "other"],
)
@pytest.mark.parametrize("key", [None, rsa_key])
def test_anything_else_is_none(signature, key):
    with pytest.raises(InvalidField) as caught:
        require_proof(read(authority(key=key and key())), signature, ACCOUNT)
    assert caught.value.field == "signature"


def test_a_signature_for_another_account_is_no_proof():
    party = authority()
    with pytest.raises(InvalidField):
        require_proof(read(party), party.sign("1" * 32), ACCOUNT)


def test_a_certificate_of_the_first_version_is_refused():
    assert "not of version 3" in refused(text=of_first_version())


def of_first_version():
    """Return a certificate without version and extensions, which the library would not make."""
    party = authority()
    tbs = party.certificate.tbs_certificate_bytes
    version, extensions = bytes.fromhex("a003020102"), tbs.rindex(b"\xa3", 0, tbs.index(bytes.fromhex("0603551d13")))
    start = tbs.index(version) + len(version)
    plain = der_sequence(tbs[start:extensions])
    signature = b"\0" + party.key.sign(plain, ec.ECDSA(SHA256()))
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")  # ecdsa-with-SHA256
    whole = der_sequence(plain + algorithm + b"\x03" + bytes([len(signature)]) + signature)
    return f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(whole).decode()}-----END CERTIFICATE-----\n"


def der_sequence(content):
    length = len(content)
    return b"\x30" + (bytes([0x81, length]) if length < 256 else b"\x82" + length.to_bytes(2)) + content


@pytest.mark.parametrize(
    "other",
    [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Acme Devices", _ASN1Type.PrintableString)]),
        name_of("ACME  devices "),
        name_of("acme devices"),
    ],
)
def test_names_that_tls_takes_for_the_same_are_the_same(other):
    assert name_hash(other) == name_hash(name_of("Acme Devices"))
    assert name_hash(name_of("Acme Device")) != name_hash(other) != name_hash(name_of("Acme", "Devices"))
