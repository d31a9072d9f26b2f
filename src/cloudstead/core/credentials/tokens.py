"""OpenID Connect tokens: signed by the installation, shown by people and by what they run.

An ID token looks like one of an Amazon Cognito user pool, because clients of Cloud Connect 2.11 hand it to AWS SDKs as
such. One private claim, ``cloudstead:account``, says which account it belongs to, so that a bearer call needs no host
name. Which algorithm signs is fixed here and never read from a token (RFC 8725, section 3.1).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused
from cloudstead.core.credentials.recent import Recent
from cloudstead.core.ids import AccountId, PersonId

if TYPE_CHECKING:
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.people.model import Person

ID_TOKEN_LIFETIME_S: Final = 900
"""Cloud Connect 2.11, AuthLambda: the token is valid for 15 minutes."""

OPEN_ID_TOKEN_LIFETIME_S: Final = 600
"""Amazon Cognito Identity, GetOpenIdToken: valid for 10 minutes."""

_ALGORITHMS: Final = ("RS256",)
_KEY_BITS: Final = 2048
_LONGEST_TOKEN: Final = 8192
_TOKENS_KEPT: Final = 4096


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The RSA key that signs this installation's tokens; ``kid`` is its RFC 7638 thumbprint."""

    key: RSAKey = field(repr=False)
    kid: str

    @classmethod
    def generate(cls) -> SigningKey:
        """Make a new key; takes some 50 to 300 ms."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        return cls.load(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    @classmethod
    def load(cls, pem: bytes) -> SigningKey:
        """Read what ``to_pem`` wrote."""
        key = RSAKey.import_key(pem)
        return cls(key, key.thumbprint())

    def to_pem(self) -> bytes:
        """Return the key as PKCS#8, to be kept sealed."""
        return self.key.as_pem(private=True)

    def public_jwk(self) -> dict[str, Any]:
        """Return the public half as a JSON Web Key (RFC 7517)."""
        return {**self.key.as_dict(private=False), "kid": self.kid, "use": "sig", "alg": _ALGORITHMS[0]}


@dataclass(frozen=True, slots=True)
class IdToken:
    """What a genuine ID token says."""

    account_id: AccountId
    person_id: PersonId
    user_name: str
    issuer: str
    audience: str
    issued_at_s: int
    expires_at_s: int
    credential_epoch: int = 0


class _Claims(
    msgspec.Struct,
    rename={"account": "cloudstead:account", "user_name": "cognito:username", "epoch": "cloudstead:epoch"},
):
    """The claims that ``verify`` relies on, checked for shape."""

    iss: str
    aud: str
    sub: UUID
    token_use: Literal["id"]
    account: str
    user_name: str
    iat: int
    exp: int
    epoch: int = 0


class Tokens:
    """Issues and verifies tokens. Verifying costs about 50 us the first time and 2 us while it is remembered."""

    def __init__(self, key: SigningKey, clock: Clock, *, region: str) -> None:
        self._key = key
        self._clock = clock
        self._region = region
        self._genuine: Recent[bytes, IdToken] = Recent(_TOKENS_KEPT)

    def login_provider(self, account: Account) -> str:
        """Return the name under which clients put the ID token into ``Logins`` (Cloud Connect 2.11, section 14)."""
        return f"cognito-idp.{self._region}.amazonaws.com/{self._region}_{account.user_pool}"

    def issuer(self, account: Account) -> str:
        """Return the ``iss`` of the account's ID tokens."""
        return f"https://{self.login_provider(account)}"

    def issue_id_token(self, account: Account, person: Person) -> str:
        """Sign an ID token for a person of the account; takes about 1 ms."""
        now = self._now_s()
        return self._sign(
            {
                "iss": self.issuer(account),
                "aud": account.user_pool_client,
                "token_use": "id",
                "sub": str(UUID(person.id)),
                "cognito:username": person.user_name,
                "email": person.email,
                "cloudstead:account": account.id,
                "cloudstead:epoch": person.credential_epoch,
                "auth_time": now,
                "iat": now,
                "exp": now + ID_TOKEN_LIFETIME_S,
            }
        )

    def issue_open_id_token(self, account: Account, identity_id: str, *, person_id: PersonId | None) -> str:
        """Sign what GetOpenIdToken answers: proof of an identity of the pool, for other services to check."""
        now = self._now_s()
        amr = ["unauthenticated"] if person_id is None else ["authenticated", self.login_provider(account)]
        return self._sign(
            {
                "iss": "https://cognito-identity.amazonaws.com",
                "aud": f"{self._region}:{account.identity_pool}",
                "sub": identity_id,
                "amr": amr,
                "iat": now,
                "exp": now + OPEN_ID_TOKEN_LIFETIME_S,
            }
        )

    def verify(self, token: str) -> IdToken:
        """Return what an ID token of this installation says.

        Raises ``CredentialExpired`` for one that was good once and ``CredentialRefused`` for any other text.
        """
        fingerprint = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        genuine = self._genuine.get(fingerprint)
        if genuine is None:
            genuine = self._read(token)
            self._genuine.put(fingerprint, genuine)
        now = self._now_s()
        if genuine.expires_at_s <= now:
            self._genuine.drop(fingerprint)
            raise CredentialExpired(genuine.expires_at_s, now)
        return genuine

    def verify_for(self, account: Account, token: str) -> IdToken:
        """Return what the token says; one of another account is refused like a forged one."""
        genuine = self.verify(token)
        self.require_account(account, genuine)
        return genuine

    def require_account(self, account: Account, token: IdToken) -> None:
        """Raise ``CredentialRefused`` unless account, issuer and audience of the token are the account's."""
        expected = (account.id, self.issuer(account), account.user_pool_client)
        if (token.account_id, token.issuer, token.audience) != expected:
            raise CredentialRefused("The token was issued for another account.")

    def jwks(self) -> dict[str, Any]:
        """Return the JSON Web Key Set with which anybody can check our tokens."""
        return {"keys": [self._key.public_jwk()]}

    def _sign(self, claims: dict[str, Any]) -> str:
        header = {"alg": _ALGORITHMS[0], "kid": self._key.kid}
        return jwt.encode(header, claims, self._key.key, algorithms=list(_ALGORITHMS))

    def _read(self, token: str) -> IdToken:
        if len(token) > _LONGEST_TOKEN or not token.isascii():
            raise CredentialRefused("The token is malformed.")
        try:
            decoded = jwt.decode(token, self._key.key, algorithms=list(_ALGORITHMS))
            claims = msgspec.convert(decoded.claims, _Claims)
        except (JoseError, ValueError) as fault:
            # ValueError covers what the decoder's own parsing lets through: broken JSON, base64 and claim shapes.
            raise CredentialRefused("The token is not one of ours.") from fault
        if decoded.header.get("kid") != self._key.kid:
            raise CredentialRefused("The token is not one of ours.")
        return IdToken(
            account_id=AccountId(claims.account),
            person_id=PersonId(claims.sub.hex),
            user_name=claims.user_name,
            issuer=claims.iss,
            audience=claims.aud,
            issued_at_s=claims.iat,
            expires_at_s=claims.exp,
            credential_epoch=claims.epoch,
        )

    def _now_s(self) -> int:
        return self._clock.millis() // 1000
