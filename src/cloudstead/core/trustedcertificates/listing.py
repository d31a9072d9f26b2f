"""Which trusted certificates a list is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cloudstead.core.trustedcertificates.model import Service, TrustedCertificate, TrustedStatus

_DAY_MS: Final = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedQuery:
    """What is looked for; ``None`` is anything. Parts of names are found whatever their letter case."""

    name: str | None = None
    service: Service | None = None
    expires_within_days: int | None = None
    is_developer_in: frozenset[bool] | None = None
    owner_id: str | None = None
    enrols: bool | None = None
    status: TrustedStatus | None = None
    issuer_part: str | None = None
    subject_part: str | None = None
    is_expired: bool | None = None

    def finds(self, certificate: TrustedCertificate, now_ms: int) -> bool:
        """Tell whether the certificate is looked for. One that has expired already does not expire within any days."""
        trusted = certificate.trusted
        return (
            _is(self.name, certificate.name)
            and _is(self.service, certificate.service)
            and (self.is_developer_in is None or certificate.is_developer in self.is_developer_in)
            and _is(self.owner_id, certificate.owner_id)
            and _is(self.enrols, certificate.enrols)
            and _is(self.status, certificate.status)
            and _is(self.is_expired, trusted.not_after_ms < now_ms)
            and _has(self.issuer_part, trusted.issuer)
            and _has(self.subject_part, trusted.subject)
            and (
                self.expires_within_days is None
                or now_ms <= trusted.not_after_ms <= now_ms + self.expires_within_days * _DAY_MS
            )
        )


def _is(wanted: object, found: object) -> bool:
    return wanted is None or wanted == found


def _has(part: str | None, text: str) -> bool:
    return part is None or part.casefold() in text.casefold()
