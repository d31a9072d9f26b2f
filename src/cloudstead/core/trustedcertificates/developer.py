"""Developer certificates: trusted certificates that we make for developers, to be put into devices as they are.

A developer certificate is its own authority, and issues nothing: a device shows the certificate itself, and is the one
thing that the certificate names. Everybody in the account may read its private key, so what that key signs proves
nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.whole_account import require_at_root
from cloudstead.core.credentials.authority import private_key_pem
from cloudstead.core.ids import TrustedCertificateId
from cloudstead.core.trustedcertificates.chains import Chain
from cloudstead.core.trustedcertificates.errors import TrustedCertificateNotFound
from cloudstead.core.trustedcertificates.model import Service, TrustedCertificate, TrustedStatus
from cloudstead.core.trustedcertificates.registry import owner_of

if TYPE_CHECKING:
    from datetime import datetime

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.ids import AccountId, IdSource
    from cloudstead.core.trustedcertificates.registry import TrustedCertificates
    from cloudstead.core.unit import Unit

LIFE_YEARS: Final = 10
MARK: Final = x509.ObjectIdentifier("1.3.6.1.4.1.4128.201")
"""The private extension that marks a developer certificate (account management, developer certificates)."""

# An INTEGER of three octets, as it is printed there; what its bits mean is not.
_MARK_VALUE: Final = bytes.fromhex("0203400091")
_PURPOSE: Final = "developer-certificate-key"
CREATE: Final = Permission("developer-certificate:create")
READ: Final = Permission("developer-certificate:read")
_SERIAL_BITS: Final = 127  # positive, and at most 20 octets (RFC 5280, section 4.1.2.2)
_PLACE: Final = (
    (NameOID.COUNTRY_NAME, "GB"),
    (NameOID.STATE_OR_PROVINCE_NAME, "Cambridgeshire"),
    (NameOID.LOCALITY_NAME, "Cambridge"),
    (NameOID.ORGANIZATION_NAME, "cloudstead"),
)
"""The names that such certificates have; the organisation is the one that makes them."""


@dataclass(frozen=True, slots=True)
class DeveloperCertificate:
    """A developer certificate with its private key (PKCS#8, PEM)."""

    trusted: TrustedCertificate
    private_key: str = field(repr=False)

    @property
    def private_key_der(self) -> bytes:
        """The key as devices keep it: PKCS#8 in DER."""
        key = load_pem_private_key(self.private_key.encode(), password=None)
        return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


class DeveloperCertificates:
    """The developer certificates of all accounts. Their keys are kept sealed, because they are given out again."""

    def __init__(self, clock: Clock, ids: IdSource, sealer: Sealer, registry: TrustedCertificates) -> None:
        self._clock = clock
        self._ids = ids
        self._sealer = sealer
        self._registry = registry

    def create(self, unit: Unit, caller: Caller, *, name: str, description: str | None = None) -> DeveloperCertificate:
        """Make a certificate and its key, trusted at once.

        Raises ``InvalidField``, ``TrustedCertificateNameTaken`` and ``AccountLimitExceeded``.
        """
        require_at_root(caller, CREATE)
        certificate_id = TrustedCertificateId(self._ids.new())
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = make_certificate(key, caller.account_id, certificate_id, now=self._clock.now())
        pem = private_key_pem(key)
        now_ms = self._clock.millis()
        trusted = TrustedCertificate(
            id=certificate_id,
            account_id=caller.account_id,
            name=name,
            description=description or None,
            service=Service.BOOTSTRAP,
            status=TrustedStatus.ACTIVE,
            enrols=False,
            is_proven=True,
            owner_id=owner_of(caller),
            trusted=Chain((certificate,)).trusted,
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
            sealed_private_key=self._sealer.seal(pem, _PURPOSE),
        )
        self._registry.add(unit, caller, trusted, operation="developer-certificate.create")
        return DeveloperCertificate(trusted, pem.decode("ascii"))

    def get(self, unit: Unit, caller: Caller, *, certificate_id: str) -> DeveloperCertificate:
        """Return a certificate with its key; raise ``TrustedCertificateNotFound``."""
        require_at_root(caller, READ)
        found = unit.trusted_certificates.get(TrustedCertificateId(certificate_id))
        if found is None or found.account_id != caller.account_id or found.sealed_private_key is None:
            raise TrustedCertificateNotFound
        return DeveloperCertificate(found, self._sealer.open(found.sealed_private_key, _PURPOSE).decode("ascii"))


def make_certificate(
    key: ec.EllipticCurvePrivateKey, account_id: AccountId, name: str, *, now: datetime
) -> x509.Certificate:
    """Return the certificate of the key: issued by itself, and good for ten years."""
    subject = x509.Name(
        [
            *(x509.NameAttribute(oid, text) for oid, text in _PLACE),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, account_id),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    begin = now.replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(secrets.randbits(_SERIAL_BITS) | 1)
        .not_valid_before(begin)
        .not_valid_after(_years_later(begin))
        .add_extension(x509.UnrecognizedExtension(MARK, _MARK_VALUE), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )


def der_of(pem: str) -> bytes:
    """Return a certificate as devices keep it."""
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)


def _years_later(moment: datetime) -> datetime:
    try:
        return moment.replace(year=moment.year + LIFE_YEARS)
    except ValueError:  # the 29th of February
        return (moment + timedelta(days=1)).replace(year=moment.year + LIFE_YEARS)
