"""The own account, and tenants."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from cloudstead.core.access.whole_account import require_at_root
from cloudstead.core.accounts.acting import CHANGE_TENANTS
from cloudstead.core.accounts.listing import AccountQuery as TenantQuery
from cloudstead.core.accounts.model import AccountStatus
from cloudstead.core.accounts.registry import AccountView
from cloudstead.core.accounts.tenants import FirstAdministrator, Mode
from cloudstead.core.errors import InvalidField
from cloudstead.core.ids import AccountId
from cloudstead.dialects.account_management.filters import listed
from cloudstead.dialects.account_management.paging import envelope, included, list_query
from cloudstead.dialects.account_management.place import acting
from cloudstead.dialects.account_management.shapes.accounts import (
    AccountCreationReq,
    AccountInfo,
    AccountListQuery,
    AccountQuery,
    AccountUpdateReq,
    AccountUpdateRootReq,
    CreationQuery,
    account,
    new_account,
)
from cloudstead.dialects.account_management.shapes.words import given

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.core.unit import Unit
    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.dialects.account_management.shapes.answers import ListOf
    from cloudstead.web.call import Call

_EXTRAS: Final = ("limits", "policies", "sub_accounts")
_SHORTEST_PASSWORD: Final = 8
_STATUSES: Final = tuple(status.value for status in AccountStatus)


class AccountHandlers:
    """What the rows of accounts run."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._hasher = backend.hasher
        self._accounts = backend.accounts
        self._tenants = backend.tenants

    async def get(self, call: Call[Caller]) -> AccountInfo:
        """Show an account."""
        query = call.options(AccountQuery)
        include = included(query.include, extras=_EXTRAS)
        view = await self._database.read(lambda unit: self._accounts.get(unit, acting(unit, call), include=include))
        return account(view, properties=query.properties)

    async def list_all(self, call: Call[Caller]) -> ListOf[AccountInfo]:
        """List tenant accounts."""
        query = list_query(call, AccountListQuery, extras=(*_EXTRAS, "total_count"))
        include = included(query.include, extras=(*_EXTRAS, "total_count"))

        page = await self._database.read(
            lambda unit: self._accounts.page(
                unit, acting(unit, call), _tenants_of(query, call.caller.account_id), query.page, include=include
            )
        )
        return envelope(query, page, lambda view: account(view, properties=query.properties))

    async def create(self, call: Call[Caller], body: AccountCreationReq) -> AccountInfo:
        """Create a tenant account with its groups and its first administrator; secrets are shown this once."""
        mode = Mode(call.options(CreationQuery).action)
        require_at_root(call.caller, CHANGE_TENANTS)  # before the hasher, which takes the time of one at a time
        chosen = given(body.admin_password)
        if chosen is not None and len(chosen) < _SHORTEST_PASSWORD:
            raise InvalidField("admin_password", f"must have at least {_SHORTEST_PASSWORD} characters")
        password = chosen or secrets.token_urlsafe(16)
        administrator = FirstAdministrator(
            user_name=given(body.admin_name),
            full_name=given(body.admin_full_name),
            email=given(body.admin_email),
            password=password,
            password_hash=await self._hasher.hash(password),
            is_generated=chosen is None,
        )
        made = await self._database.write(
            lambda unit: self._tenants.create(unit, acting(unit, call), body.as_change(), administrator, mode=mode)
        )
        return new_account(AccountView(described=made.described, parent=made.parent, shows_parent_only=True), made)

    async def update_mine(self, call: Call[Caller], body: AccountUpdateReq) -> AccountInfo:
        """Change the own account."""
        view = await self._database.write(
            lambda unit: self._accounts.update(unit, acting(unit, call), body.as_change())
        )
        return account(view)

    async def update(self, call: Call[Caller], body: AccountUpdateRootReq) -> AccountInfo:
        """Change a tenant account."""
        status = body.wanted_status()

        def write(unit: Unit) -> AccountView:
            view = self._accounts.update(unit, acting(unit, call), body.as_change())
            place = acting(unit, call)
            if status is None or status is place.account.status:
                return view
            self._accounts.set_status(unit, place, status)
            return self._accounts.get(unit, acting(unit, call))

        return account(await self._database.write(write))


def _tenants_of(query: AccountListQuery, own: AccountId) -> TenantQuery:
    one = None if query.status__eq is None else (query.status__eq,)
    several = listed(query.status__in, field="status__in", allowed=_STATUSES)
    if one is not None and several is not None:
        several = tuple(each for each in several if each in one)
    barred = listed(query.status__nin, field="status__nin", allowed=_STATUSES)
    statuses = several if several is not None else one
    return TenantQuery(
        parent_id=own if query.parent__eq is None else AccountId(query.parent__eq),
        statuses=None if statuses is None else tuple(map(AccountStatus, statuses)),
        not_statuses=None if barred is None else tuple(map(AccountStatus, barred)),
        tier=query.tier__eq,
        end_market=query.end_market__eq,
        country_like=query.country__like,
    )
