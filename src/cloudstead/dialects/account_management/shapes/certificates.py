"""Trusted and developer certificates, and server credentials, on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import UNSET, Meta, Struct

from cloudstead.core.trustedcertificates.listing import TrustedQuery
from cloudstead.core.trustedcertificates.model import MAX_DESCRIPTION_CHARS, Service, TrustedStatus
from cloudstead.core.trustedcertificates.registry import TrustedChange, Upload
from cloudstead.dialects.account_management.paging import ListQuery
from cloudstead.dialects.account_management.shapes.words import (
    Maybe,
    Name100,
    change,
    change_unless_null,
    given,
    utc_text,
    utc_text_ms,
)

if TYPE_CHECKING:
    from cloudstead.core.trustedcertificates.developer import DeveloperCertificate
    from cloudstead.core.trustedcertificates.model import TrustedCertificate
    from cloudstead.core.trustedcertificates.servers import ServerCredentials

Description = Annotated[str, Meta(max_length=MAX_DESCRIPTION_CHARS)]
Days = Annotated[int, Meta(ge=0, le=36_500)]
ExecutionMode = Annotated[int, Meta(ge=0, le=1)]
_MODES = frozenset({True, False})


class TrustedCertificateReq(Struct, kw_only=True):
    """A trusted certificate to upload."""

    name: Name100
    certificate: str
    service: Service
    signature: Maybe[str] = UNSET
    description: Maybe[Description] = UNSET
    enrollment_mode: Maybe[bool] = UNSET
    status: Maybe[TrustedStatus] = UNSET

    def upload(self) -> Upload:
        """Return it in our words."""
        return Upload(
            name=self.name,
            certificate=self.certificate,
            service=self.service,
            signature=given(self.signature),
            description=given(self.description),
            enrols=given(self.enrollment_mode) or False,
            status=given(self.status) or TrustedStatus.ACTIVE,
        )


class TrustedCertificateUpdateReq(Struct, kw_only=True):
    """What to change in a trusted certificate; what is not sent stays as it is."""

    name: Maybe[Name100] = UNSET
    certificate: Maybe[str] = UNSET
    service: Maybe[Service] = UNSET
    signature: Maybe[str] = UNSET
    description: Maybe[Description] = UNSET
    enrollment_mode: Maybe[bool] = UNSET
    status: Maybe[TrustedStatus] = UNSET

    def change(self) -> TrustedChange:
        """Return it in our words."""
        return TrustedChange(
            name=change_unless_null(self.name),
            certificate=change_unless_null(self.certificate),
            service=change_unless_null(self.service),
            signature=change_unless_null(self.signature),
            description=change(self.description),
            enrols=change_unless_null(self.enrollment_mode),
            status=change_unless_null(self.status),
        )


class TrustedCertificateQuery(ListQuery, kw_only=True):
    """The filters of the list; ``valid__eq`` is about the dates alone."""

    name__eq: str | None = None
    service__eq: Service | None = None
    expire__eq: Days | None = None
    device_execution_mode__eq: ExecutionMode | None = None
    device_execution_mode__neq: ExecutionMode | None = None
    owner__eq: str | None = None
    enrollment_mode__eq: bool | None = None
    status__eq: TrustedStatus | None = None
    issuer__like: str | None = None
    subject__like: str | None = None
    valid__eq: bool | None = None

    def wanted(self) -> TrustedQuery:
        """Return them in our words."""
        modes = _MODES
        if self.device_execution_mode__eq is not None:
            modes &= {self.device_execution_mode__eq == 1}
        if self.device_execution_mode__neq is not None:
            modes -= {self.device_execution_mode__neq == 1}
        return TrustedQuery(
            name=self.name__eq,
            service=self.service__eq,
            expires_within_days=self.expire__eq,
            is_developer_in=modes,
            owner_id=self.owner__eq,
            enrols=self.enrollment_mode__eq,
            status=self.status__eq,
            issuer_part=self.issuer__like,
            subject_part=self.subject__like,
            is_expired=None if self.valid__eq is None else not self.valid__eq,
        )


class TrustedCertificateResp(Struct, kw_only=True):
    """A trusted certificate."""

    id: str
    account_id: str
    name: str
    description: str | None
    certificate: str
    certificate_fingerprint: str
    subject: str
    issuer: str
    validity: str
    valid: bool
    service: Service
    status: TrustedStatus
    enrollment_mode: bool
    device_execution_mode: int
    owner_id: str | None
    etag: str
    created_at: str
    updated_at: str
    object: Literal["trusted-cert"] = "trusted-cert"


class DeveloperCertificateRequestData(Struct, kw_only=True):
    """A developer certificate to make."""

    name: Name100
    description: Maybe[Description] = UNSET


class DeveloperCertificateResponseData(Struct, kw_only=True):
    """A developer certificate with its private key, and both as C source."""

    id: str
    account_id: str
    name: str
    description: str | None
    developer_certificate: str
    developer_private_key: str
    security_file_content: str
    etag: str
    created_at: str
    object: Literal["trusted-cert"] = "trusted-cert"


class CredentialsResponseData(Struct, kw_only=True):
    """One server of two: its address, and the authority to trust."""

    url: str
    certificate: str


class AllServerCredentialsResponseData(Struct, kw_only=True):
    """Both servers."""

    bootstrap: CredentialsResponseData
    lwm2m: CredentialsResponseData


class ServerCredentialsResponseData(Struct, kw_only=True):
    """One server as an entity."""

    id: str
    server_uri: str
    server_certificate: str
    created_at: str
    etag: str = "1"
    object: Literal["server-credentials"] = "server-credentials"


def trusted_certificate(certificate: TrustedCertificate, now_ms: int) -> TrustedCertificateResp:
    """Return a trusted certificate as the wire shows it."""
    trusted = certificate.trusted
    return TrustedCertificateResp(
        id=certificate.id,
        account_id=certificate.account_id,
        name=certificate.name,
        description=certificate.description,
        certificate=trusted.pem,
        certificate_fingerprint=trusted.fingerprint,
        subject=trusted.subject,
        issuer=trusted.issuer,
        validity=utc_text(trusted.not_after_ms),
        valid=certificate.is_valid(now_ms),
        service=certificate.service,
        status=certificate.status,
        enrollment_mode=certificate.enrols,
        device_execution_mode=int(certificate.is_developer),
        owner_id=certificate.owner_id,
        etag=str(certificate.version),
        created_at=utc_text(certificate.created_at_ms),
        updated_at=utc_text(certificate.updated_at_ms),
    )


def developer_certificate(certificate: DeveloperCertificate, source: str) -> DeveloperCertificateResponseData:
    """Return a developer certificate as the wire shows it."""
    trusted = certificate.trusted
    return DeveloperCertificateResponseData(
        id=trusted.id,
        account_id=trusted.account_id,
        name=trusted.name,
        description=trusted.description,
        developer_certificate=trusted.trusted.pem,
        developer_private_key=certificate.private_key,
        security_file_content=source,
        etag=str(trusted.version),
        created_at=utc_text_ms(trusted.created_at_ms),
    )


def credentials(found: ServerCredentials) -> CredentialsResponseData:
    """Return one server of two."""
    return CredentialsResponseData(url=found.url, certificate=found.authority_pem)


def server_credentials(found: ServerCredentials) -> ServerCredentialsResponseData:
    """Return one server as an entity."""
    return ServerCredentialsResponseData(
        id=found.id,
        server_uri=found.url,
        server_certificate=found.authority_pem,
        created_at=utc_text_ms(found.created_at_ms),
    )
