"""The unit of work over SQL: one store for each feature, all on one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.storage.sql.stores.access_keys import SqlAccessKeys
from cloudstead.storage.sql.stores.accounts import SqlAccounts
from cloudstead.storage.sql.stores.api_keys import SqlApiKeys
from cloudstead.storage.sql.stores.archive import SqlArchive
from cloudstead.storage.sql.stores.audit import SqlAudit
from cloudstead.storage.sql.stores.batches import SqlBatches
from cloudstead.storage.sql.stores.branding import SqlBranding
from cloudstead.storage.sql.stores.certificates import SqlCertificates
from cloudstead.storage.sql.stores.cloud_devices import SqlCloudDevices
from cloudstead.storage.sql.stores.cloud_tokens import SqlCloudTokens
from cloudstead.storage.sql.stores.clouds import SqlClouds
from cloudstead.storage.sql.stores.domains import SqlDomains
from cloudstead.storage.sql.stores.group_roles import SqlGroupRoles
from cloudstead.storage.sql.stores.group_rows import SqlDeviceFacts, SqlOutsideKeys
from cloudstead.storage.sql.stores.groups import SqlGroups
from cloudstead.storage.sql.stores.identity_providers import SqlIdentityProviders
from cloudstead.storage.sql.stores.invitations import SqlInvitations
from cloudstead.storage.sql.stores.jobs import SqlJobs
from cloudstead.storage.sql.stores.links import SqlLinks
from cloudstead.storage.sql.stores.members import SqlMembers
from cloudstead.storage.sql.stores.notifications import SqlNotifications
from cloudstead.storage.sql.stores.outside_identities import SqlOutsideIdentities
from cloudstead.storage.sql.stores.people import SqlPeople
from cloudstead.storage.sql.stores.policy_groups import SqlPolicyGroups
from cloudstead.storage.sql.stores.provisioned_devices import SqlProvisionedDevices
from cloudstead.storage.sql.stores.refresh_tokens import SqlRefreshTokens
from cloudstead.storage.sql.stores.rules import SqlRules
from cloudstead.storage.sql.stores.second_factors import SqlSecondFactors
from cloudstead.storage.sql.stores.sessions import SqlSessions
from cloudstead.storage.sql.stores.shadows import SqlShadows
from cloudstead.storage.sql.stores.thing_types import SqlThingTypes
from cloudstead.storage.sql.stores.things import SqlThings
from cloudstead.storage.sql.stores.trusted_certificates import SqlTrustedCertificates
from cloudstead.storage.sql.stores.vouched_certificates import SqlVouchedCertificates

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId
    from cloudstead.storage.sql.transaction import Transaction
    from cloudstead.storage.sql.trees import TreeCache


class SqlUnit:
    """One transaction over every store (``core.unit.Unit``). Stores are made when asked for: most units need two."""

    __slots__ = ("_moved_trees", "_transaction", "_trees", "events")

    def __init__(self, transaction: Transaction, trees: TreeCache) -> None:
        self._transaction = transaction
        self._trees = trees
        self._moved_trees: set[AccountId] = set()
        self.events: list[object] = []

    @property
    def accounts(self) -> SqlAccounts:
        """Accounts and their host names."""
        return SqlAccounts(self._transaction)

    @property
    def people(self) -> SqlPeople:
        """People and memberships."""
        return SqlPeople(self._transaction)

    @property
    def members(self) -> SqlMembers:
        """People together with their standing in an account."""
        return SqlMembers(self._transaction)

    @property
    def second_factors(self) -> SqlSecondFactors:
        """Second factors and scratch codes."""
        return SqlSecondFactors(self._transaction)

    @property
    def sessions(self) -> SqlSessions:
        """Sessions of people, and their attempts to sign in."""
        return SqlSessions(self._transaction)

    @property
    def invitations(self) -> SqlInvitations:
        """Invitations that are open."""
        return SqlInvitations(self._transaction)

    @property
    def notifications(self) -> SqlNotifications:
        """The log of mails to accounts."""
        return SqlNotifications(self._transaction)

    @property
    def links(self) -> SqlLinks:
        """Single-use links in mails to people."""
        return SqlLinks(self._transaction)

    @property
    def domains(self) -> SqlDomains:
        """Domain trees."""
        return SqlDomains(self._transaction, self._trees, self._moved_trees)

    @property
    def groups(self) -> SqlGroups:
        """What groups have beside their domains."""
        return SqlGroups(self._transaction)

    @property
    def roles(self) -> SqlGroupRoles:
        """Roles that groups have made."""
        return SqlGroupRoles(self._transaction)

    @property
    def outside_keys(self) -> SqlOutsideKeys:
        """Credentials of outside systems that groups work with."""
        return SqlOutsideKeys(self._transaction)

    @property
    def device_facts(self) -> SqlDeviceFacts:
        """What groups know of things."""
        return SqlDeviceFacts(self._transaction)

    @property
    def things(self) -> SqlThings:
        """Things."""
        return SqlThings(self._transaction)

    @property
    def outside_identities(self) -> SqlOutsideIdentities:
        """Names under which the outside world knows things."""
        return SqlOutsideIdentities(self._transaction)

    @property
    def thing_types(self) -> SqlThingTypes:
        """Thing types."""
        return SqlThingTypes(self._transaction)

    @property
    def shadows(self) -> SqlShadows:
        """Shadows."""
        return SqlShadows(self._transaction)

    @property
    def api_keys(self) -> SqlApiKeys:
        """API keys."""
        return SqlApiKeys(self._transaction)

    @property
    def access_keys(self) -> SqlAccessKeys:
        """Access keys, with which people sign AWS-style requests."""
        return SqlAccessKeys(self._transaction)

    @property
    def policy_groups(self) -> SqlPolicyGroups:
        """Policy groups and their members."""
        return SqlPolicyGroups(self._transaction)

    @property
    def refresh_tokens(self) -> SqlRefreshTokens:
        """Refresh tokens."""
        return SqlRefreshTokens(self._transaction)

    @property
    def certificates(self) -> SqlCertificates:
        """Certificates of things."""
        return SqlCertificates(self._transaction)

    @property
    def trusted_certificates(self) -> SqlTrustedCertificates:
        """Authorities of accounts that vouch for the accounts' own devices."""
        return SqlTrustedCertificates(self._transaction)

    @property
    def vouched_certificates(self) -> SqlVouchedCertificates:
        """Certificates of devices that those vouch for."""
        return SqlVouchedCertificates(self._transaction)

    @property
    def audit(self) -> SqlAudit:
        """The audit trail."""
        return SqlAudit(self._transaction)

    @property
    def jobs(self) -> SqlJobs:
        """Background work and outgoing deliveries."""
        return SqlJobs(self._transaction, self.emit)

    @property
    def archive(self) -> SqlArchive:
        """Objects of the archive, and how far it has come."""
        return SqlArchive(self._transaction)

    @property
    def batches(self) -> SqlBatches:
        """Batches of things."""
        return SqlBatches(self._transaction)

    @property
    def branding(self) -> SqlBranding:
        """Colours and images of accounts."""
        return SqlBranding(self._transaction)

    @property
    def rules(self) -> SqlRules:
        """Rules and how often they were hit."""
        return SqlRules(self._transaction)

    @property
    def identity_providers(self) -> SqlIdentityProviders:
        """Identity providers, login profiles, and sign-ins by way of them."""
        return SqlIdentityProviders(self._transaction)

    @property
    def clouds(self) -> SqlClouds:
        """Device clouds."""
        return SqlClouds(self._transaction)

    @property
    def cloud_tokens(self) -> SqlCloudTokens:
        """Tokens of device clouds."""
        return SqlCloudTokens(self._transaction)

    @property
    def cloud_devices(self) -> SqlCloudDevices:
        """Devices of device clouds."""
        return SqlCloudDevices(self._transaction)

    @property
    def provisioned_devices(self) -> SqlProvisionedDevices:
        """Devices that are provisioned by archive."""
        return SqlProvisionedDevices(self._transaction)

    def emit(self, event: object) -> None:
        """Tell ``event`` to its listeners once, and only if, the transaction is committed."""
        self.events.append(event)
