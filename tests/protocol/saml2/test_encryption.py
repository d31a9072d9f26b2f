"""Assertions that are encrypted for us: what opens them, and what encryption hides from nobody."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from cloudstead.core.identityproviders.first_uses import FirstUses
from cloudstead.protocols.saml2.encryption import UNREADABLE, Decryption
from cloudstead.protocols.saml2.errors import Malformed, NotBelieved, Saml2Error
from cloudstead.protocols.saml2.names import (
    AES128_CBC,
    AES128_GCM,
    AES192_CBC,
    AES192_GCM,
    AES256_CBC,
    AES256_GCM,
    DS,
    RSA_1_5,
    RSA_OAEP,
    RSA_OAEP_MGF1P,
    SAML,
    XENC,
    XENC11,
)
from cloudstead.protocols.saml2.responses import Trust, check_response
from factories.encrypting import ASSERTION, ENCRYPTED, OWN, ciphers, encrypted, encrypted_answer, encrypted_tree, flip
from factories.saml2 import AUDIENCE, ISSUER, NOW, RECIPIENT, Answer, sign, signer

CONTENTS = [AES128_GCM, AES192_GCM, AES256_GCM, AES128_CBC, AES192_CBC, AES256_CBC]
SHA256 = (f"{XENC}sha256", hashes.SHA256())
SHA512 = (f"{XENC}sha512", hashes.SHA512())


def trusting(*, key=OWN, uses=None) -> Trust:
    decryption = None if key is None else Decryption(key=signer(key).key, is_first=(uses or FirstUses()).is_first)
    return Trust(
        issuer=ISSUER,
        certificates=(signer().certificate,),
        audience=AUDIENCE,
        recipient=RECIPIENT,
        decryption=decryption,
    )


def check(message, trust=None):
    data = message if isinstance(message, bytes) else etree.tostring(message)
    return check_response(data, trust or trusting(), now=NOW)


@pytest.mark.parametrize("signs", ["assertion", "response", "both"])
@pytest.mark.parametrize("content", CONTENTS)
def test_an_encrypted_assertion_is_believed_when_it_is_signed_anywhere(content, signs):
    assert check(encrypted_answer(Answer(signs=signs), content=content)).name_id == "jane"


@pytest.mark.parametrize(
    "how",
    [
        {"transport": RSA_OAEP_MGF1P, "digest": SHA256},
        {"transport": RSA_OAEP},
        {"transport": RSA_OAEP, "digest": SHA256, "mask": (f"{XENC11}mgf1sha256", hashes.SHA256())},
        {"transport": RSA_OAEP, "digest": SHA512, "mask": (f"{XENC11}mgf1sha384", hashes.SHA384())},
        {"beside": True},
    ],
)
def test_every_form_of_oaep_and_both_places_of_the_key_are_understood(how):
    assert check(encrypted_answer(Answer(), **how)).name_id == "jane"


def test_prefixes_may_mean_what_they_mean_around_the_encrypted_text():
    root = Answer().tree()
    text = etree.tostring(root.find(ASSERTION)).replace(f' xmlns:saml="{SAML}"'.encode(), b"")
    root.replace(root.find(ASSERTION), encrypted(text))

    assert check(root).name_id == "jane"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"transport": RSA_1_5}, "RSA 1.5.*RSA-OAEP"),
        ({"transport": f"{XENC}kw-aes256"}, "not encrypted by RSA-OAEP"),
        ({"content": f"{XENC}tripledes-cbc"}, "take AES"),
        ({"transport": RSA_OAEP, "digest": ("http://www.w3.org/2001/04/xmldsig-more#md5", hashes.SHA1())}, "digest"),
        ({"transport": RSA_OAEP, "mask": (f"{XENC11}mgf1sha224", hashes.SHA224())}, "digest"),
    ],
)
def test_what_is_not_offered_is_refused_with_what_to_do(how, reason):
    with pytest.raises(NotBelieved, match=reason):
        check(encrypted_answer(Answer(), **how))


def test_without_a_key_of_ours_nothing_can_be_opened():
    with pytest.raises(NotBelieved, match="no RSA key"):
        check(encrypted_answer(Answer()), trusting(key=None))


# Whatever was wrong inside, nobody outside learns what


def unsigned():
    """Everybody has our public key: what an attacker writes can be opened."""
    return encrypted_tree(Answer(signs="", name_id="admin"))


def by_a_stranger():
    return encrypted_tree(Answer(by=signer("stranger")))


def for_another_key():
    return encrypted_tree(Answer(), to=signer("other"))


def changed(position, content=AES256_CBC):
    def make():
        root = encrypted_tree(Answer(), content=content)
        flip(ciphers(root)[1], position)
        return root

    return make


def changed_key():
    root = encrypted_tree(Answer())
    flip(ciphers(root)[0], 40)
    return root


def called_cbc():
    """GCM is a stream: called CBC, it could be asked about like CBC."""
    root = encrypted_tree(Answer(), content=AES256_GCM)
    method = root.find(f".//{{{XENC}}}EncryptedData/{{{XENC}}}EncryptionMethod")
    method.set("Algorithm", AES256_CBC)
    return root


def of_text(text, content=AES256_CBC):
    def make():
        root = Answer(signs="").unsigned()
        root.replace(root.find(ASSERTION), encrypted(text, content=content))
        return root

    return make


def short_key():
    root = Answer().tree()
    genuine = root.find(ASSERTION)
    root.replace(genuine, encrypted(etree.tostring(genuine), key=bytes(16), content=AES256_GCM))
    return root


def genuine_beside_a_false_one_inside():
    """Two assertions under one encryption, one of them signed."""
    genuine = etree.tostring(Answer().tree().find(ASSERTION))
    false = etree.tostring(Answer(signs="", name_id="admin", assertion_id="_false").unsigned().find(ASSERTION))
    return of_text(false + genuine)()


def genuine_within_a_false_one():
    """The signature is good for what it covers, which is not what would be read."""
    genuine = Answer().tree().find(ASSERTION)
    false = Answer(signs="", name_id="admin", assertion_id="_false").unsigned().find(ASSERTION)
    false.append(etree.Element(f"{{{SAML}}}Advice"))
    false[-1].append(genuine)
    return of_text(etree.tostring(false))()


def signature_moved_to_a_false_one():
    genuine = Answer().tree().find(ASSERTION)
    false = Answer(signs="", name_id="admin").unsigned().find(ASSERTION)
    false.insert(1, copy.deepcopy(genuine.find(f"{{{DS}}}Signature")))
    return of_text(etree.tostring(false))()


def encrypted_twice():
    inner = encrypted(etree.tostring(Answer().tree().find(ASSERTION)))
    return of_text(etree.tostring(inner))()


UNBELIEVED = [
    unsigned,
    by_a_stranger,
    for_another_key,
    changed(-1),
    changed(-17),
    changed(3),
    changed(-1, AES256_GCM),
    changed_key,
    called_cbc,
    short_key,
    of_text(b""),
    of_text(b"not XML at all"),
    of_text(b"</frame><frame>"),
    of_text(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
    of_text(b"<a/>", AES256_GCM),
    genuine_beside_a_false_one_inside,
    genuine_within_a_false_one,
    signature_moved_to_a_false_one,
    encrypted_twice,
]


@pytest.mark.parametrize("make", UNBELIEVED)
def test_whatever_is_wrong_inside_is_told_in_the_same_words(make):
    with pytest.raises(Saml2Error) as refused:
        check(make())

    assert (type(refused.value), str(refused.value)) == (NotBelieved, UNREADABLE)


@given(text=st.binary(max_size=300), content=st.sampled_from(CONTENTS))
def test_nothing_that_anybody_encrypts_for_us_is_more_than_refused(text, content):
    with pytest.raises(NotBelieved, match="cannot be opened"):
        check(of_text(text, content)())


def test_a_transported_key_is_tried_once_whatever_is_encrypted_under_it():
    trust = trusting()
    root = encrypted_tree(Answer(), content=AES256_CBC)
    guess = copy.deepcopy(root)
    flip(ciphers(guess)[1], -1)
    respelled = copy.deepcopy(root)
    carried = ciphers(respelled)[0]
    carried.text = f"\n{carried.text[:20]}\n {carried.text[20:]}"
    with pytest.raises(NotBelieved, match="cannot be opened"):
        check(guess, trust)

    for again in (root, respelled):
        with pytest.raises(NotBelieved, match="was there before"):
            check(again, trust)
    assert check(encrypted_tree(Answer()), trust).name_id == "jane"


def test_uses_are_remembered_up_to_a_bound():
    uses = FirstUses(2)

    assert [uses.is_first(name) for name in (b"a", b"b", b"a", b"c", b"b", b"c")] == [
        True,
        True,
        False,
        True,
        True,
        False,
    ]


# Around the encryption


def test_an_encrypted_assertion_beside_a_plain_one_is_not_read():
    root = Answer().tree()
    root.append(encrypted(etree.tostring(Answer(name_id="admin", assertion_id="_b").tree().find(ASSERTION))))
    with pytest.raises(NotBelieved, match="exactly one assertion"):
        check(root)


def test_an_encrypted_assertion_in_place_of_a_signed_one_is_not_read():
    """The signature over the response stays where it was; what it covered is taken aside."""
    root = encrypted_tree(Answer(signs="response"))
    genuine = root.find(ENCRYPTED)
    root.replace(genuine, encrypted(etree.tostring(Answer(signs="", name_id="admin").unsigned().find(ASSERTION))))
    with pytest.raises(NotBelieved, match="something was changed"):
        check(root)
    etree.SubElement(root, f"{{{SAML}}}Extensions").append(genuine)
    with pytest.raises(NotBelieved, match="exactly one assertion"):
        check(root)


def test_a_signature_over_the_response_does_not_excuse_a_bad_one_inside():
    root = encrypted_tree(Answer(signs="assertion", by=signer("stranger")))
    sign(root, Answer())
    with pytest.raises(NotBelieved, match="not signed"):
        check(root)


def test_what_is_encrypted_still_has_to_be_meant_for_us():
    with pytest.raises(NotBelieved, match="audience"):
        check(encrypted_answer(Answer(audience="https://other.example")))
    with pytest.raises(NotBelieved, match="not confirmed any more"):
        check_response(encrypted_answer(Answer()), trusting(), now=NOW.replace(hour=1))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda place: place.remove(place[0]), Malformed),
        (lambda place: place.append(copy.deepcopy(place[0])), Malformed),
        (lambda place: place.append(copy.deepcopy(place.find(f".//{{{XENC}}}EncryptedKey"))), NotBelieved),
        (lambda place: place[0].set("Type", f"{XENC}Content"), NotBelieved),
        (lambda place: ciphers(place)[1].getparent().remove(ciphers(place)[1]), Malformed),
        (lambda place: setattr(ciphers(place)[0], "text", "not base64!"), Malformed),
        (lambda place: place.find(f".//{{{XENC}}}EncryptionMethod").attrib.clear(), NotBelieved),
    ],
)
def test_what_is_no_encrypted_assertion_is_refused(change, error):
    root = encrypted_tree(Answer())
    change(root.find(ENCRYPTED))
    with pytest.raises(error):
        check(root)


# The provider begins


def unasked(**others):
    root = Answer(signs="", **others).unsigned()
    del root.attrib["InResponseTo"]
    del root.find(f".//{{{SAML}}}SubjectConfirmationData").attrib["InResponseTo"]
    sign(root.find(ASSERTION), Answer())
    return root


def test_a_response_to_no_request_is_believed_where_the_provider_may_begin():
    open_to_all = replace(trusting(), takes_unasked=True)

    assert check(unasked(), open_to_all).in_response_to is None
    with pytest.raises(NotBelieved, match="may not begin"):
        check(unasked())


def test_an_answer_is_no_beginning_and_a_beginning_no_answer():
    open_to_all = replace(trusting(), takes_unasked=True)
    stripped = Answer().tree()
    del stripped.attrib["InResponseTo"]
    claimed = unasked()
    claimed.set("InResponseTo", "_question")

    for root in (stripped, claimed):
        with pytest.raises(NotBelieved, match="answers another request"):
            check(root, open_to_all)
