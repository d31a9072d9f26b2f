"""The certificate authority of the installation.

A root, whose key the operator may lock away, vouches for an issuing authority, which signs the certificates of things
and of our own servers. All keys are EC P-256: small, fast, and known to every TLS library that devices use.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import CertificateId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.clock import Clock
    from cloudstead.core.ids import AccountId, ThingName, ThingUid

ROOT_LIFE: Final = timedelta(days=20 * 365)
ISSUING_LIFE: Final = timedelta(days=10 * 365)
SERVER_LIFE: Final = timedelta(days=397)
"""CA/Browser Forum Baseline Requirements, section 6.3.2: clients refuse server certificates of 398 days and more."""

REVOCATION_LIST_LIFE: Final = timedelta(days=1)

_BACKDATED: Final = timedelta(hours=1)  # devices whose clock is a little slow must not find us "not yet valid"
_CLAIM_BACKDATED: Final = timedelta(minutes=1)
_SMALLEST_RSA: Final = 2048
_LARGEST_RSA: Final = 4096  # verifying takes longer with each bit, and devices connect in storms
_LONGEST_COMMON_NAME: Final = 64  # RFC 5280, appendix A: ub-common-name
_DNS_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class AuthorityFiles:
    """A new authority as PEM. ``root_key`` is needed again only to make the next issuing authority."""

    root_certificate: bytes
    root_key: bytes = field(repr=False)
    issuing_certificate: bytes
    issuing_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Issued:
    """A fresh certificate with its key. ``pem`` holds the certificate and the issuing authority's, in that order."""

    id: CertificateId
    serial: str  # lower-case hex, no leading zeros
    not_before_ms: int
    not_after_ms: int
    pem: str
    private_key_pem: str = field(repr=False)
    public_key_pem: str


@dataclass(frozen=True, slots=True)
class Signed:
    """A fresh certificate for a key that somebody else holds; the fields are those of ``Issued``."""

    id: CertificateId
    serial: str
    not_before_ms: int
    not_after_ms: int
    pem: str


def fingerprint(der: bytes) -> CertificateId:
    """Return the id of a certificate: the SHA-256 of its DER form in lower-case hex."""
    return CertificateId(hashlib.sha256(der).hexdigest())


def create_authority(clock: Clock, *, name: str = "cloudstead") -> AuthorityFiles:
    """Make a root and a first issuing authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(f"{name} root")
    root = (
        _authority_certificate(subject, key.public_key(), path_length=1)
        .issuer_name(subject)
        .not_valid_before(clock.now() - _BACKDATED)
        .not_valid_after(clock.now() + ROOT_LIFE)
        .sign(key, SHA256())
    )
    root_certificate, root_key = root.public_bytes(Encoding.PEM), private_key_pem(key)
    certificate, issuing_key = create_issuing_authority(root_certificate, root_key, clock=clock, name=name)
    return AuthorityFiles(root_certificate, root_key, certificate, issuing_key)


def create_issuing_authority(
    root_certificate: bytes, root_key: bytes, *, clock: Clock, name: str = "cloudstead"
) -> tuple[bytes, bytes]:
    """Make an issuing authority below the root; return its certificate and its key."""
    root = x509.load_pem_x509_certificate(root_certificate)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _authority_certificate(_subject(f"{name} issuing"), key.public_key(), path_length=0)
        .issuer_name(root.subject)
        .not_valid_before(clock.now() - _BACKDATED)
        .not_valid_after(min(clock.now() + ISSUING_LIFE, root.not_valid_after_utc))
        .add_extension(_issuer_id(root), critical=False)
        .sign(_load_key(root_key), SHA256())
    )
    return certificate.public_bytes(Encoding.PEM), private_key_pem(key)


class Authority:
    """Issues certificates with the issuing authority's key; about 5,000 a second with their keys."""

    def __init__(
        self, issuing_key: bytes, issuing_certificate: bytes, *, root_certificate: bytes, clock: Clock
    ) -> None:
        self._key = _load_key(issuing_key)
        self._certificate = x509.load_pem_x509_certificate(issuing_certificate)
        self._clock = clock
        # Everything that is the same in each certificate is made once.
        self._issuer_id = _issuer_id(self._certificate)
        self._issuing_pem = issuing_certificate.decode("ascii")
        self.root_pem: Final = root_certificate.decode("ascii")

    @property
    def chain_pem(self) -> str:
        """The issuing authority's certificate and the root's: what a server needs to verify things."""
        return self._issuing_pem + self.root_pem

    @property
    def not_after(self) -> datetime:
        """The end of the issuing authority, and of every thing certificate that it signs."""
        return self._certificate.not_valid_after_utc

    def issue_thing_certificate(self, account_id: AccountId, thing_name: ThingName, *, thing_uid: ThingUid) -> Issued:
        """Make a key and a certificate with which a thing identifies itself (TLS client authentication).

        It ends with the issuing authority: devices in the field are rarely given a second one, and what outlives its
        issuer is refused anyway. The subject is for human readers; its name is cut at 64 characters, whereas the URI
        names the thing exactly.
        """
        return self._issue(
            _thing_subject(account_id, thing_name),
            [_thing_uri(account_id, thing_uid)],
            ExtendedKeyUsageOID.CLIENT_AUTH,
            not_after=self.not_after,
        )

    def issue_server_certificate(self, names: Sequence[str]) -> Issued:
        """Make a key and a certificate for our own listeners; each name is a DNS name (``*.`` may lead) or an address.

        Raises ``InvalidField`` naming ``names``.
        """
        if not names:
            raise InvalidField("names", "a server certificate needs at least one name")
        alternatives = [_server_name(name) for name in names]
        return self._issue(
            _subject(names[0][:_LONGEST_COMMON_NAME]),
            alternatives,
            ExtendedKeyUsageOID.SERVER_AUTH,
            not_after=min(self._clock.now() - _BACKDATED + SERVER_LIFE, self.not_after),
        )

    def issue_revocation_list(self, revoked: Sequence[tuple[str, int]]) -> bytes:
        """Return the signed list (DER) of revoked serials, each with its time in ms; good for one day."""
        now = self._clock.now()
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now)
            .next_update(now + REVOCATION_LIST_LIFE)
            .add_extension(self._issuer_id, critical=False)
            # RFC 5280, section 5.2.3: must increase; milliseconds do without our keeping count.
            .add_extension(x509.CRLNumber(self._clock.millis()), critical=False)
        )
        for serial, revoked_at_ms in revoked:
            entry = x509.RevokedCertificateBuilder(int(serial, 16), datetime.fromtimestamp(revoked_at_ms / 1000, UTC))
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self._key, SHA256()).public_bytes(Encoding.DER)

    def issue_claim_certificate(self, account_id: AccountId, device_id: str, *, life: timedelta) -> Issued:
        """Make a key and a certificate with which a device may introduce itself once, within ``life`` from now."""
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, account_id),
                x509.NameAttribute(NameOID.COMMON_NAME, device_id[:_LONGEST_COMMON_NAME]),
            ]
        )
        now = self._clock.now()
        return self._issue(
            subject,
            [x509.UniformResourceIdentifier(f"urn:cloudstead:claim:{account_id}:{device_id}")],
            ExtendedKeyUsageOID.CLIENT_AUTH,
            not_before=now - _CLAIM_BACKDATED,
            not_after=now + life,
        )

    def sign_thing_request(
        self,
        request: x509.CertificateSigningRequest,
        account_id: AccountId,
        thing_name: ThingName,
        *,
        thing_uid: ThingUid,
    ) -> Signed:
        """Certify the key of a thing that made its own; nothing else of the request is taken over.

        Raises ``InvalidField`` naming ``csr`` for a key that is no EC key of 256 or 384 bits nor RSA of 2048 to 4096,
        and for a request that its key has not signed.
        """
        certificate = self._sign(
            _thing_subject(account_id, thing_name),
            [_thing_uri(account_id, thing_uid)],
            ExtendedKeyUsageOID.CLIENT_AUTH,
            key=_checked_key(request),
            not_before=self._clock.now() - _BACKDATED,
            not_after=self.not_after,
        )
        return Signed(
            id=fingerprint(certificate.public_bytes(Encoding.DER)),
            serial=f"{certificate.serial_number:x}",
            not_before_ms=_millis(certificate.not_valid_before_utc),
            not_after_ms=_millis(certificate.not_valid_after_utc),
            pem=certificate.public_bytes(Encoding.PEM).decode("ascii") + self._issuing_pem,
        )

    def _issue(
        self,
        subject: x509.Name,
        names: Sequence[x509.GeneralName],
        usage: x509.ObjectIdentifier,
        *,
        not_before: datetime | None = None,
        not_after: datetime,
    ) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(
            subject,
            names,
            usage,
            key=key.public_key(),
            not_before=not_before or self._clock.now() - _BACKDATED,
            not_after=not_after,
        )
        return Issued(
            id=fingerprint(certificate.public_bytes(Encoding.DER)),
            serial=f"{certificate.serial_number:x}",
            not_before_ms=_millis(certificate.not_valid_before_utc),
            not_after_ms=_millis(certificate.not_valid_after_utc),
            pem=certificate.public_bytes(Encoding.PEM).decode("ascii") + self._issuing_pem,
            private_key_pem=private_key_pem(key).decode("ascii"),
            public_key_pem=public_key_pem(key.public_key()),
        )

    def _sign(
        self,
        subject: x509.Name,
        names: Sequence[x509.GeneralName],
        usage: x509.ObjectIdentifier,
        *,
        key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
        not_before: datetime,
        not_after: datetime,
    ) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(not_before)
            .not_valid_after(not_after)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_SIGNS_ONLY, critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(self._issuer_id, critical=False)
            .sign(self._key, SHA256())
        )


def private_key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the key as PKCS#8, the one form that OpenSSL, rustls, Java and the AWS runtime all read."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_key_pem(key: ec.EllipticCurvePublicKey) -> str:
    """Return the key as SubjectPublicKeyInfo."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


_SIGNS_ONLY: Final = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
_SIGNS_CERTIFICATES: Final = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def _authority_certificate(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, *, path_length: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_SIGNS_CERTIFICATES, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _subject(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _thing_subject(account_id: AccountId, thing_name: ThingName) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, account_id),
            x509.NameAttribute(NameOID.COMMON_NAME, thing_name[:_LONGEST_COMMON_NAME]),
        ]
    )


def _thing_uri(account_id: AccountId, thing_uid: ThingUid) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(f"urn:cloudstead:thing:{account_id}:{thing_uid}")


def _checked_key(request: x509.CertificateSigningRequest) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    try:
        key = request.public_key()
        is_signed = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidField("csr", "has a key or a signature of an unknown kind") from None
    is_curve = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, (ec.SECP256R1, ec.SECP384R1))
    is_rsa = isinstance(key, rsa.RSAPublicKey) and _SMALLEST_RSA <= key.key_size <= _LARGEST_RSA
    if not (is_curve or is_rsa) or not isinstance(key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)):
        raise InvalidField("csr", "needs an EC key on P-256 or P-384, or an RSA key of 2048 to 4096 bits")
    if not is_signed:
        raise InvalidField("csr", "is not signed by the key that it names")
    return key


def _issuer_id(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _server_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        if not _DNS_NAME.fullmatch(name):
            raise InvalidField("names", f"{name!r} is neither a DNS name nor an IP address") from None
        return x509.DNSName(name.lower())


def _load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key must be an elliptic-curve key")
    return key


def _millis(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
