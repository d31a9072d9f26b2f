"""Who calls: people with an access token, alone in ``Authorization`` or behind ``Bearer``; networks with a group's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.credentials.errors import AccountClosed
from cloudstead.web.bearer import bearer_token, names_bearer
from cloudstead.web.errors import Unauthenticated

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.core.groups.clients import Clients
    from cloudstead.core.ids import ApiKeyId
    from cloudstead.web.call import Call

_READ_METHODS: Final = frozenset({"GET", "HEAD"})


async def group_token(call: Call[Any]) -> str:
    """Return the token of a group that a network presents; raise ``Unauthenticated`` without one.

    Whether there is such a group is looked up together with the device.
    """
    token = bearer_token(call.authorization)
    if token is None:
        raise Unauthenticated("Send 'Authorization: Bearer' with the token of the group.")
    return token


class Callers(Protocol):
    """Turns proof of who somebody is into a caller with the grants held at this moment."""

    async def of_client(self, key_id: ApiKeyId, *, secret_epoch: int) -> Caller:
        """Return whom a key speaks for that was shown before; raise ``CredentialRefused``."""
        ...


class TokenCallers:
    """Recognises callers by access token."""

    def __init__(self, clients: Clients, callers: Callers) -> None:
        self._clients = clients
        self._callers = callers

    async def of_call(self, call: Call[Caller]) -> Caller:
        """Return the caller; raise ``Unauthenticated``, ``CredentialRefused`` and ``AccountNotUsable``."""
        sent = (call.authorization or "").strip()
        token = bearer_token(sent) if names_bearer(sent) else sent
        if not token or " " in token:
            raise Unauthenticated("Send an access token in 'Authorization'; POST /oauth2/token gives one.")
        shown = self._clients.read(token)
        try:
            caller = await self._callers.of_client(shown.key_id, secret_epoch=shown.secret_epoch)
        except AccountClosed as closed:
            raise AccountNotUsable(closed.status) from None
        if caller.only_reads and call.method not in _READ_METHODS:
            raise AccountNotUsable(AccountStatus.RESTRICTED)
        return caller.seen_from(call.peer_address)
