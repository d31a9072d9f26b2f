"""What people need from storage and from the post."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

    from cloudstead.core.ids import AccountId, DomainId, PersonId
    from cloudstead.core.mail.model import Letter
    from cloudstead.core.people.links import Link, LinkState, Purpose
    from cloudstead.core.people.listing import Counts, PeopleQuery, PeopleScope
    from cloudstead.core.people.model import Member, Membership, Person
    from cloudstead.core.unit import Unit


class PeopleStore(Protocol):
    """People and their memberships."""

    def add(self, person: Person) -> None:
        """Insert a person; raise ``UserNameTaken``."""
        ...

    def replace(self, person: Person) -> None:
        """Write all columns of a person."""
        ...

    def remove(self, person_ids: Collection[PersonId]) -> None:
        """Delete people with their memberships, tokens, keys, links and data."""
        ...

    def by_user_name(self, account_id: AccountId, user_name: str) -> Person | None:
        """Return the person of that home account with that user name."""
        ...

    def members(self, account_id: AccountId, user_names: Collection[str]) -> Sequence[Member]:
        """Return those of that home account who have one of the user names, with all their grants there."""
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

    def page(self, account_id: AccountId, scope: PeopleScope, query: PeopleQuery) -> Sequence[Member]:
        """Return one page of people with their home grants; costs a walk over the account's people."""
        ...

    def count(self, account_id: AccountId, scope: PeopleScope, query: PeopleQuery) -> Counts:
        """Count the people of every category that scope and free text leave; costs a walk as well."""
        ...

    def user_data(self, person_id: PersonId) -> dict[str, Any] | None:
        """Return what was stored for the person, ``None`` for nothing yet."""
        ...

    def put_user_data(self, person_id: PersonId, data: dict[str, Any]) -> None:
        """Store it in place of what was there."""
        ...


class LinkStore(Protocol):
    """Single-use links in mails, by their public id."""

    def add(self, link: Link) -> None:
        """Insert a link."""
        ...

    def get(self, link_id: str) -> Link | None:
        """Return the link with that id, whatever its state."""
        ...

    def use(self, link_id: str) -> bool:
        """Mark a fresh link as used; return whether this call did it."""
        ...

    def end(self, person_id: PersonId, purposes: Collection[Purpose], state: LinkState) -> None:
        """Give the person's fresh links of these purposes another state."""
        ...

    def count_to_person(self, person_id: PersonId, since_ms: int) -> int:
        """Return how many links were made for the person since then."""
        ...

    def count_to_address(self, email: str, since_ms: int) -> int:
        """Return how many links were mailed to the address (lower case) since then, whoever they are for."""
        ...

    def drop_expired(self, before_ms: int) -> int:
        """Delete links that expired before then; return how many."""
        ...


class Letters(Protocol):
    """The post office (``core.mail``)."""

    def send(self, unit: Unit, account_id: AccountId, letter: Letter) -> object:
        """Have the letter delivered once the transaction is committed."""
        ...
