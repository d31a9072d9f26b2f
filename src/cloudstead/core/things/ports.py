"""What things need from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cloudstead.core.ids import AccountId, DomainId, ThingName, ThingTypeId, ThingUid
    from cloudstead.core.things.model import Thing


class ThingStore(Protocol):
    """Things of one account at a time."""

    def add(self, thing: Thing) -> None:
        """Insert a thing; raise ``ThingNameTaken``."""
        ...

    def replace(self, thing: Thing) -> None:
        """Write all columns of a thing."""
        ...

    def add_each(self, things: Sequence[Thing]) -> None:
        """Insert several things whose names are free, as ``taken`` has told."""
        ...

    def replace_each(self, things: Sequence[Thing]) -> None:
        """Write all columns of several things."""
        ...

    def remove_each(self, account_id: AccountId, uids: Collection[ThingUid]) -> None:
        """Do what ``remove`` does to several things, in a fixed number of statements."""
        ...

    def taken(self, account_id: AccountId, names: Collection[ThingName]) -> Collection[ThingName]:
        """Return those of the names that things of the account have."""
        ...

    def page_at(self, account_id: AccountId, domain_id: DomainId, *, after: str, limit: int) -> Sequence[Thing]:
        """Return things at one domain in the order of their names, those behind ``after``."""
        ...

    def remove(self, account_id: AccountId, uid: ThingUid) -> None:
        """Delete a thing with its shadow and its certificates, and mark it, so that the index forgets it."""
        ...

    def get(self, account_id: AccountId, name: ThingName) -> Thing | None:
        """Return the thing of that name."""
        ...

    def by_uids(self, uids: Collection[ThingUid]) -> Sequence[Thing]:
        """Return those of the things that exist, in any order, across accounts: for the message path only."""
        ...

    def names(self, account_id: AccountId, domain_ids: Collection[DomainId], *, limit: int) -> Sequence[ThingName]:
        """Return names of things at the domains, ordered, at most ``limit``."""
        ...

    def any_at(self, account_id: AccountId, domain_ids: Collection[DomainId]) -> bool:
        """Tell whether any thing is at one of the domains."""
        ...

    def count_by_type(
        self, account_id: AccountId, domain_ids: Collection[DomainId] | None
    ) -> Mapping[ThingTypeId, int]:
        """Return the number of things of each type at the domains (``None``: in the whole account)."""
        ...

    def mark_for_index(self, uids: Collection[ThingUid]) -> None:
        """Note, in this transaction, that the index has to read the things again (or forget them, when gone)."""
        ...

    def mark_all_for_index(self, account_id: AccountId) -> int:
        """Note the same of every thing of an account; return how many."""
        ...

    def pending_for_index(self, *, limit: int) -> Sequence[PendingThing]:
        """Return marks in the order they were set, oldest first."""
        ...

    def clear_index_marks(self, marks: Collection[int]) -> None:
        """Delete the marks with these numbers."""
        ...


class PendingThing(Protocol):
    """A mark left by ``mark_for_index``; ``thing`` is ``None`` when it is gone."""

    mark: int
    account_id: AccountId
    uid: ThingUid
    name: ThingName
    thing: Thing | None
