"""Who calls: an API key of either layout, or a login token, in ``Authorization: Bearer``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.credentials.errors import AccountClosed
from cloudstead.core.people.sessions import is_login_token
from cloudstead.dialects.account_management.place import reads
from cloudstead.web.bearer import bearer_token
from cloudstead.web.errors import Unauthenticated

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.web.call import Call


class Callers(Protocol):
    """Turns proof of who somebody is into a caller with the grants held at this moment."""

    async def of_api_key(self, text: str) -> Caller:
        """Return whom an API key stands for; raise ``CredentialRefused``."""
        ...

    async def of_login_token(self, token: str) -> Caller:
        """Return whom a login token of our own pages stands for; raise ``CredentialRefused``."""
        ...

    async def of_id_token(self, token: str) -> Caller:
        """Return whom an ID token stands for; raise ``CredentialRefused`` or ``CredentialExpired``."""
        ...


class BearerCallers:
    """Recognises callers; the account's status decides whether they may do anything."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    async def of_call(self, call: Call[Caller]) -> Caller:
        """Return the caller.

        Raise ``Unauthenticated`` or ``CredentialRefused`` without a credential of ours, and ``AccountNotUsable`` for
        one of an account that is closed, or of a restricted one for anything but reading.
        """
        token = bearer_token(call.authorization)
        if token is None:
            raise Unauthenticated("Send 'Authorization: Bearer' with an API key or a login token.")
        # A signed token has two dots (RFC 7515, section 3.1); a key or a login token has none.
        recognise = self._callers.of_id_token if token.count(".") == 2 else self._callers.of_api_key
        if is_login_token(token):
            recognise = self._callers.of_login_token
        try:
            caller = await recognise(token)
        except AccountClosed as closed:
            raise AccountNotUsable(closed.status) from None
        if caller.only_reads and not reads(call):
            raise AccountNotUsable(AccountStatus.RESTRICTED)
        return caller.seen_from(call.peer_address)
