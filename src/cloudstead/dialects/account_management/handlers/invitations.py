"""Invitations and notifications of the own account, and of tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.core.errors import InvalidField
from cloudstead.core.invitations.errors import InvitationNotFound
from cloudstead.core.invitations.model import InvitationId
from cloudstead.core.invitations.registry import VALID_DAYS
from cloudstead.core.notifications import tidings
from cloudstead.core.people.errors import EmailTaken
from cloudstead.dialects.account_management.paging import ListQuery, envelope, list_query
from cloudstead.dialects.account_management.place import acting, path_id
from cloudstead.dialects.account_management.shapes.invitations import (
    InvitationQuery,
    NotificationEntry,
    UserInvitationReq,
    UserInvitationResp,
    invitation,
    notification,
)
from cloudstead.dialects.account_management.shapes.users import group_ids, provider_ids
from cloudstead.dialects.account_management.shapes.words import given

if TYPE_CHECKING:
    from cloudstead.core.caller import Caller
    from cloudstead.dialects.account_management.ports import Backend
    from cloudstead.dialects.account_management.shapes.answers import ListOf
    from cloudstead.web.call import Call


class InvitationHandlers:
    """What the rows of invitations and notifications run."""

    def __init__(self, backend: Backend) -> None:
        self._database = backend.database
        self._invitations = backend.invitations

    async def list_all(self, call: Call[Caller]) -> ListOf[UserInvitationResp]:
        """List open invitations."""
        query = list_query(call, InvitationQuery)
        page = await self._database.read(
            lambda unit: self._invitations.page(unit, acting(unit, call), query.page, provider_id=query.provider_id)
        )
        return envelope(query, page, invitation)

    async def create(self, call: Call[Caller], body: UserInvitationReq) -> UserInvitationResp:
        """Invite somebody by mail; an open invitation to the same address is replaced."""
        try:
            made = await self._database.write(
                lambda unit: self._invitations.invite(
                    unit,
                    acting(unit, call),
                    email=body.email,
                    group_ids=group_ids(body.groups),
                    valid_days=given(body.valid_for_days) or VALID_DAYS,
                    provider_ids=provider_ids(body.login_profiles),
                )
            )
        except EmailTaken as taken:
            raise InvalidField("email", str(taken)) from None  # these operations know no 409
        return invitation(made)

    async def get(self, call: Call[Caller]) -> UserInvitationResp:
        """Show one open invitation."""
        found = await self._database.read(
            lambda unit: self._invitations.get(unit, acting(unit, call), _invitation_id(call))
        )
        return invitation(found)

    async def withdraw(self, call: Call[Caller]) -> None:
        """Withdraw an invitation, and with it the user who has not come in."""
        await self._database.write(
            lambda unit: self._invitations.withdraw(unit, acting(unit, call), _invitation_id(call))
        )

    async def list_notifications(self, call: Call[Caller]) -> ListOf[NotificationEntry]:
        """List what the account was told by mail."""
        query = list_query(call, ListQuery)
        page = await self._database.read(lambda unit: tidings.page(unit, acting(unit, call), query.page))
        return envelope(query, page, notification)


def _invitation_id(call: Call[Caller]) -> InvitationId:
    return InvitationId(path_id(call, "invitation_id", InvitationNotFound))
