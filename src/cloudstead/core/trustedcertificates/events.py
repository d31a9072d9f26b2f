"""What happened to trusted certificates; told after the transaction that made it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.ids import TrustedCertificateId


@dataclass(frozen=True, slots=True)
class TrustOpened:
    """A trusted certificate opens the door from now on; ``authority_pem`` is what the handshake has to know."""

    certificate_id: TrustedCertificateId
    authority_pem: str


@dataclass(frozen=True, slots=True)
class TrustClosed:
    """It opens no door any more; open connections that rest on it end."""

    certificate_id: TrustedCertificateId
