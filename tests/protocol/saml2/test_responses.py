"""Whom a provider vouches for, and everything that is not believed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from signxml.algorithms import SignatureMethod

from cloudstead.protocols.saml2.documents import LARGEST_MESSAGE
from cloudstead.protocols.saml2.errors import Malformed, NotBelieved, Saml2Error
from cloudstead.protocols.saml2.names import SAML, SAMLP
from cloudstead.protocols.saml2.responses import Trust, check_response
from factories.saml2 import AUDIENCE, ISSUER, NOW, RECIPIENT, Answer, signer

MINUTE = timedelta(minutes=1)


def trusting(*certificates) -> Trust:
    return Trust(
        issuer=ISSUER,
        certificates=certificates or (signer().certificate,),
        audience=AUDIENCE,
        recipient=RECIPIENT,
    )


def check(answer: Answer | bytes, *, now=NOW):
    return check_response(answer if isinstance(answer, bytes) else answer.xml(), trusting(), now=now)


@pytest.mark.parametrize("signs", ["assertion", "response", "both"])
def test_a_response_that_is_signed_anywhere_is_believed(signs):
    vouched = check(Answer(signs=signs, attributes={"mail": "jane@cloud.example"}))

    assert (vouched.name_id, vouched.in_response_to, vouched.session_index) == ("jane", "_question", "s1")
    assert vouched.attributes == {"mail": ("jane@cloud.example",)}
    assert vouched.valid_until == NOW + 8 * MINUTE


def test_any_certificate_of_the_provider_will_do():
    answer = Answer(by=signer("second", "ec"), method=SignatureMethod.ECDSA_SHA256)
    trust = trusting(signer().certificate, signer("second", "ec").certificate)

    assert check_response(answer.xml(), trust, now=NOW).name_id == "jane"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(signs=""), "signed"),
        (Answer(by=signer("stranger")), "certificate"),
        (Answer(method=SignatureMethod.RSA_SHA1), "weak"),
        (Answer(digest="sha1"), "weak"),
        (Answer(method=SignatureMethod.RSA_SHA224), "weak"),
        (Answer(audience="https://other.example"), "audience"),
        (Answer(audience=None), "audience"),
        (Answer(recipient="https://other.example"), "recipient"),
        (Answer(recipient=None), "recipient"),
        (Answer(destination="https://other.example"), "address"),
        (Answer(destination=None, signs="response"), "address"),
        (Answer(issuer="https://other.example"), "issuer"),
        (Answer(subject_in_response_to="_another"), "another request"),
        (Answer(not_before=4 * MINUTE), "not valid yet"),
        (Answer(not_after=-4 * MINUTE), "not valid any more"),
        (Answer(confirmed_after=-4 * MINUTE), "not confirmed any more"),
        (Answer(issued=4 * MINUTE), "future"),
        (Answer(status="urn:oasis:names:tc:SAML:2.0:status:Responder"), "did not sign"),
    ],
)
def test_what_is_not_for_us_now_and_by_the_provider_is_not_believed(answer, reason):
    with pytest.raises(NotBelieved, match=reason):
        check(answer)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(not_before=2 * MINUTE),
        Answer(not_after=-2 * MINUTE, confirmed_after=-2 * MINUTE),
        Answer(issued=2 * MINUTE),
    ],
)
def test_clocks_may_be_less_than_three_minutes_apart(answer):
    assert check(answer).name_id == "jane"


def test_a_certificate_signs_nothing_after_its_end():
    later = signer().certificate.not_valid_after_utc + MINUTE

    with pytest.raises(NotBelieved, match="certificate"):
        check(Answer(now=later), now=later)


def test_a_changed_letter_breaks_the_signature():
    with pytest.raises(NotBelieved, match="changed"):
        check(Answer().xml().replace(b">jane<", b">john<"))


@pytest.mark.parametrize("signs", ["assertion", "both"])
def test_each_signature_that_is_there_has_to_be_good(signs):
    root = Answer(signs="both").tree()
    element = root if signs == "both" else root.find(f"{{{SAML}}}Assertion")
    value = element.find("{*}Signature/{*}SignatureValue")
    value.text = "AAAA" + value.text[4:]

    with pytest.raises(NotBelieved):
        check(etree.tostring(root))


@pytest.mark.parametrize("name", [b"ja<!-- -->ne", b"jane<!-- .evil -->", b"ja<?pi?>ne"])
def test_nothing_hides_inside_a_name(name):
    with pytest.raises(Malformed, match="comment"):
        check(Answer().xml().replace(b"jane", name))


def test_a_comment_that_was_signed_is_refused_as_well():
    answer = Answer(name_id="admin@cloud.example.evil.example")
    xml = answer.xml().replace(b"admin@cloud.example.evil.example", b"admin@cloud.example<!---->.evil.example")

    with pytest.raises(Malformed, match="comment"):
        check(xml)


@pytest.mark.parametrize(
    "prologue",
    [
        b'<!DOCTYPE r [<!ENTITY a "jane">]>',
        b'<!DOCTYPE r SYSTEM "file:///etc/passwd">',
        b'<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p"> %p;]>',
        b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">]>',
    ],
)
def test_document_types_are_refused_before_they_are_read(prologue):
    with pytest.raises(Malformed, match="document type"):
        check(prologue + Answer().xml())


def test_another_encoding_cannot_hide_a_document_type():
    text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE r [<!ENTITY a "x">]><r>&a;</r>'

    with pytest.raises(Malformed):
        check(text.encode("utf-16"))
    with pytest.raises(Malformed):
        check(b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE r+AD4-<r/>')


def test_too_much_is_refused_before_it_is_read():
    with pytest.raises(Malformed, match="too much"):
        check(b"<r>" + b"x" * LARGEST_MESSAGE + b"</r>")
    with pytest.raises(Malformed):
        check(b"<r>" * 60 + b"</r>" * 60)
    with pytest.raises(Malformed):
        check(b"<r>" * 20_000 + b"</r>" * 20_000)
    with pytest.raises(Malformed, match="too many"):
        check(b"<r>" + b"<r/>" * 6000 + b"</r>")


def test_an_unknown_condition_is_not_ignored():
    root = Answer(signs="").unsigned()
    etree.SubElement(root.find(f"{{{SAML}}}Assertion/{{{SAML}}}Conditions"), f"{{{SAML}}}Condition")
    with pytest.raises(NotBelieved, match="signed"):
        check(etree.tostring(root))

    class Conditional(Answer):
        def assertion(self):
            assertion = super().assertion()
            etree.SubElement(assertion.find(f"{{{SAML}}}Conditions"), f"{{{SAML}}}Condition")
            return assertion

    with pytest.raises(NotBelieved, match="condition"):
        check(Conditional())


@pytest.mark.parametrize("text", [b"", b"x", b"<r/>", b"<r", b"\xff\xfe", b"<a:r/>", b"<r>\x00</r>"])
def test_what_is_no_response_is_malformed(text):
    with pytest.raises(Malformed):
        check(text)


@given(st.data())
def test_no_broken_response_gets_anybody_in(data):
    xml = Answer(signs=data.draw(st.sampled_from(["assertion", "response", "both"]))).xml()
    start = data.draw(st.integers(0, len(xml) - 1))
    end = data.draw(st.integers(start, min(len(xml), start + 40)))
    damaged = xml[:start] + data.draw(st.binary(max_size=12)) + xml[end:]
    try:
        vouched = check(damaged)
    except Saml2Error:
        return
    # Only what no signature covers can have been changed, and none of that says who it is.
    assert (vouched.name_id, vouched.assertion_id) == ("jane", "_assertion")


@given(
    st.recursive(st.sampled_from(["Response", "Assertion", "Subject", "NameID", "Signature"]), st.lists, max_leaves=12)
)
def test_no_shape_of_a_message_is_more_than_refused(shape):
    def build(node):
        if isinstance(node, str):
            return etree.Element(f"{{{SAML}}}{node}", ID="x")
        made = etree.Element(f"{{{SAMLP}}}Response", ID="y", Version="2.0", IssueInstant="2026-01-01T00:00:00Z")
        made.extend([build(each) for each in node])
        return made

    with pytest.raises(Saml2Error):
        check(etree.tostring(build(shape)))
