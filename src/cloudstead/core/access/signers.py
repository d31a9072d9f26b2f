"""From the id of an AWS-style key to what it signs with, and to whoever it stands for.

Two kinds of keys sign: temporary credentials, which carry all that has to be known in their session token, and access
keys, which are looked up. What either may do is asked anew at each use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cloudstead.core.credentials.access_keys import PREFIX, is_access_key_id
from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.core.credentials.events import AccessKeyChanged
from cloudstead.core.credentials.recent import Recent
from cloudstead.core.ids import AccessKeyId

if TYPE_CHECKING:
    from cloudstead.core.access.callers import Callers
    from cloudstead.core.caller import Caller
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.access_keys import AccessKeys
    from cloudstead.core.credentials.temporary import TemporaryCredentials
    from cloudstead.core.events import EventBus
    from cloudstead.core.ids import AccountId, DomainId, PersonId
    from cloudstead.core.unit import Database

_REMEMBERED_MS: Final = 5000  # as long as a caller is (core.access.callers)
_KEPT: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who a key stands for. ``person_id`` is ``None`` for a guest of the account.

    ``credential_epoch`` is that in which a temporary credential was made; access keys outlive a change of password.
    ``domain_id`` is where what is made with the key belongs, if somebody chose it.
    """

    account_id: AccountId
    person_id: PersonId | None
    secret: str = field(repr=False)
    credential_epoch: int | None = None
    domain_id: DomainId | None = None


class Signers:
    """Finds signers. For the event loop's thread; ``listen`` has to be called once."""

    def __init__(
        self,
        database: Database,
        sessions: TemporaryCredentials,
        keys: AccessKeys,
        *,
        callers: Callers,
        clock: Clock,
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._keys = keys
        self._callers = callers
        self._clock = clock
        self._known: Recent[str, tuple[Signer, int]] = Recent(_KEPT)
        self._changes = 0

    def listen(self, bus: EventBus) -> None:
        """Forget a key as soon as it changes."""
        bus.subscribe(AccessKeyChanged, self._on_changed)

    async def find(self, access_key_id: str, session_token: str | None) -> Signer:
        """Return whose key it is; raise ``CredentialRefused`` or ``CredentialExpired``."""
        if access_key_id.startswith(PREFIX):
            return await self._of_access_key(AccessKeyId(access_key_id))
        if not session_token:
            raise CredentialRefused("Temporary credentials need their session token.")
        session = self._sessions.open(access_key_id, session_token, now_s=self._clock.millis() // 1000)
        return Signer(
            account_id=session.account_id,
            person_id=session.person_id,
            secret=session.secret_access_key,
            credential_epoch=session.credential_epoch,
        )

    async def caller(self, signer: Signer) -> Caller | None:
        """Return the caller, ``None`` for a guest; raise ``CredentialRefused`` for somebody who is not let in."""
        if signer.person_id is None:
            return None
        if signer.credential_epoch is None:
            return await self._callers.of_person(signer.account_id, signer.person_id)
        return await self._callers.of_session(
            signer.account_id, signer.person_id, credential_epoch=signer.credential_epoch
        )

    async def _of_access_key(self, key_id: AccessKeyId) -> Signer:
        if not is_access_key_id(key_id):
            raise CredentialRefused("The access key is not valid.")
        now_ms = self._clock.millis()
        known = self._known.get(key_id)
        if known is not None and now_ms - known[1] < _REMEMBERED_MS:
            return known[0]
        before = self._changes
        key = await self._database.read(lambda unit: unit.access_keys.get(key_id))
        if key is None or not key.is_active:
            raise CredentialRefused("The access key is not valid.")
        signer = Signer(
            account_id=key.account_id,
            person_id=key.person_id,
            secret=self._keys.secret_of(key),
            domain_id=key.domain_id,
        )
        if self._changes == before:
            self._known.put(key_id, (signer, now_ms))
        return signer

    def _on_changed(self, event: AccessKeyChanged) -> None:
        self._changes += 1
        self._known.drop(event.key_id)
