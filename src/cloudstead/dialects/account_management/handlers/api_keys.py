"""API keys of the own account, and of tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.credentials.api_key_registry import KeyChange
from cloudstead.core.credentials.errors import ApiKeyNotFound
from cloudstead.core.ids import ApiKeyId, PersonId, PolicyGroupId
from cloudstead.dialects.account_management.paging import ListQuery, envelope, list_query
from cloudstead.dialects.account_management.place import acting, path_id
from cloudstead.dialects.account_management.shapes.answers import ListOf, UpdatedResponse, updated
from cloudstead.dialects.account_management.shapes.api_keys import (
    ApiKeyInfoReq,
    ApiKeyInfoResp,
    ApiKeyQuery,
    ApiKeyUpdateReq,
    api_key,
    owner_of,
)
from cloudstead.dialects.account_management.shapes.policy_groups import GroupSummary, group
from cloudstead.dialects.account_management.shapes.words import given
from cloudstead.web.errors import BodyNotJson, FieldInvalid

if TYPE_CHECKING:
    from cloudstead.core.accounts.acting import Acting
    from cloudstead.core.caller import Caller
    from cloudstead.core.unit import Unit
    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.web.call import Call

_UPDATE: Final = msgspec.json.Decoder(ApiKeyUpdateReq)


class ApiKeyHandlers:
    """What the rows of API keys run."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._keys = backend.api_keys
        self._groups = backend.policy_groups

    async def list_all(self, call: Call[Caller]) -> ListOf[ApiKeyInfoResp]:
        """List API keys: all for administrators, the own ones for others."""
        query = list_query(call, ApiKeyQuery)
        owner = None if query.owner__eq is None else PersonId(query.owner__eq)
        page = await self._database.read(
            lambda unit: self._keys.page(unit, acting(unit, call), query.page, text=query.key__eq, owner_id=owner)
        )
        return envelope(query, page, api_key)

    async def create(self, call: Call[Caller], body: ApiKeyInfoReq) -> ApiKeyInfoResp:
        """Create an API key; its secret is shown in this answer only."""
        shown = await self._database.write(
            lambda unit: self._keys.create(
                unit,
                acting(unit, call),
                name=body.name,
                owner_id=owner_of(body),
                is_active=given(body.status) != "INACTIVE",
                group_ids=tuple(map(PolicyGroupId, given(body.groups) or ())),
            )
        )
        return api_key(shown)

    async def get(self, call: Call[Caller]) -> ApiKeyInfoResp:
        """Show one API key, without its secret."""
        return api_key(await self._database.read(lambda unit: self._keys.get(unit, acting(unit, call), _key_id(call))))

    async def get_mine(self, call: Call[Caller]) -> ApiKeyInfoResp:
        """Show the API key that authenticates this request."""
        return api_key(await self._database.read(lambda unit: self._keys.get(unit, *self._mine(unit, call))))

    async def update(self, call: Call[Caller], body: ApiKeyUpdateReq) -> ApiKeyInfoResp:
        """Change an API key."""
        shown = await self._database.write(
            lambda unit: self._keys.update(unit, acting(unit, call), _key_id(call), body.as_change())
        )
        return api_key(shown)

    async def update_mine(self, call: Call[Caller], body: ApiKeyUpdateReq) -> ApiKeyInfoResp:
        """Change the API key that authenticates this request."""
        shown = await self._database.write(
            lambda unit: self._keys.update(unit, *self._mine(unit, call), body.as_change())
        )
        return api_key(shown)

    async def remove(self, call: Call[Caller]) -> None:
        """Remove an API key, which opens nothing from then on."""
        await self._database.write(lambda unit: self._keys.remove(unit, acting(unit, call), _key_id(call)))

    async def reset_secret(self, call: Call[Caller]) -> ApiKeyInfoResp:
        """Give an API key a new secret, shown in this answer only; the old one dies at once."""
        change = _optional_change(await call.body())
        shown = await self._database.write(
            lambda unit: self._keys.reset_secret(unit, acting(unit, call), _key_id(call), change)
        )
        return api_key(shown)

    async def list_groups(self, call: Call[Caller]) -> ListOf[GroupSummary]:
        """List the groups that an API key is in."""
        query = list_query(call, ListQuery)
        page = await self._database.read(
            lambda unit: self._keys.groups_of(unit, acting(unit, call), _key_id(call), query.page)
        )
        return envelope(query, page, group)

    async def list_my_groups(self, call: Call[Caller]) -> ListOf[GroupSummary]:
        """List the groups of the API key that authenticates this request."""
        query = list_query(call, ListQuery)
        page = await self._database.read(lambda unit: self._keys.groups_of(unit, *self._mine(unit, call), query.page))
        return envelope(query, page, group)

    async def join_groups(self, call: Call[Caller], body: list[str]) -> UpdatedResponse:
        """Put an API key into groups: all of them, or none."""

        def write(unit: Unit) -> None:
            place = acting(unit, call)
            self._keys.join(unit, place, _key_id(call), self._groups.find_each(unit, place.caller, _group_ids(body)))

        await self._database.write(write)
        return updated(call, "api-key", _key_id(call))

    async def join_my_groups(self, call: Call[Caller], body: list[str]) -> UpdatedResponse:
        """Put the API key that authenticates this request into groups that give nothing which it does not hold."""

        def write(unit: Unit) -> str:
            place, key_id = self._mine(unit, call)
            groups = self._groups.find_named(unit, place.caller, _group_ids(body))
            return self._keys.join(unit, place, key_id, groups).id

        return updated(call, "api-key", await self._database.write(write))

    async def leave_groups(self, call: Call[Caller], body: list[str]) -> UpdatedResponse:
        """Take an API key out of groups; those that it is not in stay as they are."""

        def write(unit: Unit) -> None:
            place = acting(unit, call)
            groups = unit.policy_groups.named(place.account.id, _group_ids(body))
            self._keys.leave(unit, place, _key_id(call), groups)

        await self._database.write(write)
        return updated(call, "api-key", _key_id(call))

    async def leave_my_groups(self, call: Call[Caller], body: list[str]) -> UpdatedResponse:
        """Take the API key that authenticates this request out of groups."""

        def write(unit: Unit) -> str:
            place, key_id = self._mine(unit, call)
            groups = unit.policy_groups.named(place.account.id, _group_ids(body))
            return self._keys.leave(unit, place, key_id, groups).id

        return updated(call, "api-key", await self._database.write(write))

    def _mine(self, unit: Unit, call: Call[Caller]) -> tuple[Acting, ApiKeyId]:
        place = acting(unit, call)
        return place, self._keys.calling(unit, place).id


def _key_id(call: Call[Caller]) -> ApiKeyId:
    return ApiKeyId(path_id(call, "apikey_id", ApiKeyNotFound))


def _group_ids(body: list[str]) -> list[PolicyGroupId]:
    return [PolicyGroupId(each) for each in body]


def _optional_change(body: bytes) -> KeyChange:
    """Return what the optional body of a reset asks for."""
    if not body.strip():
        return KeyChange()
    try:
        return _UPDATE.decode(body).as_change()
    except msgspec.ValidationError as error:
        raise FieldInvalid.from_text(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BodyNotJson(str(error)) from None
