"""The HTTP-Redirect binding (saml-bindings-2.0, section 3.4): a message in the query of an address.

Its signature stands beside the message and covers the query as it was sent, letter by letter, so what is verified is
taken from the raw query and never encoded anew.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote_plus

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from cloudstead.protocols.saml2.documents import LARGEST_MESSAGE
from cloudstead.protocols.saml2.errors import Malformed, NotBelieved
from cloudstead.protocols.saml2.names import (
    ECDSA_SHA256,
    ECDSA_SHA384,
    ECDSA_SHA512,
    RSA_SHA256,
    RSA_SHA384,
    RSA_SHA512,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.x509 import Certificate

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_REQUEST: Final = "SAMLRequest"
_RESPONSE: Final = "SAMLResponse"
_RELAY: Final = "RelayState"
_ALGORITHM: Final = "SigAlg"
_SIGNATURE: Final = "Signature"
_DEFLATE: Final = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"
_LONGEST_QUERY: Final = 64 * 1024
_LONGEST_RELAY: Final = 1024  # section 3.4.3 says 80 bytes, and nobody keeps to it
_RAW_DEFLATE: Final = -15

_RSA: Final = {RSA_SHA256: hashes.SHA256(), RSA_SHA384: hashes.SHA384(), RSA_SHA512: hashes.SHA512()}
_ECDSA: Final = {ECDSA_SHA256: hashes.SHA256(), ECDSA_SHA384: hashes.SHA384(), ECDSA_SHA512: hashes.SHA512()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that came in a query. ``signed`` is what the signature covers; all three are empty without one."""

    message: bytes
    is_request: bool
    relay_state: str
    signed: bytes = b""
    algorithm: str = ""
    signature: bytes = b""

    def require_signed_by(self, certificates: Sequence[Certificate]) -> None:
        """Raise ``NotBelieved`` unless one of the certificates signed the query."""
        if not self.signed:
            raise NotBelieved("The message is not signed.")
        if self.algorithm not in _RSA and self.algorithm not in _ECDSA:
            raise NotBelieved("The signature algorithm is too weak, or none that we know.")
        if not any(self._is_signed_by(certificate) for certificate in certificates):
            raise NotBelieved("The signature is not by a certificate of the provider, or something was changed.")

    def _is_signed_by(self, certificate: Certificate) -> bool:
        key = certificate.public_key()
        try:
            if isinstance(key, rsa.RSAPublicKey) and self.algorithm in _RSA:
                key.verify(self.signature, self.signed, padding.PKCS1v15(), _RSA[self.algorithm])
                return True
            if isinstance(key, ec.EllipticCurvePublicKey) and self.algorithm in _ECDSA:
                key.verify(_as_der(self.signature), self.signed, ec.ECDSA(_ECDSA[self.algorithm]))
                return True
        except InvalidSignature:
            return False
        return False


def address(
    destination: str, message: bytes, *, is_request: bool, key: PrivateKey | None, relay_state: str = ""
) -> str:
    """Return the address that takes a message to its destination, signed when there is a key."""
    deflate = zlib.compressobj(wbits=_RAW_DEFLATE)
    packed = base64.b64encode(deflate.compress(message) + deflate.flush()).decode("ascii")
    pairs = [(_REQUEST if is_request else _RESPONSE, packed)]
    if relay_state:
        pairs.append((_RELAY, relay_state))
    if key is not None:
        pairs.append((_ALGORITHM, _algorithm_of(key)))
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs)
    if key is not None:
        query += f"&{_SIGNATURE}={quote(base64.b64encode(_sign(key, query.encode('ascii'))), safe='')}"
    return f"{destination}{'&' if '?' in destination else '?'}{query}"


def read_query(raw: str) -> Sent:
    """Return the message of a query as it was sent, percent-encoded; raise ``Malformed``."""
    if len(raw) > _LONGEST_QUERY or not raw.isascii():
        raise Malformed("The query is too long, or not percent-encoded.")
    values: dict[str, str] = {}
    for pair in raw.split("&"):
        name, _, value = pair.partition("=")
        if name in values:
            raise Malformed("A parameter is there twice.")
        values[name] = value
    names = [name for name in (_REQUEST, _RESPONSE) if name in values]
    if len(names) != 1:
        raise Malformed("There is no message, or more than one.")
    if "SAMLEncoding" in values and unquote_plus(values["SAMLEncoding"]) != _DEFLATE:
        raise Malformed("The message is packed in another way than DEFLATE.")
    relay_state = unquote_plus(values.get(_RELAY, ""))
    if len(relay_state) > _LONGEST_RELAY:
        raise Malformed("The relay state is too long.")
    sent = Sent(
        message=_inflated(unquote_plus(values[names[0]])), is_request=names[0] == _REQUEST, relay_state=relay_state
    )
    if _SIGNATURE not in values or _ALGORITHM not in values:
        return sent
    covered = [names[0], *((_RELAY,) if _RELAY in values else ()), _ALGORITHM]
    return Sent(
        message=sent.message,
        is_request=sent.is_request,
        relay_state=relay_state,
        signed="&".join(f"{name}={values[name]}" for name in covered).encode("ascii"),
        algorithm=unquote_plus(values[_ALGORITHM]),
        signature=decoded(unquote_plus(values[_SIGNATURE])),
    )


def decoded(text: str) -> bytes:
    """Return what Base64 with or without line breaks says; raise ``Malformed``."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("It is no Base64.") from None


def _inflated(text: str) -> bytes:
    inflate = zlib.decompressobj(wbits=_RAW_DEFLATE)
    try:
        message = inflate.decompress(decoded(text), LARGEST_MESSAGE + 1)
    except zlib.error:
        raise Malformed("The message is not packed by DEFLATE.") from None
    if len(message) > LARGEST_MESSAGE or not inflate.eof:
        raise Malformed("There is too much of it, or it is cut off.")
    return message


def _algorithm_of(key: PrivateKey) -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        return RSA_SHA256
    if key.key_size > 384:
        return ECDSA_SHA512
    return ECDSA_SHA384 if key.key_size > 256 else ECDSA_SHA256


def _sign(key: PrivateKey, data: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    der = key.sign(data, ec.ECDSA(_ECDSA[_algorithm_of(key)]))
    # XML Signature 1.1, section 6.4.3: both numbers, one after the other, each as long as the curve's order.
    size = (key.key_size + 7) // 8
    first, second = decode_dss_signature(der)
    return first.to_bytes(size, "big") + second.to_bytes(size, "big")


def _as_der(signature: bytes) -> bytes:
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))
