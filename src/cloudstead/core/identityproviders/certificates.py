"""Keys and certificates: those that providers sign with, and our own towards them.

We sign with our own, and where it is an RSA key, providers encrypt for it: no other kind can be encrypted for in a way
that providers know.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import NameOID

from cloudstead.core.errors import InvalidField

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

SEALED_FOR: Final = "identity-provider-sp-key"
SHORTEST_DAYS: Final = 1
LONGEST_DAYS: Final = 3650
DEFAULT_DAYS: Final = 365

_LONGEST_CERTIFICATE: Final = 16 * 1024
_SHORTEST_RSA_BITS: Final = 2048  # NIST SP 800-131A: shorter ones sign nothing any more
_CLOCKS_APART: Final = timedelta(minutes=5)

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class KeyAlgorithm(StrEnum):
    """The keys that can be asked for; what begins with EC and with ECDSA is the same."""

    RSA2048 = "RSA2048"
    RSA3072 = "RSA3072"
    EC224 = "EC224"
    EC256 = "EC256"
    EC384 = "EC384"
    EC521 = "EC521"
    ECDSA224 = "ECDSA224"
    ECDSA256 = "ECDSA256"
    ECDSA384 = "ECDSA384"
    ECDSA521 = "ECDSA521"


_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "224": ec.SECP224R1(),
    "256": ec.SECP256R1(),
    "384": ec.SECP384R1(),
    "521": ec.SECP521R1(),
}


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A private key (PKCS#8, DER) and the certificate that we show for it."""

    certificate_pem: str
    private_key: bytes = field(repr=False)


def make_own_key(algorithm: KeyAlgorithm, *, days: int, name: str, now: datetime) -> OwnKey:
    """Make a key and a certificate that vouches for itself; takes up to a second, so keep it off the event loop."""
    key: PrivateKey
    if algorithm.value.startswith("RSA"):
        key = rsa.generate_private_key(public_exponent=65537, key_size=int(algorithm.value.removeprefix("RSA")))
    else:
        key = ec.generate_private_key(_CURVES[algorithm.value[-3:]])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_APART)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    return OwnKey(
        certificate.public_bytes(Encoding.PEM).decode("ascii"),
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    )


def own_private_key(der: bytes) -> PrivateKey:
    """Return the key that ``make_own_key`` wrote.

    It was sealed in between, so nobody has changed it: proving once more that its numbers are prime takes 30 to 180 ms.
    """
    key = load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise TypeError("a key that we sign with is an RSA or an elliptic-curve key")
    return key


def encryption_certificate(pem: str | None) -> str | None:
    """Return our certificate where assertions can be encrypted for its key, ``None`` where not."""
    if pem is None:
        return None
    key = x509.load_pem_x509_certificate(pem.encode("ascii")).public_key()
    return pem if isinstance(key, rsa.RSAPublicKey) else None


def normalized(pem: str, *, field: str) -> str:
    """Return one certificate in PEM as we write it; raise ``InvalidField`` for what could prove nothing."""
    return _loaded(pem, field).public_bytes(Encoding.PEM).decode("ascii")


def loaded(pems: tuple[str, ...]) -> list[Certificate]:
    """Return certificates that ``normalized`` has written."""
    return [_loaded(pem, "idp_x509_certs") for pem in pems]


def _loaded(pem: str, field: str) -> Certificate:
    if len(pem) > _LONGEST_CERTIFICATE:
        raise InvalidField(field, "a certificate is too long")
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
        key = certificates[0].public_key()
        _ = certificates[0].subject, certificates[0].not_valid_after_utc.astimezone(UTC)
    except (ValueError, UnsupportedAlgorithm, OverflowError):
        raise InvalidField(field, "holds something that is no certificate in PEM form") from None
    if len(certificates) != 1:
        raise InvalidField(field, "each entry has to hold exactly one certificate")
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _SHORTEST_RSA_BITS:
            raise InvalidField(field, f"an RSA key of less than {_SHORTEST_RSA_BITS} bits is too weak")
    elif not isinstance(key, ec.EllipticCurvePublicKey):
        raise InvalidField(field, "a certificate has a key that is neither RSA nor an elliptic-curve key")
    return certificates[0]
