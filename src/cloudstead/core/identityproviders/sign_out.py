"""Signing out of both: here, and at the provider that vouched; either side may begin."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

from cloudstead.core.identityproviders.certificates import loaded
from cloudstead.core.identityproviders.errors import ProviderNotFound, ProviderNotUsable, VouchingRefused
from cloudstead.core.identityproviders.round_trip import browser_hash, known, private_key
from cloudstead.protocols.saml2.errors import Saml2Error
from cloudstead.protocols.saml2.logout import LogoutRequest, LogoutTrust, check_logout
from cloudstead.protocols.saml2.messages import logout_request, logout_response
from cloudstead.protocols.saml2.redirect import address, decoded, read_query

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.identityproviders.certificates import PrivateKey
    from cloudstead.core.identityproviders.model import IdentityProvider, ProviderId, ProviderSession, Saml2Settings
    from cloudstead.core.identityproviders.places import Places
    from cloudstead.core.unit import Database, Unit
    from cloudstead.protocols.saml2.redirect import Sent

_AT_ONCE: Final = 1000
_ID_BYTES: Final = 20
_LONGEST_PROOF: Final = 256


class SignOut:
    """Ends sessions that providers have vouched for."""

    def __init__(self, database: Database, *, places: Places, sealer: Sealer, clock: Clock) -> None:
        self._database = database
        self._places = places
        self._sealer = sealer
        self._clock = clock

    async def begin(self, proof: str) -> str | None:
        """End the session of a browser here, and return where to send it so that the provider ends its own.

        ``None`` where the provider has no such place, or where the browser has no session that anybody vouched for.
        """
        if not proof or len(proof) > _LONGEST_PROOF:
            return None

        def write(unit: Unit) -> tuple[ProviderSession, IdentityProvider] | None:
            session = unit.identity_providers.session_of_browser(browser_hash(proof))
            if session is None:
                return None
            end(unit, session)
            return session, known(unit, session.provider_id)[0]

        ended = await self._database.write(write)
        if ended is None:
            return None
        session, provider = ended
        return await self._request(session, provider)

    async def receive_query(self, provider_id: ProviderId, raw_query: str) -> str | None:
        """Take a message by HTTP-Redirect; raise ``ProviderNotFound`` or ``VouchingRefused``.

        Return where to send the browser with our answer; ``None`` when all is done.
        """
        try:
            sent = read_query(raw_query)
        except Saml2Error as fault:
            raise VouchingRefused(str(fault)) from None
        return await self._receive(provider_id, sent.message, sent=sent, relay_state=sent.relay_state)

    async def receive_form(self, provider_id: ProviderId, message: str, *, relay_state: str = "") -> str | None:
        """Take a message (Base64) by HTTP-POST; otherwise like ``receive_query``."""
        try:
            data = decoded(message)
        except Saml2Error as fault:
            raise VouchingRefused(str(fault)) from None
        return await self._receive(provider_id, data, sent=None, relay_state=relay_state)

    async def _receive(
        self, provider_id: ProviderId, message: bytes, *, sent: Sent | None, relay_state: str
    ) -> str | None:
        provider, _ = await self._database.read(lambda unit: known(unit, provider_id))
        saml2 = provider.saml2
        if saml2 is None or not saml2.idp_entity_id:
            raise ProviderNotFound
        trust = LogoutTrust(
            issuer=saml2.idp_entity_id,
            certificates=loaded(saml2.idp_certificates),
            recipient=self._places.logout_endpoint(provider.id),
        )
        try:
            said = await asyncio.to_thread(check_logout, message, trust, sent=sent, now=self._clock.now())
        except Saml2Error as fault:
            raise VouchingRefused(str(fault)) from None
        if not isinstance(said, LogoutRequest):
            return None  # our own session ended before we asked
        await self._database.write(lambda unit: _end_named(unit, provider.id, said))
        return await self._response(saml2, said, relay_state)

    async def _request(self, session: ProviderSession, provider: IdentityProvider) -> str | None:
        saml2 = provider.saml2
        if saml2 is None or not saml2.slo_endpoint:
            return None
        message = logout_request(
            request_id=_new_id(),
            issuer=saml2.sp_entity_id,
            destination=saml2.slo_endpoint,
            name_id=session.name_id,
            name_id_format=session.name_id_format,
            session_index=session.session_index,
            now=self._clock.now(),
        )
        return await asyncio.to_thread(address, saml2.slo_endpoint, message, is_request=True, key=self._key(saml2))

    async def _response(self, saml2: Saml2Settings, request: LogoutRequest, relay_state: str) -> str | None:
        if not saml2.slo_endpoint:
            return None
        message = logout_response(
            response_id=_new_id(),
            in_response_to=request.id,
            issuer=saml2.sp_entity_id,
            destination=saml2.slo_endpoint,
            now=self._clock.now(),
        )
        return await asyncio.to_thread(
            address, saml2.slo_endpoint, message, is_request=False, key=self._key(saml2), relay_state=relay_state
        )

    def _key(self, saml2: Saml2Settings) -> PrivateKey | None:
        try:
            return private_key(self._sealer, saml2)
        except ProviderNotUsable:
            return None  # our side is signed out already; the provider decides what an unsigned message is worth


def end(unit: Unit, session: ProviderSession) -> None:
    """End a session here; what is known of the one at the provider goes with it."""
    unit.sessions.remove(session.account_id, session.person_id, session.login_session_id)


def end_expired(unit: Unit, now_ms: int) -> int:
    """End sessions that providers wanted to be over by now, and forget old answers; return how many ended.

    A thousand at a time, so that no writer waits for long.
    """
    over = unit.identity_providers.sessions_over(now_ms, limit=_AT_ONCE)
    for session in over:
        end(unit, session)
    unit.identity_providers.drop_expired(now_ms)
    return len(over)


def _end_named(unit: Unit, provider_id: ProviderId, request: LogoutRequest) -> None:
    for session in unit.identity_providers.sessions_named(provider_id, request.name_id, request.session_indexes):
        end(unit, session)


def _new_id() -> str:
    return f"_{secrets.token_hex(_ID_BYTES)}"
