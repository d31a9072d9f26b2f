"""Authorities of customers and their devices' certificates, good ones and bad ones."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from cloudstead.core.credentials.authority import fingerprint

if TYPE_CHECKING:
    from pathlib import Path

    from cloudstead.core.ids import CertificateId

HOUR = timedelta(hours=1)
MARKED = x509.ObjectIdentifier("1.2.3.4")


@dataclass(frozen=True)
class Party:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def id(self) -> CertificateId:
        return fingerprint(self.der)

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def sign(self, message: str) -> str:
        """Return the proof that the private key is at hand."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            raw = self.key.sign(message.encode(), padding.PKCS1v15(), SHA256())
        else:
            raw = self.key.sign(message.encode(), ec.ECDSA(SHA256()))
        return base64.b64encode(raw).decode()

    def files(self, folder: Path, *others: Party) -> tuple[Path, Path]:
        """Write the certificate, with others behind it, and the key."""
        certificate, key = folder / f"{self.id[:16]}.pem", folder / f"{self.id[:16]}.key"
        certificate.write_text(self.pem + "".join(each.pem for each in others))
        key.write_text(self.key_pem)
        return certificate, key


def name_of(*common_names: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each) for each in common_names])


def issue(
    subject: str | x509.Name,
    issuer: Party | None = None,
    *,
    ca: bool,
    path_length: int | None = None,
    key: Any = None,
    begin: datetime | None = None,
    end: datetime | None = None,
    hash_algorithm: Any = None,
    key_usage: x509.KeyUsage | None = None,
    key_id: bytes | None = None,
    critical: bool = False,
) -> Party:
    """Make a certificate, issued by itself unless an issuer is given."""
    now = datetime.now(UTC)
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = name_of(subject) if isinstance(subject, str) else subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin or now - HOUR)
        .not_valid_after(end or now + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=path_length), critical=True)
    )
    if key_id is not None:
        builder = builder.add_extension(x509.SubjectKeyIdentifier(key_id), critical=False)
    if key_usage is not None:
        builder = builder.add_extension(key_usage, critical=True)
    if critical:
        builder = builder.add_extension(x509.UnrecognizedExtension(MARKED, b"\x05\x00"), critical=True)
    return Party(builder.sign(issuer.key if issuer else key, hash_algorithm or SHA256()), key)


def authority(subject: str | x509.Name = "Acme devices", issuer: Party | None = None, **options: Any) -> Party:
    return issue(subject, issuer, ca=True, **options)


def device(subject: str | x509.Name, issuer: Party | None, **options: Any) -> Party:
    return issue(subject, issuer, ca=False, **options)


def usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
