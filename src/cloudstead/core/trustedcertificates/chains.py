"""Reading and judging what is uploaded as a trusted certificate: a chain of X.509 certificates in PEM, root first.

What comes in may be anything: each refusal names the field and, in a chain, which certificate it is about.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cloudstead.core.credentials.authority import fingerprint
from cloudstead.core.errors import InvalidField
from cloudstead.core.trustedcertificates.model import Trusted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MAX_CHARS: Final = 64 * 1024
"""Ten certificates with RSA keys of 4096 bits take about 25 KB."""

MAX_CERTIFICATES: Final = 10
MIN_RSA_BITS: Final = 2048
"""NIST SP 800-131A, revision 2, section 3: shorter ones are disallowed."""

MAX_RSA_BITS: Final = 8192
"""Longer ones cost each handshake milliseconds, at the wish of whoever uploaded them."""

_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_HASHES: Final = (SHA256, SHA384, SHA512)
_FIELD: Final = "certificate"
_SIGNATURE: Final = "signature"


@dataclass(frozen=True)
class Chain:
    """A chain that was read and judged; the last certificate is the one to trust."""

    certificates: tuple[x509.Certificate, ...]

    @property
    def last(self) -> x509.Certificate:
        """The certificate to trust: an authority of which devices' certificates come."""
        return self.certificates[-1]

    @cached_property
    def is_complete(self) -> bool:
        """Whether it begins with a root, which vouches for itself."""
        return is_issued_by(self.certificates[0], self.certificates[0])

    @cached_property
    def trusted(self) -> Trusted:
        """What is kept of it."""
        last = self.last
        return Trusted(
            pem="".join(each.public_bytes(Encoding.PEM).decode("ascii") for each in self.certificates),
            fingerprint=fingerprint(last.public_bytes(Encoding.DER)),
            subject=last.subject.rfc4514_string(),
            issuer=last.issuer.rfc4514_string(),
            subject_hash=name_hash(last.subject),
            key_hash=key_hash(last),
            not_before_ms=max(_millis(each.not_valid_before_utc) for each in self.certificates),
            not_after_ms=min(_millis(each.not_valid_after_utc) for each in self.certificates),
        )


def read_chain(text: str, *, now: datetime) -> Chain:
    """Return the chain; raise ``InvalidField`` for what is no chain of authorities, has expired, or is weak.

    A certificate that is not in force yet is taken: authorities are handed over before they begin.
    """
    certificates = _parse(text)
    for number, certificate in enumerate(certificates, 1):
        which = f"certificate {number}: " if len(certificates) > 1 else ""
        try:
            _judge(certificate, which, below=len(certificates) - number, now=now)
            _judge_link(certificates, number)
            read = Chain(certificates[:number])
            _ = read.trusted  # parts of a certificate are read when they are asked for: now, and never later
        except InvalidField:
            raise
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise InvalidField(_FIELD, f"{which}cannot be read as an X.509 certificate") from None
    return read


def require_proof(chain: Chain, signature: str, message: str) -> None:
    """Raise ``InvalidField`` unless ``signature`` is that of ``message`` with the key of the trusted certificate.

    Base64 of the signature, hashed with SHA-256: ECDSA, or RSA with PKCS #1 v1.5, as ``openssl dgst -sign`` makes it.
    """
    try:
        raw = base64.b64decode("".join(signature.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidField(_SIGNATURE, "is not Base64") from None
    key = chain.last.public_key()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(raw, message.encode(), padding.PKCS1v15(), SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(raw, message.encode(), ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise InvalidField(
            _SIGNATURE, "is not that of the account's id, made with the certificate's key and SHA-256"
        ) from None


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Tell whether ``issuer`` bears the name of the certificate's issuer and signed it."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def name_hash(name: x509.Name) -> str:
    """Return what stands for a subject or an issuer, in hex; the same for all that TLS takes for the same name.

    OpenSSL compares names without regard to letter case, to the number of blanks and to the kind of string (RFC 5280,
    section 7.1).
    """
    canonical = [
        sorted([attribute.oid.dotted_string, _folded(attribute.value)] for attribute in part) for part in name.rdns
    ]
    return hashlib.sha256(msgspec.json.encode(canonical)).hexdigest()


def key_hash(certificate: x509.Certificate) -> str:
    """Return what stands for a public key: SHA-256 of its DER form in hex."""
    der = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def is_authority(certificate: x509.Certificate) -> bool:
    """Tell whether it says of itself that it may issue others (RFC 5280, section 4.2.1.9)."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _folded(value: str | bytes) -> str:
    return value.hex() if isinstance(value, bytes) else " ".join(value.casefold().split())


def _parse(text: str) -> tuple[x509.Certificate, ...]:
    if len(text) > MAX_CHARS:
        raise InvalidField(_FIELD, f"longer than {MAX_CHARS} characters")
    if "PRIVATE KEY-----" in text:
        raise InvalidField(_FIELD, "holds a private key, which should leave nobody's hands: consider it lost")
    if text.count("-----BEGIN") > MAX_CERTIFICATES:
        raise InvalidField(_FIELD, f"holds more than {MAX_CERTIFICATES} certificates")
    try:
        certificates = tuple(x509.load_pem_x509_certificates(text.encode()))
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidField(_FIELD, "is not an X.509 certificate in PEM form") from None
    if len({each.fingerprint(SHA256()) for each in certificates}) < len(certificates):
        raise InvalidField(_FIELD, "holds the same certificate twice")
    return certificates


def _judge(certificate: x509.Certificate, which: str, *, below: int, now: datetime) -> None:
    """Judge one certificate, with ``below`` more authorities under it."""
    if certificate.version is not x509.Version.v3:
        raise InvalidField(_FIELD, f"{which}is not of version 3")
    if certificate.not_valid_after_utc < now:
        raise InvalidField(_FIELD, f"{which}expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
    _judge_strength(certificate, which)
    for extension in certificate.extensions:
        if extension.critical and isinstance(extension.value, x509.UnrecognizedExtension):
            raise InvalidField(_FIELD, f"{which}has the critical extension {extension.oid.dotted_string}")
    if not is_authority(certificate):
        raise InvalidField(_FIELD, f"{which}is not a certificate authority, which could vouch for devices")
    length = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    if length is not None and below > length:
        raise InvalidField(_FIELD, f"{which}allows {length} authorities below it, and {below} follow")
    if not _may_sign(certificate):
        raise InvalidField(_FIELD, f"{which}may not sign certificates (its key usage)")
    if not certificate.subject.rdns:
        raise InvalidField(_FIELD, f"{which}has no subject")


def _judge_strength(certificate: x509.Certificate, which: str) -> None:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
            raise InvalidField(
                _FIELD, f"{which}has an RSA key of {key.key_size} bits: {MIN_RSA_BITS} to {MAX_RSA_BITS} are taken"
            )
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, _CURVES):
            raise InvalidField(_FIELD, f"{which}has a key on {key.curve.name}: P-256, P-384 and P-521 are taken")
    else:
        raise InvalidField(_FIELD, f"{which}has a key that is neither RSA nor elliptic-curve")
    if not isinstance(certificate.signature_hash_algorithm, _HASHES):
        raise InvalidField(_FIELD, f"{which}is signed with a weak hash: SHA-256, SHA-384 and SHA-512 are taken")


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True


def _judge_link(certificates: Sequence[x509.Certificate], number: int) -> None:
    if number > 1 and not is_issued_by(certificates[number - 1], certificates[number - 2]):
        raise InvalidField(
            _FIELD, f"certificate {number}: is not issued by the one before it: the root comes first, the leaf last"
        )


def _millis(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
