"""Second factors and scratch codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from cloudstead.core.people.second_factor import SecondFactor
from cloudstead.storage.sql.statements import Statement, adding, putting
from cloudstead.storage.sql.tables_people import scratch_codes, second_factors

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.ids import PersonId
    from cloudstead.storage.sql.transaction import Transaction

_GET = Statement(
    lambda _: select(second_factors).where(second_factors.c.person_id == bindparam("person_id")), "person_id"
)
_OF_PEOPLE = Statement(
    lambda words: (
        select(second_factors.c.person_id)
        .where(words.any_of(second_factors.c.person_id, "person_ids"))
        .where(second_factors.c.is_on.is_(True))
    ),
    "person_ids",
)
_PUT = putting(second_factors, "person_id")
_REMOVE = Statement(
    lambda _: second_factors.delete().where(second_factors.c.person_id == bindparam("person_id")), "person_id"
)
# The condition on the step is what lets one of two concurrent uses win.
_USE_STEP = Statement(
    lambda _: (
        second_factors.update()
        .where(second_factors.c.person_id == bindparam("wanted_person_id"))
        .where(second_factors.c.last_step < bindparam("wanted_step"))
        .values(last_step=bindparam("step"))
    ),
    "person_id",
    "step",
)
_ADD_CODE = adding(scratch_codes)
_DROP_CODES = Statement(
    lambda _: scratch_codes.delete().where(scratch_codes.c.person_id == bindparam("person_id")), "person_id"
)
_USE_CODE = Statement(
    lambda _: (
        scratch_codes.delete()
        .where(scratch_codes.c.person_id == bindparam("person_id"))
        .where(scratch_codes.c.code_hash == bindparam("code_hash"))
    ),
    "person_id",
    "code_hash",
)


class SqlSecondFactors:
    """Second factors (``core.people.ports.SecondFactorStore``)."""

    __slots__ = ("_transaction",)

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def get(self, person_id: PersonId) -> SecondFactor | None:
        """Return the person's second factor, on or not."""
        row = self._transaction.row(_GET, person_id)
        if row is None:
            return None
        person_id, sealed_secret, is_on, last_step = row
        return SecondFactor(person_id, sealed_secret, is_on=bool(is_on), last_step=last_step)

    def of_people(self, person_ids: Collection[PersonId]) -> Collection[PersonId]:
        """Return those of the people whose second factor is on. One query."""
        return {row[0] for row in self._transaction.rows(_OF_PEOPLE, list(person_ids))}

    def put(self, factor: SecondFactor) -> None:
        """Insert or replace a second factor."""
        self._transaction.change(_PUT, factor.person_id, factor.sealed_secret, factor.is_on, factor.last_step)

    def remove(self, person_id: PersonId) -> None:
        """Delete it with its scratch codes."""
        self._transaction.change(_REMOVE, person_id)
        self._transaction.change(_DROP_CODES, person_id)

    def use_step(self, person_id: PersonId, step: int) -> bool:
        """Note the step of a code as used, unless it or a later one was; return whether this call did it."""
        return self._transaction.change(_USE_STEP, person_id, step) == 1

    def put_scratch_codes(self, person_id: PersonId, hashes: Sequence[bytes]) -> None:
        """Replace the scratch codes."""
        self._transaction.change(_DROP_CODES, person_id)
        self._transaction.change_each(_ADD_CODE, [(person_id, each) for each in hashes])

    def use_scratch_code(self, person_id: PersonId, code_hash: bytes) -> bool:
        """Delete a scratch code; return whether this call did it."""
        return self._transaction.change(_USE_CODE, person_id, code_hash) == 1
