"""A role that a group has made for itself, and any role as it is shown to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NewType

from cloudstead.core.access.permissions import permissions_of

if TYPE_CHECKING:
    from cloudstead.core.access.permissions import Permission
    from cloudstead.core.caller import Grant
    from cloudstead.core.ids import AccountId, DomainId, PersonId

RoleId = NewType("RoleId", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRole:
    """A role of the group at ``domain_id``, which can be given there and in every group below."""

    id: RoleId
    account_id: AccountId
    domain_id: DomainId
    name: str
    description: str
    words: tuple[str, ...]
    created_at_ms: int
    created_by: PersonId | None
    updated_at_ms: int

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the role holds."""
        return permissions_of(self.words)


@dataclass(frozen=True, slots=True)
class ShownRole:
    """A role as people see it; ``is_removable`` is false for those that were not made by anybody of the account."""

    id: str
    name: str
    description: str
    words: tuple[str, ...]
    is_removable: bool = False


def is_of_group(grant: Grant) -> bool:
    """Tell whether a grant was given to a member of a group, by one of the roles that groups know."""
    return grant.permissions is not None or grant.role.startswith("group-")
