"""An identity provider, and what a sign-in by way of it has to remember."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NewType

from cloudstead.core.versions import Versioned

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.ids import AccountId, PersonId
    from cloudstead.core.people.sessions import SessionId

ProviderId = NewType("ProviderId", str)


class ProviderType(StrEnum):
    """How a provider vouches for people; NATIVE is the password that we keep ourselves."""

    NATIVE = "NATIVE"
    SAML2 = "SAML2"


class ProviderStatus(StrEnum):
    """Whether anybody can sign in by way of the provider."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saml2Settings:
    """What each side has to know of the other. Certificates are in PEM; empty texts are not known (yet).

    ``sp_entity_id`` is our own name towards this provider, ``sp_key`` the sealed private key of ``sp_certificate``.
    ``allows_idp_initiated``: the provider may begin a sign-in that nobody asked us for.
    """

    idp_entity_id: str = ""
    sso_endpoint: str = ""
    slo_endpoint: str = ""
    idp_certificates: tuple[str, ...] = ()
    sp_entity_id: str = ""
    sp_certificate: str | None = None
    sp_key: bytes | None = field(default=None, repr=False)
    allows_idp_initiated: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether a sign-in can be begun and its answer be checked."""
        return bool(self.idp_entity_id and self.sso_endpoint and self.idp_certificates and self.sp_entity_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider(Versioned):
    """Who vouches for people of one account. The built-in one has no ``saml2`` and bears the account's own id."""

    id: ProviderId
    account_id: AccountId
    name: str
    description: str = ""
    type: ProviderType = ProviderType.SAML2
    status: ProviderStatus = ProviderStatus.ACTIVE
    saml2: Saml2Settings | None = None
    created_at_ms: int = 0


def built_in(account: Account) -> IdentityProvider:
    """Return the account's built-in provider: it is as old as the account, so it comes first, and it never changes."""
    return IdentityProvider(
        id=ProviderId(account.id),
        account_id=account.id,
        name="Native",
        description="User name and password, kept here.",
        type=ProviderType.NATIVE,
        created_at_ms=account.created_at_ms,
        updated_at_ms=account.created_at_ms,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A good answer of a provider, waiting for the browser that asked for it: each request takes one, for one use.

    ``request_id`` is that of the request on the wire. ``name_id`` and what follows is how the provider knows the
    session.
    """

    request_id: str
    account_id: AccountId
    provider_id: ProviderId
    person_id: PersonId
    name_id: str
    name_id_format: str = ""
    session_index: str = ""
    session_ends_at_ms: int | None = None
    expires_at_ms: int
    is_taken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSession:
    """A login that a provider vouched for, to be ended with the one at the provider.

    ``name_id``, its format and ``session_index`` are how the provider knows it; ``browser_hash`` is of the secret that
    the browser shows to sign out, ``login_session_id`` names the session of ours that ends with it.
    """

    id: str
    account_id: AccountId
    provider_id: ProviderId
    person_id: PersonId
    name_id: str
    name_id_format: str
    session_index: str
    browser_hash: bytes = field(repr=False)
    login_session_id: SessionId
    created_at_ms: int
    expires_at_ms: int
