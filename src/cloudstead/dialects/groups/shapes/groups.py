"""Groups on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET, Struct, UnsetType

from cloudstead.core.groups.registry import GroupChange
from cloudstead.core.ids import PersonId
from cloudstead.core.patch import ABSENT
from cloudstead.dialects.groups.shapes.roles import Role, role
from cloudstead.dialects.groups.shapes.words import change, day, if_known

if TYPE_CHECKING:
    from cloudstead.core.groups.model import ShownGroup


class GroupInput(Struct, kw_only=True):
    """A group to be made."""

    name: str
    description: str | None = None
    tags: list[str] | None = None


class ParentQuery(Struct, kw_only=True, rename="camel"):
    """Names the group below which another is made."""

    parent_id: str | None = None


class UpdateGroupInput(Struct, kw_only=True, rename="camel"):
    """A group to be changed: what is absent stays."""

    group_id: str
    owner_id: str | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    role_id: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    parent: str | UnsetType | None = UNSET
    tags: list[str] | UnsetType | None = UNSET

    def as_change(self) -> GroupChange:
        """Return what is to be changed."""
        owner, tags = change(self.owner_id), change(self.tags)
        return GroupChange(
            owner_id=ABSENT if owner is ABSENT else PersonId(owner),
            name=change(self.name),
            description=change(self.description),
            default_role=change(self.role_id),
            parent_id=change(self.parent),
            tags=ABSENT if tags is ABSENT else tuple(tags),
        )


class Group(Struct, kw_only=True, rename="camel"):
    """A group as its member sees it."""

    id: str
    user_id: str
    name: str
    description: str
    role: Role
    created_at: str
    updated_at: str
    number_of_devices: int
    number_of_notifications: int = 0
    number_of_connectors: int = 0
    token: str | UnsetType = UNSET
    administrator_role: str | UnsetType = UNSET
    default_role: str | UnsetType = UNSET
    created_by: str | UnsetType = UNSET
    updated_by: str | UnsetType = UNSET
    parent: str | UnsetType = UNSET
    owner_id: str | UnsetType = UNSET


def group(shown: ShownGroup) -> Group:
    """Write a group."""
    domain, facts = shown.domain, shown.facts
    written = Group(
        id=domain.id,
        user_id=shown.person_id,
        name=domain.name,
        description=domain.description or "",
        role=role(shown.role),
        created_at=day(domain.created_at_ms),
        updated_at=day(domain.created_at_ms if facts is None else facts.updated_at_ms),
        number_of_devices=shown.devices,
        token=if_known(shown.token),
        parent=if_known(shown.parent_id),
    )
    if facts is not None:
        written.administrator_role = facts.administrator_role
        written.default_role = facts.default_role
        written.created_by = if_known(facts.created_by)
        written.updated_by = if_known(facts.updated_by)
        written.owner_id = if_known(facts.owner_id)
    return written
