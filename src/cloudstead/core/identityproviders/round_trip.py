"""Signing in by way of a provider: we ask it, it answers through the browser, the browser comes for its session.

A provider may also begin, where its account's administrators have allowed that: then nobody knows whether the person
wanted to come, only that the answer is genuine and was not here before.

A person is never made here: whoever signs in was bound to the provider by an administrator before.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.credentials.errors import SealBroken
from cloudstead.core.identityproviders.certificates import SEALED_FOR, encryption_certificate, loaded, own_private_key
from cloudstead.core.identityproviders.errors import (
    NobodyVouchedFor,
    ProviderNotFound,
    ProviderNotUsable,
    VouchingRefused,
)
from cloudstead.core.identityproviders.first_uses import FirstUses
from cloudstead.core.identityproviders.model import (
    Answered,
    IdentityProvider,
    ProviderSession,
    ProviderStatus,
    Saml2Settings,
)
from cloudstead.core.people.model import Stage
from cloudstead.protocols.saml2.encryption import Decryption
from cloudstead.protocols.saml2.errors import Saml2Error
from cloudstead.protocols.saml2.messages import authn_request
from cloudstead.protocols.saml2.metadata import describe_ourselves
from cloudstead.protocols.saml2.names import TRANSIENT
from cloudstead.protocols.saml2.redirect import address, decoded
from cloudstead.protocols.saml2.responses import Trust, check_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.identityproviders.certificates import PrivateKey
    from cloudstead.core.identityproviders.model import ProviderId
    from cloudstead.core.identityproviders.places import Places
    from cloudstead.core.identityproviders.tickets import Tickets
    from cloudstead.core.ids import IdSource
    from cloudstead.core.people.model import Person
    from cloudstead.core.people.sessions import Client, NewSession, Sessions
    from cloudstead.core.unit import Database, Unit
    from cloudstead.protocols.saml2.responses import Vouched

LONGEST_SESSION_MS: Final = 30 * 24 * 3_600_000
"""How long we know which session at the provider a login belongs to, where the provider sets no end."""

_ASSERTION_KEPT_MS: Final = 24 * 3_600_000
_PROOF_BYTES: Final = 32
_USER_NAMES: Final = ("uid", "urn:oid:0.9.2342.19200300.100.1.1")
_EMAILS: Final = (
    "email",
    "mail",
    "urn:oid:0.9.2342.19200300.100.1.3",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
)


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and what it has to keep until it comes back with ``request_id``."""

    url: str
    request_id: str
    proof: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Noted:
    """Under which request an answer waits for its browser.

    ``proof`` is there where the provider began: then the browser that brought the answer has to keep it, for none of
    ours has asked.
    """

    request_id: str
    proof: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A person with a session of ours; ``proof`` is what the browser keeps to sign out at the provider as well."""

    account: Account
    person: Person
    opened: NewSession
    proof: str = field(repr=False)


class RoundTrip:
    """Signs people in by way of providers."""

    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        *,
        tickets: Tickets,
        places: Places,
        sealer: Sealer,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._tickets = tickets
        self._places = places
        self._sealer = sealer
        self._clock = clock
        self._ids = ids
        self._transported = FirstUses()

    async def offered(self, account: Account) -> Sequence[IdentityProvider]:
        """Return the providers by way of which people can sign in to the account right now."""
        return await self._database.read(lambda unit: offered(unit, account))

    async def begin(self, provider_id: ProviderId) -> Begun:
        """Ask a provider who is there; raise ``ProviderNotFound``, ``ProviderNotUsable`` or ``AccountNotUsable``."""
        provider, saml2, _ = await self._usable(provider_id)
        request_id = self._tickets.make(provider.id)
        message = authn_request(
            request_id=request_id,
            issuer=saml2.sp_entity_id,
            destination=saml2.sso_endpoint,
            assertion_endpoint=self._places.assertion_endpoint(provider.id),
            now=self._clock.now(),
        )
        key = private_key(self._sealer, saml2)
        # Signing takes up to 15 ms.
        url = await asyncio.to_thread(address, saml2.sso_endpoint, message, is_request=True, key=key)
        return Begun(url, request_id, self._tickets.proof(request_id))

    async def answer(self, provider_id: ProviderId, response: str) -> Noted:
        """Take a provider's response (Base64) and return under which request it waits.

        Raise ``VouchingRefused``, ``NobodyVouchedFor``, and what ``begin`` raises.
        """
        provider, saml2, account = await self._usable(provider_id)
        trust = Trust(
            issuer=saml2.idp_entity_id,
            certificates=loaded(saml2.idp_certificates),
            audience=saml2.sp_entity_id,
            recipient=self._places.assertion_endpoint(provider.id),
            takes_unasked=saml2.allows_idp_initiated,
            decryption=self._decryption(saml2),
        )
        try:
            # Up to a hundred certificates are tried, each for half a millisecond.
            vouched = await asyncio.to_thread(check_response, decoded(response), trust, now=self._clock.now())
        except Saml2Error as fault:
            raise VouchingRefused(str(fault)) from None
        request_id = vouched.in_response_to or self._tickets.make(provider.id)
        expires_at_ms = self._tickets.expires_at_ms(provider.id, request_id)
        if expires_at_ms is None:
            raise VouchingRefused("The response answers no request of ours, or one that has ended.")
        answered = await self._database.write(
            lambda unit: self._note(unit, account, provider.id, vouched, (request_id, expires_at_ms))
        )
        return Noted(answered.request_id, None if vouched.in_response_to else self._tickets.proof(request_id))

    async def finish(self, provider_id: ProviderId, request_id: str, *, proof: str, client: Client) -> Arrived:
        """Open the session for the browser that asked; raise ``VouchingRefused`` and what ``answer`` raises."""
        provider, _, account = await self._usable(provider_id)
        if not self._tickets.proves(request_id, proof):
            raise VouchingRefused("Another browser has asked for this answer.")
        own_proof = secrets.token_urlsafe(_PROOF_BYTES)

        def write(unit: Unit) -> Arrived:
            answered = unit.identity_providers.take(request_id)
            now_ms = self._clock.millis()
            if answered is None or answered.provider_id != provider.id or answered.expires_at_ms <= now_ms:
                raise VouchingRefused("There is no answer to that request, or it was used before.")
            _require_still_usable(unit, provider.id)
            person = _welcome(unit, account, unit.people.get(answered.person_id))
            if provider.id not in unit.identity_providers.profiles_of(account.id, (person.id,)).get(person.id, ()):
                raise NobodyVouchedFor
            person = replace(person, last_login_at_ms=now_ms)
            unit.people.replace(person)
            opened = self._sessions.open(unit, account.id, person, client)
            attempt_id = self._sessions.note_attempt(unit, account.id, person.id, client)
            unit.sessions.mark_success(account.id, person.id, attempt_id)
            unit.identity_providers.add_session(self._session(answered, opened, own_proof, now_ms))
            return Arrived(account, person, opened, own_proof)

        return await self._database.write(write)

    async def describe(self, provider_id: ProviderId) -> bytes:
        """Return our metadata for a provider; raise ``ProviderNotFound``."""
        provider = await self._database.read(lambda unit: unit.identity_providers.by_id(provider_id))
        if provider is None or provider.saml2 is None:
            raise ProviderNotFound
        return describe_ourselves(
            entity_id=provider.saml2.sp_entity_id,
            assertion_endpoint=self._places.assertion_endpoint(provider.id),
            logout_endpoint=self._places.logout_endpoint(provider.id),
            certificate=provider.saml2.sp_certificate,
            encryption_certificate=encryption_certificate(provider.saml2.sp_certificate),
        )

    async def _usable(self, provider_id: ProviderId) -> tuple[IdentityProvider, Saml2Settings, Account]:
        provider, account = await self._database.read(lambda unit: known(unit, provider_id))
        if not account.is_usable:
            raise AccountNotUsable(account.status)
        if provider.saml2 is None or not is_usable(provider):
            raise ProviderNotUsable
        return provider, provider.saml2, account

    def _decryption(self, saml2: Saml2Settings) -> Decryption | None:
        key = private_key(self._sealer, saml2)
        return Decryption(key=key, is_first=self._transported.is_first) if isinstance(key, RSAPrivateKey) else None

    def _note(
        self, unit: Unit, account: Account, provider_id: ProviderId, vouched: Vouched, request: tuple[str, int]
    ) -> Answered:
        provider = _require_still_usable(unit, provider_id)
        store = unit.identity_providers
        now_ms = self._clock.millis()
        store.drop_expired(now_ms)
        kept_until_ms = int(vouched.valid_until.timestamp() * 1000)
        if kept_until_ms > now_ms + _ASSERTION_KEPT_MS:
            # An assertion that answers is good for one request, and a request ends soon: a day is long enough. One that
            # nobody asked for is good as long as it says, and nothing but our memory keeps it from being used again.
            if vouched.in_response_to is None:
                raise VouchingRefused("The assertion is valid for more than a day, and answers no request.")
            kept_until_ms = now_ms + _ASSERTION_KEPT_MS
        if not store.remember_assertion(provider.id, vouched.assertion_id, kept_until_ms):
            raise VouchingRefused("The assertion was used before.")
        person = _welcome(unit, account, _person(unit, account, provider, vouched))
        answered = Answered(
            request_id=request[0],
            account_id=account.id,
            provider_id=provider.id,
            person_id=person.id,
            name_id=vouched.name_id,
            name_id_format=vouched.name_id_format,
            session_index=vouched.session_index,
            session_ends_at_ms=None if vouched.session_ends is None else int(vouched.session_ends.timestamp() * 1000),
            expires_at_ms=request[1],
        )
        if not store.answer(answered):
            raise VouchingRefused("The request was answered before.")
        return answered

    def _session(self, answered: Answered, opened: NewSession, proof: str, now_ms: int) -> ProviderSession:
        longest_ms = now_ms + LONGEST_SESSION_MS
        ends_at_ms = answered.session_ends_at_ms
        return ProviderSession(
            id=self._ids.new(),
            account_id=answered.account_id,
            provider_id=answered.provider_id,
            person_id=answered.person_id,
            name_id=answered.name_id,
            name_id_format=answered.name_id_format,
            session_index=answered.session_index,
            browser_hash=browser_hash(proof),
            login_session_id=opened.session.id,
            created_at_ms=now_ms,
            expires_at_ms=longest_ms if ends_at_ms is None else min(ends_at_ms, longest_ms),
        )


def offered(unit: Unit, account: Account) -> Sequence[IdentityProvider]:
    """Return the providers by way of which people can sign in to the account right now."""
    if not account.is_usable:
        return ()
    return [each for each in unit.identity_providers.all_of(account.id) if is_usable(each)]


def known(unit: Unit, provider_id: ProviderId) -> tuple[IdentityProvider, Account]:
    """Return a provider and its account, whosever it is; raise ``ProviderNotFound``."""
    provider = unit.identity_providers.by_id(provider_id)
    account = None if provider is None else unit.accounts.get(provider.account_id)
    if provider is None or account is None:
        raise ProviderNotFound
    return provider, account


def is_usable(provider: IdentityProvider) -> bool:
    """Tell whether anybody can sign in by way of the provider."""
    return provider.status is ProviderStatus.ACTIVE and provider.saml2 is not None and provider.saml2.is_complete


def _require_still_usable(unit: Unit, provider_id: ProviderId) -> IdentityProvider:
    """Return the provider as it is in this transaction: it may have been suspended since the answer was read."""
    provider, account = known(unit, provider_id)
    if not account.is_usable:
        raise AccountNotUsable(account.status)
    if not is_usable(provider):
        raise ProviderNotUsable
    return provider


def private_key(sealer: Sealer, saml2: Saml2Settings) -> PrivateKey | None:
    """Return the key that we sign with; raise ``ProviderNotUsable`` where it cannot be opened any more."""
    if saml2.sp_key is None:
        return None
    try:
        return own_private_key(sealer.open(saml2.sp_key, SEALED_FOR))
    except SealBroken:
        raise ProviderNotUsable from None


def browser_hash(proof: str) -> bytes:
    """Return what is kept of a browser's proof."""
    return hashlib.sha256(proof.encode("utf-8", "surrogatepass")).digest()


def _person(unit: Unit, account: Account, provider: IdentityProvider, vouched: Vouched) -> Person | None:
    """Return the one person whom the first name that leads to anybody leads to."""
    for user_name, email in _names(vouched):
        found = unit.identity_providers.people_named(account.id, provider.id, user_name=user_name, email=email.lower())
        if found:
            return unit.people.get(found[0]) if len(found) == 1 else None
    return None


def _names(vouched: Vouched) -> list[tuple[str, str]]:
    names = []
    if vouched.name_id and vouched.name_id_format != TRANSIENT:
        names.append((vouched.name_id, vouched.name_id))
    for attribute in _USER_NAMES:
        names += [(value, "") for value in vouched.attributes.get(attribute, ())[:1] if value]
    for attribute in _EMAILS:
        names += [("", value) for value in vouched.attributes.get(attribute, ())[:1] if value]
    return names


def _welcome(unit: Unit, account: Account, person: Person | None) -> Person:
    membership = None if person is None else unit.people.membership(account.id, person.id)
    if person is None or membership is None or membership.stage is not Stage.OPEN or not person.may_enter:
        raise NobodyVouchedFor
    return person
