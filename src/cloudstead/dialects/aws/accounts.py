"""Which account a host name, a number, a pool or an identity belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.core.accounts.errors import AccountNotUsable
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.credentials.errors import CredentialRefused
from cloudstead.core.credentials.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.accounts.model import Account
    from cloudstead.core.clock import Clock
    from cloudstead.core.credentials.identities import Identities, IdentityKind
    from cloudstead.core.ids import AccountId
    from cloudstead.core.unit import Database, Unit

_REMEMBERED_MS: Final = 5000  # as long as a caller is (core.access.callers)
_KEPT: Final = 1024


class Accounts:
    """Finds accounts; a suspended one is found, but raises ``AccountNotUsable``."""

    def __init__(self, database: Database, identities: Identities, clock: Clock) -> None:
        self._database = database
        self._identities = identities
        self._clock = clock
        self._known: Recent[AccountId, tuple[Account, int]] = Recent(_KEPT)

    async def get(self, account_id: AccountId) -> Account | None:
        """Return the account with that id, as it was within the last seconds: every request of a caller asks."""
        now_ms = self._clock.millis()
        known = self._known.get(account_id)
        if known is not None and now_ms - known[1] < _REMEMBERED_MS:
            return _usable(known[0])
        account = await self._find(lambda unit: unit.accounts.get(account_id))
        if account is not None:
            self._known.put(account_id, (account, now_ms))
        return account

    async def by_host(self, host: str) -> Account | None:
        """Return the account that answers to the host name."""
        return await self._find(lambda unit: unit.accounts.by_host(host))

    async def by_number(self, number: str) -> Account | None:
        """Return the account with the 12-digit number."""
        return await self._find(lambda unit: unit.accounts.by_number(number))

    async def by_identity_pool(self, pool: str) -> Account | None:
        """Return the account with the pool (UUID text, without the region)."""
        return await self._find(lambda unit: unit.accounts.by_identity_pool(pool))

    async def of_identity(self, identity_id: str, *, host: str) -> tuple[Account, IdentityKind] | None:
        """Return whose the identity is, and what it stands for.

        An identity does not name its account, but only its own account's check value fits it. The account of the host
        is tried first, then every other one, at a few microseconds each.
        """
        own = await self.by_host(host)
        if own is not None and (kind := self._kind(own, identity_id)) is not None:
            return own, kind
        for account in await self._database.read(lambda unit: unit.accounts.all()):
            if (kind := self._kind(account, identity_id)) is not None:
                return _usable(account), kind
        return None

    def _kind(self, account: Account, identity_id: str) -> IdentityKind | None:
        try:
            return self._identities.whose(account, identity_id)
        except CredentialRefused:
            return None

    async def _find(self, look_up: Callable[[Unit], Account | None]) -> Account | None:
        account = await self._database.read(look_up)
        return None if account is None else _usable(account)


def _usable(account: Account) -> Account:
    if account.status is AccountStatus.SUSPENDED:
        raise AccountNotUsable(account.status)
    return account
