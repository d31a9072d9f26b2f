"""Metadata: read from providers, written for them."""

from __future__ import annotations

import pytest
from cryptography.x509 import load_pem_x509_certificate
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from cloudstead.protocols.saml2.errors import Malformed, Saml2Error
from cloudstead.protocols.saml2.metadata import describe_ourselves, read_provider
from cloudstead.protocols.saml2.names import MD, SAMLP
from factories.saml2 import ISSUER, metadata, signer


def test_what_a_provider_tells_about_itself_is_read():
    described = read_provider(metadata())

    assert described.entity_id == ISSUER
    assert (described.sso_endpoint, described.slo_endpoint) == ("https://idp.example/sso", "https://idp.example/slo")
    assert [load_pem_x509_certificate(each.encode()) for each in described.certificates] == [signer().certificate]


@pytest.mark.parametrize(
    "damage",
    [
        lambda xml: b"",
        lambda xml: b"<r/>",
        lambda xml: xml[: len(xml) // 2],
        lambda xml: xml.replace(b'<?xml version="1.0"?>', b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
        lambda xml: xml.replace(b"IDPSSODescriptor", b"SPSSODescriptor"),
        lambda xml: xml.replace(SAMLP.encode(), b"urn:oasis:names:tc:SAML:1.1:protocol"),
        lambda xml: xml.replace(b"HTTP-Redirect", b"HTTP-Artifact"),
        lambda xml: xml.replace(b"EntityDescriptor", b"EntitiesDescriptor"),
        lambda xml: xml.replace(b"</md:KeyDescriptor>", b"<x>" * 60 + b"</x>" * 60 + b"</md:KeyDescriptor>"),
    ],
)
def test_what_is_no_metadata_of_a_provider_is_malformed(damage):
    with pytest.raises(Malformed):
        read_provider(damage(metadata()))


def test_included_files_are_not_read(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("open sesame")
    include = f'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="{secret}" parse="text"/>'.encode()
    described = read_provider(metadata().replace(b"</md:IDPSSODescriptor>", include + b"</md:IDPSSODescriptor>"))

    assert "sesame" not in repr(described)


@given(st.data())
def test_broken_metadata_is_refused_or_read(data):
    xml = metadata()
    start = data.draw(st.integers(0, len(xml) - 1))
    end = data.draw(st.integers(start, min(len(xml), start + 200)))
    try:
        described = read_provider(xml[:start] + data.draw(st.binary(max_size=40)) + xml[end:])
    except Saml2Error:
        return
    assert described.sso_endpoint


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data):
    with pytest.raises(Saml2Error):
        read_provider(data)


@pytest.mark.parametrize("certificate", [None, signer().pem], ids=["unsigned", "signed"])
def test_our_own_metadata_names_what_a_provider_needs(certificate):
    root = etree.fromstring(
        describe_ourselves(
            entity_id="https://cloud.example/a&b",
            assertion_endpoint="https://cloud.example/assertion",
            logout_endpoint="https://cloud.example/logout",
            certificate=certificate,
        )
    )

    assert root.get("entityID") == "https://cloud.example/a&b"
    role = root.find(f"{{{MD}}}SPSSODescriptor")
    assert role.get("AuthnRequestsSigned") == ("false" if certificate is None else "true")
    assert role.find(f"{{{MD}}}AssertionConsumerService").get("Location") == "https://cloud.example/assertion"
    assert (role.find(f"{{{MD}}}KeyDescriptor") is None) == (certificate is None)
