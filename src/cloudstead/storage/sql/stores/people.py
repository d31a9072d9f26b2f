"""People and their memberships."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from cloudstead.core.people.errors import UserNameTaken
from cloudstead.core.people.model import Membership, Person
from cloudstead.storage.sql.statements import Statement, adding, adding_if_free, replacing
from cloudstead.storage.sql.stores.grants import grants
from cloudstead.storage.sql.tables import membership_grants, memberships, people

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.ids import AccountId, DomainId, PersonId
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding_if_free(people)
_REPLACE = replacing(people, "id")
_BY_USER_NAME = Statement(
    lambda _: (
        select(people)
        .where(people.c.home_account_id == bindparam("account_id"))
        .where(people.c.user_name == bindparam("user_name"))
    ),
    "account_id",
    "user_name",
)
_BY_ID = Statement(lambda _: select(people).where(people.c.id == bindparam("id")), "id")
_ADD_MEMBERSHIP = adding_if_free(memberships)
_DROP_GRANTS = Statement(
    lambda _: (
        membership_grants.delete()
        .where(membership_grants.c.account_id == bindparam("account_id"))
        .where(membership_grants.c.person_id == bindparam("person_id"))
    ),
    "account_id",
    "person_id",
)
_ADD_GRANT = adding(membership_grants)
_MEMBERSHIP = Statement(
    lambda _: (
        select(membership_grants.c.domain_id, membership_grants.c.role)
        .select_from(memberships.outerjoin(membership_grants))
        .where(memberships.c.account_id == bindparam("account_id"))
        .where(memberships.c.person_id == bindparam("person_id"))
        .order_by(membership_grants.c.position)
    ),
    "account_id",
    "person_id",
)
_ANY_AT = Statement(
    lambda words: (
        select(membership_grants.c.person_id)
        .where(membership_grants.c.account_id == bindparam("account_id"))
        .where(membership_grants.c.position == 0)
        .where(words.any_of(membership_grants.c.domain_id, "domain_ids"))
        .limit(1)
    ),
    "account_id",
    "domain_ids",
)


class SqlPeople:
    """People and their memberships (``core.people.ports.PeopleStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, person: Person) -> None:
        """Insert a person; raise ``UserNameTaken``."""
        if not self._transaction.change(_ADD, *_values(person)):
            raise UserNameTaken(person.user_name)

    def replace(self, person: Person) -> None:
        """Write all columns of a person."""
        self._transaction.change(_REPLACE, *_values(person))

    def by_user_name(self, account_id: AccountId, user_name: str) -> Person | None:
        """Return the person of that home account with that user name."""
        row = self._transaction.row(_BY_USER_NAME, account_id, user_name)
        return None if row is None else _person(row)

    def get(self, person_id: PersonId) -> Person | None:
        """Return the person with that id."""
        row = self._transaction.row(_BY_ID, person_id)
        return None if row is None else _person(row)

    def put_membership(self, membership: Membership) -> None:
        """Insert or replace a membership with its grants, in their order."""
        key = (membership.account_id, membership.person_id)
        if not self._transaction.change(_ADD_MEMBERSHIP, *key):
            self._transaction.change(_DROP_GRANTS, *key)
        self._transaction.change_each(
            _ADD_GRANT,
            [(*key, position, grant.domain_id, grant.role) for position, grant in enumerate(membership.grants)],
        )

    def membership(self, account_id: AccountId, person_id: PersonId) -> Membership | None:
        """Return the person's membership in the account, ``None`` when there is none."""
        rows = self._transaction.rows(_MEMBERSHIP, account_id, person_id)
        return Membership(account_id, person_id, grants(rows)) if rows else None

    def any_at(self, account_id: AccountId, domain_ids: Collection[DomainId]) -> bool:
        """Tell whether anybody's home grant lies at one of the domains."""
        return self._transaction.row(_ANY_AT, account_id, list(domain_ids)) is not None


def _values(person: Person) -> tuple[object, ...]:
    return (
        person.id,
        person.home_account_id,
        person.user_name,
        person.password_hash,
        person.email,
        person.first_name,
        person.last_name,
        person.is_enabled,
        person.created_at_ms,
        person.failed_logins,
        person.locked_until_ms,
    )


def _person(row: Sequence[Any]) -> Person:
    columns = list(row)
    columns[7] = bool(columns[7])  # is_enabled
    return Person(*columns)
