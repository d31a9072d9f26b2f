"""What accounts need from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudstead.core.accounts.listing import AccountQuery, Described
    from cloudstead.core.accounts.model import Account
    from cloudstead.core.accounts.profile import AccountProfile
    from cloudstead.core.ids import AccountId
    from cloudstead.core.paging import Page, PageRequest


class AccountStore(Protocol):
    """Accounts of the installation. Every look-up is by a unique key and costs one indexed read."""

    def add(self, account: Account) -> None:
        """Insert an account."""
        ...

    def replace(self, account: Account) -> None:
        """Write all columns of an account."""
        ...

    def get(self, account_id: AccountId) -> Account | None:
        """Return the account with that id."""
        ...

    def by_host(self, host: str) -> Account | None:
        """Return the account that answers to a host name (lower case, without port)."""
        ...

    def by_function_suffix(self, suffix: str) -> Account | None:
        """Return the account whose physical function and bucket names end in ``suffix``."""
        ...

    def by_identity_pool(self, pool: str) -> Account | None:
        """Return the account with that identity pool (UUID text, without the region)."""
        ...

    def by_number(self, number: str) -> Account | None:
        """Return the account with that 12-digit number."""
        ...

    def hosts(self, account_id: AccountId) -> Sequence[str]:
        """Return the host names that the account answers to, ordered."""
        ...

    def add_host(self, account_id: AccountId, host: str) -> None:
        """Let the account answer to ``host``; raise ``HostNameTaken`` when another one does."""
        ...

    def all(self) -> Sequence[Account]:
        """Return every account, oldest first."""
        ...

    def page(self, after: AccountId | None, *, limit: int) -> Sequence[Account]:
        """Return some accounts in the order of their ids, which is that of their making, from behind ``after`` on."""
        ...

    def hosts_of(self, account_ids: Collection[AccountId]) -> Mapping[AccountId, Sequence[str]]:
        """Return the host names that these accounts answer to, ordered; one query."""
        ...

    def numbers_of(self, account_ids: Collection[AccountId]) -> Mapping[AccountId, str]:
        """Return the 12-digit numbers of these accounts; one query."""
        ...

    def profile(self, account_id: AccountId) -> AccountProfile:
        """Return the account's profile; an empty one where none was ever stored."""
        ...

    def put_profile(self, profile: AccountProfile) -> None:
        """Store the account's profile in place of what was there."""
        ...

    def tenants(self, query: AccountQuery, request: PageRequest) -> Page[Described]:
        """Return one page of an account's tenants."""
        ...

    def due(self, now_ms: int, *, limit: int) -> Sequence[Described]:
        """Return accounts about whose end something has to be done by now, the longest overdue first."""
        ...

    def take_due(self, account_id: AccountId, now_ms: int) -> bool:
        """Take it on oneself to do what is due by now; of two who do so at the same time one is told ``True``."""
        ...

    def count_tenants(self, account_id: AccountId) -> int:
        """Return how many tenants the account has."""
        ...

    def drop_host(self, account_id: AccountId, host: str) -> None:
        """Let the account answer to ``host`` no longer, if it did."""
        ...

    def next_number(self, account_id: AccountId, counter: str) -> int:
        """Return 1, 2, 3 ... for each account and counter; gaps appear only where a transaction was undone."""
        ...
