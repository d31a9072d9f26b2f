"""People and their memberships."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, exists, func, not_, select

from cloudstead.core.caller import Grant
from cloudstead.core.people.errors import UserNameTaken
from cloudstead.core.people.links import LinkState
from cloudstead.core.people.model import Member, Membership, Person, Stage
from cloudstead.core.policygroups.model import ADMINISTRATOR_GRANT, GroupKind
from cloudstead.core.versions import FIRST_VERSION
from cloudstead.storage.sql.statements import Statement, adding, adding_if_free, putting, replacing
from cloudstead.storage.sql.stores.grants import grants
from cloudstead.storage.sql.stores.group_roles import whole
from cloudstead.storage.sql.stores.people_pages import count_statement, filter_values, page_statement, read_counts
from cloudstead.storage.sql.stores.policy_groups import SqlPolicyGroups
from cloudstead.storage.sql.tables import IS_UNCONFIRMED, TEXT, membership_grants, memberships, people
from cloudstead.storage.sql.tables_accounts import policy_group_people, policy_groups
from cloudstead.storage.sql.tables_people import person_links, person_texts, user_data

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.ids import AccountId, DomainId, PersonId
    from cloudstead.core.people.listing import Counts, PeopleQuery, PeopleScope
    from cloudstead.storage.sql.transaction import Transaction

_COLUMNS = len(people.c)
_FLAGS = tuple(position for position, name in enumerate(people.c.keys()) if people.c[name].type.python_type is bool)
_OF_SIGN_IN = ("password_hash", "failed_logins", "locked_until_ms", "last_login_at_ms")

_ADD = adding_if_free(people)
_REPLACE = replacing(people, "id")
_NOTE_SIGN_IN = Statement(
    lambda _: (
        people.update()
        .where(people.c.id == bindparam("wanted_id"))
        .values({name: bindparam(name) for name in _OF_SIGN_IN})
    ),
    "id",
    *_OF_SIGN_IN,
)
_PUT_TEXT = putting(person_texts, "person_id")
_REMOVE = Statement(lambda words: people.delete().where(words.any_of(people.c.id, "ids")), "ids")
# The partial index is used where its condition stands word for word.
_NEVER_CONFIRMED = Statement(
    lambda _: (
        select(people)
        .where(IS_UNCONFIRMED)
        .where(people.c.created_at_ms < bindparam("before_ms"))
        .where(people.c.is_demo.is_(False))
        .where(
            not_(
                exists()
                .where(memberships.c.person_id == people.c.id)
                .where(
                    (memberships.c.stage != Stage.OPEN.value) | (memberships.c.account_id != people.c.home_account_id)
                )
            )
        )
        .where(
            not_(
                exists()
                .where(membership_grants.c.account_id == people.c.home_account_id)
                .where(membership_grants.c.person_id == people.c.id)
            )
        )
        .where(
            not_(
                exists()
                .where(policy_group_people.c.account_id == people.c.home_account_id)
                .where(policy_group_people.c.person_id == people.c.id)
            )
        )
        .where(
            not_(
                exists()
                .where(person_links.c.person_id == people.c.id)
                .where(person_links.c.state == LinkState.FRESH.value)
                .where(person_links.c.expires_at_ms > bindparam("now_ms"))
            )
        )
        .order_by(people.c.id)
        .limit(bindparam("limit_"))
    ),
    "before_ms",
    "now_ms",
    "limit_",
)
_BY_USER_NAME = Statement(
    lambda _: (
        select(people)
        .where(people.c.home_account_id == bindparam("account_id"))
        .where(people.c.user_name == bindparam("user_name"))
    ),
    "account_id",
    "user_name",
)
_GUEST_BY_USER_NAME = Statement(
    lambda _: (
        select(people)
        .join(memberships, memberships.c.person_id == people.c.id)
        .where(memberships.c.account_id == bindparam("account_id"))
        .where(people.c.user_name == bindparam("user_name"))
        .order_by(people.c.id)
        .limit(1)
    ),
    "account_id",
    "user_name",
)
_MEMBERS = Statement(
    lambda words: (
        select(people, membership_grants.c.domain_id, membership_grants.c.role)
        .select_from(
            people.outerjoin(
                membership_grants,
                (membership_grants.c.account_id == people.c.home_account_id)
                & (membership_grants.c.person_id == people.c.id),
            )
        )
        .where(people.c.home_account_id == bindparam("account_id"))
        .where(words.any_of(people.c.user_name, "user_names"))
        .order_by(people.c.user_name, membership_grants.c.position)
    ),
    "account_id",
    "user_names",
)
_BY_ID = Statement(lambda _: select(people).where(people.c.id == bindparam("id")), "id")
_ADD_MEMBERSHIP = adding_if_free(memberships)
_NEW_STANDING = (0, FIRST_VERSION, 0, "{}")  # ``stores.members`` keeps what it says
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
_APPEND_GRANT = Statement(
    lambda _: membership_grants.insert().from_select(
        ["account_id", "person_id", "position", "domain_id", "role"],
        select(
            bindparam("account_id", type_=TEXT),
            bindparam("person_id", type_=TEXT),
            func.coalesce(func.max(membership_grants.c.position), -1) + 1,
            bindparam("domain_id", type_=TEXT),
            bindparam("role", type_=TEXT),
        )
        .where(membership_grants.c.account_id == bindparam("account_id", type_=TEXT))
        .where(membership_grants.c.person_id == bindparam("person_id", type_=TEXT)),
    ),
    "account_id",
    "person_id",
    "domain_id",
    "role",
)
# Who holds the Administrator role at the root is in that group, and nobody else.
_NO_ADMINISTRATOR = Statement(
    lambda _: (
        policy_group_people.delete()
        .where(policy_group_people.c.account_id == bindparam("account_id"))
        .where(policy_group_people.c.person_id == bindparam("person_id"))
        .where(
            policy_group_people.c.group_id.in_(
                select(policy_groups.c.id)
                .where(policy_groups.c.account_id == bindparam("account_id"))
                .where(policy_groups.c.kind == GroupKind.ADMINISTRATORS.value)
            )
        )
    ),
    "account_id",
    "person_id",
)
_ADMINISTRATOR = Statement(
    lambda words: (
        words.insert(policy_group_people)
        .from_select(
            ["group_id", "person_id", "account_id"],
            select(policy_groups.c.id, bindparam("person_id", type_=TEXT), policy_groups.c.account_id)
            .where(policy_groups.c.account_id == bindparam("account_id"))
            .where(policy_groups.c.kind == GroupKind.ADMINISTRATORS.value),
        )
        .on_conflict_do_nothing()
    ),
    "account_id",
    "person_id",
)
_MEMBERSHIP = Statement(
    lambda _: (
        select(membership_grants.c.domain_id, membership_grants.c.role, memberships.c.stage)
        .select_from(memberships.outerjoin(membership_grants))
        .where(memberships.c.account_id == bindparam("account_id"))
        .where(memberships.c.person_id == bindparam("person_id"))
        .order_by(membership_grants.c.position)
    ),
    "account_id",
    "person_id",
)
_MEMBERSHIPS = Statement(
    lambda words: (
        select(memberships.c.person_id, memberships.c.stage, membership_grants.c.domain_id, membership_grants.c.role)
        .select_from(memberships.outerjoin(membership_grants))
        .where(memberships.c.account_id == bindparam("account_id"))
        .where(words.any_of(memberships.c.person_id, "person_ids"))
        .order_by(memberships.c.person_id, membership_grants.c.position)
    ),
    "account_id",
    "person_ids",
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
_USER_DATA = Statement(
    lambda _: select(user_data.c.data).where(user_data.c.person_id == bindparam("person_id")), "person_id"
)
_PUT_USER_DATA = putting(user_data, "person_id")


class SqlPeople:
    """People and their memberships (``core.people.ports.PeopleStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, person: Person) -> None:
        """Insert a person; raise ``UserNameTaken``."""
        if not self._transaction.change(_ADD, *_values(person)):
            raise UserNameTaken(person.user_name)
        self._transaction.change(_PUT_TEXT, person.id, _text(person), person.email.lower())

    def replace(self, person: Person) -> None:
        """Write all columns of a person."""
        if self._transaction.change(_REPLACE, *_values(person)):
            self._transaction.change(_PUT_TEXT, person.id, _text(person), person.email.lower())

    def note_sign_in(self, person: Person) -> None:
        """Write what signing in changes of a person: failures, lock, last login, and the hash at today's cost."""
        self._transaction.change(
            _NOTE_SIGN_IN,
            person.id,
            person.password_hash,
            person.failed_logins,
            person.locked_until_ms,
            person.last_login_at_ms,
        )

    def remove(self, person_ids: Collection[PersonId]) -> None:
        """Delete people with their memberships, tokens, keys, links and data."""
        self._transaction.change(_REMOVE, list(person_ids))

    def never_confirmed(self, before_ms: int, *, now_ms: int, limit: int) -> Sequence[Person]:
        """Return people who signed up before then, were never confirmed and never given anything, oldest first.

        Not those who are asked or taken in by an account, and nobody with a link that is good at ``now_ms``.
        """
        return [person_of(row) for row in self._transaction.rows(_NEVER_CONFIRMED, before_ms, now_ms, limit)]

    def by_user_name(self, account_id: AccountId, user_name: str) -> Person | None:
        """Return the member of that account with that user name; whoever is at home there comes before a guest."""
        row = self._transaction.row(_BY_USER_NAME, account_id, user_name)
        if row is None:
            row = self._transaction.row(_GUEST_BY_USER_NAME, account_id, user_name)
        return None if row is None else person_of(row)

    def members(self, account_id: AccountId, user_names: Collection[str]) -> Sequence[Member]:
        """Return those of that home account who have one of the user names, with all their grants there."""
        rows = self._transaction.rows(_MEMBERS, account_id, list(user_names))
        by_person = [list(group) for _, group in groupby(rows, key=lambda row: row[0])]
        in_groups = SqlPolicyGroups(self._transaction).grants_of_people(account_id, [same[0][0] for same in by_person])
        return [
            Member(
                person_of(same[0][:_COLUMNS]),
                whole(self._transaction, account_id, grants(row[_COLUMNS:] for row in same)),
                in_groups[same[0][0]],
            )
            for same in by_person
        ]

    def get(self, person_id: PersonId) -> Person | None:
        """Return the person with that id."""
        row = self._transaction.row(_BY_ID, person_id)
        return None if row is None else person_of(row)

    def put_membership(self, membership: Membership) -> None:
        """Insert or replace a membership with its grants, in their order; of one that is there, the stage stays."""
        key = (membership.account_id, membership.person_id)
        if not self._transaction.change(_ADD_MEMBERSHIP, *key, membership.stage.value, *_NEW_STANDING):
            self._transaction.change(_DROP_GRANTS, *key)
            self._transaction.change(_NO_ADMINISTRATOR, *key)
        self._transaction.change_each(
            _ADD_GRANT,
            [(*key, position, grant.domain_id, grant.role) for position, grant in enumerate(membership.grants)],
        )
        if ADMINISTRATOR_GRANT in membership.grants:
            self._transaction.change(_ADMINISTRATOR, *key)

    def add_grant(self, account_id: AccountId, person_id: PersonId, grant: Grant) -> None:
        """Put a grant behind those of a membership that is there; not for administrators of the account."""
        self._transaction.change(_APPEND_GRANT, account_id, person_id, grant.domain_id, grant.role)

    def membership(self, account_id: AccountId, person_id: PersonId) -> Membership | None:
        """Return the person's membership in the account, ``None`` when there is none."""
        rows = self._transaction.rows(_MEMBERSHIP, account_id, person_id)
        if not rows:
            return None
        return Membership(account_id, person_id, whole(self._transaction, account_id, grants(rows)), Stage(rows[0][2]))

    def put_grants(self, memberships: Sequence[Membership]) -> None:
        """Replace the grants of memberships that are there."""
        keys = [(each.account_id, each.person_id) for each in memberships]
        self._transaction.change_each(_DROP_GRANTS, keys)
        self._transaction.change_each(_NO_ADMINISTRATOR, keys)
        self._transaction.change_each(
            _ADD_GRANT,
            [
                (each.account_id, each.person_id, position, grant.domain_id, grant.role)
                for each in memberships
                for position, grant in enumerate(each.grants)
            ],
        )
        administrators = [each for each in memberships if ADMINISTRATOR_GRANT in each.grants]
        self._transaction.change_each(_ADMINISTRATOR, [(each.account_id, each.person_id) for each in administrators])

    def memberships(self, account_id: AccountId, person_ids: Collection[PersonId]) -> Sequence[Membership]:
        """Return the memberships that these people have in the account."""
        rows = self._transaction.rows(_MEMBERSHIPS, account_id, list(person_ids))
        found = [list(same) for _, same in groupby(rows, key=lambda row: row[0])]
        return [
            Membership(account_id, same[0][0], grants(row[2:] for row in same), Stage(same[0][1])) for same in found
        ]

    def any_at(self, account_id: AccountId, domain_ids: Collection[DomainId]) -> bool:
        """Tell whether anybody's home grant lies at one of the domains."""
        return self._transaction.row(_ANY_AT, account_id, list(domain_ids)) is not None

    def page(self, account_id: AccountId, scope: PeopleScope, query: PeopleQuery) -> Sequence[Member]:
        """Return one page of people with their home grants; costs a walk over the account's people."""
        statement = page_statement(
            query.sort, query.category, is_scoped=scope.domain_ids is not None, is_filtered=bool(query.free_text)
        )
        values = filter_values(account_id, scope, query)
        rows = self._transaction.rows(statement, *values, query.size, (query.page - 1) * query.size)
        members = [_member(row) for row in rows]
        homes = whole(self._transaction, account_id, [each.home for each in members if each.home is not None])
        whole_homes = iter(homes)
        return [each if each.home is None else replace(each, grants=(next(whole_homes),)) for each in members]

    def count(self, account_id: AccountId, scope: PeopleScope, query: PeopleQuery) -> Counts:
        """Count the people of every category that scope and free text leave; costs a walk as well."""
        statement = count_statement(is_scoped=scope.domain_ids is not None, is_filtered=bool(query.free_text))
        return read_counts(self._transaction.rows(statement, *filter_values(account_id, scope, query)))

    def user_data(self, person_id: PersonId) -> dict[str, Any] | None:
        """Return what was stored for the person, ``None`` for nothing yet."""
        row = self._transaction.row(_USER_DATA, person_id)
        return None if row is None else msgspec.json.decode(row[0], type=dict[str, Any])

    def put_user_data(self, person_id: PersonId, data: dict[str, Any]) -> None:
        """Store it in place of what was there."""
        self._transaction.change(_PUT_USER_DATA, person_id, msgspec.json.encode(data).decode())


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
        person.phone,
        person.company,
        person.address,
        person.zip,
        person.city,
        person.country,
        person.is_confirmed,
        person.must_set_password,
        person.is_demo,
        person.credential_epoch,
        person.is_email_verified,
        person.accepts_terms,
        person.accepts_marketing,
        person.password_changed_at_ms,
        person.last_login_at_ms,
    )


def _text(person: Person) -> str:
    """Return what free text is looked for in; a full name is found as one."""
    parts = (
        person.user_name,
        f"{person.first_name} {person.last_name}",
        person.email,
        person.phone,
        person.company,
        person.address,
        person.zip,
        person.city,
        person.country,
    )
    return "\n".join(parts).casefold()


def person_of(row: Sequence[Any]) -> Person:
    """Return the person of a row of all columns."""
    columns = list(row)
    for position in _FLAGS:
        columns[position] = bool(columns[position])
    return Person(*columns)


def _member(row: Sequence[Any]) -> Member:
    domain_id, role = row[_COLUMNS:]
    return Member(person_of(row[:_COLUMNS]), () if domain_id is None else (Grant(domain_id, role),))
