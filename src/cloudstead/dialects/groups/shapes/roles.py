"""Roles on the wire."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from cloudstead.core.patch import ABSENT
from cloudstead.core.roles.registry import RoleChange
from cloudstead.dialects.groups.paging import ListQuery
from cloudstead.dialects.groups.shapes.words import change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.roles.model import ShownRole
    from cloudstead.core.roles.words import Word

_BETWEEN: Final = re.compile(r"[\s,;]+")


class RoleListQuery(ListQuery, kw_only=True):
    """The query of a list of roles, with a group or without."""

    group_id: str | None = msgspec.field(default=None, name="groupId")


class RoleQuery(Struct, kw_only=True, rename="camel"):
    """Names a role of a group. ``user_id`` is sent by some clients, and means nothing here."""

    group_id: str | None = None
    role_id: str | None = None
    user_id: str | None = None


class RoleInput(Struct, kw_only=True, rename="camel"):
    """A role to be made. Its group stands in the query or here; its permissions are a text or a list."""

    name: str
    permissions: str | list[str]
    description: str = ""
    group_id: str | None = None


class UpdateRoleInput(Struct, kw_only=True, rename="camel"):
    """A role to be changed: what is absent stays."""

    role_id: str
    group_id: str
    name: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    permissions: str | list[str] | UnsetType | None = UNSET

    def as_change(self) -> RoleChange:
        """Return what is to be changed."""
        permissions = change(self.permissions)
        return RoleChange(
            name=change(self.name),
            description=change(self.description),
            words=ABSENT if permissions is ABSENT else permission_words(permissions),
        )


class Permission(Struct, frozen=True):
    """What a role can hold."""

    id: str
    name: str
    description: str


def permission(word: Word) -> Permission:
    """Write a permission."""
    return Permission(word.id, word.name, word.description)


def permission_words(sent: str | Sequence[str]) -> tuple[str, ...]:
    """Read permissions: a list, the JSON text of one, or words between commas, semicolons or blanks."""
    if isinstance(sent, str):
        try:
            sent = msgspec.json.decode(sent, type=list[str])
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            sent = [word for word in _BETWEEN.split(str(sent)) if word]
    return tuple(dict.fromkeys(sent))


class Role(Struct, frozen=True):
    """A role."""

    id: str
    name: str
    description: str
    permissions: tuple[str, ...]
    removable: bool


@lru_cache(maxsize=1024)  # a list of a thousand groups shows the same few roles
def role(shown: ShownRole) -> Role:
    """Write a role."""
    return Role(shown.id, shown.name, shown.description, shown.words, shown.is_removable)
