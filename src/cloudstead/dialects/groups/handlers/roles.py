"""Roles and permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.roles.words import WORDS
from cloudstead.dialects.groups.paging import Connection, ListQuery, NextTokens
from cloudstead.dialects.groups.shapes.roles import (
    Permission,
    Role,
    RoleInput,
    RoleListQuery,
    RoleQuery,
    UpdateRoleInput,
    permission,
    permission_words,
    role,
)
from cloudstead.web.errors import FieldInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.roles.model import ShownRole
    from cloudstead.core.unit import Unit
    from cloudstead.dialects.groups.ports import Backend
    from cloudstead.web.call import Call


class RoleHandlers:
    """One method for each operation on roles and permissions."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._roles = backend.roles
        self._tokens = NextTokens(backend.sealer)

    async def list_all(self, call: Call[Caller]) -> Connection[Role]:
        """List the roles of a group or, where none is named, of all groups of the caller."""
        query = call.options(RoleListQuery)
        group_id = query.group_id or ""
        after = self._tokens.after(call, query, group_id)

        def read(unit: Unit) -> list[ShownRole]:
            if group_id:
                return self._roles.of_group(unit, call.caller, group_id)
            return self._roles.of_caller(unit, call.caller)

        # In the order of their ids, and all of them are read: a group has a hundred at most.
        found = sorted(await self._database.read(read), key=lambda each: each.id)
        rest = _behind(found, after, lambda each: each.id)
        return self._tokens.page(call, query, rest, role, key_of=lambda each: each.id, group_id=group_id)

    async def create(self, call: Call[Caller], body: RoleInput) -> Role:
        """Make a role of a group's own."""
        group_id = body.group_id or call.options(RoleQuery).group_id
        if not group_id:
            raise FieldInvalid("groupId", "is missing, in the query or in the body")
        words = permission_words(body.permissions)
        made = await self._database.write(
            lambda unit: self._roles.create(
                unit, call.caller, group_id, name=body.name, description=body.description, words=words
            )
        )
        return role(made)

    async def update(self, call: Call[Caller], body: UpdateRoleInput) -> Role:
        """Change a role of a group's own; whoever holds it may do what it says from then on."""
        change = body.as_change()
        return role(
            await self._database.write(
                lambda unit: self._roles.update(unit, call.caller, body.group_id, body.role_id, change)
            )
        )

    async def remove(self, call: Call[Caller]) -> Role:
        """Remove a role of a group's own that nobody holds."""
        query = call.options(RoleQuery)
        group_id, role_id = query.group_id, query.role_id
        if not group_id or not role_id:
            raise FieldInvalid("roleId" if group_id else "groupId", "is missing")
        return role(await self._database.write(lambda unit: self._roles.remove(unit, call.caller, group_id, role_id)))

    async def list_permissions(self, call: Call[Caller]) -> Connection[Permission]:
        """List everything that a role can hold."""
        query = call.options(ListQuery)
        after = self._tokens.after(call, query)
        names = [word.id for word in WORDS]
        start = names.index(after) + 1 if after else 0
        return self._tokens.page(call, query, WORDS[start:], permission, key_of=lambda each: each.id)

    async def keep_permissions(self, call: Call[Caller]) -> Connection[Permission]:  # noqa: ARG002 - every handler is given the call
        """Refuse to change what roles can hold: every permission is something that this service does."""
        raise FieldInvalid("", "permissions are what this service does; make roles of them with POST /role")


def _behind(found: Sequence[ShownRole], after: str, key_of: Callable[[ShownRole], str]) -> list[ShownRole]:
    return [each for each in found if key_of(each) > after]
