"""Users of the own account, and of tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from cloudstead.core.ids import PersonId, PolicyGroupId
from cloudstead.core.people.errors import PersonNotFound
from cloudstead.core.people.profile import require_password
from cloudstead.core.people.users import User, generated_password
from cloudstead.dialects.account_management.paging import ListQuery, envelope, included, list_query
from cloudstead.dialects.account_management.place import acting, path_id
from cloudstead.dialects.account_management.shapes.answers import ListOf, UpdatedResponse, updated
from cloudstead.dialects.account_management.shapes.policy_groups import GroupSummary, group
from cloudstead.dialects.account_management.shapes.users import (
    CreateQuery,
    MyQuery,
    UserInfoReq,
    UserInfoResp,
    UserQuery,
    UserUpdateReq,
    group_ids,
    provider_ids,
    user,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.people.sessions import LoginSession
    from cloudstead.core.unit import Unit
    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.web.call import Call


class UserHandlers:
    """What the rows of users run."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._hasher = backend.hasher
        self._users = backend.users
        self._invitations = backend.invitations
        self._sessions = backend.sessions

    async def list_all(self, call: Call[Caller]) -> ListOf[UserInfoResp]:
        """List users."""
        query = list_query(call, UserQuery)
        page = await self._database.scan(
            lambda unit: self._users.page(unit, acting(unit, call), query.page, query.wanted)
        )
        return envelope(query, page, user)

    async def create(self, call: Call[Caller], body: UserInfoReq) -> UserInfoResp:
        """Create a user, or invite one; a generated password is shown in this answer only."""
        if call.options(CreateQuery).action == "invite":
            return await self._invite(call, body)
        shortest = await self._database.read(lambda unit: self._users.shortest_password(unit, acting(unit, call)))
        chosen = body.password if isinstance(body.password, str) else None
        password = generated_password() if chosen is None else chosen
        require_password(password, shortest=shortest)
        password_hash = await self._hasher.hash(password)
        new = body.new_user(password_hash, is_generated=chosen is None)
        made = await self._database.write(lambda unit: self._users.create(unit, acting(unit, call), new))
        return user(made, password=password if chosen is None else UNSET)

    async def get(self, call: Call[Caller]) -> UserInfoResp:
        """Show one user."""
        return user(await self._database.read(lambda unit: self._users.get(unit, acting(unit, call), _user_id(call))))

    async def update(self, call: Call[Caller], body: UserUpdateReq) -> UserInfoResp:
        """Change a user."""
        change = body.change()
        changed = await self._database.write(
            lambda unit: self._users.update(unit, acting(unit, call), _user_id(call), change)
        )
        return user(changed)

    async def remove(self, call: Call[Caller]) -> None:
        """Remove a user who is not active."""
        await self._database.write(lambda unit: self._users.remove(unit, acting(unit, call), _user_id(call)))

    async def get_mine(self, call: Call[Caller]) -> Response:
        """Show the user who asks; with ``scratch_codes``, make new ones and show them in this answer only."""
        query = call.options(MyQuery)
        wants_sessions = "active_sessions" in included(query.include, extras=("active_sessions",))

        def run(unit: Unit) -> tuple[User, Sequence[LoginSession] | None]:
            place = acting(unit, call)
            ask = self._users.oneself if query.scratch_codes is None else self._users.renew_scratch_codes
            found = ask(unit, place)
            opened = self._sessions.opened(unit, place.account.id, found.resident.person) if wants_sessions else None
            return found, opened

        at_work = self._database.read if query.scratch_codes is None else self._database.write
        found, sessions = await at_work(run)
        fields = found.resident.standing.custom_fields
        if query.properties is not None:
            fields = {name: value for name, value in fields.items() if name == query.properties}
        body = msgspec.json.encode(user(found, sessions=sessions, custom_fields=fields))
        # A GET with an effect: an answer out of a cache would show codes that are no good any more, or to others.
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})

    async def update_mine(self, call: Call[Caller], body: UserUpdateReq) -> UserInfoResp:
        """Change the user who asks."""
        change = body.change()

        def write(unit: Unit) -> User:
            place = acting(unit, call)
            return self._users.update(unit, place, self._users.oneself(unit, place).resident.person.id, change)

        return user(await self._database.write(write))

    async def list_groups(self, call: Call[Caller]) -> ListOf[GroupSummary]:
        """List the groups that a user is in."""
        query = list_query(call, ListQuery)
        page = await self._database.read(
            lambda unit: self._users.groups_of(unit, acting(unit, call), _user_id(call), query.page)
        )
        return envelope(query, page, group)

    async def join(self, call: Call[Caller], body: list[str]) -> UpdatedResponse:
        """Put a user into groups: all of them, or none."""
        groups = [PolicyGroupId(each) for each in body]
        await self._database.write(lambda unit: self._users.join(unit, acting(unit, call), _user_id(call), groups))
        return updated(call, "user", _user_id(call))

    async def leave(self, call: Call[Caller], body: list[str]) -> UpdatedResponse:
        """Take a user out of groups."""
        groups = [PolicyGroupId(each) for each in body]
        await self._database.write(lambda unit: self._users.leave(unit, acting(unit, call), _user_id(call), groups))
        return updated(call, "user", _user_id(call))

    async def validate_email(self, call: Call[Caller]) -> None:
        """Mail a user a link that confirms the address."""
        await self._database.write(lambda unit: self._users.validate_email(unit, acting(unit, call), _user_id(call)))

    async def _invite(self, call: Call[Caller], body: UserInfoReq) -> UserInfoResp:
        def write(unit: Unit) -> User:
            place = acting(unit, call)
            made = self._invitations.invite(
                unit,
                place,
                email=body.email,
                group_ids=group_ids(body.groups),
                provider_ids=provider_ids(body.login_profiles),
            )
            return self._users.get(unit, place, made.invitation.person_id)

        return user(await self._database.write(write))


def _user_id(call: Call[Caller]) -> PersonId:
    return PersonId(path_id(call, "user_id", PersonNotFound))
