"""Trusted certificates of a tenant, as tests upload them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cloudstead.core.trustedcertificates.claims import Claims
from cloudstead.core.trustedcertificates.developer import DeveloperCertificates
from cloudstead.core.trustedcertificates.model import Service
from cloudstead.core.trustedcertificates.registry import TrustedCertificates, TrustedChange, Upload

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.core.ids import AccountId
    from cloudstead.core.trustedcertificates.developer import DeveloperCertificate
    from cloudstead.core.trustedcertificates.model import TrustedCertificate
    from factories.authorities import Party
    from factories.tenants import Tenant


@dataclass
class Trusting:
    """Everything about trusted certificates, for one tenant and whoever else it opens accounts for."""

    tenant: Tenant
    registry: TrustedCertificates
    developers: DeveloperCertificates

    def caller(self, account_id: AccountId | None = None) -> Caller:
        return replace(self.tenant.caller, account_id=account_id or self.tenant.account.id)

    async def upload(
        self, *chain: Party, account_id: AccountId | None = None, proven: bool = False, **options: Any
    ) -> TrustedCertificate:
        caller = self.caller(account_id)
        as_parent = options.pop("as_parent", False)
        upload = Upload(
            **{
                "name": chain[-1].certificate.subject.rfc4514_string(),
                "certificate": "".join(each.pem for each in chain),
                "service": Service.LWM2M,
                "signature": chain[-1].sign(caller.account_id) if proven else None,
                **options,
            }
        )
        return await self.tenant.database.write(
            lambda unit: self.registry.upload(unit, caller, upload, as_parent=as_parent)
        )

    async def update(self, certificate: TrustedCertificate, /, *, as_parent: bool = False, **change: Any) -> Any:
        caller = self.caller(certificate.account_id)
        return await self.tenant.database.write(
            lambda unit: self.registry.update(
                unit, caller, TrustedChange(**change), certificate_id=certificate.id, as_parent=as_parent
            )
        )

    async def remove(self, certificate: TrustedCertificate) -> None:
        caller = self.caller(certificate.account_id)
        await self.tenant.database.write(lambda unit: self.registry.remove(unit, caller, certificate_id=certificate.id))

    async def get(self, certificate: TrustedCertificate) -> TrustedCertificate | None:
        return await self.tenant.database.read(lambda unit: unit.trusted_certificates.get(certificate.id))

    async def developer(self, name: str = "bench", **options: Any) -> DeveloperCertificate:
        return await self.tenant.database.write(
            lambda unit: self.developers.create(unit, self.caller(), name=name, **options)
        )


def trusting(tenant: Tenant, own_subjects: Any = ()) -> Trusting:
    registry = TrustedCertificates(
        tenant.clock, tenant.ids, Claims(tenant.clock, tenant.ids, own_subjects=own_subjects)
    )
    return Trusting(tenant, registry, DeveloperCertificates(tenant.clock, tenant.ids, tenant.sealer, registry))
