"""A trusted certificate, and a device's certificate that one vouches for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cloudstead.core.versions import Versioned

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId, CertificateId, ThingUid, TrustedCertificateId

MAX_NAME_CHARS = 100
MAX_DESCRIPTION_CHARS = 500


class Service(StrEnum):
    """The server that the certificate is meant for; the MQTT gateway stands in for both."""

    LWM2M = "lwm2m"
    BOOTSTRAP = "bootstrap"


class TrustedStatus(StrEnum):
    """Whether the account wants the certificate to open the door."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """What the certificate itself says. The last one of the chain is the one that is trusted.

    ``subject_hash`` (``chains.name_hash``) and ``key_hash`` (SHA-256 of the public key in DER, in hex) are how TLS
    finds an authority and what an authority is. ``not_before_ms`` and ``not_after_ms`` are when the whole chain is in
    force.
    """

    pem: str  # root first
    fingerprint: CertificateId
    subject: str
    issuer: str
    subject_hash: str
    key_hash: str
    not_before_ms: int
    not_after_ms: int

    @property
    def authority_pem(self) -> str:
        """The trusted certificate alone."""
        return self.pem[self.pem.rindex("-----BEGIN") :]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedCertificate(Versioned):
    """An authority of an account, whose devices' certificates open the account's door.

    ``enrols``: a device that was never seen becomes a thing at its first connection. ``is_proven``: the account has
    shown that it holds the private key. ``sealed_private_key`` is there for a developer certificate, of which we made
    the key ourselves.
    """

    id: TrustedCertificateId
    account_id: AccountId
    name: str
    description: str | None
    service: Service
    status: TrustedStatus
    enrols: bool
    is_proven: bool
    owner_id: str | None
    trusted: Trusted
    created_at_ms: int
    sealed_private_key: bytes | None = None

    @property
    def is_developer(self) -> bool:
        """Whether it is a developer certificate: devices show the certificate itself."""
        return self.sealed_private_key is not None

    @property
    def is_active(self) -> bool:
        """Whether the account wants it to open the door."""
        return self.status is TrustedStatus.ACTIVE

    def is_valid(self, now_ms: int) -> bool:
        """Tell whether it opens the door now."""
        return self.is_active and self.trusted.not_before_ms <= now_ms <= self.trusted.not_after_ms


@dataclass(frozen=True, slots=True)
class VouchedCertificate:
    """A device's certificate that a trusted one vouches for, as it was seen first.

    ``revoked_at_ms`` is set when the thing got another certificate or was removed: it opens no door any more.
    """

    id: CertificateId
    account_id: AccountId
    trusted_certificate_id: TrustedCertificateId
    thing_uid: ThingUid
    not_after_ms: int
    first_seen_ms: int
    revoked_at_ms: int | None = None
