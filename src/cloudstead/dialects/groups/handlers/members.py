"""Members of groups: listed, shown, invited, given another role, taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.ids import PersonId
from cloudstead.dialects.groups.paging import Connection, NextTokens
from cloudstead.dialects.groups.shapes.users import (
    GroupListQuery,
    InviteInput,
    MemberQuery,
    MemberResult,
    PublicUser,
    UpdateMemberInput,
    UserQuery,
    member,
    placed,
    user,
)
from cloudstead.dialects.groups.shapes.words import GenericReturnBoolean

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.dialects.groups.ports import Backend
    from cloudstead.web.call import Call


class MemberHandlers:
    """One method for each operation on members."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._members = backend.members
        self._tokens = NextTokens(backend.sealer)

    async def list_all(self, call: Call[Caller]) -> Connection[PublicUser]:
        """List the members of a group, those too who have yet to follow the mailed link."""
        query = call.options(GroupListQuery)
        after = self._tokens.after(call, query, query.group_id)
        found = await self._database.read(
            lambda unit: self._members.page(unit, call.caller, query.group_id, after=after, limit=query.limit + 1)
        )
        return self._tokens.page(
            call, query, found, member, key_of=lambda each: each.member.person.id, group_id=query.group_id
        )

    async def get(self, call: Call[Caller]) -> PublicUser:
        """Show somebody who is in a group of the caller's."""
        person_id = PersonId(call.options(UserQuery).user_id)
        return user(await self._database.read(lambda unit: self._members.person(unit, call.caller, person_id)))

    async def invite(self, call: Call[Caller], body: InviteInput) -> MemberResult:
        """Let somebody into a group by mail address; who is not known yet gets a mail with a link."""
        outcome = await self._database.write(
            lambda unit: self._members.invite(unit, call.caller, body.group_id, email=body.email, role_id=body.role_id)
        )
        return placed(outcome)

    async def update(self, call: Call[Caller], body: UpdateMemberInput) -> MemberResult:
        """Give a member another role."""
        outcome = await self._database.write(
            lambda unit: self._members.change(
                unit, call.caller, body.group_id, PersonId(body.user_id), role_id=body.role_id
            )
        )
        return placed(outcome)

    async def remove(self, call: Call[Caller]) -> GenericReturnBoolean:
        """Take a member out of a group, or leave it."""
        query = call.options(MemberQuery)
        person_id = PersonId(query.user_id) if query.user_id else None
        domain = await self._database.write(
            lambda unit: self._members.remove(unit, call.caller, query.group_id, person_id)
        )
        return GenericReturnBoolean(f"The user is no member of the group {domain.name!r} any more.", value=True)
