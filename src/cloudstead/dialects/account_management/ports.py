"""What the handlers need from the rest of the house."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.accounts.registry import Accounts
    from cloudstead.core.accounts.tenants import Tenants
    from cloudstead.core.audit.log import AuditLog
    from cloudstead.core.branding.colours import Colours
    from cloudstead.core.branding.images import BrandImages
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.api_key_registry import ApiKeys
    from cloudstead.core.credentials.passwords import PasswordHasher
    from cloudstead.core.identityproviders.places import Places
    from cloudstead.core.identityproviders.registry import IdentityProviders
    from cloudstead.core.invitations.registry import Invitations
    from cloudstead.core.people.sessions import Sessions
    from cloudstead.core.people.users import Users
    from cloudstead.core.policygroups.registry import PolicyGroups
    from cloudstead.core.trustedcertificates.developer import DeveloperCertificates
    from cloudstead.core.trustedcertificates.registry import TrustedCertificates
    from cloudstead.core.trustedcertificates.servers import Servers
    from cloudstead.core.unit import Database
    from cloudstead.dialects.account_management.auth import Callers


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The rooms behind this dialect. ``public_url`` is where we are reached, without a slash at its end."""

    clock: Clock
    database: Database
    callers: Callers
    hasher: PasswordHasher
    accounts: Accounts
    tenants: Tenants
    api_keys: ApiKeys
    policy_groups: PolicyGroups
    users: Users
    invitations: Invitations
    sessions: Sessions
    colours: Colours
    brand_images: BrandImages
    identity_providers: IdentityProviders
    places: Places
    trusted_certificates: TrustedCertificates
    developer_certificates: DeveloperCertificates
    servers: Servers
    audit_log: AuditLog
    public_url: str
