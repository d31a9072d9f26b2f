"""The unit of work: one transaction, with one store for each feature.

Core functions take a unit and never commit; the edge opens it, commits it and then tells the events:
``await database.write(lambda unit: things.create(unit, caller, ...))``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.accounts.ports import AccountStore
    from cloudstead.core.archive.ports import ArchiveStore
    from cloudstead.core.audit.ports import AuditStore
    from cloudstead.core.batches.ports import BatchStore
    from cloudstead.core.branding.ports import BrandingStore
    from cloudstead.core.clouds.ports import CloudDeviceStore, CloudStore, CloudTokenStore
    from cloudstead.core.credentials.access_keys import AccessKeyStore
    from cloudstead.core.credentials.ports import ApiKeyStore, CertificateStore, RefreshTokenStore
    from cloudstead.core.domains.ports import DomainStore
    from cloudstead.core.groups.ports import DeviceFactStore, GroupStore, OutsideKeyStore
    from cloudstead.core.identityproviders.ports import IdentityProviderStore
    from cloudstead.core.invitations.ports import InvitationStore
    from cloudstead.core.jobs.ports import JobStore
    from cloudstead.core.notifications.ports import NotificationStore
    from cloudstead.core.people.ports import LinkStore, MemberStore, PeopleStore, SecondFactorStore, SessionStore
    from cloudstead.core.policygroups.ports import PolicyGroupStore
    from cloudstead.core.provisioning.ports import ProvisionedDeviceStore
    from cloudstead.core.roles.ports import RoleStore
    from cloudstead.core.rules.ports import RuleStore
    from cloudstead.core.shadows.ports import ShadowStore
    from cloudstead.core.things.identities import OutsideIdentityStore
    from cloudstead.core.things.ports import ThingStore
    from cloudstead.core.thingtypes.ports import ThingTypeStore
    from cloudstead.core.trustedcertificates.ports import TrustedCertificateStore, VouchedCertificateStore

T = TypeVar("T")


class Unit(Protocol):
    """One transaction over every store."""

    @property
    def accounts(self) -> AccountStore:
        """Accounts and their host names."""
        ...

    @property
    def people(self) -> PeopleStore:
        """People and memberships."""
        ...

    @property
    def members(self) -> MemberStore:
        """People together with their standing in an account."""
        ...

    @property
    def second_factors(self) -> SecondFactorStore:
        """Second factors and scratch codes."""
        ...

    @property
    def sessions(self) -> SessionStore:
        """Sessions of people, and their attempts to sign in."""
        ...

    @property
    def invitations(self) -> InvitationStore:
        """Invitations that are open."""
        ...

    @property
    def notifications(self) -> NotificationStore:
        """The log of mails to accounts."""
        ...

    @property
    def links(self) -> LinkStore:
        """Single-use links in mails to people."""
        ...

    @property
    def domains(self) -> DomainStore:
        """Domain trees."""
        ...

    @property
    def groups(self) -> GroupStore:
        """What groups have beside their domains."""
        ...

    @property
    def roles(self) -> RoleStore:
        """Roles that groups have made."""
        ...

    @property
    def outside_keys(self) -> OutsideKeyStore:
        """Credentials of outside systems that groups work with."""
        ...

    @property
    def device_facts(self) -> DeviceFactStore:
        """What groups know of things."""
        ...

    @property
    def things(self) -> ThingStore:
        """Things."""
        ...

    @property
    def outside_identities(self) -> OutsideIdentityStore:
        """Names under which the outside world knows things."""
        ...

    @property
    def thing_types(self) -> ThingTypeStore:
        """Thing types."""
        ...

    @property
    def shadows(self) -> ShadowStore:
        """Shadows."""
        ...

    @property
    def api_keys(self) -> ApiKeyStore:
        """API keys."""
        ...

    @property
    def access_keys(self) -> AccessKeyStore:
        """Access keys, with which people sign AWS-style requests."""
        ...

    @property
    def policy_groups(self) -> PolicyGroupStore:
        """Policy groups and their members."""
        ...

    @property
    def refresh_tokens(self) -> RefreshTokenStore:
        """Refresh tokens."""
        ...

    @property
    def certificates(self) -> CertificateStore:
        """Certificates of things."""
        ...

    @property
    def trusted_certificates(self) -> TrustedCertificateStore:
        """Authorities of accounts that vouch for the accounts' own devices."""
        ...

    @property
    def vouched_certificates(self) -> VouchedCertificateStore:
        """Certificates of devices that those vouch for."""
        ...

    @property
    def audit(self) -> AuditStore:
        """The audit trail."""
        ...

    @property
    def jobs(self) -> JobStore:
        """Background work and outgoing deliveries."""
        ...

    @property
    def archive(self) -> ArchiveStore:
        """Objects of the archive, and how far it has come."""
        ...

    @property
    def batches(self) -> BatchStore:
        """Batches of things."""
        ...

    @property
    def branding(self) -> BrandingStore:
        """Colours and images of accounts."""
        ...

    @property
    def rules(self) -> RuleStore:
        """Rules and how often they were hit."""
        ...

    @property
    def identity_providers(self) -> IdentityProviderStore:
        """Identity providers, login profiles, and sign-ins by way of them."""
        ...

    @property
    def clouds(self) -> CloudStore:
        """Device clouds."""
        ...

    @property
    def cloud_tokens(self) -> CloudTokenStore:
        """Tokens of device clouds."""
        ...

    @property
    def cloud_devices(self) -> CloudDeviceStore:
        """Devices of device clouds."""
        ...

    @property
    def provisioned_devices(self) -> ProvisionedDeviceStore:
        """Devices that are provisioned by archive."""
        ...

    def emit(self, event: object) -> None:
        """Tell ``event`` to its listeners once, and only if, the transaction is committed."""
        ...


class Database(Protocol):
    """Runs functions inside a unit of work."""

    async def read(self, work: Callable[[Unit], T]) -> T:
        """Run ``work`` on a consistent snapshot; it must not write."""
        ...

    async def scan(self, work: Callable[[Unit], T]) -> T:
        """Run a slow ``work`` on a consistent snapshot, away from everybody else; it must not write."""
        ...

    async def write(self, work: Callable[[Unit], T]) -> T:
        """Run ``work`` in a transaction and return after it is on disk; an exception undoes all of it."""
        ...
