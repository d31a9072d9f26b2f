"""What groups have beside their domains, and who is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select

from cloudstead.core.groups.model import GroupFacts, GroupMember, Holder
from cloudstead.core.people.model import Stage
from cloudstead.storage.sql.json_text import from_text, to_text
from cloudstead.storage.sql.statements import Statement, putting
from cloudstead.storage.sql.stores.people import person_of
from cloudstead.storage.sql.tables import membership_grants, memberships, people, things
from cloudstead.storage.sql.tables_groups import group_facts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Select

    from cloudstead.core.ids import AccountId, DomainId, PersonId
    from cloudstead.storage.sql.transaction import Transaction

_PUT = putting(group_facts, "account_id", "domain_id")
_NAMED = Statement(
    lambda words: (
        select(group_facts)
        .where(group_facts.c.account_id == bindparam("account_id"))
        .where(words.any_of(group_facts.c.domain_id, "domain_ids"))
    ),
    "account_id",
    "domain_ids",
)
_BY_TOKEN = Statement(
    lambda _: select(group_facts).where(group_facts.c.token_hash == bindparam("token_hash")), "token_hash"
)
_PERSON_COLUMNS = len(people.c)
_LATER = membership_grants.alias("later")


def _members() -> Select[Any]:
    """Select members of one group, each by the last grant there: what groups give stands behind what others do."""
    grants = membership_grants.c
    has_later = (
        select(_LATER.c.person_id)
        .where(_LATER.c.account_id == grants.account_id, _LATER.c.person_id == grants.person_id)
        .where(_LATER.c.domain_id == grants.domain_id, _LATER.c.position > grants.position)
        .exists()
    )
    return (
        select(people, grants.role, memberships.c.stage, memberships.c.created_at_ms, memberships.c.updated_at_ms)
        .select_from(
            membership_grants.join(
                memberships,
                (memberships.c.account_id == grants.account_id) & (memberships.c.person_id == grants.person_id),
            ).join(people, people.c.id == grants.person_id)
        )
        .where(grants.account_id == bindparam("account_id"), grants.domain_id == bindparam("domain_id"))
        .where(~has_later)
    )


_PAGE = Statement(
    lambda _: (
        _members()
        .where(membership_grants.c.person_id > bindparam("after"))
        .order_by(membership_grants.c.person_id)
        .limit(bindparam("limit"))
    ),
    "account_id",
    "domain_id",
    "after",
    "limit",
)
_MEMBER = Statement(
    lambda _: _members().where(membership_grants.c.person_id == bindparam("person_id")),
    "account_id",
    "domain_id",
    "person_id",
)
_HOLDERS = Statement(
    lambda words: (
        select(membership_grants.c.person_id, membership_grants.c.domain_id, membership_grants.c.role)
        .select_from(
            membership_grants.join(
                memberships,
                (memberships.c.account_id == membership_grants.c.account_id)
                & (memberships.c.person_id == membership_grants.c.person_id),
            ).join(people, people.c.id == membership_grants.c.person_id)
        )
        .where(membership_grants.c.account_id == bindparam("account_id"))
        .where(words.any_of(membership_grants.c.domain_id, "domain_ids"))
        .where(memberships.c.stage == bindparam("stage"), people.c.is_enabled.is_(True))
        .order_by(membership_grants.c.person_id, membership_grants.c.position)
    ),
    "account_id",
    "domain_ids",
    "stage",
)
_DEVICES_AT = Statement(
    lambda words: (
        select(things.c.domain_id, func.count())
        .where(things.c.account_id == bindparam("account_id"))
        .where(words.any_of(things.c.domain_id, "domain_ids"))
        .group_by(things.c.domain_id)
    ),
    "account_id",
    "domain_ids",
)


class SqlGroups:
    """Groups (``core.groups.ports.GroupStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def put(self, facts: GroupFacts) -> None:
        """Insert or replace what a group has."""
        self._transaction.change(
            _PUT,
            facts.account_id,
            facts.domain_id,
            facts.owner_id,
            facts.administrator_role,
            facts.default_role,
            to_text(facts.tags),
            facts.token_hash,
            facts.sealed_token,
            facts.created_by,
            facts.updated_by,
            facts.updated_at_ms,
        )

    def named(self, account_id: AccountId, domain_ids: Collection[DomainId]) -> dict[DomainId, GroupFacts]:
        """Return what these groups have, as far as anything was stored. One query."""
        found = [_facts(row) for row in self._transaction.rows(_NAMED, account_id, list(domain_ids))]
        return {facts.domain_id: facts for facts in found}

    def by_token(self, token_hash: bytes) -> GroupFacts | None:
        """Return what the group of any account has whose token has that hash."""
        row = self._transaction.row(_BY_TOKEN, token_hash)
        return None if row is None else _facts(row)

    def members(self, account_id: AccountId, domain_id: DomainId, *, after: str, limit: int) -> list[GroupMember]:
        """Return members in the order of their ids, those behind ``after``. One query."""
        return [_member(row) for row in self._transaction.rows(_PAGE, account_id, domain_id, after, limit)]

    def member(self, account_id: AccountId, domain_id: DomainId, person_id: PersonId) -> GroupMember | None:
        """Return one member."""
        row = self._transaction.row(_MEMBER, account_id, domain_id, person_id)
        return None if row is None else _member(row)

    def holders(self, account_id: AccountId, domain_ids: Collection[DomainId]) -> list[Holder]:
        """Return who holds which role in which of these groups, of those who may come in. One query."""
        return [
            Holder(*row) for row in self._transaction.rows(_HOLDERS, account_id, list(domain_ids), Stage.OPEN.value)
        ]

    def devices_at(self, account_id: AccountId, domain_ids: Collection[DomainId]) -> dict[DomainId, int]:
        """Return how many things are directly in each of these groups. One query."""
        return {row[0]: int(row[1]) for row in self._transaction.rows(_DEVICES_AT, account_id, list(domain_ids))}


def _facts(row: Sequence[Any]) -> GroupFacts:
    read = dict(zip(group_facts.c.keys(), row, strict=True))
    return GroupFacts(**{**read, "tags": tuple(from_text(read["tags"]))})


def _member(row: Sequence[Any]) -> GroupMember:
    role, stage, created_at_ms, updated_at_ms = row[_PERSON_COLUMNS:]
    return GroupMember(
        person=person_of(row[:_PERSON_COLUMNS]),
        role=role,
        stage=Stage(stage),
        created_at_ms=created_at_ms,
        updated_at_ms=updated_at_ms,
    )
