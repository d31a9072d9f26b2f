"""Who signed an element, and what of it was signed.

A signature counts only where SAML puts it: as a child of the one element that it signs, by that element's ``ID``, with
the two transforms that SAML names (saml-core-2.0, section 5.4). Everything else that XML Signature could do is refused
before a key is asked. What is returned is what the verifier digested, never the document that it came in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidSignature, SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from cloudstead.protocols.saml2.errors import Malformed, NotBelieved
from cloudstead.protocols.saml2.names import DS, ENVELOPED, EXCLUSIVE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography.x509 import Certificate

SIGNATURE: Final = f"{{{DS}}}Signature"

_METHODS: Final = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.SHA256_RSA_MGF1,
        SignatureMethod.SHA384_RSA_MGF1,
        SignatureMethod.SHA512_RSA_MGF1,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
_DIGESTS: Final = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
_STRONG_METHODS: Final = frozenset(method.value for method in _METHODS)
_STRONG_DIGESTS: Final = frozenset(digest.value for digest in _DIGESTS)
_ID_NAMES: Final = frozenset({"id", "assertionid", "responseid", "requestid"})


def require_sound(root: Any) -> None:
    """Raise ``NotBelieved`` where an identifier is there twice, or a signature where SAML puts none."""
    seen: set[str] = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            if etree.QName(name).localname.lower() in _ID_NAMES:
                if value in seen:
                    raise NotBelieved("Two elements have the same ID.")
                seen.add(value)
    allowed = {root, *root.findall("{*}Assertion")}
    if any(signature.getparent() not in allowed for signature in root.iter(SIGNATURE)):
        raise NotBelieved("A signature stands where none belongs.")


def is_signed(element: Any) -> bool:
    """Tell whether a signature is there, whatever it is worth."""
    return element.find(SIGNATURE) is not None


def signed_part(root: Any, element: Any, *, certificates: Sequence[Certificate], now: datetime) -> Any:
    """Return ``element``, which is ``root`` or a child of it, as it was signed with one of the certificates.

    Raise ``NotBelieved`` for a signature that proves nothing and ``Malformed`` for what is none.
    """
    _require_profile(element)
    location = "./" if element is root else f"./{element.tag}/"
    configuration = SignatureConfiguration(
        location=location,
        expect_references=1,
        signature_methods=_METHODS,
        digest_algorithms=_DIGESTS,
        verification_time=now,
    )
    for certificate in certificates:
        signed = _verified(root, certificate, configuration)
        if signed is None:
            continue
        if signed.tag != element.tag or signed.get("ID") != element.get("ID"):
            raise NotBelieved("The signature covers another element.")
        return signed
    raise NotBelieved("The signature is not by a certificate of the provider, or something was changed.")


def _verified(root: Any, certificate: Certificate, configuration: SignatureConfiguration) -> Any | None:
    try:
        result = XMLVerifier().verify(root, x509_cert=certificate, id_attribute="ID", expect_config=configuration)
    except InvalidSignature:
        return None  # of another certificate, perhaps
    except (SignXMLException, etree.LxmlError, UnsupportedAlgorithm, ValueError, TypeError):
        # ValueError and TypeError are what its decoding lets through: numbers, Base64, and keys of another kind.
        return None
    return None if isinstance(result, list) else result.signed_xml


def _require_profile(element: Any) -> None:
    """Raise unless the element's signature is of the one form that SAML allows."""
    signatures = element.findall(SIGNATURE)
    if len(signatures) != 1:
        raise NotBelieved("There is not exactly one signature.")
    infos = signatures[0].findall(f"{{{DS}}}SignedInfo")
    if len(infos) != 1 or signatures[0].find(f"{{{DS}}}Object") is not None:
        raise NotBelieved("The signature holds what SAML does not allow.")
    identifier = element.get("ID")
    references = infos[0].findall(f"{{{DS}}}Reference")
    if not identifier or len(references) != 1 or references[0].get("URI") != f"#{identifier}":
        raise NotBelieved("The signature does not refer to the element that it stands in.")
    transforms = [each.get("Algorithm") for each in references[0].iter(f"{{{DS}}}Transform")]
    if not transforms or len(set(transforms)) != len(transforms) or not set(transforms) <= {ENVELOPED, EXCLUSIVE}:
        raise NotBelieved("The signature uses transforms that SAML does not allow.")
    if _algorithm(infos[0], "CanonicalizationMethod") != EXCLUSIVE:
        raise NotBelieved("The signature uses another canonical form than SAML asks for.")
    if _algorithm(infos[0], "SignatureMethod") not in _STRONG_METHODS:
        raise NotBelieved("The signature algorithm is too weak, or none that we know.")
    if _algorithm(references[0], "DigestMethod") not in _STRONG_DIGESTS:
        raise NotBelieved("The digest algorithm is too weak, or none that we know.")


def _algorithm(parent: Any, name: str) -> str:
    found = parent.findall(f"{{{DS}}}{name}")
    if len(found) != 1:
        raise Malformed(f"The signature has no {name}, or several.")
    return str(found[0].get("Algorithm"))
