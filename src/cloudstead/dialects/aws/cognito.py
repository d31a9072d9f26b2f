"""Amazon Cognito Identity: GetId, GetCredentialsForIdentity, GetOpenIdToken (AWS JSON 1.1, unsigned).

Clients of Cloud Connect 2.11 get guest credentials first, log in, and then send the guest's identity **with** the
login: the answer carries the person's own identity, which the SDK adopts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused
from cloudstead.core.credentials.identities import IdentityKind
from cloudstead.dialects.aws.refusals import IdentityForbidden, IdentityPoolUnknown, IdentityUnknown, LoginInvalid
from cloudstead.web.errors import FieldInvalid

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.caller import Caller
    from cloudstead.core.credentials.identities import Identities
    from cloudstead.core.credentials.temporary import TemporaryCredentials
    from cloudstead.core.credentials.tokens import Tokens
    from cloudstead.dialects.aws.accounts import Accounts
    from cloudstead.dialects.aws.ports import Callers
    from cloudstead.web.call import Call

TARGET: Final = "AWSCognitoIdentityService"
_ID: Final = re.compile(r"[\w-]{1,20}:[0-9a-f-]{1,36}", re.ASCII)  # of pools and identities; at most 55 characters
_MAX_ID_CHARS: Final = 55


class GetIdInput(msgspec.Struct, rename="pascal"):
    """What GetId takes."""

    identity_pool_id: str
    account_id: str | None = None
    logins: dict[str, str] | None = None


class GetIdOutput(msgspec.Struct, rename="pascal"):
    """What GetId gives."""

    identity_id: str


class GetCredentialsInput(msgspec.Struct, rename="pascal"):
    """What GetCredentialsForIdentity takes."""

    identity_id: str
    logins: dict[str, str] | None = None
    custom_role_arn: str | None = None


class Credentials(msgspec.Struct, rename="pascal"):
    """Temporary credentials; ``expiration`` is in seconds since 1970."""

    access_key_id: str
    secret_key: str
    session_token: str
    expiration: float


class GetCredentialsOutput(msgspec.Struct, rename="pascal"):
    """What GetCredentialsForIdentity gives."""

    identity_id: str
    credentials: Credentials


class GetOpenIdTokenInput(msgspec.Struct, rename="pascal"):
    """What GetOpenIdToken takes."""

    identity_id: str
    logins: dict[str, str] | None = None


class GetOpenIdTokenOutput(msgspec.Struct, rename="pascal"):
    """What GetOpenIdToken gives."""

    identity_id: str
    token: str


class CognitoIdentity:
    """The service; the region is that of the whole installation."""

    def __init__(
        self,
        accounts: Accounts,
        identities: Identities,
        sessions: TemporaryCredentials,
        tokens: Tokens,
        callers: Callers,
        *,
        region: str,
    ) -> None:
        self._accounts = accounts
        self._identities = identities
        self._sessions = sessions
        self._tokens = tokens
        self._callers = callers
        self._region = region

    async def get_id(self, call: Call[None], wanted: GetIdInput) -> GetIdOutput:  # noqa: ARG002 - unsigned
        """Give a guest a fresh identity, a person the person's own."""
        _require_id(wanted.identity_pool_id, field="identityPoolId")
        region, _, pool = wanted.identity_pool_id.rpartition(":")
        account = await self._accounts.by_identity_pool(pool) if region == self._region else None
        if account is None:
            raise IdentityPoolUnknown(wanted.identity_pool_id)
        # Clients whose token variable is still null send an empty object: that is a guest.
        if not wanted.logins:
            return GetIdOutput(self._identities.new_guest(account))
        home, caller = await self._person(wanted.logins)
        if home.id != account.id:
            raise LoginInvalid("Token is not from a supported provider of this identity pool.")
        return GetIdOutput(self._own_identity(account, caller))

    async def get_credentials(self, call: Call[None], wanted: GetCredentialsInput) -> GetCredentialsOutput:
        """Give temporary credentials to a guest or a person."""
        account, caller, identity_id = await self._identify(call, wanted.identity_id, wanted.logins)
        session = self._sessions.issue(
            account.id,
            None if caller is None else caller.person_id,
            identity_id=identity_id,
            credential_epoch=0 if caller is None else caller.credential_epoch,
        )
        return GetCredentialsOutput(
            identity_id,
            Credentials(
                session.access_key_id, session.secret_access_key, session.session_token, float(session.expires_at_s)
            ),
        )

    async def get_open_id_token(self, call: Call[None], wanted: GetOpenIdTokenInput) -> GetOpenIdTokenOutput:
        """Give a signed proof of an identity, for services that trust the pool."""
        account, caller, identity_id = await self._identify(call, wanted.identity_id, wanted.logins)
        person_id = None if caller is None else caller.person_id
        token = self._tokens.issue_open_id_token(account, identity_id, person_id=person_id)
        return GetOpenIdTokenOutput(identity_id, token)

    async def _identify(
        self, call: Call[None], identity_id: str, logins: dict[str, str] | None
    ) -> tuple[Account, Caller | None, str]:
        """Return account, person and the identity to answer with; the person is ``None`` for a guest."""
        _require_id(identity_id, field="identityId")
        if not logins:
            found = await self._accounts.of_identity(identity_id, host=call.host)
            if found is None:
                raise IdentityUnknown(identity_id)
            account, kind = found
            if kind is IdentityKind.PERSON:
                raise IdentityForbidden(identity_id)
            return account, None, identity_id
        account, caller = await self._person(logins)
        own_identity = self._own_identity(account, caller)
        if identity_id != own_identity and self._kind(account, identity_id) is IdentityKind.PERSON:
            raise IdentityForbidden(identity_id)
        return account, caller, own_identity

    def _kind(self, account: Account, identity_id: str) -> IdentityKind:
        try:
            return self._identities.whose(account, identity_id)
        except CredentialRefused:
            raise IdentityUnknown(identity_id) from None

    def _own_identity(self, account: Account, caller: Caller) -> str:
        if caller.person_id is None:
            raise LoginInvalid("The token is nobody's.")
        return self._identities.of_person(account, caller.person_id)

    async def _person(self, logins: dict[str, str]) -> tuple[Account, Caller]:
        """Return whom the logins prove; there is one provider, the account's own user pool."""
        if len(logins) > 1:
            raise LoginInvalid("Please provide exactly one login.")
        [(provider, token)] = logins.items()
        try:
            caller = await self._callers.of_id_token(token)
        except CredentialExpired as expired:
            raise LoginInvalid(f"Token expired: {expired.expired_at_s} >= {expired.now_s}") from None
        except CredentialRefused as refused:
            raise LoginInvalid(str(refused)) from None
        account = await self._accounts.get(caller.account_id)
        if account is None:
            raise LoginInvalid("The account is gone.")
        if provider != self._tokens.login_provider(account):
            raise LoginInvalid("Issuer doesn't match providerName")
        return account, caller


def _require_id(text: str, *, field: str) -> None:
    if len(text) > _MAX_ID_CHARS or not _ID.fullmatch(text):
        raise FieldInvalid(field, r"Member must satisfy regular expression pattern: [\w-]+:[0-9a-f-]+")
