"""Who calls: somebody who is signed in, from a page of the app, or a token in the place for tokens.

A token stands in ``Authorization``, bare or behind ``bearer`` in any case. People have to come from a page whose site
is ours or their account's (``Origin``): a token that leaked into another page is of no use there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.accounts.policies import denied_in
from cloudstead.core.clouds.actor import Actor, actor_of, actor_of_token, service_actor
from cloudstead.core.clouds.service_tokens import is_service_token
from cloudstead.core.clouds.tokens import recognise
from cloudstead.core.credentials.errors import AccountClosed, CredentialRefused
from cloudstead.core.ids import AccountId
from cloudstead.core.people.sessions import is_login_token
from cloudstead.dialects.device_clouds.errors import OriginRefused
from cloudstead.dialects.device_clouds.rows import TOKENS
from cloudstead.web.errors import Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Collection

    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.clouds.service_tokens import ServiceTokens
    from cloudstead.core.unit import Database, Unit
    from cloudstead.web.call import Call

_SCHEME: Final = "bearer"
_TOKENS: Final = f"{TOKENS}/"
_NOBODY: Final = AccountId("0" * 32)


class Callers(Protocol):
    """Turns proof of who somebody is into a caller with the grants held at this moment."""

    async def of_login_token(self, token: str) -> Caller:
        """Return whom a login token of our own pages stands for; raise ``CredentialRefused``."""
        ...

    async def of_id_token(self, token: str) -> Caller:
        """Return whom an ID token stands for; raise ``CredentialRefused`` or ``CredentialExpired``."""
        ...


class CloudActors:
    """Recognises actors."""

    def __init__(
        self,
        callers: Callers,
        database: Database,
        *,
        clock: Clock,
        service_tokens: ServiceTokens,
        own_names: Collection[str],
    ) -> None:
        self._callers = callers
        self._database = database
        self._clock = clock
        self._service_tokens = service_tokens
        self._own_names = frozenset(own_names)

    async def of_call(self, call: Call[Actor]) -> Actor:
        """Return the actor.

        Raise ``Unauthenticated``, ``CredentialRefused`` or ``CredentialExpired``, and ``OriginRefused`` for people.
        """
        token = token_in(call.authorization)
        if token is None:
            raise Unauthenticated("Authentication failed")
        if call.raw_path.startswith(_TOKENS):
            if is_service_token(token):
                self._service_tokens.require(token)
                return service_actor(_NOBODY, source_address=call.peer_address)
            return await self._of_token(token, call.peer_address)
        recognise_person = self._callers.of_login_token if is_login_token(token) else self._callers.of_id_token
        caller = (await recognise_person(token)).seen_from(call.peer_address)
        await self._require_origin(call.headers.get("origin"), caller.account_id)
        return actor_of(caller)

    async def _of_token(self, text: str, source_address: str | None) -> Actor:
        now_ms = self._clock.millis()

        def read(unit: Unit) -> Actor:
            token = recognise(unit, text, now_ms=now_ms)
            account = unit.accounts.get(token.account_id)
            if account is None:
                raise CredentialRefused("Authentication failed")
            if not account.is_usable:
                raise AccountClosed(account.status)
            return actor_of_token(
                token,
                only_reads=account.status is AccountStatus.RESTRICTED,
                denied=denied_in(unit, account),
                source_address=source_address,
            )

        return await self._database.read(read)

    async def _require_origin(self, origin: str | None, account_id: AccountId) -> None:
        host = _host_of(origin)
        if host is None:
            raise OriginRefused
        if host in self._own_names:
            return
        account = await self._database.read(lambda unit: unit.accounts.by_host(host))
        if account is None or account_id not in {account.id, account.parent_id}:
            raise OriginRefused


def token_in(authorization: str | None) -> str | None:
    """Return the token of an ``Authorization`` header, bare or behind its scheme; ``None`` without one."""
    text = (authorization or "").strip()
    scheme, _, rest = text.partition(" ")
    if scheme.lower() == _SCHEME:
        text = rest.strip()
    return None if not text or " " in text else text


def _host_of(origin: str | None) -> str | None:
    """Return the host of an ``Origin`` header (RFC 6454, section 7); ``None`` for none and for ``null``."""
    try:
        parts = urlsplit(origin or "")
        host = parts.hostname
    except ValueError:
        return None
    return host if parts.scheme in {"http", "https"} else None
