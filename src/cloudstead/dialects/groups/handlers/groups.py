"""Groups: listed, shown, made, changed, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.dialects.groups.paging import Connection, ListQuery, NextTokens
from cloudstead.dialects.groups.shapes.groups import Group, GroupInput, ParentQuery, UpdateGroupInput, group
from cloudstead.dialects.groups.shapes.words import GenericReturn, GroupQuery

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.dialects.groups.ports import Backend
    from cloudstead.web.call import Call


class GroupHandlers:
    """One method for each operation on groups."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._groups = backend.groups
        self._tokens = NextTokens(backend.sealer)

    async def list_all(self, call: Call[Caller]) -> Connection[Group]:
        """List the groups of the caller with all groups below them, without their tokens."""
        query = call.options(ListQuery)
        after = self._tokens.after(call, query)
        found = await self._database.read(
            lambda unit: self._groups.page(unit, call.caller, after=after, limit=query.limit + 1)
        )
        return self._tokens.page(call, query, found, group, key_of=lambda each: each.domain.id)

    async def get(self, call: Call[Caller]) -> list[Group]:
        """Show a group, as a list of one; its token is for whoever may edit it."""
        group_id, caller = call.options(GroupQuery).group_id, call.caller
        if await self._database.read(lambda unit: self._groups.lacks_token(unit, caller, group_id)):
            await self._database.write(lambda unit: self._groups.give_token(unit, caller, group_id))
        return [group(await self._database.read(lambda unit: self._groups.get(unit, caller, group_id)))]

    async def create(self, call: Call[Caller], body: GroupInput) -> Group:
        """Make a group that is the caller's: at the top, or below another group."""
        parent_id = call.options(ParentQuery).parent_id
        shown = await self._database.write(
            lambda unit: self._groups.create(
                unit,
                call.caller,
                parent_id=parent_id or None,
                name=body.name,
                description=body.description or "",
                tags=tuple(body.tags or ()),
            )
        )
        return group(shown)

    async def update(self, call: Call[Caller], body: UpdateGroupInput) -> Group:
        """Change a group, move it, or hand it over."""
        change = body.as_change()
        return group(
            await self._database.write(lambda unit: self._groups.update(unit, call.caller, body.group_id, change))
        )

    async def remove(self, call: Call[Caller]) -> GenericReturn:
        """Remove a group that has neither groups below it nor devices."""
        group_id = call.options(GroupQuery).group_id
        gone = await self._database.write(lambda unit: self._groups.remove(unit, call.caller, group_id))
        return GenericReturn(f"The group {gone.name!r} was removed.")
