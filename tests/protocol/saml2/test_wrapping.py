"""Signature wrapping: a genuine signature moved beside words that nobody signed.

The eight classic variants (XSW1 to XSW8), and some that came later: each takes a genuine response for jane and adds an
unsigned one for admin.
"""

from __future__ import annotations

import copy

import pytest
from lxml import etree

from cloudstead.protocols.saml2.errors import Saml2Error
from cloudstead.protocols.saml2.names import DS, SAML, SAMLP
from cloudstead.protocols.saml2.responses import Trust, check_response
from factories.saml2 import AUDIENCE, ISSUER, NOW, RECIPIENT, Answer, signer

TRUST = Trust(issuer=ISSUER, certificates=(signer().certificate,), audience=AUDIENCE, recipient=RECIPIENT)
ASSERTION = f"{{{SAML}}}Assertion"
SIGNATURE = f"{{{DS}}}Signature"


def evil(element, identifier="_evil"):
    """A copy without its signature that speaks of admin."""
    made = copy.deepcopy(element)
    for signature in list(made.iter(SIGNATURE)):
        signature.getparent().remove(signature)
    for name in made.iter(f"{{{SAML}}}NameID"):
        name.text = "admin"
    if identifier is not None:
        made.set("ID", identifier)
    return made


def xsw1():
    """The genuine response inside the signature of the false one."""
    genuine = Answer(signs="response").tree()
    false = evil(genuine)
    signature = genuine.find(SIGNATURE)
    genuine.remove(signature)
    false.insert(1, signature)
    signature.append(genuine)
    return false


def xsw2():
    """The genuine response beside the signature."""
    genuine = Answer(signs="response").tree()
    false = evil(genuine)
    signature = genuine.find(SIGNATURE)
    genuine.remove(signature)
    false.insert(1, signature)
    false.insert(2, genuine)
    return false


def xsw3():
    """The false assertion in front of the genuine one."""
    root = Answer().tree()
    root.insert(2, evil(root.find(ASSERTION)))
    return root


def xsw4():
    """The genuine assertion inside the false one."""
    root = Answer().tree()
    genuine = root.find(ASSERTION)
    false = evil(genuine)
    root.replace(genuine, false)
    false.append(genuine)
    return root


def xsw5():
    """The signature in the false assertion, the genuine one behind it."""
    root = Answer().tree()
    genuine = root.find(ASSERTION)
    false = evil(genuine)
    signature = genuine.find(SIGNATURE)
    genuine.remove(signature)
    false.insert(1, signature)
    root.replace(genuine, false)
    root.append(genuine)
    return root


def xsw6():
    """The genuine assertion inside the signature, which stands in the false one."""
    root = xsw5()
    genuine = root.findall(ASSERTION)[1]
    root.find(f"{ASSERTION}/{SIGNATURE}").append(genuine)
    return root


def xsw7():
    """The false assertion inside extensions, under the same ID."""
    root = Answer().tree()
    extensions = etree.Element(f"{{{SAMLP}}}Extensions")
    extensions.append(evil(root.find(ASSERTION), None))
    root.insert(1, extensions)
    return root


def xsw8():
    """The genuine assertion inside an object of the signature of the false one, under the same ID."""
    root = Answer().tree()
    genuine = root.find(ASSERTION)
    false = evil(genuine, None)
    signature = genuine.find(SIGNATURE)
    genuine.remove(signature)
    false.insert(1, signature)
    etree.SubElement(signature, f"{{{DS}}}Object").append(genuine)
    root.append(false)
    return root


def moved_to_root():
    """The assertion's signature as a child of the response."""
    root = Answer().tree()
    genuine = root.find(ASSERTION)
    signature = genuine.find(SIGNATURE)
    genuine.remove(signature)
    root.insert(1, signature)
    return root


def two_signatures():
    """The genuine signature and one by a stranger in the same assertion."""
    root = Answer().tree()
    other = Answer(by=signer("stranger")).tree()
    root.find(ASSERTION).insert(1, other.find(f"{ASSERTION}/{SIGNATURE}"))
    return root


def empty_reference():
    """A signature that refers to nothing by name."""
    root = Answer().tree()
    root.find(f".//{{{DS}}}Reference").set("URI", "")
    return root


def second_reference():
    """A second reference in what is signed."""
    root = Answer().tree()
    reference = root.find(f".//{{{DS}}}Reference")
    reference.addnext(copy.deepcopy(reference))
    return root


def selecting_transform():
    """A transform that could choose what is digested."""
    root = Answer().tree()
    transforms = root.find(f".//{{{DS}}}Transforms")
    etree.SubElement(transforms, f"{{{DS}}}Transform", Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116")
    return root


def keyed_by_itself():
    """Signed by a stranger whose certificate is in the message."""
    return Answer(by=signer("stranger"), signs="both").tree()


def wrapped_in_advice():
    """The genuine assertion as advice inside the false one."""
    root = Answer().tree()
    genuine = root.find(ASSERTION)
    false = evil(genuine)
    root.replace(genuine, false)
    etree.SubElement(false, f"{{{SAML}}}Advice").append(genuine)
    return root


def second_subject():
    """Another subject in front of the signed one."""
    root = Answer().tree()
    assertion = root.find(ASSERTION)
    subject = copy.deepcopy(assertion.find(f"{{{SAML}}}Subject"))
    subject.find(f"{{{SAML}}}NameID").text = "admin"
    assertion.insert(1, subject)
    return root


VARIANTS = [
    xsw1,
    xsw2,
    xsw3,
    xsw4,
    xsw5,
    xsw6,
    xsw7,
    xsw8,
    moved_to_root,
    two_signatures,
    empty_reference,
    second_reference,
    selecting_transform,
    keyed_by_itself,
    wrapped_in_advice,
    second_subject,
]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.__name__)
def test_a_signature_says_nothing_about_what_it_does_not_cover(variant):
    with pytest.raises(Saml2Error):
        check_response(etree.tostring(variant()), TRUST, now=NOW)


def test_the_response_that_the_variants_start_from_is_good():
    for signs in ("assertion", "response"):
        assert check_response(Answer(signs=signs).xml(), TRUST, now=NOW).name_id == "jane"
