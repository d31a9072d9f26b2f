"""Single-use links in mails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, select

from cloudstead.core.people.links import Link, LinkState, Purpose
from cloudstead.storage.sql.statements import Statement, adding
from cloudstead.storage.sql.tables_people import person_links

if TYPE_CHECKING:
    from collections.abc import Collection

    from cloudstead.core.ids import PersonId
    from cloudstead.storage.sql.transaction import Transaction

_ADD = adding(person_links)
_GET = Statement(lambda _: select(person_links).where(person_links.c.id == bindparam("id")), "id")
# The condition on the state is what lets one of two concurrent uses win.
_USE = Statement(
    lambda _: (
        person_links.update()
        .where(person_links.c.id == bindparam("wanted_id"))
        .where(person_links.c.state == bindparam("fresh"))
        .values(state=bindparam("used"))
    ),
    "id",
    "fresh",
    "used",
)
_END = Statement(
    lambda words: (
        person_links.update()
        .where(person_links.c.person_id == bindparam("wanted_person_id"))
        .where(words.any_of(person_links.c.purpose, "purposes"))
        .where(person_links.c.state == bindparam("fresh"))
        .values(state=bindparam("ended"))
    ),
    "person_id",
    "purposes",
    "fresh",
    "ended",
)
_COUNT_TO_PERSON = Statement(
    lambda _: (
        select(func.count())
        .select_from(person_links)
        .where(person_links.c.person_id == bindparam("person_id"))
        .where(person_links.c.created_at_ms > bindparam("since_ms"))
    ),
    "person_id",
    "since_ms",
)
_COUNT_TO_ADDRESS = Statement(
    lambda _: (
        select(func.count())
        .select_from(person_links)
        .where(person_links.c.email == bindparam("email"))
        .where(person_links.c.created_at_ms > bindparam("since_ms"))
    ),
    "email",
    "since_ms",
)
_DROP_EXPIRED = Statement(
    lambda _: person_links.delete().where(person_links.c.expires_at_ms < bindparam("before_ms")), "before_ms"
)


class SqlLinks:
    """Single-use links (``core.people.ports.LinkStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, link: Link) -> None:
        """Insert a link."""
        self._transaction.change(
            _ADD,
            link.id,
            link.account_id,
            link.person_id,
            link.purpose.value,
            link.secret_hash,
            link.email,
            link.state.value,
            link.created_at_ms,
            link.expires_at_ms,
        )

    def get(self, link_id: str) -> Link | None:
        """Return the link with that id, whatever its state."""
        row = self._transaction.row(_GET, link_id)
        if row is None:
            return None
        link_id, account_id, person_id, purpose, secret_hash, email, state, created_at_ms, expires_at_ms = row
        return Link(
            id=link_id,
            account_id=account_id,
            person_id=person_id,
            purpose=Purpose(purpose),
            secret_hash=secret_hash,
            email=email,
            state=LinkState(state),
            created_at_ms=created_at_ms,
            expires_at_ms=expires_at_ms,
        )

    def use(self, link_id: str) -> bool:
        """Mark a fresh link as used; return whether this call did it."""
        return self._transaction.change(_USE, link_id, LinkState.FRESH.value, LinkState.USED.value) == 1

    def end(self, person_id: PersonId, purposes: Collection[Purpose], state: LinkState) -> None:
        """Give the person's fresh links of these purposes another state."""
        self._transaction.change(_END, person_id, [each.value for each in purposes], LinkState.FRESH.value, state.value)

    def count_to_person(self, person_id: PersonId, since_ms: int) -> int:
        """Return how many links were made for the person since then."""
        row = self._transaction.row(_COUNT_TO_PERSON, person_id, since_ms)
        return 0 if row is None else int(row[0])

    def count_to_address(self, email: str, since_ms: int) -> int:
        """Return how many links were mailed to the address (lower case) since then, whoever they are for."""
        row = self._transaction.row(_COUNT_TO_ADDRESS, email, since_ms)
        return 0 if row is None else int(row[0])

    def drop_expired(self, before_ms: int) -> int:
        """Delete links that expired before then; return how many."""
        return self._transaction.change(_DROP_EXPIRED, before_ms)
