"""Temporary AWS-style credentials that need no table: the session token holds, sealed, all that we have to know.

What they cannot tell is whether the person is still enabled: whoever opens them asks that too, at each use.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import struct
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cloudstead.core.credentials.errors import CredentialExpired, CredentialRefused, SealBroken
from cloudstead.core.ids import AccountId, PersonId

if TYPE_CHECKING:
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.sealing import Sealer

LIFETIME_S: Final = 3600
"""Amazon Cognito Identity: credentials of an identity last an hour."""

_PREFIX: Final = "ASIA"  # AWS's own mark of temporary keys, which some clients look at
_KEY_ID_BYTES: Final = 10  # 16 characters of base32
_SECRET_BYTES: Final = 30  # 40 characters of base64, the length of AWS's secrets
_HEAD: Final = struct.Struct("!16s16s10sQQ")  # account, person, access key id, end, credential epoch
_GUEST: Final = bytes(16)
_SEALED_FOR: Final = "session-token"
_DERIVED_FOR: Final = "session-secret"
_LONGEST_TOKEN: Final = 1024
_SESSIONS_KEPT: Final = 4096


@dataclass(frozen=True, slots=True)
class Session:
    """Temporary credentials of a person or, where ``person_id`` is ``None``, of a guest."""

    account_id: AccountId
    person_id: PersonId | None
    identity_id: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at_s: int
    credential_epoch: int = 0


class TemporaryCredentials:
    """Issues and opens sessions. Opening costs about 10 us, and under 1 us while the session is remembered."""

    def __init__(self, sealer: Sealer, clock: Clock) -> None:
        self._sealer = sealer
        self._clock = clock
        self._unseal_recent = lru_cache(_SESSIONS_KEPT)(self._unseal)

    def issue(
        self,
        account_id: AccountId,
        person_id: PersonId | None,
        *,
        identity_id: str,
        lifetime_s: int = LIFETIME_S,
        credential_epoch: int = 0,
    ) -> Session:
        """Make credentials that end ``lifetime_s`` seconds from now, or with the person's ``credential_epoch``."""
        key_id = secrets.token_bytes(_KEY_ID_BYTES)
        expires_at_s = self._clock.millis() // 1000 + lifetime_s
        person = _GUEST if person_id is None else bytes.fromhex(person_id)
        plain = (
            _HEAD.pack(bytes.fromhex(account_id), person, key_id, expires_at_s, credential_epoch) + identity_id.encode()
        )
        token = base64.b64encode(self._sealer.seal(plain, _SEALED_FOR)).decode()
        return self._session(plain, token)

    def open(self, access_key_id: str, session_token: str, *, now_s: int) -> Session:
        """Return the session that both belong to; raise ``CredentialRefused`` or ``CredentialExpired``."""
        session = self._unseal_recent(session_token)
        if session.access_key_id != access_key_id:
            raise CredentialRefused("The session token belongs to another key.")
        if session.expires_at_s <= now_s:
            raise CredentialExpired(session.expires_at_s, now_s)
        return session

    def _unseal(self, session_token: str) -> Session:
        if len(session_token) > _LONGEST_TOKEN:
            raise CredentialRefused("The session token is malformed.")
        try:
            sealed = base64.b64decode(session_token, validate=True)
            return self._session(self._sealer.open(sealed, _SEALED_FOR), session_token)
        except (binascii.Error, ValueError, SealBroken) as fault:
            raise CredentialRefused("The session token is not one of ours.") from fault

    def _session(self, plain: bytes, session_token: str) -> Session:
        account, person, key_id, expires_at_s, credential_epoch = _HEAD.unpack_from(plain)
        secret = self._sealer.derive(_DERIVED_FOR, plain)[:_SECRET_BYTES]
        return Session(
            account_id=AccountId(account.hex()),
            person_id=None if person == _GUEST else PersonId(person.hex()),
            identity_id=plain[_HEAD.size :].decode(),
            access_key_id=_PREFIX + base64.b32encode(key_id).decode(),
            secret_access_key=base64.b64encode(secret).decode(),
            session_token=session_token,
            expires_at_s=expires_at_s,
            credential_epoch=credential_epoch,
        )
