"""Policy groups of the own account, and of tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.ids import ApiKeyId, PersonId, PolicyGroupId
from cloudstead.core.paging import Page
from cloudstead.core.patch import ABSENT
from cloudstead.core.people.users import described
from cloudstead.core.policygroups.errors import PolicyGroupNotFound
from cloudstead.dialects.account_management.paging import ListQuery, envelope, list_query
from cloudstead.dialects.account_management.place import acting, path_id
from cloudstead.dialects.account_management.shapes.answers import ListOf, UpdatedResponse, updated
from cloudstead.dialects.account_management.shapes.api_keys import ApiKeyInfoResp, api_key
from cloudstead.dialects.account_management.shapes.policy_groups import (
    GroupCreationInfo,
    GroupQuery,
    GroupSummary,
    GroupUpdateInfo,
    grants_of,
    group,
    subjects,
)
from cloudstead.dialects.account_management.shapes.users import GroupMemberQuery, UserInfoResp, user
from cloudstead.dialects.account_management.shapes.words import SubjectList, given
from cloudstead.web.errors import FieldInvalid

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.core.credentials.api_key_registry import ShownKey
    from cloudstead.core.people.users import User
    from cloudstead.core.unit import Unit
    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.web.call import Call


class PolicyGroupHandlers:
    """What the rows of policy groups run."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._groups = backend.policy_groups
        self._keys = backend.api_keys

    async def list_all(self, call: Call[Caller]) -> ListOf[GroupSummary]:
        """List groups."""
        query = list_query(call, GroupQuery)
        page = await self._database.read(
            lambda unit: self._groups.page(unit, acting(unit, call), query.page, name=query.name__eq)
        )
        return envelope(query, page, group)

    async def create(self, call: Call[Caller], body: GroupCreationInfo) -> GroupSummary:
        """Create a group, with its first members and what it gives them."""
        members = given(body.members)
        made = await self._database.write(
            lambda unit: self._groups.create(
                unit,
                acting(unit, call),
                name=body.name,
                grants=grants_of(given(body.grants) or []),
                members=None if members is None else subjects(members),
            )
        )
        return group(made)

    async def get(self, call: Call[Caller]) -> GroupSummary:
        """Show one group."""
        return group(
            await self._database.read(lambda unit: self._groups.get(unit, acting(unit, call), _group_id(call)))
        )

    async def update(self, call: Call[Caller], body: GroupUpdateInfo) -> UpdatedResponse:
        """Rename a group, or give its members something else."""
        grants = given(body.grants)
        await self._database.write(
            lambda unit: self._groups.update(
                unit,
                acting(unit, call),
                _group_id(call),
                name=body.name,
                grants=ABSENT if grants is None else grants_of(grants),
            )
        )
        return updated(call, "group", _group_id(call))

    async def remove(self, call: Call[Caller]) -> None:
        """Remove a group; its members stay in the account."""
        await self._database.write(lambda unit: self._groups.remove(unit, acting(unit, call), _group_id(call)))

    async def add_subjects(self, call: Call[Caller], body: SubjectList) -> UpdatedResponse:
        """Put users and API keys into a group: all of them, or nobody."""
        _require_somebody(body, "users", "apikeys")
        await self._database.write(
            lambda unit: self._groups.add_subjects(unit, acting(unit, call), _group_id(call), subjects(body))
        )
        return updated(call, "group", _group_id(call))

    async def list_keys(self, call: Call[Caller]) -> ListOf[ApiKeyInfoResp]:
        """List the API keys in a group."""
        query = list_query(call, ListQuery)

        def read(unit: Unit) -> Page[ShownKey]:
            page = self._groups.keys_in(unit, acting(unit, call), _group_id(call), query.page)
            return Page(tuple(self._keys.shown(unit, page.items)), page.after, page.total)

        return envelope(query, await self._database.read(read), api_key)

    async def list_people(self, call: Call[Caller]) -> ListOf[UserInfoResp]:
        """List the users in a group."""
        query = list_query(call, GroupMemberQuery)
        statuses = query.statuses()

        def read(unit: Unit) -> Page[User]:
            place = acting(unit, call)
            found = self._groups.people_in(unit, place, _group_id(call), query.page, statuses=statuses)
            return Page(tuple(described(unit, place.account.id, found.items)), found.after, found.total)

        return envelope(query, await self._database.scan(read), user)

    async def remove_keys(self, call: Call[Caller], body: SubjectList | list[str]) -> UpdatedResponse:
        """Take API keys out of a group; those that are not in stay as they are."""
        key_ids = [ApiKeyId(each) for each in _listed(body, "apikeys")]
        await self._database.write(
            lambda unit: self._groups.take_keys(unit, acting(unit, call), _group_id(call), key_ids)
        )
        return updated(call, "group", _group_id(call))

    async def remove_people(self, call: Call[Caller], body: SubjectList | list[str]) -> UpdatedResponse:
        """Take users out of a group; those who are not in stay as they are."""
        person_ids = [PersonId(each) for each in _listed(body, "users")]
        await self._database.write(
            lambda unit: self._groups.take_people(unit, acting(unit, call), _group_id(call), person_ids)
        )
        return updated(call, "group", _group_id(call))


def _group_id(call: Call[Caller]) -> PolicyGroupId:
    return PolicyGroupId(path_id(call, "group_id", PolicyGroupNotFound))


def _listed(body: SubjectList | list[str], name: str) -> list[str]:
    """Return the ids of either form of a removal: a bare array, or an object that names them."""
    ids = body if isinstance(body, list) else given(getattr(body, name)) or []
    if not ids:
        raise FieldInvalid(name, "is needed")
    return ids


def _require_somebody(body: SubjectList, *names: str) -> None:
    if not any(given(getattr(body, name)) for name in names):
        raise FieldInvalid(names[0], "is needed, or other members")
