"""Which people a list shows, in which order, and which part of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.ids import DomainId
    from cloudstead.core.people.model import Member

LARGEST_PAGE: Final = 10_000
"""Also the size of a page when none is asked for: nobody looks through more at once, and memory stays bounded."""

LONGEST_FREE_TEXT: Final = 256

ROLE_RANK: Final = MappingProxyType({"Watch": 1, "Read": 1, "ReadWrite": 2, "Administrator": 2})
"""The order of roles in a list, the narrower first; roles that dialects show alike rank alike."""


class Category(StrEnum):
    """Cloud Connect 2.11, section 13.1.4. A person who was disabled stays in the category, or nobody could find him."""

    ALL = "all"
    ACTIVE = "active"  # has a place in the account
    PENDING = "pending"  # confirmed, has none yet
    UNCONFIRMED = "unconfirmed"  # signed up, has not used the mailed link


class SortKey(StrEnum):
    """What a list is ordered by, byte by byte; people who are alike in it follow by user name."""

    USER_NAME = "user_name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    EMAIL = "email"
    PHONE = "phone"
    COMPANY = "company"
    ADDRESS = "address"
    ZIP = "zip"
    CITY = "city"
    COUNTRY = "country"
    ROLE = "role"
    DOMAIN = "domain"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleQuery:
    """``free_text`` is looked for in everything that can be read of a person, whatever its case.

    ``roles`` are the roles in whose name it was found: what they are called is a dialect's affair.
    """

    category: Category = Category.ACTIVE
    free_text: str = ""
    roles: tuple[str, ...] = ()
    sort: SortKey = SortKey.USER_NAME
    page: int = 1
    size: int = LARGEST_PAGE


@dataclass(frozen=True, slots=True)
class PeopleScope:
    """Whom a caller sees: those at home in ``domain_ids``; ``None`` is everybody, those without a home included."""

    domain_ids: Collection[DomainId] | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many people of each category there are, among those that the free text finds."""

    active: int = 0
    pending: int = 0
    unconfirmed: int = 0

    @property
    def all(self) -> int:
        """How many there are together."""
        return self.active + self.pending + self.unconfirmed

    def of(self, category: Category) -> int:
        """Return the number of one category."""
        return self.all if category is Category.ALL else int(getattr(self, category.value))


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """One page, in order, with their home grants only, and the counts."""

    members: Sequence[Member]
    counts: Counts
    page: int
    total_pages: int
