"""Identity providers on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from cloudstead.core.identityproviders.certificates import (
    DEFAULT_DAYS,
    LONGEST_DAYS,
    SHORTEST_DAYS,
    KeyAlgorithm,
)
from cloudstead.core.identityproviders.model import ProviderStatus, ProviderType
from cloudstead.core.identityproviders.registry import ProviderChange
from cloudstead.core.identityproviders.settings import LONGEST_DESCRIPTOR, MOST_CERTIFICATES, Saml2Change
from cloudstead.core.patch import ABSENT
from cloudstead.dialects.account_management.shapes.words import Maybe, change_unless_null, given, utc_text

if TYPE_CHECKING:
    from cloudstead.core.identityproviders.model import IdentityProvider, Saml2Settings
    from cloudstead.core.identityproviders.places import Places

Description: TypeAlias = Annotated[str, Meta(max_length=500)]
ProviderName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100)]


class SAML2Req(Struct, kw_only=True):
    """SAML2 settings to store: one by one, as metadata of the provider, or both; what is given one by one wins.

    ``allow_idp_initiated`` is an addition of ours: whether the provider may begin a sign-in.
    """

    entity_descriptor: Maybe[Annotated[str, Meta(max_length=LONGEST_DESCRIPTOR)]] = UNSET
    idp_entity_id: Maybe[str] = UNSET
    idp_x509_certs: Maybe[Annotated[list[str], Meta(max_length=MOST_CERTIFICATES)]] = UNSET
    slo_endpoint: Maybe[str] = UNSET
    sp_entity_id: Maybe[str] = UNSET
    sso_endpoint: Maybe[str] = UNSET
    allow_idp_initiated: Maybe[bool] = UNSET

    def change(self) -> Saml2Change:
        """Return it as a change; null is as good as absent."""
        certificates = given(self.idp_x509_certs)
        return Saml2Change(
            entity_descriptor=given(self.entity_descriptor),
            idp_entity_id=change_unless_null(self.idp_entity_id),
            sso_endpoint=change_unless_null(self.sso_endpoint),
            slo_endpoint=change_unless_null(self.slo_endpoint),
            idp_certificates=ABSENT if certificates is None else tuple(certificates),
            sp_entity_id=change_unless_null(self.sp_entity_id),
            allows_idp_initiated=change_unless_null(self.allow_idp_initiated),
        )


class IdentityProviderReq(Struct, kw_only=True):
    """A provider to register, or what to change of one."""

    name: ProviderName
    type: Literal["SAML2"]
    description: Maybe[Description] = UNSET
    saml2_attributes: Maybe[SAML2Req] = UNSET
    status: Maybe[ProviderStatus] = UNSET

    def change(self) -> ProviderChange:
        """Return it as a change."""
        saml2 = given(self.saml2_attributes)
        return ProviderChange(
            name=self.name,
            description=change_unless_null(self.description),
            status=change_unless_null(self.status),
            saml2=None if saml2 is None else saml2.change(),
        )


class CertificateGenerationReq(Struct, kw_only=True):
    """Wishes for the key that we sign with, and its certificate."""

    algorithm: Maybe[KeyAlgorithm] = UNSET
    validity: Maybe[Annotated[int, Meta(ge=SHORTEST_DAYS, le=LONGEST_DAYS)]] = UNSET

    @property
    def wanted(self) -> tuple[KeyAlgorithm, int]:
        """The algorithm and the days."""
        return given(self.algorithm) or KeyAlgorithm.RSA2048, given(self.validity) or DEFAULT_DAYS


class SAML2Info(Struct, kw_only=True):
    """SAML2 settings as stored. What is not known is left out.

    ``allow_idp_initiated`` is an addition of ours, so it is there for those only who have chosen it.
    """

    assertion_endpoint: str
    idp_x509_certs: list[str]
    sp_entity_id: str
    allow_idp_initiated: bool | UnsetType = UNSET
    idp_entity_id: str | UnsetType = UNSET
    slo_endpoint: str | UnsetType = UNSET
    sp_x509_cert: str | UnsetType = UNSET
    sso_endpoint: str | UnsetType = UNSET


class IdentityProviderInfo(Struct, kw_only=True):
    """An identity provider."""

    id: str
    account_id: str
    name: str
    description: str
    type: ProviderType
    status: ProviderStatus
    etag: str
    created_at: str
    updated_at: str
    saml2_attributes: SAML2Info | UnsetType = UNSET
    object: Literal["identity-provider"] = "identity-provider"


def provider_shape(provider: IdentityProvider, places: Places) -> IdentityProviderInfo:
    """Return a provider as the wire shows it; private keys never are."""
    return IdentityProviderInfo(
        id=provider.id,
        account_id=provider.account_id,
        name=provider.name,
        description=provider.description,
        type=provider.type,
        status=provider.status,
        etag=str(provider.version),
        created_at=utc_text(provider.created_at_ms),
        updated_at=utc_text(provider.updated_at_ms),
        saml2_attributes=UNSET if provider.saml2 is None else _saml2_shape(provider, provider.saml2, places),
    )


def _saml2_shape(provider: IdentityProvider, saml2: Saml2Settings, places: Places) -> SAML2Info:
    return SAML2Info(
        assertion_endpoint=places.assertion_endpoint(provider.id),
        idp_x509_certs=list(saml2.idp_certificates),
        sp_entity_id=saml2.sp_entity_id,
        allow_idp_initiated=saml2.allows_idp_initiated or UNSET,
        idp_entity_id=saml2.idp_entity_id or UNSET,
        slo_endpoint=saml2.slo_endpoint or UNSET,
        sp_x509_cert=saml2.sp_certificate or UNSET,
        sso_endpoint=saml2.sso_endpoint or UNSET,
    )
