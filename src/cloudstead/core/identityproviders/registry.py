"""Identity providers as callers see and administer them (account management, version 3, AccountIdentityProviders)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cloudstead.core.access.permissions import Permission
from cloudstead.core.access.whole_account import require_at_root
from cloudstead.core.accounts.errors import AccountNotFound
from cloudstead.core.accounts.profile import Tier
from cloudstead.core.audit.record import Trail
from cloudstead.core.errors import InvalidField
from cloudstead.core.identityproviders.certificates import LONGEST_DAYS, SEALED_FOR, SHORTEST_DAYS, make_own_key
from cloudstead.core.identityproviders.errors import (
    ProviderBuiltIn,
    ProviderInUse,
    ProviderNotFound,
    ProvidersNotIncluded,
    TooManyProviders,
)
from cloudstead.core.identityproviders.model import (
    IdentityProvider,
    ProviderId,
    ProviderStatus,
    Saml2Settings,
    built_in,
)
from cloudstead.core.identityproviders.settings import Saml2Change, applied
from cloudstead.core.paging import Page
from cloudstead.core.patch import ABSENT, Patched, patched
from cloudstead.core.texts import require_line, require_prose
from cloudstead.core.versions import changed

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.identityproviders.certificates import KeyAlgorithm, OwnKey
    from cloudstead.core.identityproviders.places import Places
    from cloudstead.core.ids import IdSource
    from cloudstead.core.paging import PageRequest
    from cloudstead.core.unit import Unit

MOST_PROVIDERS: Final = 100
"""How many an account may add. A page of them is cut out of all."""

_MAX_NAME: Final = 100
_MAX_DESCRIPTION: Final = 500

READ: Final = Permission("identity-provider:read")
ADMINISTER: Final = Permission("identity-provider:administer")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderChange:
    """What to change of a provider."""

    name: Patched[str] = ABSENT
    description: Patched[str] = ABSENT
    status: Patched[ProviderStatus] = ABSENT
    saml2: Saml2Change | None = None


class IdentityProviders:
    """The identity providers of accounts; one of another account is one that is not there."""

    def __init__(self, clock: Clock, ids: IdSource, *, sealer: Sealer, places: Places) -> None:
        self._clock = clock
        self._ids = ids
        self._sealer = sealer
        self._places = places
        self._trail = Trail[IdentityProvider](
            clock, ids, object_type="identity-provider", name_of=lambda each: each.id, fields_of=audited
        )

    def get(self, unit: Unit, caller: Caller, provider_id: ProviderId) -> IdentityProvider:
        """Return a provider; raise ``ProviderNotFound``."""
        require_at_root(caller, READ)
        return find(unit, _account(unit, caller), provider_id)

    def page(self, unit: Unit, caller: Caller, request: PageRequest) -> Page[IdentityProvider]:
        """Return one page of the account's providers, the built-in one included, with their number."""
        require_at_root(caller, READ)
        providers = [built_in(_account(unit, caller)), *unit.identity_providers.all_of(caller.account_id)]
        providers.sort(key=lambda each: each.id, reverse=request.descending)
        rest = [each for each in providers if _is_behind(each, request)]
        shown = tuple(rest[: request.limit])
        return Page(shown, shown[-1].id if len(rest) > len(shown) else None, len(providers))

    def create(self, unit: Unit, caller: Caller, name: str, change: ProviderChange) -> IdentityProvider:
        """Add a provider of SAML2; raise ``ProvidersNotIncluded``, ``TooManyProviders`` or ``InvalidField``."""
        require_at_root(caller, ADMINISTER)
        if unit.accounts.profile(caller.account_id).tier is Tier.FREE:
            raise ProvidersNotIncluded
        if len(unit.identity_providers.all_of(caller.account_id)) >= MOST_PROVIDERS:
            raise TooManyProviders(MOST_PROVIDERS)
        provider_id = ProviderId(self._ids.new())
        now_ms = self._clock.millis()
        empty = IdentityProvider(
            id=provider_id,
            account_id=caller.account_id,
            name=name,
            saml2=Saml2Settings(),
            created_at_ms=now_ms,
            updated_at_ms=now_ms,
        )
        provider = self._applied(empty, replace(change, name=name, saml2=change.saml2 or Saml2Change()))
        unit.identity_providers.add(provider)
        self._trail.made(unit, caller, "identity-provider.create", provider)
        return provider

    def update(self, unit: Unit, caller: Caller, provider_id: ProviderId, change: ProviderChange) -> IdentityProvider:
        """Change a provider; raise ``ProviderNotFound``, ``ProviderBuiltIn`` or ``InvalidField``.

        Suspending it ends all sessions that it has vouched for.
        """
        before = self.changeable(unit, caller, provider_id)
        after = self._applied(before, change)
        if after.status is ProviderStatus.SUSPENDED and before.status is ProviderStatus.ACTIVE:
            unit.identity_providers.end_sessions(caller.account_id, provider_id)
        return self._store(unit, caller, "identity-provider.update", before, after)

    def remove(self, unit: Unit, caller: Caller, provider_id: ProviderId) -> None:
        """Remove a provider and end all sessions that it has vouched for.

        Raise ``ProviderNotFound``, ``ProviderBuiltIn`` or ``ProviderInUse``.
        Somebody who was invited is bound to providers from the invitation on, so invitations count as well.
        """
        before = self.changeable(unit, caller, provider_id)
        if unit.identity_providers.bound_to(caller.account_id, provider_id):
            raise ProviderInUse
        unit.identity_providers.end_sessions(caller.account_id, provider_id)
        unit.identity_providers.remove(caller.account_id, provider_id)
        self._trail.removed(unit, caller, "identity-provider.remove", before)

    async def make_key(self, algorithm: KeyAlgorithm, *, days: int) -> OwnKey:
        """Make a key with its certificate, away from the event loop; raise ``InvalidField``."""
        if not SHORTEST_DAYS <= days <= LONGEST_DAYS:
            raise InvalidField("validity", f"has to be from {SHORTEST_DAYS} to {LONGEST_DAYS} days")
        now = self._clock.now()
        return await asyncio.to_thread(make_own_key, algorithm, days=days, name="cloudstead", now=now)

    def put_key(self, unit: Unit, caller: Caller, provider_id: ProviderId, key: OwnKey | None) -> IdentityProvider:
        """Use another key towards the provider from now on, or none; the one before is forgotten.

        We sign with it, and the provider may encrypt for it.
        """
        before = self.changeable(unit, caller, provider_id)
        sealed = None if key is None else self._sealer.seal(key.private_key, SEALED_FOR)
        certificate = None if key is None else key.certificate_pem
        settings = replace(before.saml2 or Saml2Settings(), sp_certificate=certificate, sp_key=sealed)
        operation = "identity-provider.delete-certificate" if key is None else "identity-provider.generate-certificate"
        return self._store(unit, caller, operation, before, replace(before, saml2=settings))

    def changeable(self, unit: Unit, caller: Caller, provider_id: ProviderId) -> IdentityProvider:
        """Return a provider that the caller may change; raise ``ProviderNotFound`` or ``ProviderBuiltIn``."""
        require_at_root(caller, ADMINISTER)
        provider = find(unit, _account(unit, caller), provider_id)
        if provider.saml2 is None:
            raise ProviderBuiltIn
        return provider

    def _store(
        self, unit: Unit, caller: Caller, operation: str, before: IdentityProvider, after: IdentityProvider
    ) -> IdentityProvider:
        stored = changed(before, after, now_ms=self._clock.millis())
        if stored is not before:
            unit.identity_providers.replace(stored)
            self._trail.changed(unit, caller, operation, before, stored)
        return stored

    def _applied(self, provider: IdentityProvider, change: ProviderChange) -> IdentityProvider:
        name, description = patched(change.name, provider.name), patched(change.description, provider.description)
        require_line(name, field="name", max_chars=_MAX_NAME)
        require_prose(description, field="description")
        if len(description) > _MAX_DESCRIPTION:
            raise InvalidField("description", f"longer than {_MAX_DESCRIPTION} characters")
        saml2 = provider.saml2 or Saml2Settings()
        if change.saml2 is not None:
            saml2 = applied(change.saml2, saml2, own_name=self._places.entity_id(provider.id))
        status = patched(change.status, provider.status)
        return replace(provider, name=name, description=description, status=status, saml2=saml2)


def find(unit: Unit, account: Account, provider_id: ProviderId) -> IdentityProvider:
    """Return the account's provider with that id, the built-in one included; raise ``ProviderNotFound``."""
    if provider_id == ProviderId(account.id):
        return built_in(account)
    provider = unit.identity_providers.get(account.id, provider_id)
    if provider is None:
        raise ProviderNotFound
    return provider


def audited(provider: IdentityProvider) -> dict[str, Any]:
    """Return what the audit trail shows of a provider."""
    saml2 = provider.saml2 or Saml2Settings()
    return {
        "name": provider.name,
        "description": provider.description,
        "status": provider.status.value,
        "idp_entity_id": saml2.idp_entity_id,
        "sso_endpoint": saml2.sso_endpoint,
        "slo_endpoint": saml2.slo_endpoint,
        "idp_x509_certs": list(saml2.idp_certificates),
        "sp_entity_id": saml2.sp_entity_id,
        "sp_x509_cert": saml2.sp_certificate,
        "allow_idp_initiated": saml2.allows_idp_initiated,
    }


def _account(unit: Unit, caller: Caller) -> Account:
    account = unit.accounts.get(caller.account_id)
    if account is None:
        raise AccountNotFound
    return account


def _is_behind(provider: IdentityProvider, request: PageRequest) -> bool:
    if request.after is None:
        return True
    return provider.id < request.after if request.descending else provider.id > request.after
