"""Things, and the marks that tell the index which of them to read again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select

from cloudstead.core.things.errors import ThingNameTaken
from cloudstead.core.things.model import Thing
from cloudstead.storage.sql.statements import Statement, adding_if_free, replacing
from cloudstead.storage.sql.tables import index_marks, things

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudstead.core.ids import AccountId, DomainId, ThingName, ThingTypeId, ThingUid
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding_if_free(things)
_REPLACE = replacing(things, "uid", "account_id")
_REMOVE = Statement(
    lambda words: (
        things.delete().where(things.c.account_id == bindparam("account_id")).where(words.any_of(things.c.uid, "uids"))
    ),
    "account_id",
    "uids",
)
_GET = Statement(
    lambda _: (
        select(things).where(things.c.account_id == bindparam("account_id")).where(things.c.name == bindparam("name"))
    ),
    "account_id",
    "name",
)
_BY_UIDS = Statement(lambda words: select(things).where(words.any_of(things.c.uid, "uids")), "uids")
_NAMES = Statement(
    lambda words: (
        select(things.c.name)
        .where(things.c.account_id == bindparam("account_id"))
        .where(words.any_of(things.c.domain_id, "domain_ids"))
        .order_by(things.c.name)
        .limit(bindparam("limit"))
    ),
    "account_id",
    "domain_ids",
    "limit",
)
_ANY_AT = Statement(
    lambda words: (
        select(things.c.uid)
        .where(things.c.account_id == bindparam("account_id"))
        .where(words.any_of(things.c.domain_id, "domain_ids"))
        .limit(1)
    ),
    "account_id",
    "domain_ids",
)
_COUNT_IN_ACCOUNT = Statement(
    lambda _: (
        select(things.c.thing_type, func.count())
        .where(things.c.account_id == bindparam("account_id"))
        .group_by(things.c.thing_type)
    ),
    "account_id",
)
_COUNT_AT = Statement(
    lambda words: (
        select(things.c.thing_type, func.count())
        .where(things.c.account_id == bindparam("account_id"))
        .where(words.any_of(things.c.domain_id, "domain_ids"))
        .group_by(things.c.thing_type)
    ),
    "account_id",
    "domain_ids",
)
_MARK = Statement(
    lambda words: index_marks.insert().from_select(
        ["account_id", "uid", "name"],
        select(things.c.account_id, things.c.uid, things.c.name).where(words.any_of(things.c.uid, "uids")),
    ),
    "uids",
)
_MARK_ALL = Statement(
    lambda _: index_marks.insert().from_select(
        ["account_id", "uid", "name"],
        select(things.c.account_id, things.c.uid, things.c.name).where(things.c.account_id == bindparam("account_id")),
    ),
    "account_id",
)
_MARK_OWN = Statement(
    lambda words: index_marks.insert().from_select(
        ["account_id", "uid", "name"],
        select(things.c.account_id, things.c.uid, things.c.name)
        .where(things.c.account_id == bindparam("account_id"))
        .where(words.any_of(things.c.uid, "uids")),
    ),
    "account_id",
    "uids",
)
_TAKEN = Statement(
    lambda words: (
        select(things.c.name)
        .where(things.c.account_id == bindparam("account_id"))
        .where(words.any_of(things.c.name, "names"))
    ),
    "account_id",
    "names",
)
_PAGE_AT = Statement(
    lambda _: (
        select(things)
        .where(things.c.account_id == bindparam("account_id"), things.c.domain_id == bindparam("domain_id"))
        .where(things.c.name > bindparam("after"))
        .order_by(things.c.name)
        .limit(bindparam("limit"))
    ),
    "account_id",
    "domain_id",
    "after",
    "limit",
)
_PENDING = Statement(
    lambda _: (
        select(index_marks, things)
        .select_from(index_marks.outerjoin(things, index_marks.c.uid == things.c.uid))
        .order_by(index_marks.c.mark)
        .limit(bindparam("limit"))
    ),
    "limit",
)
_CLEAR_MARKS = Statement(lambda words: index_marks.delete().where(words.any_of(index_marks.c.mark, "marks")), "marks")


@dataclass(slots=True)
class Pending:
    """A mark left by ``mark_for_index`` (``core.things.ports.PendingThing``)."""

    mark: int
    account_id: AccountId
    uid: ThingUid
    name: ThingName
    thing: Thing | None


class SqlThings:
    """Things of one account at a time (``core.things.ports.ThingStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, thing: Thing) -> None:
        """Insert a thing; raise ``ThingNameTaken``."""
        if not self._transaction.change(_ADD, *_values(thing)):
            raise ThingNameTaken(thing.name)

    def replace(self, thing: Thing) -> None:
        """Write all columns of a thing."""
        self._transaction.change(_REPLACE, *_values(thing))

    def remove(self, account_id: AccountId, uid: ThingUid) -> None:
        """Delete a thing with its shadow and its certificates, and mark it, so that the index forgets it."""
        self.remove_each(account_id, (uid,))

    def add_each(self, things: Sequence[Thing]) -> None:
        """Insert several things whose names are free, as ``taken`` has told."""
        self._transaction.change_each(_ADD, [_values(thing) for thing in things])

    def replace_each(self, things: Sequence[Thing]) -> None:
        """Write all columns of several things."""
        self._transaction.change_each(_REPLACE, [_values(thing) for thing in things])

    def remove_each(self, account_id: AccountId, uids: Collection[ThingUid]) -> None:
        """Do what ``remove`` does to several things, in a fixed number of statements."""
        self._transaction.change(_MARK_OWN, account_id, list(uids))
        self._transaction.change(_REMOVE, account_id, list(uids))

    def taken(self, account_id: AccountId, names: Collection[ThingName]) -> set[ThingName]:
        """Return those of the names that things of the account have."""
        return {row[0] for row in self._transaction.rows(_TAKEN, account_id, list(names))}

    def page_at(self, account_id: AccountId, domain_id: DomainId, *, after: str, limit: int) -> list[Thing]:
        """Return things at one domain in the order of their names, those behind ``after``."""
        return [Thing(*row) for row in self._transaction.rows(_PAGE_AT, account_id, domain_id, after, limit)]

    def get(self, account_id: AccountId, name: ThingName) -> Thing | None:
        """Return the thing of that name."""
        row = self._transaction.row(_GET, account_id, name)
        return None if row is None else Thing(*row)

    def by_uids(self, uids: Collection[ThingUid]) -> Sequence[Thing]:
        """Return those of the things that exist, in any order, across accounts: for the message path only."""
        return [Thing(*row) for row in self._transaction.rows(_BY_UIDS, list(uids))]

    def names(self, account_id: AccountId, domain_ids: Collection[DomainId], *, limit: int) -> Sequence[ThingName]:
        """Return names of things at the domains, ordered, at most ``limit``."""
        return [row[0] for row in self._transaction.rows(_NAMES, account_id, list(domain_ids), limit)]

    def any_at(self, account_id: AccountId, domain_ids: Collection[DomainId]) -> bool:
        """Tell whether any thing is at one of the domains."""
        return self._transaction.row(_ANY_AT, account_id, list(domain_ids)) is not None

    def count_by_type(
        self, account_id: AccountId, domain_ids: Collection[DomainId] | None
    ) -> Mapping[ThingTypeId, int]:
        """Return the number of things of each type at the domains (``None``: in the whole account)."""
        if domain_ids is None:
            rows = self._transaction.rows(_COUNT_IN_ACCOUNT, account_id)
        else:
            rows = self._transaction.rows(_COUNT_AT, account_id, list(domain_ids))
        return {row[0]: row[1] for row in rows}

    def mark_for_index(self, uids: Collection[ThingUid]) -> None:
        """Note, in this transaction, that the index has to read the things again."""
        self._transaction.change(_MARK, list(uids))

    def mark_all_for_index(self, account_id: AccountId) -> int:
        """Note the same of every thing of an account; return how many."""
        return self._transaction.change(_MARK_ALL, account_id)

    def pending_for_index(self, *, limit: int) -> Sequence[Pending]:
        """Return marks in the order they were set, oldest first."""
        return [_pending(row) for row in self._transaction.rows(_PENDING, limit)]

    def clear_index_marks(self, marks: Collection[int]) -> None:
        """Delete the marks with these numbers."""
        self._transaction.change(_CLEAR_MARKS, list(marks))


def _values(thing: Thing) -> tuple[object, ...]:
    return (
        thing.uid,
        thing.account_id,
        thing.name,
        thing.thing_type,
        thing.domain_id,
        thing.label,
        thing.description,
        thing.created_at_ms,
        thing.created_by,
    )


def _pending(row: Sequence[Any]) -> Pending:
    mark, account_id, uid, name, *columns = row
    return Pending(mark, account_id, uid, name, Thing(*columns) if columns[0] is not None else None)
