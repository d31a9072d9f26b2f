"""API keys, refresh tokens and certificates as they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cloudstead.core.versions import Versioned

if TYPE_CHECKING:
    from cloudstead.core.caller import Grant
    from cloudstead.core.ids import AccountId, ApiKeyId, CertificateId, PersonId, ThingUid


@dataclass(frozen=True, slots=True)
class ApiKey(Versioned):
    """A long-lived key. Only the SHA-256 of its secret half is kept.

    ``grants`` are those that the key holds itself, beside those of the policy groups that it is in. ``secret_epoch``
    grows by one whenever the secret is replaced: what an older one has opened ends. ``last_used_at_ms`` is 0 before the
    first use.
    """

    id: ApiKeyId
    account_id: AccountId
    owner_id: PersonId | None
    name: str
    secret_hash: bytes  # 32 bytes
    grants: tuple[Grant, ...]
    created_at_ms: int
    is_active: bool = True
    last_used_at_ms: int = 0
    secret_epoch: int = 0


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """Lets a person log in again without the password. Only the SHA-256 of the token is kept."""

    token_hash: bytes  # 32 bytes, primary key
    account_id: AccountId
    person_id: PersonId
    expires_at_ms: int


class CertificateState(StrEnum):
    """Whether a certificate opens the door."""

    ACTIVE = "active"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A thing's certificate. A thing may have many live ones.

    ``sealed_private_key`` is there for keys that we made and that DOWNLOAD_CERTIFICATE must give out
    (Cloud Connect 2.11, section 11.1.2); it is ``None`` where the device made its own.
    """

    id: CertificateId  # fingerprint: SHA-256 of the DER form
    account_id: AccountId
    thing_uid: ThingUid
    serial: str  # lower-case hex, no leading zeros
    state: CertificateState
    not_before_ms: int
    not_after_ms: int
    pem: str
    sealed_private_key: bytes | None
    created_at_ms: int
    revoked_at_ms: int | None = None
