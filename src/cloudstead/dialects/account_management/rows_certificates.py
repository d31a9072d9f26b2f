"""The rows of trusted certificates, developer certificates and server credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.trustedcertificates import developer, registry, servers
from cloudstead.dialects.account_management.handlers.certificates import (
    DeveloperCertificateHandlers,
    ServerCredentialHandlers,
    TrustedCertificateHandlers,
)
from cloudstead.dialects.account_management.rows import both
from cloudstead.dialects.account_management.shapes.answers import ListOf
from cloudstead.dialects.account_management.shapes.certificates import (
    AllServerCredentialsResponseData,
    DeveloperCertificateRequestData,
    DeveloperCertificateResponseData,
    ServerCredentialsResponseData,
    TrustedCertificateQuery,
    TrustedCertificateReq,
    TrustedCertificateResp,
    TrustedCertificateUpdateReq,
)
from cloudstead.web.table import op

if TYPE_CHECKING:
    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.web.table import Operation

_ALL = "/v3/trusted-certificates"
_ONE = "/v3/trusted-certificates/{cert_id}"


def rows(backend: Backend) -> tuple[Operation, ...]:
    """Return the rows."""
    return (*_trusted(backend), *_developer(backend), *_servers(backend))


def _trusted(backend: Backend) -> tuple[Operation, ...]:
    run = TrustedCertificateHandlers(backend)
    return (
        *both(
            op(
                "GET",
                _ALL,
                name="list_trusted_certificates",
                run=run.list,
                query=TrustedCertificateQuery,
                gives=ListOf[TrustedCertificateResp],
                permission=registry.READ,
            ),
            "list_account_trusted_certificates",
        ),
        *both(
            op(
                "POST",
                _ALL,
                name="create_trusted_certificate",
                run=run.upload,
                takes=TrustedCertificateReq,
                gives=TrustedCertificateResp,
                permission=registry.CREATE,
                status=201,
            ),
            "create_account_trusted_certificate",
        ),
        *both(
            op(
                "GET",
                _ONE,
                name="get_trusted_certificate",
                run=run.get,
                gives=TrustedCertificateResp,
                permission=registry.READ,
            ),
            "get_account_trusted_certificate",
        ),
        *both(
            op(
                "PUT",
                _ONE,
                name="update_trusted_certificate",
                run=run.update,
                takes=TrustedCertificateUpdateReq,
                gives=TrustedCertificateResp,
                permission=registry.CHANGE,
            ),
            "update_account_trusted_certificate",
        ),
        *both(
            op(
                "DELETE",
                _ONE,
                name="delete_trusted_certificate",
                run=run.remove,
                permission=registry.CHANGE,
                status=204,
            ),
            "delete_account_trusted_certificate",
        ),
    )


def _developer(backend: Backend) -> tuple[Operation, ...]:
    run = DeveloperCertificateHandlers(backend)
    return (
        op(
            "POST",
            "/v3/developer-certificates",
            name="create_developer_certificate",
            run=run.create,
            takes=DeveloperCertificateRequestData,
            gives=DeveloperCertificateResponseData,
            permission=developer.CREATE,
            status=201,
        ),
        op(
            "GET",
            "/v3/developer-certificates/{developerCertificateId}",
            name="get_developer_certificate",
            run=run.get,
            gives=DeveloperCertificateResponseData,
            permission=developer.READ,
        ),
    )


def _servers(backend: Backend) -> tuple[Operation, ...]:
    run = ServerCredentialHandlers(backend)
    return (
        op(
            "GET",
            "/v3/server-credentials",
            name="get_all_server_credentials",
            run=run.both,
            gives=AllServerCredentialsResponseData,
            permission=servers.READ,
        ),
        op(
            "GET",
            "/v3/server-credentials/bootstrap",
            name="get_bootstrap_server_credentials",
            run=run.bootstrap,
            gives=ServerCredentialsResponseData,
            permission=servers.READ,
        ),
        op(
            "GET",
            "/v3/server-credentials/lwm2m",
            name="get_lwm2m_server_credentials",
            run=run.lwm2m,
            gives=ServerCredentialsResponseData,
            permission=servers.READ,
        ),
    )
