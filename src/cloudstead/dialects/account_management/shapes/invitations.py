"""Invitations and notifications on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from cloudstead.core.invitations.registry import MOST_VALID_DAYS
from cloudstead.dialects.account_management.paging import ListQuery
from cloudstead.dialects.account_management.shapes.users import GroupIds, LoginProfile, LoginProfiles, login_profiles
from cloudstead.dialects.account_management.shapes.words import EmailText, Maybe, utc_text

if TYPE_CHECKING:
    from cloudstead.core.invitations.registry import ShownInvitation
    from cloudstead.core.notifications.model import Notification


class UserInvitationReq(Struct, kw_only=True):
    """Somebody to be invited."""

    email: EmailText
    groups: Maybe[GroupIds] = UNSET
    login_profiles: Maybe[LoginProfiles] = UNSET
    valid_for_days: Maybe[Annotated[int, Meta(ge=1, le=MOST_VALID_DAYS)]] = UNSET


class UserInvitationResp(Struct, kw_only=True):
    """An open invitation."""

    id: str
    account_id: str
    user_id: str
    email: str
    groups: list[str]
    login_profiles: list[LoginProfile]
    created_at: str
    updated_at: str
    expiration: str
    etag: str
    object: Literal["user-invitation"] = "user-invitation"


class InvitationQuery(ListQuery, kw_only=True):
    """The query of a list of invitations."""

    login_profiles__eq: str | None = None
    login_profile__eq: str | None = None  # what one client sends

    @property
    def provider_id(self) -> str | None:
        """The provider by which people are to come."""
        return self.login_profiles__eq if self.login_profile__eq is None else self.login_profile__eq


class NotificationEntry(Struct, kw_only=True):
    """A mail to the account. While it is on its way, nothing is said about success."""

    id: str
    account_id: str
    created_at: str
    etag: str
    receiver: str
    subject: str
    message: str
    success: bool | UnsetType = UNSET
    error_msg: str | UnsetType = UNSET
    type: Literal["email"] = "email"
    object: Literal["notification-entry"] = "notification-entry"


def invitation(shown: ShownInvitation) -> UserInvitationResp:
    """Write an invitation."""
    each = shown.invitation
    return UserInvitationResp(
        id=each.id,
        account_id=each.account_id,
        user_id=each.person_id,
        email=each.email,
        groups=list(each.groups),
        login_profiles=login_profiles(shown.providers),
        created_at=utc_text(each.created_at_ms),
        updated_at=utc_text(each.updated_at_ms),
        expiration=utc_text(each.expires_at_ms),
        etag=str(each.version),
    )


def notification(each: Notification) -> NotificationEntry:
    """Write an entry of the log."""
    return NotificationEntry(
        id=each.id,
        account_id=each.account_id,
        created_at=utc_text(each.created_at_ms),
        etag=str(each.version),
        receiver=each.receiver,
        subject=each.subject,
        message=each.message,
        success=each.is_sent if each.is_sent or each.fault else UNSET,
        error_msg=each.fault or UNSET,
    )
