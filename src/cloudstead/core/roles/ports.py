"""What roles need from storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cloudstead.core.ids import AccountId, DomainId
    from cloudstead.core.roles.model import GroupRole, RoleId


class RoleStore(Protocol):
    """Roles that groups of one account have made; they go with their group."""

    def add(self, role: GroupRole) -> None:
        """Insert a role; raise ``RoleNameTaken``."""
        ...

    def replace(self, role: GroupRole) -> None:
        """Write all columns of a role; raise ``RoleNameTaken``."""
        ...

    def remove(self, account_id: AccountId, role_id: RoleId) -> None:
        """Delete a role."""
        ...

    def named(self, account_id: AccountId, role_ids: Collection[str]) -> Sequence[GroupRole]:
        """Return those of the roles that the account has, ordered by id."""
        ...

    def at(self, account_id: AccountId, domain_ids: Collection[DomainId]) -> Sequence[GroupRole]:
        """Return the roles of these groups, ordered by id."""
        ...

    def places(self, account_id: AccountId, role_ids: Collection[RoleId]) -> Sequence[tuple[RoleId, DomainId]]:
        """Return in which groups somebody holds one of these roles, or which name it, each once."""
        ...

    def is_used(self, account_id: AccountId, role_id: RoleId) -> bool:
        """Tell whether anybody holds the role, or a group names it."""
        ...
