"""What people need from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from cloudstead.core.ids import AccountId, DomainId, PersonId
    from cloudstead.core.people.model import Membership, Person


class PeopleStore(Protocol):
    """People and their memberships."""

    def add(self, person: Person) -> None:
        """Insert a person; raise ``UserNameTaken``."""
        ...

    def replace(self, person: Person) -> None:
        """Write all columns of a person."""
        ...

    def by_user_name(self, account_id: AccountId, user_name: str) -> Person | None:
        """Return the person of that home account with that user name."""
        ...

    def get(self, person_id: PersonId) -> Person | None:
        """Return the person with that id."""
        ...

    def put_membership(self, membership: Membership) -> None:
        """Insert or replace a membership with its grants, in their order."""
        ...

    def membership(self, account_id: AccountId, person_id: PersonId) -> Membership | None:
        """Return the person's membership in the account, ``None`` when there is none."""
        ...

    def any_at(self, account_id: AccountId, domain_ids: Collection[DomainId]) -> bool:
        """Tell whether anybody's home grant lies at one of the domains."""
        ...
