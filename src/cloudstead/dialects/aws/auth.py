"""A signed or bearer request becomes an ``AwsCaller``.

Temporary credentials say who somebody is, never what they may do: each use asks again whether the person is enabled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused
from cloudstead.dialects.aws import names
from cloudstead.dialects.aws.refusals import BearerRefused
from cloudstead.dialects.aws.sigv4 import MQTT, SignedRequest, read_signature, verify
from cloudstead.web.bearer import bearer_token

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.temporary import Session, TemporaryCredentials
    from cloudstead.core.ids import AccountId
    from cloudstead.dialects.aws.accounts import Accounts
    from cloudstead.dialects.aws.ports import Callers
    from cloudstead.dialects.aws.sigv4 import Rules, Signature
    from cloudstead.web.call import Call


@dataclass(frozen=True, slots=True)
class AwsCaller:
    """Who signed the request; ``caller`` is ``None`` for a guest of the account."""

    account: Account
    caller: Caller | None

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
        """The resource name of the caller's session."""
        return names.role_arn(self.account, is_guest=self.caller is None)


class SignedCallers:
    """Recognises callers by Signature Version 4 over temporary credentials of ours."""

    def __init__(
        self, sessions: TemporaryCredentials, callers: Callers, accounts: Accounts, clock: Clock, *, region: str
    ) -> None:
        self._sessions = sessions
        self._callers = callers
        self._accounts = accounts
        self._clock = clock
        self._region = region

    async def of_call(self, call: Call[Any], rules: Rules) -> AwsCaller:
        """Return who signed the call; raise ``SignatureRefused``, ``CredentialRefused`` or ``CredentialExpired``."""
        head = SignedRequest(call.method, call.raw_path, call.raw_query, _texts(call.headers.raw))
        # The body, which may be large, is only read for somebody who holds credentials of ours.
        signature, session = self._open(head)
        request = head.with_body(await call.body())
        return await self._prove(request, signature, session, rules=rules, source_address=call.peer_address)

    async def of_websocket(
        self,
        raw_path: str,
        raw_query: str,
        *,
        headers: Iterable[tuple[bytes, bytes]],
        source_address: str | None = None,
    ) -> AwsCaller:
        """Return who signed the URL of a WebSocket upgrade for MQTT; raises as ``of_call`` does."""
        request = SignedRequest("GET", raw_path, raw_query, _texts(headers))
        signature, session = self._open(request)
        return await self._prove(request, signature, session, rules=MQTT, source_address=source_address)

    def _open(self, request: SignedRequest) -> tuple[Signature, Session]:
        """Return what the request claims, and the credentials it names."""
        signature = read_signature(request)
        if not signature.session_token:
            raise CredentialRefused("Only temporary credentials are known here, and they need their session token.")
        return signature, self._sessions.open(
            signature.access_key_id, signature.session_token, now_s=self._clock.millis() // 1000
        )

    async def _prove(
        self,
        request: SignedRequest,
        signature: Signature,
        session: Session,
        *,
        rules: Rules,
        source_address: str | None,
    ) -> AwsCaller:
        now_s = self._clock.millis() // 1000
        verify(request, signature, secret=session.secret_access_key, rules=rules, region=self._region, now_s=now_s)
        account = await self._accounts.get(session.account_id)
        if account is None:
            raise CredentialRefused("The account is gone.")
        if session.person_id is None:
            return AwsCaller(account, None)
        caller = await self._callers.of_session(
            session.account_id, session.person_id, credential_epoch=session.credential_epoch
        )
        return AwsCaller(account, caller.seen_from(source_address))


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
        try:
            # A signed token has two dots (RFC 7515, section 3.1); an API key has none.
            recognise = self._callers.of_id_token if token.count(".") == 2 else self._callers.of_api_key
            caller = await recognise(token)
        except CredentialExpired:
            raise BearerRefused("Token is expired. Log in again, or use the REFRESH action of AuthLambda.") from None
        except CredentialRefused:
            raise BearerRefused("Invalid login token or API key.") from None
        return caller.seen_from(source_address)


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
