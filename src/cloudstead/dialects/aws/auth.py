"""A signed or bearer request becomes an ``AwsCaller``.

Temporary credentials say who somebody is, never what they may do: each use asks again whether the person is enabled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused
from cloudstead.core.people.sessions import LOGIN_TOKEN_PREFIX
from cloudstead.dialects.aws import names
from cloudstead.dialects.aws.refusals import BearerRefused
from cloudstead.web.bearer import bearer_token
from cloudstead.web.sigv4 import MQTT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudstead.core.access.signers import Signer, Signers
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.caller import Caller
    from cloudstead.core.ids import AccountId
    from cloudstead.dialects.aws.accounts import Accounts
    from cloudstead.dialects.aws.ports import Callers
    from cloudstead.web.call import Call
    from cloudstead.web.signed import SignatureReader
    from cloudstead.web.sigv4 import Rules


@dataclass(frozen=True, slots=True)
class AwsCaller:
    """Who signed the request; ``caller`` is ``None`` for a guest of the account."""

    account: Account
    caller: Caller | None
    has_access_key: bool = False  # rather than the temporary credentials of an identity

    @property
    def account_id(self) -> AccountId:
        """The account."""
        return self.account.id

    @property
    def principal(self) -> str:
        """Who acts, as logs say it."""
        return "guest" if self.caller is None else self.caller.principal

    @property
    def arn(self) -> str:
        """The resource name of the caller: a user with an access key, or else a session."""
        if self.caller is not None and self.has_access_key:
            return names.user_arn(self.account, self.caller.user_name)
        return names.role_arn(self.account, is_guest=self.caller is None)

    @property
    def unique_id(self) -> str:
        """The id that stays the same for ever."""
        if self.caller is not None and self.has_access_key:
            return names.user_id(self.account, self.caller.principal)
        return f"{names.role_id(self.account, is_guest=self.caller is None)}:{names.SESSION_NAME}"


class SignedCallers:
    """Recognises callers by Signature Version 4, over temporary credentials and over access keys."""

    def __init__(self, signatures: SignatureReader, signers: Signers, accounts: Accounts) -> None:
        self._signatures = signatures
        self._signers = signers
        self._accounts = accounts

    async def of_call(self, call: Call[Any], rules: Rules) -> AwsCaller:
        """Return who signed the call; raise ``SignatureRefused``, ``CredentialRefused`` or ``CredentialExpired``."""
        return await self._known(await self._signatures.of_call(call, rules), call.peer_address)

    async def of_websocket(
        self,
        raw_path: str,
        raw_query: str,
        *,
        headers: Iterable[tuple[bytes, bytes]],
        source_address: str | None = None,
    ) -> AwsCaller:
        """Return who signed the URL of a WebSocket upgrade for MQTT; raises as ``of_call`` does."""
        signer = await self._signatures.of_upgrade(raw_path, raw_query, headers=headers, rules=MQTT)
        return await self._known(signer, source_address)

    async def _known(self, signer: Signer, source_address: str | None) -> AwsCaller:
        account = await self._accounts.get(signer.account_id)
        if account is None:
            raise CredentialRefused("The account is gone.")
        caller = await self._signers.caller(signer)
        if caller is None:
            return AwsCaller(account, None)
        return AwsCaller(account, caller.seen_from(source_address), has_access_key=signer.credential_epoch is None)


class BearerCallers:
    """Recognises callers by an ID token or an API key in ``Authorization: Bearer``."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    async def of_authorization(self, authorization: str | None, *, source_address: str | None = None) -> Caller:
        """Return whom the bearer token in that header stands for; raise ``BearerRefused``.

        The words of the refusals make clients of Cloud Connect 2.11 log in again.
        """
        token = bearer_token(authorization)
        if token is None:
            raise BearerRefused(
                "Missing credentials: send 'Authorization: Bearer <token>' with an API key, or with the "
                "credentials.token that the LOGIN action of AuthLambda answers."
            )
        if token.startswith(LOGIN_TOKEN_PREFIX):
            raise BearerRefused(
                "That token opens account management. Send an API key here, or the credentials.token that the LOGIN "
                "action of AuthLambda answers."
            )
        try:
            # A signed token has two dots (RFC 7515, section 3.1); an API key has none.
            recognise = self._callers.of_id_token if token.count(".") == 2 else self._callers.of_api_key
            caller = await recognise(token)
        except CredentialExpired:
            raise BearerRefused("Token is expired. Log in again, or use the REFRESH action of AuthLambda.") from None
        except CredentialRefused:
            raise BearerRefused("Invalid login token or API key.") from None
        return caller.seen_from(source_address)
