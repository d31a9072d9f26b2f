"""What people need from storage and from the post."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

    from cloudstead.core.caller import Grant
    from cloudstead.core.ids import AccountId, DomainId, PersonId
    from cloudstead.core.mail.model import Letter
    from cloudstead.core.paging import Page, PageRequest
    from cloudstead.core.people.links import Link, LinkState, Purpose
    from cloudstead.core.people.listing import Counts, PeopleQuery, PeopleScope
    from cloudstead.core.people.model import Member, Membership, Person
    from cloudstead.core.people.second_factor import SecondFactor
    from cloudstead.core.people.sessions import LoginAttempt, LoginSession, SessionId
    from cloudstead.core.people.standing import Resident, ResidentFilter, Standing
    from cloudstead.core.unit import Unit


class PeopleStore(Protocol):
    """People and their memberships."""

    def add(self, person: Person) -> None:
        """Insert a person; raise ``UserNameTaken``."""
        ...

    def replace(self, person: Person) -> None:
        """Write all columns of a person."""
        ...

    def note_sign_in(self, person: Person) -> None:
        """Write what signing in changes of a person: failures, lock, last login, and the hash at today's cost."""
        ...

    def remove(self, person_ids: Collection[PersonId]) -> None:
        """Delete people with their memberships, tokens, keys, links and data."""
        ...

    def never_confirmed(self, before_ms: int, *, now_ms: int, limit: int) -> Sequence[Person]:
        """Return people who signed up before then, were never confirmed and never given anything, oldest first.

        Not those who are asked or taken in by an account, and nobody with a link that is good at ``now_ms``.
        """
        ...

    def by_user_name(self, account_id: AccountId, user_name: str) -> Person | None:
        """Return the member of that account with that user name; whoever is at home there comes before a guest."""
        ...

    def members(self, account_id: AccountId, user_names: Collection[str]) -> Sequence[Member]:
        """Return those of that home account who have one of the user names, with all their grants there."""
        ...

    def get(self, person_id: PersonId) -> Person | None:
        """Return the person with that id."""
        ...

    def put_membership(self, membership: Membership) -> None:
        """Insert or replace a membership with its grants, in their order; of one that is there, the stage stays."""
        ...

    def put_grants(self, memberships: Sequence[Membership]) -> None:
        """Replace the grants of memberships that are there."""
        ...

    def add_grant(self, account_id: AccountId, person_id: PersonId, grant: Grant) -> None:
        """Put a grant behind those of a membership that is there; not one that makes an administrator of the account.

        One statement, however many there are.
        """
        ...

    def membership(self, account_id: AccountId, person_id: PersonId) -> Membership | None:
        """Return the person's membership in the account, ``None`` when there is none."""
        ...

    def memberships(self, account_id: AccountId, person_ids: Collection[PersonId]) -> Sequence[Membership]:
        """Return the memberships that these people have in the account."""
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


class MemberStore(Protocol):
    """The people of accounts together with their standing, guests included."""

    def get(self, account_id: AccountId, person_id: PersonId) -> Resident | None:
        """Return one of the account's people."""
        ...

    def page(self, account_id: AccountId, request: PageRequest, wanted: ResidentFilter) -> Page[Resident]:
        """Return one page in the order of the people's ids, with the number of all that the filter leaves."""
        ...

    def put(self, standing: Standing) -> None:
        """Write all columns of a membership that is there."""
        ...

    def remove(self, account_id: AccountId, person_id: PersonId) -> None:
        """Delete a membership with all that hangs on it, the person's keys in the account included."""
        ...

    def accounts_of(self, person_id: PersonId) -> Sequence[AccountId]:
        """Return the accounts that the person is a member of, whatever the stage, ordered."""
        ...

    def also_elsewhere(self, account_id: AccountId, person_ids: Collection[PersonId]) -> Collection[PersonId]:
        """Return those of the people who are members of another account as well. One query."""
        ...

    def with_email(self, account_id: AccountId, email: str) -> Person | None:
        """Return whoever of the account, guests included, has that address, whatever its case."""
        ...

    def proven(self, email: str, *, limit: int) -> Sequence[Person]:
        """Return people of any account who have used a link that was mailed to that address, oldest first."""
        ...

    def any_called(self, user_name: str) -> bool:
        """Tell whether anybody of any account has that user name."""
        ...

    def tenants_with(self, parent_id: AccountId, user_name: str, *, limit: int) -> Sequence[AccountId]:
        """Return the tenants of an account in which somebody at home has that user name."""
        ...

    def touch(self, account_id: AccountId, person_ids: Collection[PersonId], now_ms: int) -> None:
        """Raise the versions of these memberships."""
        ...


class SecondFactorStore(Protocol):
    """Second factors and scratch codes."""

    def get(self, person_id: PersonId) -> SecondFactor | None:
        """Return the person's second factor, on or not."""
        ...

    def of_people(self, person_ids: Collection[PersonId]) -> Collection[PersonId]:
        """Return those of the people whose second factor is on. One query."""
        ...

    def put(self, factor: SecondFactor) -> None:
        """Insert or replace a second factor."""
        ...

    def remove(self, person_id: PersonId) -> None:
        """Delete it with its scratch codes."""
        ...

    def use_step(self, person_id: PersonId, step: int) -> bool:
        """Note the step of a code as used, unless it or a later one was; return whether this call did it."""
        ...

    def put_scratch_codes(self, person_id: PersonId, hashes: Sequence[bytes]) -> None:
        """Replace the scratch codes."""
        ...

    def use_scratch_code(self, person_id: PersonId, code_hash: bytes) -> bool:
        """Delete a scratch code; return whether this call did it."""
        ...


class SessionStore(Protocol):
    """Sessions and attempts to sign in; both die with the membership."""

    def add(self, session: LoginSession) -> None:
        """Insert a session."""
        ...

    def get(self, session_id: SessionId) -> LoginSession | None:
        """Return the session with that id, ended by time or not."""
        ...

    def of_person(self, account_id: AccountId, person_id: PersonId) -> Sequence[LoginSession]:
        """Return the person's sessions in the account, newest first."""
        ...

    def note_use(self, session_id: SessionId, now_ms: int) -> None:
        """Write down when the session was used."""
        ...

    def remove(self, account_id: AccountId, person_id: PersonId, session_id: SessionId) -> bool:
        """Delete a session; return whether there was one."""
        ...

    def drop_of(self, person_id: PersonId) -> int:
        """Delete all sessions of a person; return how many."""
        ...

    def drop_idle(self, account_id: AccountId, before_ms: int) -> int:
        """Delete sessions of the account last used before then; return how many."""
        ...

    def drop_unused(self, before_ms: int) -> int:
        """Delete sessions last used before then; return how many."""
        ...

    def add_attempt(self, attempt: LoginAttempt, *, kept: int) -> None:
        """Insert an attempt, and keep the last ``kept`` of the person in the account."""
        ...

    def mark_success(self, account_id: AccountId, person_id: PersonId, attempt_id: str) -> None:
        """Let an attempt that was noted before its outcome be one that succeeded."""
        ...

    def attempts(
        self, account_id: AccountId, person_ids: Collection[PersonId]
    ) -> dict[PersonId, Sequence[LoginAttempt]]:
        """Return the attempts of these people in the account, newest first. One query."""
        ...


class Letters(Protocol):
    """The post office (``core.mail``)."""

    def send(self, unit: Unit, account_id: AccountId, letter: Letter) -> object:
        """Have the letter delivered once the transaction is committed."""
        ...
