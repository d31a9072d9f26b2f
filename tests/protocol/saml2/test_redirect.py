"""The HTTP-Redirect binding: what we send can be verified, what comes is verified as it was sent."""

from __future__ import annotations

import zlib
from base64 import b64encode
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.protocols.saml2.documents import LARGEST_MESSAGE
from cloudstead.protocols.saml2.errors import Malformed, NotBelieved, Saml2Error
from cloudstead.protocols.saml2.redirect import address, read_query
from factories.saml2 import deflated, signer

MESSAGE = b"<r>what was said</r>"


def query_of(url: str) -> str:
    return urlsplit(url).query


@pytest.mark.parametrize("kind", ["rsa", "ec"])
@pytest.mark.parametrize("relay_state", ["", "somewhere else & more"])
def test_what_is_signed_can_be_verified(kind, relay_state):
    by = signer("sp", kind)
    url = address("https://idp.example/sso?x=1", MESSAGE, is_request=True, key=by.key, relay_state=relay_state)
    sent = read_query(query_of(url).removeprefix("x=1&"))

    assert url.startswith("https://idp.example/sso?x=1&SAMLRequest=")
    assert (sent.message, sent.is_request, sent.relay_state) == (MESSAGE, True, relay_state)
    sent.require_signed_by([signer("stranger").certificate, by.certificate])
    with pytest.raises(NotBelieved):
        sent.require_signed_by([signer("stranger").certificate, signer("stranger", "ec").certificate])


@pytest.mark.parametrize("curve", [ec.SECP224R1, ec.SECP384R1, ec.SECP521R1])
def test_every_curve_signs(curve):
    key = ec.generate_private_key(curve())
    sent = read_query(query_of(address("https://idp.example", MESSAGE, is_request=False, key=key)))

    assert not sent.is_request
    assert len(sent.signature) == 2 * ((key.key_size + 7) // 8)


def test_a_message_without_a_key_is_not_signed():
    sent = read_query(query_of(address("https://idp.example", MESSAGE, is_request=True, key=None)))

    with pytest.raises(NotBelieved, match="not signed"):
        sent.require_signed_by([signer().certificate])


@pytest.mark.parametrize("part", ["SAMLRequest", "RelayState"])
def test_a_changed_parameter_breaks_the_signature(part):
    by = signer()
    query = query_of(address("https://idp.example", MESSAGE, is_request=True, key=by.key, relay_state="a"))
    value = {"SAMLRequest": quote(deflated(b"<r>something else</r>"), safe=""), "RelayState": "b"}[part]
    pairs = [f"{part}={value}" if pair.startswith(part) else pair for pair in query.split("&")]

    with pytest.raises(NotBelieved):
        read_query("&".join(pairs)).require_signed_by([by.certificate])


def test_a_weak_algorithm_is_refused_whatever_the_signature():
    query = query_of(address("https://idp.example", MESSAGE, is_request=True, key=signer().key))
    weak = quote("http://www.w3.org/2000/09/xmldsig#rsa-sha1", safe="")
    pairs = [f"SigAlg={weak}" if pair.startswith("SigAlg") else pair for pair in query.split("&")]

    with pytest.raises(NotBelieved, match="weak"):
        read_query("&".join(pairs)).require_signed_by([signer().certificate])


def test_a_small_query_does_not_become_a_large_message():
    pack = zlib.compressobj(wbits=-15)
    bomb = b64encode(pack.compress(b" " * (4 * LARGEST_MESSAGE)) + pack.flush()).decode()

    with pytest.raises(Malformed, match="too much"):
        read_query(f"SAMLRequest={quote(bomb, safe='')}")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "SAMLRequest=",
        "SAMLRequest=%20",
        "SAMLRequest=AAAA",
        "SAMLRequest=!!!!",
        f"SAMLRequest={quote(deflated(MESSAGE))}&SAMLResponse={quote(deflated(MESSAGE))}",
        f"SAMLRequest={quote(deflated(MESSAGE))}&SAMLRequest={quote(deflated(MESSAGE))}",
        f"SAMLRequest={quote(deflated(MESSAGE))}&SAMLEncoding=other",
        f"SAMLRequest={quote(deflated(MESSAGE))}&RelayState={'a' * 2000}",
        f"SAMLRequest={quote(deflated(MESSAGE))}&SigAlg=a&Signature=!",
        "SAMLRequest=" + "A" * 100_000,
    ],
)
def test_what_is_no_message_is_malformed(query):
    with pytest.raises(Malformed):
        read_query(query)


@given(st.text(max_size=200))
def test_no_query_is_more_than_refused(text):
    with pytest.raises(Saml2Error):
        read_query("SAMLRequest=" + text)


def test_the_query_is_what_anybody_can_read():
    url = address("https://idp.example", MESSAGE, is_request=True, key=None)
    packed = parse_qs(urlsplit(url).query)["SAMLRequest"][0]

    assert packed == deflated(MESSAGE)
