"""People together with their standing in an account."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, case, func, literal_column, or_, select

from cloudstead.core.people.model import Stage
from cloudstead.core.people.standing import Resident, Standing, Status
from cloudstead.storage.sql.json_text import from_text, to_text
from cloudstead.storage.sql.statements import Statement, Words, replacing
from cloudstead.storage.sql.stores.login_profiles import comes_by
from cloudstead.storage.sql.stores.paging import Pages
from cloudstead.storage.sql.stores.people import person_of
from cloudstead.storage.sql.tables import accounts, api_keys, memberships, people, refresh_tokens
from cloudstead.storage.sql.tables_accounts import policy_group_people
from cloudstead.storage.sql.tables_identities import access_keys
from cloudstead.storage.sql.tables_people import person_links, person_texts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Select

    from cloudstead.core.ids import AccountId, PersonId
    from cloudstead.core.paging import Page, PageRequest
    from cloudstead.core.people.model import Person
    from cloudstead.core.people.standing import ResidentFilter
    from cloudstead.storage.sql.transaction import Transaction

_PERSON_COLUMNS: Final = len(people.c)
_REPLACE = replacing(memberships, "account_id", "person_id")
_BOTH = people.join(memberships, memberships.c.person_id == people.c.id)


def _word(status: Status) -> ColumnElement[str]:
    # A bound text would have a type that PostgreSQL has to guess; these are constants of the program.
    return literal_column(f"'{status.value}'", people.c.email.type)


# What ``core.people.standing.Resident.status`` says.
_STATUS: Final = case(
    (
        or_(people.c.is_enabled.is_(False), memberships.c.stage == literal_column(f"'{Stage.SHUT.value}'")),
        _word(Status.INACTIVE),
    ),
    (memberships.c.stage == literal_column(f"'{Stage.INVITED.value}'"), _word(Status.INVITED)),
    (
        or_(memberships.c.stage == literal_column(f"'{Stage.ENROLLING.value}'"), people.c.is_confirmed.is_(False)),
        _word(Status.ENROLLING),
    ),
    (people.c.must_set_password.is_(True), _word(Status.RESET)),
    else_=_word(Status.ACTIVE),
)
_GET = Statement(
    lambda _: (
        select(people, memberships)
        .select_from(_BOTH)
        .where(memberships.c.account_id == bindparam("account_id"))
        .where(memberships.c.person_id == bindparam("person_id"))
    ),
    "account_id",
    "person_id",
)
_ACCOUNTS_OF = Statement(
    lambda _: (
        select(memberships.c.account_id)
        .where(memberships.c.person_id == bindparam("person_id"))
        .order_by(memberships.c.account_id)
    ),
    "person_id",
)
_ALSO_ELSEWHERE = Statement(
    lambda words: (
        select(memberships.c.person_id)
        .where(memberships.c.account_id != bindparam("account_id"))
        .where(words.any_of(memberships.c.person_id, "person_ids"))
        .distinct()
    ),
    "account_id",
    "person_ids",
)
_WITH_EMAIL = Statement(
    lambda _: (
        select(people)
        .select_from(_BOTH.join(person_texts, person_texts.c.person_id == people.c.id))
        .where(memberships.c.account_id == bindparam("account_id"))
        .where(person_texts.c.email == bindparam("email"))
        .order_by(people.c.id)
        .limit(1)
    ),
    "account_id",
    "email",
)
_PROVEN = Statement(
    lambda _: (
        select(people)
        .join(person_texts, person_texts.c.person_id == people.c.id)
        .where(person_texts.c.email == bindparam("email"))
        .where(people.c.is_email_verified.is_(True))
        .order_by(people.c.id)
        .limit(bindparam("limit"))
    ),
    "email",
    "limit",
)
_ANY_CALLED = Statement(
    lambda _: select(people.c.id).where(people.c.user_name == bindparam("user_name")).limit(1), "user_name"
)
_TENANTS_WITH = Statement(
    lambda _: (
        select(people.c.home_account_id)
        .select_from(people.join(accounts, accounts.c.id == people.c.home_account_id))
        .where(accounts.c.parent_id == bindparam("parent_id"))
        .where(people.c.user_name == bindparam("user_name"))
        .order_by(people.c.home_account_id)
        .limit(bindparam("limit"))
    ),
    "parent_id",
    "user_name",
    "limit",
)
_TOUCH = Statement(
    lambda words: (
        memberships.update()
        .where(memberships.c.account_id == bindparam("wanted_account_id"))
        .where(words.any_of(memberships.c.person_id, "person_ids"))
        .values(version=memberships.c.version + 1, updated_at_ms=bindparam("now_ms"))
    ),
    "account_id",
    "person_ids",
    "now_ms",
)
_REMOVALS = (
    Statement(
        lambda _: (
            api_keys.delete()
            .where(api_keys.c.account_id == bindparam("account_id"))
            .where(api_keys.c.owner_id == bindparam("person_id"))
        ),
        "account_id",
        "person_id",
    ),
    *(
        Statement(
            lambda _, table=table: (  # type: ignore[misc] # mypy cannot infer a lambda with a default
                table.delete()
                .where(table.c.account_id == bindparam("account_id"))
                .where(table.c.person_id == bindparam("person_id"))
            ),
            "account_id",
            "person_id",
        )
        for table in (refresh_tokens, access_keys, person_links, memberships)
    ),
)


_IS_MEMBER = (policy_group_people.c.account_id == memberships.c.account_id) & (
    policy_group_people.c.person_id == memberships.c.person_id
)


@cache
def _pages(*, email: bool, statuses: bool, by_provider: bool, in_group: bool) -> Pages:
    """Return the pages for the filters that are given; their parameters follow the account's in this order."""
    # Whoever asks for a group is answered from its members, who may be few among many.
    belonging = policy_group_people if in_group else memberships
    both = policy_group_people.join(_BOTH, _IS_MEMBER) if in_group else _BOTH

    def narrowed(words: Words, found: Select[Any]) -> Select[Any]:
        found = found.where(belonging.c.account_id == bindparam("account_id"))
        if email:
            has_it = select(person_texts.c.person_id).where(person_texts.c.email == bindparam("email"))
            found = found.where(belonging.c.person_id.in_(has_it))
        if statuses:
            found = found.where(words.any_of(_STATUS, "statuses"))
        if by_provider:
            found = found.where(comes_by(belonging.c.person_id))
        return found.where(policy_group_people.c.group_id == bindparam("group_id")) if in_group else found

    given = {"email": email, "statuses": statuses, "provider_id": by_provider, "group_id": in_group}
    takes = ("account_id", *(name for name, is_given in given.items() if is_given))
    pages = Pages.of(
        lambda words: narrowed(words, select(people, memberships).select_from(both)), belonging.c.person_id, *takes
    )
    # Without a question about the person, the key of the memberships alone tells how many there are.
    counted = both if statuses else belonging
    count = Statement(lambda words: narrowed(words, select(func.count()).select_from(counted)), *takes)
    return replace(pages, count=count)


class SqlMembers:
    """People of accounts (``core.people.ports.MemberStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def get(self, account_id: AccountId, person_id: PersonId) -> Resident | None:
        """Return one of the account's people."""
        row = self._transaction.row(_GET, account_id, person_id)
        return None if row is None else _resident(row)

    def page(self, account_id: AccountId, request: PageRequest, wanted: ResidentFilter) -> Page[Resident]:
        """Return one page in the order of the people's ids, with the number of all that the filter leaves."""
        pages = _pages(
            email=wanted.email is not None,
            statuses=wanted.statuses is not None,
            by_provider=wanted.provider_id is not None,
            in_group=wanted.group_id is not None,
        )
        values: list[object] = [account_id]
        if wanted.email is not None:
            values.append(wanted.email.lower())
        if wanted.statuses is not None:
            values.append([each.value for each in wanted.statuses])
        if wanted.provider_id is not None:
            values.append(wanted.provider_id)
        if wanted.group_id is not None:
            values.append(wanted.group_id)
        return pages.read(
            self._transaction,
            request,
            lambda rows: [_resident(row) for row in rows],
            *values,
            id_of=lambda each: each.person.id,
        )

    def put(self, standing: Standing) -> None:
        """Write all columns of a membership that is there."""
        self._transaction.change(
            _REPLACE,
            standing.account_id,
            standing.person_id,
            standing.stage.value,
            standing.created_at_ms,
            standing.version,
            standing.updated_at_ms,
            to_text(dict(standing.custom_fields)),
        )

    def remove(self, account_id: AccountId, person_id: PersonId) -> None:
        """Delete a membership with all that hangs on it, the person's keys in the account included."""
        for statement in _REMOVALS:
            self._transaction.change(statement, account_id, person_id)

    def accounts_of(self, person_id: PersonId) -> Sequence[AccountId]:
        """Return the accounts that the person is a member of, whatever the stage, ordered."""
        return [row[0] for row in self._transaction.rows(_ACCOUNTS_OF, person_id)]

    def also_elsewhere(self, account_id: AccountId, person_ids: Collection[PersonId]) -> Collection[PersonId]:
        """Return those of the people who are members of another account as well. One query."""
        return {row[0] for row in self._transaction.rows(_ALSO_ELSEWHERE, account_id, list(person_ids))}

    def with_email(self, account_id: AccountId, email: str) -> Person | None:
        """Return whoever of the account, guests included, has that address, whatever its case."""
        row = self._transaction.row(_WITH_EMAIL, account_id, email.lower())
        return None if row is None else person_of(row)

    def proven(self, email: str, *, limit: int) -> Sequence[Person]:
        """Return people of any account who have used a link that was mailed to that address, oldest first."""
        return [person_of(row) for row in self._transaction.rows(_PROVEN, email.lower(), limit)]

    def any_called(self, user_name: str) -> bool:
        """Tell whether anybody of any account has that user name."""
        return self._transaction.row(_ANY_CALLED, user_name) is not None

    def tenants_with(self, parent_id: AccountId, user_name: str, *, limit: int) -> Sequence[AccountId]:
        """Return the tenants of an account in which somebody at home has that user name."""
        return [row[0] for row in self._transaction.rows(_TENANTS_WITH, parent_id, user_name, limit)]

    def touch(self, account_id: AccountId, person_ids: Collection[PersonId], now_ms: int) -> None:
        """Raise the versions of these memberships."""
        self._transaction.change(_TOUCH, account_id, list(person_ids), now_ms)


def _resident(row: Sequence[Any]) -> Resident:
    account_id, person_id, stage, created_at_ms, version, updated_at_ms, custom_fields = row[_PERSON_COLUMNS:]
    standing = Standing(
        account_id=account_id,
        person_id=person_id,
        stage=Stage(stage),
        created_at_ms=created_at_ms,
        version=version,
        updated_at_ms=updated_at_ms,
        custom_fields=from_text(custom_fields),
    )
    return Resident(person_of(row[:_PERSON_COLUMNS]), standing)
