"""Trusted certificates of the own account and of tenants, developer certificates, server credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.trustedcertificates.errors import TrustedCertificateNotFound
from cloudstead.core.trustedcertificates.model import Service
from cloudstead.dialects.account_management.paging import envelope, list_query
from cloudstead.dialects.account_management.place import acting, path_id
from cloudstead.dialects.account_management.shapes.certificates import (
    AllServerCredentialsResponseData,
    TrustedCertificateQuery,
    credentials,
    developer_certificate,
    server_credentials,
    trusted_certificate,
)
from cloudstead.dialects.account_management.shapes.words import given

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.core.trustedcertificates.model import TrustedCertificate
    from cloudstead.core.unit import Unit
    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.dialects.account_management.shapes.answers import ListOf
    from cloudstead.dialects.account_management.shapes.certificates import (
        DeveloperCertificateRequestData,
        DeveloperCertificateResponseData,
        ServerCredentialsResponseData,
        TrustedCertificateReq,
        TrustedCertificateResp,
        TrustedCertificateUpdateReq,
    )
    from cloudstead.web.call import Call


class TrustedCertificateHandlers:
    """What the rows of trusted certificates run."""

    def __init__(self, backend: Backend) -> None:
        self._clock = backend.clock
        self._database = backend.database
        self._registry = backend.trusted_certificates

    async def list(self, call: Call[Caller]) -> ListOf[TrustedCertificateResp]:
        """List trusted certificates, developer certificates among them."""
        query = list_query(call, TrustedCertificateQuery)
        page = await self._database.read(
            lambda unit: self._registry.list(unit, acting(unit, call).caller, page=query.page, query=query.wanted())
        )
        return envelope(query, page, self._shown)

    async def upload(self, call: Call[Caller], body: TrustedCertificateReq) -> TrustedCertificateResp:
        """Upload a chain of authorities, root to leaf; devices with certificates of the leaf may connect at once."""

        def write(unit: Unit) -> TrustedCertificate:
            who = acting(unit, call)
            return self._registry.upload(unit, who.caller, body.upload(), as_parent=who.as_parent)

        return self._shown(await self._database.write(write))

    async def get(self, call: Call[Caller]) -> TrustedCertificateResp:
        """Show a trusted certificate."""
        certificate_id = _certificate_id(call)
        return self._shown(
            await self._database.read(
                lambda unit: self._registry.get(unit, acting(unit, call).caller, certificate_id=certificate_id)
            )
        )

    async def update(self, call: Call[Caller], body: TrustedCertificateUpdateReq) -> TrustedCertificateResp:
        """Change a trusted certificate; devices of one that is made inactive are disconnected at once."""
        certificate_id = _certificate_id(call)

        def write(unit: Unit) -> TrustedCertificate:
            who = acting(unit, call)
            return self._registry.update(
                unit, who.caller, body.change(), certificate_id=certificate_id, as_parent=who.as_parent
            )

        return self._shown(await self._database.write(write))

    async def remove(self, call: Call[Caller]) -> None:
        """Remove a trusted or a developer certificate; its devices are disconnected at once."""
        certificate_id = _certificate_id(call)
        await self._database.write(
            lambda unit: self._registry.remove(unit, acting(unit, call).caller, certificate_id=certificate_id)
        )

    def _shown(self, certificate: TrustedCertificate) -> TrustedCertificateResp:
        return trusted_certificate(certificate, self._clock.millis())


class DeveloperCertificateHandlers:
    """What the rows of developer certificates run."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._developers = backend.developer_certificates
        self._servers = backend.servers

    async def create(
        self, call: Call[Caller], body: DeveloperCertificateRequestData
    ) -> DeveloperCertificateResponseData:
        """Make a developer certificate with its private key; devices that show it may connect at once."""
        made = await self._database.write(
            lambda unit: self._developers.create(unit, call.caller, name=body.name, description=given(body.description))
        )
        return developer_certificate(made, self._servers.source_of(made))

    async def get(self, call: Call[Caller]) -> DeveloperCertificateResponseData:
        """Show a developer certificate again, with its private key and the C source."""
        certificate_id = path_id(call, "developerCertificateId", TrustedCertificateNotFound)
        found = await self._database.read(
            lambda unit: self._developers.get(unit, call.caller, certificate_id=certificate_id)
        )
        return developer_certificate(found, self._servers.source_of(found))


class ServerCredentialHandlers:
    """What the rows of server credentials run."""

    def __init__(self, backend: Backend) -> None:
        self._servers = backend.servers

    async def both(self, call: Call[Caller]) -> AllServerCredentialsResponseData:
        """Show where devices find the servers for bootstrap and for LwM2M, and whom to trust there."""
        return AllServerCredentialsResponseData(
            bootstrap=credentials(self._servers.credentials(call.caller, Service.BOOTSTRAP)),
            lwm2m=credentials(self._servers.credentials(call.caller, Service.LWM2M)),
        )

    async def bootstrap(self, call: Call[Caller]) -> ServerCredentialsResponseData:
        """Show where devices find the server for bootstrap, and whom to trust there."""
        return server_credentials(self._servers.credentials(call.caller, Service.BOOTSTRAP))

    async def lwm2m(self, call: Call[Caller]) -> ServerCredentialsResponseData:
        """Show where devices find the server for LwM2M, and whom to trust there."""
        return server_credentials(self._servers.credentials(call.caller, Service.LWM2M))


def _certificate_id(call: Call[Caller]) -> str:
    return path_id(call, "cert_id", TrustedCertificateNotFound)
