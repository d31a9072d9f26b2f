"""Accounts, their host names and their counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select

from cloudstead.core.accounts.errors import HostNameTaken
from cloudstead.core.accounts.listing import Described
from cloudstead.core.accounts.model import Account, AccountStatus, MqttProfile
from cloudstead.core.accounts.profile import AccountProfile
from cloudstead.storage.sql.statements import Statement, adding, adding_if_free, replacing
from cloudstead.storage.sql.stores.account_profiles import (
    DUE,
    PROFILE,
    PUT_PROFILE,
    TAKE_DUE,
    filter_values,
    profile_of_row,
    profile_values,
    split_row,
    tenant_pages,
)
from cloudstead.storage.sql.tables import account_hosts, accounts, counters

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.sql.base import Executable

    from cloudstead.core.accounts.listing import AccountQuery
    from cloudstead.core.ids import AccountId
    from cloudstead.core.paging import Page, PageRequest
    from cloudstead.storage.sql.statements import Words
    from cloudstead.storage.sql.transaction import Transaction


def _by(column: str) -> Statement:
    return Statement(lambda _: select(accounts).where(accounts.c[column] == bindparam(column)), column)


def _counting(words: Words) -> Executable:
    insert = words.insert(counters).values(account_id=bindparam("account_id"), name=bindparam("name"), value=1)
    moved_on = insert.on_conflict_do_update(index_elements=["account_id", "name"], set_={"value": counters.c.value + 1})
    return moved_on.returning(counters.c.value)


_ADD = adding(accounts)
_REPLACE = replacing(accounts, "id")
_BY_ID = _by("id")
_BY_NUMBER = _by("number")
_BY_FUNCTION_SUFFIX = _by("function_suffix")
_BY_IDENTITY_POOL = _by("identity_pool")
_BY_HOST = Statement(
    lambda _: (
        select(accounts)
        .join(account_hosts, account_hosts.c.account_id == accounts.c.id)
        .where(account_hosts.c.host == bindparam("host"))
    ),
    "host",
)
_ALL = Statement(lambda _: select(accounts).order_by(accounts.c.created_at_ms, accounts.c.id))
_HOSTS = Statement(
    lambda _: (
        select(account_hosts.c.host)
        .where(account_hosts.c.account_id == bindparam("account_id"))
        .order_by(account_hosts.c.host)
    ),
    "account_id",
)
_PAGE = Statement(
    lambda _: (
        select(accounts).where(accounts.c.id > bindparam("after")).order_by(accounts.c.id).limit(bindparam("limit"))
    ),
    "after",
    "limit",
)
_HOSTS_OF = Statement(
    lambda words: (
        select(account_hosts.c.account_id, account_hosts.c.host)
        .where(words.any_of(account_hosts.c.account_id, "account_ids"))
        .order_by(account_hosts.c.account_id, account_hosts.c.host)
    ),
    "account_ids",
)
_NUMBERS_OF = Statement(
    lambda words: select(accounts.c.id, accounts.c.number).where(words.any_of(accounts.c.id, "account_ids")),
    "account_ids",
)
_HOST_OWNER = Statement(
    lambda _: select(account_hosts.c.account_id).where(account_hosts.c.host == bindparam("host")), "host"
)
_ADD_HOST = adding_if_free(account_hosts)
_DROP_HOST = Statement(
    lambda _: (
        account_hosts.delete()
        .where(account_hosts.c.account_id == bindparam("account_id"))
        .where(account_hosts.c.host == bindparam("host"))
    ),
    "account_id",
    "host",
)
_COUNT_TENANTS = Statement(
    lambda _: select(func.count()).select_from(accounts).where(accounts.c.parent_id == bindparam("parent_id")),
    "parent_id",
)
_COUNT = Statement(_counting, "account_id", "name")


class SqlAccounts:
    """Accounts of the installation (``core.accounts.ports.AccountStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, account: Account) -> None:
        """Insert an account."""
        self._transaction.change(_ADD, *_values(account))

    def replace(self, account: Account) -> None:
        """Write all columns of an account."""
        self._transaction.change(_REPLACE, *_values(account))

    def get(self, account_id: AccountId) -> Account | None:
        """Return the account with that id."""
        return self._first(_BY_ID, account_id)

    def by_host(self, host: str) -> Account | None:
        """Return the account that answers to a host name (lower case, without port)."""
        return self._first(_BY_HOST, host)

    def by_function_suffix(self, suffix: str) -> Account | None:
        """Return the account whose physical function and bucket names end in ``suffix``."""
        return self._first(_BY_FUNCTION_SUFFIX, suffix)

    def by_identity_pool(self, pool: str) -> Account | None:
        """Return the account with that identity pool (UUID text, without the region)."""
        return self._first(_BY_IDENTITY_POOL, pool)

    def by_number(self, number: str) -> Account | None:
        """Return the account with that 12-digit number."""
        return self._first(_BY_NUMBER, number)

    def hosts(self, account_id: AccountId) -> Sequence[str]:
        """Return the host names that the account answers to, ordered."""
        return [row[0] for row in self._transaction.rows(_HOSTS, account_id)]

    def add_host(self, account_id: AccountId, host: str) -> None:
        """Let the account answer to ``host``; raise ``HostNameTaken`` when another one does."""
        if self._transaction.change(_ADD_HOST, host, account_id):
            return
        owner = self._transaction.row(_HOST_OWNER, host)
        if owner is None or owner[0] != account_id:
            raise HostNameTaken(host)

    def all(self) -> Sequence[Account]:
        """Return every account, oldest first."""
        return [_account(row) for row in self._transaction.rows(_ALL)]

    def page(self, after: AccountId | None, *, limit: int) -> Sequence[Account]:
        """Return some accounts in the order of their ids, which is that of their making, from behind ``after`` on."""
        return [_account(row) for row in self._transaction.rows(_PAGE, after or "", limit)]

    def hosts_of(self, account_ids: Collection[AccountId]) -> Mapping[AccountId, Sequence[str]]:
        """Return the host names that these accounts answer to, ordered; one query."""
        found: dict[AccountId, list[str]] = {}
        for account_id, host in self._transaction.rows(_HOSTS_OF, list(account_ids)):
            found.setdefault(account_id, []).append(host)
        return found

    def numbers_of(self, account_ids: Collection[AccountId]) -> Mapping[AccountId, str]:
        """Return the 12-digit numbers of these accounts; one query."""
        return {row[0]: row[1] for row in self._transaction.rows(_NUMBERS_OF, list(account_ids))}

    def profile(self, account_id: AccountId) -> AccountProfile:
        """Return the account's profile; an empty one where none was ever stored."""
        row = self._transaction.row(PROFILE, account_id)
        return AccountProfile(account_id=account_id) if row is None else profile_of_row(row)

    def put_profile(self, profile: AccountProfile) -> None:
        """Store the account's profile in place of what was there."""
        self._transaction.change(PUT_PROFILE, *profile_values(profile))

    def tenants(self, query: AccountQuery, request: PageRequest) -> Page[Described]:
        """Return one page of an account's tenants."""
        values = filter_values(query)
        return tenant_pages(frozenset(values)).read(
            self._transaction,
            request,
            lambda rows: [Described(_account(account), profile) for account, profile in map(split_row, rows)],
            query.parent_id,
            *values.values(),
            id_of=lambda each: each.account.id,
        )

    def due(self, now_ms: int, *, limit: int) -> Sequence[Described]:
        """Return accounts about whose end something has to be done by now, the longest overdue first."""
        rows = self._transaction.rows(DUE, now_ms, limit)
        return [Described(_account(account), profile) for account, profile in map(split_row, rows)]

    def take_due(self, account_id: AccountId, now_ms: int) -> bool:
        """Take it on oneself to do what is due by now; of two who do so at the same time one is told ``True``."""
        return self._transaction.change(TAKE_DUE, account_id, now_ms) == 1

    def count_tenants(self, account_id: AccountId) -> int:
        """Return how many tenants the account has."""
        row = self._transaction.row(_COUNT_TENANTS, account_id)
        return 0 if row is None else int(row[0])

    def drop_host(self, account_id: AccountId, host: str) -> None:
        """Let the account answer to ``host`` no longer, if it did."""
        self._transaction.change(_DROP_HOST, account_id, host)

    def next_number(self, account_id: AccountId, counter: str) -> int:
        """Return 1, 2, 3 ... for each account and counter; gaps appear only where a transaction was undone."""
        row = self._transaction.row(_COUNT, account_id, counter)
        if row is None:
            raise RuntimeError("an upsert that returns a row returned none")
        return int(row[0])

    def _first(self, statement: Statement, key: str) -> Account | None:
        row = self._transaction.row(statement, key)
        return None if row is None else _account(row)


def _values(account: Account) -> tuple[object, ...]:
    return (
        account.id,
        account.name,
        account.number,
        account.stack,
        account.function_suffix,
        account.identity_pool,
        account.user_pool,
        account.user_pool_client,
        account.created_at_ms,
        account.parent_id,
        account.status.value,
        account.mqtt_profile.value,
        account.printed_event_names,
    )


def _account(row: Sequence[Any]) -> Account:
    columns = list(row)
    columns[-3:] = AccountStatus(row[-3]), MqttProfile(row[-2]), bool(row[-1])
    return Account(*columns)
