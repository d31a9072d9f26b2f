"""A person, and the membership that ties a person to an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudstead.core.caller import Grant
    from cloudstead.core.ids import AccountId, PersonId


@dataclass(frozen=True, slots=True)
class Person:
    """A human being with a user name, unique among the people whose home is the same account."""

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


@dataclass(frozen=True, slots=True)
class Membership:
    """A person's place in an account. ``grants[0]`` is the home grant (see ``core.caller``)."""

    account_id: AccountId
    person_id: PersonId
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class Login:
    """What a person holds after logging in; both secrets are shown here once and stored nowhere readable."""

    person: Person
    membership: Membership
    id_token: str
    refresh_token: str
    identity_id: str
