"""A person, and the membership that ties a person to an account."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.caller import Grant
    from cloudstead.core.ids import AccountId, PersonId


@dataclass(frozen=True, slots=True)
class Person:
    """A human being with a user name, unique among the people whose home is the same account.

    ``must_set_password``: the password was reset and opens nothing until a new one is set. ``is_demo``: cannot be
    removed. ``credential_epoch`` grows by one whenever the password changes; tokens and sessions carry the one of their
    day and end with it. ``is_email_verified``: the person has used a link mailed to the present address, which
    ``is_confirmed`` does not say of people whom an administrator let in.
    """

    id: PersonId
    home_account_id: AccountId
    user_name: str
    password_hash: str
    email: str
    first_name: str = ""
    last_name: str = ""
    is_enabled: bool = True
    created_at_ms: int = 0
    failed_logins: int = 0
    locked_until_ms: int = 0
    phone: str = ""
    company: str = ""
    address: str = ""
    zip: str = ""
    city: str = ""
    country: str = ""
    is_confirmed: bool = True
    must_set_password: bool = False
    is_demo: bool = False
    credential_epoch: int = 0
    is_email_verified: bool = False
    accepts_terms: bool = False
    accepts_marketing: bool = False
    password_changed_at_ms: int = 0
    last_login_at_ms: int = 0

    @property
    def may_enter(self) -> bool:
        """Whether the person's credentials open anything, a place in the account aside."""
        return self.is_enabled and self.is_confirmed and not self.must_set_password

    @property
    def as_invited(self) -> Person:
        """What an account may know of somebody from elsewhere who has yet to accept: the address that was typed."""
        return Person(self.id, self.home_account_id, self.email, password_hash="", email=self.email)


class Stage(StrEnum):
    """How far a membership has come."""

    OPEN = "open"
    INVITED = "invited"  # nothing may be done with it before the invitation is accepted
    ENROLLING = "enrolling"  # likewise, before enrolment is finished
    SHUT = "shut"  # somebody from above has closed it


@dataclass(frozen=True, slots=True)
class Membership:
    """A person's place in an account. ``grants[0]`` is the home grant (see ``core.caller``)."""

    account_id: AccountId
    person_id: PersonId
    grants: tuple[Grant, ...]
    stage: Stage = Stage.OPEN

    @property
    def is_open(self) -> bool:
        """Whether the person may act in the account."""
        return self.stage is Stage.OPEN


@dataclass(frozen=True, slots=True)
class Member:
    """A person with the grants held in one account, the home grant first; none while the person is pending."""

    person: Person
    grants: tuple[Grant, ...]
    group_grants: tuple[Grant, ...] = ()  # what the policy groups of the account give beside

    @property
    def home(self) -> Grant | None:
        """The person's own domain and role."""
        return self.grants[0] if self.grants else None


@dataclass(frozen=True, slots=True)
class Login:
    """What a person holds after logging in; both secrets are shown here once and stored nowhere readable."""

    person: Person
    membership: Membership
    id_token: str
    refresh_token: str
    identity_id: str
