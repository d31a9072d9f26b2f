"""Assertions encrypted for somebody, as a provider, or somebody in its name, would."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from cloudstead.protocols.saml2.names import (
    AES256_GCM,
    DS,
    RSA_1_5,
    RSA_OAEP_MGF1P,
    SAML,
    XENC,
)
from factories.saml2 import Answer, sign, signer

ASSERTION = f"{{{SAML}}}Assertion"
ENCRYPTED = f"{{{SAML}}}EncryptedAssertion"
OWN = "ours"  # the name of our key pair among those of the factory


def encrypted_answer(answer: Answer, **how) -> bytes:
    """A response whose assertion is signed first, then encrypted; the response is signed last, where it is."""
    return etree.tostring(encrypted_tree(answer, **how))


def encrypted_tree(answer: Answer, **how):
    root = answer.unsigned()
    assertion = root.find(ASSERTION)
    if answer.signs in {"assertion", "both"}:
        sign(assertion, answer)
    root.replace(assertion, encrypted(etree.tostring(assertion), **how))
    if answer.signs in {"response", "both"}:
        sign(root, answer)
    return root


def encrypted(
    text: bytes,
    *,
    to=None,
    content=AES256_GCM,
    transport=RSA_OAEP_MGF1P,
    digest=None,
    mask=None,
    key=None,
    beside=False,
):
    """An ``EncryptedAssertion`` that holds a text, with its key inside of the data or beside them."""
    key = key or os.urandom({"128": 16, "192": 24, "256": 32}.get(content.rpartition("aes")[2][:3], 24))
    place = etree.Element(ENCRYPTED, nsmap={"saml": SAML})
    data = etree.SubElement(place, f"{{{XENC}}}EncryptedData", Type=f"{XENC}Element", nsmap={"xenc": XENC, "ds": DS})
    etree.SubElement(data, f"{{{XENC}}}EncryptionMethod", Algorithm=content)
    info = place if beside else etree.SubElement(data, f"{{{DS}}}KeyInfo")
    carried = etree.SubElement(info, f"{{{XENC}}}EncryptedKey", nsmap={"xenc": XENC, "ds": DS})
    method = etree.SubElement(carried, f"{{{XENC}}}EncryptionMethod", Algorithm=transport)
    if digest is not None:
        etree.SubElement(method, f"{{{DS}}}DigestMethod", Algorithm=digest[0])
    if mask is not None:
        etree.SubElement(method, "{http://www.w3.org/2009/xmlenc11#}MGF", Algorithm=mask[0])
    public = (to or signer(OWN)).certificate.public_key()
    scheme = padding.OAEP(
        padding.MGF1(hashes.SHA1() if mask is None else mask[1]), hashes.SHA1() if digest is None else digest[1], None
    )
    wrapped = public.encrypt(key, padding.PKCS1v15() if transport == RSA_1_5 else scheme)
    _cipher(carried, wrapped)
    _cipher(data, seal(key, content, text))
    return place


def seal(key: bytes, content: str, text: bytes) -> bytes:
    if content.endswith("-gcm"):
        nonce = os.urandom(12)
        return nonce + AESGCM(key).encrypt(nonce, text, None)
    start, left = os.urandom(16), 16 - len(text) % 16
    encryptor = Cipher(algorithms.AES(key[:32]), modes.CBC(start)).encryptor()
    return start + encryptor.update(text + os.urandom(left - 1) + bytes([left])) + encryptor.finalize()


def ciphers(root):
    """The transported key and the encrypted text of a document, as elements."""
    carried = next(root.iter(f"{{{XENC}}}EncryptedKey")).find(f".//{{{XENC}}}CipherValue")
    text = next(root.iter(f"{{{XENC}}}EncryptedData")).find(f"{{{XENC}}}CipherData/{{{XENC}}}CipherValue")
    return carried, text


def flip(element, position: int) -> None:
    """Change one bit of an encrypted text."""
    data = bytearray(b64decode(element.text))
    data[position] ^= 1
    element.text = b64encode(bytes(data)).decode()


def _cipher(parent, data: bytes) -> None:
    cipher = etree.SubElement(parent, f"{{{XENC}}}CipherData")
    etree.SubElement(cipher, f"{{{XENC}}}CipherValue").text = b64encode(data).decode()
