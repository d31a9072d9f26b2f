"""An assertion that was encrypted for us (xmlenc-core1; saml-core-2.0, section 6).

Encrypting proves nothing: everybody has our public key. So what is in it has to be signed like any assertion, and the
two old attacks have no hold here. RSA 1.5 is refused (Bleichenbacher), for its padding can be asked about. CBC can be
asked about as well, byte by byte, and so can GCM by somebody who calls it CBC (Jager and Somorovsky): that takes
thousands of changed texts under one transported key, and each transported key is opened once only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from lxml import etree

from cloudstead.protocols.saml2.documents import only, optional, read_message, text_of
from cloudstead.protocols.saml2.errors import Malformed, NotBelieved
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

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import HashAlgorithm

ENCRYPTED: Final = f"{{{SAML}}}EncryptedAssertion"
UNREADABLE: Final = "The encrypted assertion cannot be opened with our key, or what is in it is not signed."
"""All that is ever told of what was encrypted and is not believed: whatever was wrong, it is the same."""

OFFERED: Final = (AES256_GCM, AES128_GCM, AES256_CBC, AES128_CBC, RSA_OAEP, RSA_OAEP_MGF1P)
"""What our metadata names, best first."""

_BLOCK: Final = 16
_NONCE: Final = 12
_TAG: Final = 16
_CBC_BYTES: Final = MappingProxyType({AES128_CBC: 16, AES192_CBC: 24, AES256_CBC: 32})
_GCM_BYTES: Final = MappingProxyType({AES128_GCM: 16, AES192_GCM: 24, AES256_GCM: 32})
_DIGESTS: Final[Mapping[str, type[HashAlgorithm]]] = MappingProxyType(
    {
        f"{DS}sha1": hashes.SHA1,  # inside OAEP, SHA-1 is still sound (NIST SP 800-131A, section 8)
        f"{XENC}sha256": hashes.SHA256,
        "http://www.w3.org/2001/04/xmldsig-more#sha384": hashes.SHA384,
        f"{XENC}sha512": hashes.SHA512,
    }
)
_MASKS: Final[Mapping[str, type[HashAlgorithm]]] = MappingProxyType(
    {
        f"{XENC11}mgf1sha1": hashes.SHA1,
        f"{XENC11}mgf1sha256": hashes.SHA256,
        f"{XENC11}mgf1sha384": hashes.SHA384,
        f"{XENC11}mgf1sha512": hashes.SHA512,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decryption:
    """Our key, and who says, given the SHA-256 of a transported key, that it has not been there before."""

    key: RSAPrivateKey = field(repr=False)
    is_first: Callable[[bytes], bool]


def decrypted(encrypted: Any, decryption: Decryption | None) -> bytes:
    """Return what an ``EncryptedAssertion`` holds; raise ``NotBelieved``, ``Malformed`` for what is none.

    What was to be decrypted is no secret to whoever sent it, so it is told what we do not take. What came of it is told
    by ``UNREADABLE`` alone.
    """
    sealed = only(encrypted, f"{{{XENC}}}EncryptedData")
    transported = _transported(encrypted, sealed)
    _require_content(sealed)
    content = _algorithm(sealed)
    if content not in _CBC_BYTES and content not in _GCM_BYTES:
        raise NotBelieved("The assertion is encrypted by an algorithm that is not offered: take AES, in GCM or CBC.")
    scheme = _scheme(transported)
    if decryption is None:
        raise NotBelieved("The assertion is encrypted, but there is no RSA key here that could open it.")
    wrapped, text = _cipher(transported), _cipher(sealed)
    if not decryption.is_first(hashlib.sha256(wrapped).digest()):
        raise NotBelieved("The key of the encrypted assertion was there before.")
    try:
        key = decryption.key.decrypt(wrapped, scheme)
        return _by_gcm(key, content, text) if content in _GCM_BYTES else _by_cbc(key, content, text)
    except (ValueError, InvalidTag):
        raise NotBelieved(UNREADABLE) from None


def contained(text: bytes, names: Mapping[str | None, str]) -> Any:
    """Return a document whose one child is the assertion in ``text``; raise ``Malformed``.

    ``names`` are the namespaces that are known where it was encrypted: providers leave it to them what prefixes mean.
    """
    frame: bytes = etree.tostring(etree.Element("frame", nsmap=dict(names)))
    # An empty element ends in "/>". Whatever the text holds cannot end the frame: there would be something behind it.
    root = read_message(frame.removesuffix(b"/>") + b">" + text + b"</frame>")
    if len(root) != 1 or root[0].tag != f"{{{SAML}}}Assertion" or (root.text or "").strip():
        raise Malformed("It is not one assertion that was encrypted.")
    if (root[0].tail or "").strip() or len(list(root.iter(f"{{{SAML}}}Assertion", ENCRYPTED))) != 1:
        raise Malformed("It is not one assertion that was encrypted.")
    return root


def _transported(encrypted: Any, sealed: Any) -> Any:
    """Return the one transported key: inside of what it opens, or beside it (saml-core-2.0, section 6.1)."""
    keys = [*encrypted.iter(f"{{{XENC}}}EncryptedKey")]
    if len(keys) != 1 or keys[0].getparent() not in {encrypted, sealed.find(f"{{{DS}}}KeyInfo")}:
        raise NotBelieved("The assertion is not encrypted for exactly one key.")
    return keys[0]


def _require_content(sealed: Any) -> None:
    if sealed.get("Type", f"{XENC}Element") != f"{XENC}Element":
        raise NotBelieved("It is not an element that was encrypted.")


def _algorithm(element: Any) -> str:
    return str(only(element, f"{{{XENC}}}EncryptionMethod").get("Algorithm"))


def _scheme(transported: Any) -> padding.OAEP:
    algorithm = _algorithm(transported)
    if algorithm == RSA_1_5:
        raise NotBelieved(
            "The key of the assertion is encrypted by RSA 1.5, so it can be guessed: have the provider take RSA-OAEP."
        )
    if algorithm not in {RSA_OAEP, RSA_OAEP_MGF1P}:
        raise NotBelieved("The key of the assertion is not encrypted by RSA-OAEP.")
    method = only(transported, f"{{{XENC}}}EncryptionMethod")
    digest = _named(method, f"{{{DS}}}DigestMethod", _DIGESTS)
    # The older name has MGF1 with SHA-1 in it, whatever the digest is (xmlenc-core1, section 5.5.2).
    mask = hashes.SHA1 if algorithm == RSA_OAEP_MGF1P else _named(method, f"{{{XENC11}}}MGF", _MASKS)
    label = optional(method, f"{{{XENC}}}OAEPparams")
    return padding.OAEP(padding.MGF1(mask()), digest(), None if label is None else _base64(label))


def _named(method: Any, tag: str, known: Mapping[str, type[HashAlgorithm]]) -> type[HashAlgorithm]:
    element = optional(method, tag)
    if element is None:
        return hashes.SHA1
    found = known.get(str(element.get("Algorithm")))
    if found is None:
        raise NotBelieved("The key of the assertion is encrypted with a digest that is not offered.")
    return found


def _cipher(element: Any) -> bytes:
    # A CipherReference would have us fetch it from somewhere.
    return _base64(only(only(element, f"{{{XENC}}}CipherData"), f"{{{XENC}}}CipherValue"))


def _base64(element: Any) -> bytes:
    try:
        return base64.b64decode("".join(text_of(element).split()), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("What was encrypted is no Base64.") from None


def _by_gcm(key: bytes, algorithm: str, text: bytes) -> bytes:
    if len(key) != _GCM_BYTES[algorithm] or len(text) < _NONCE + _TAG:
        raise ValueError
    return AESGCM(key).decrypt(text[:_NONCE], text[_NONCE:], None)


def _by_cbc(key: bytes, algorithm: str, text: bytes) -> bytes:
    if len(key) != _CBC_BYTES[algorithm] or len(text) < 2 * _BLOCK or len(text) % _BLOCK:
        raise ValueError
    decryptor = Cipher(algorithms.AES(key), modes.CBC(text[:_BLOCK])).decryptor()
    padded = decryptor.update(text[_BLOCK:]) + decryptor.finalize()
    # Only the last byte says anything, the others of the padding are whatever they are (xmlenc-core1, section 5.2.1).
    if not 1 <= padded[-1] <= _BLOCK:
        raise ValueError
    return padded[: -padded[-1]]
