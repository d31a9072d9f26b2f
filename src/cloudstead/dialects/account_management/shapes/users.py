"""Users on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from cloudstead.core.ids import PolicyGroupId
from cloudstead.core.patch import ABSENT, Patched
from cloudstead.core.people.full_name import full_name
from cloudstead.core.people.standing import ResidentFilter, Status
from cloudstead.core.people.users import NewUser, UserChange, is_user_name
from cloudstead.dialects.account_management.filters import listed
from cloudstead.dialects.account_management.paging import ListQuery
from cloudstead.dialects.account_management.shapes.words import (
    CustomFields,
    EmailText,
    Maybe,
    Text100,
    change_unless_null,
    given,
    utc_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cloudstead.core.identityproviders.model import IdentityProvider
    from cloudstead.core.people.sessions import LoginAttempt, LoginSession
    from cloudstead.core.people.users import User

_STATUSES = tuple(each.value for each in Status)

GroupIds = Annotated[list[str], Meta(max_length=100)]


class LoginProfile(Struct, omit_defaults=True):
    """A provider by which somebody may sign in; in requests only ``id`` counts."""

    id: str
    name: Maybe[str] = UNSET
    type: Maybe[str] = UNSET


LoginProfiles = Annotated[list[LoginProfile], Meta(min_length=1, max_length=100)]


class UserInfoReq(Struct, kw_only=True):
    """Somebody to be made or invited."""

    email: EmailText
    username: Maybe[str] = UNSET
    password: Maybe[str] = UNSET
    full_name: Maybe[Text100] = UNSET
    phone_number: Maybe[Text100] = UNSET
    address: Maybe[Text100] = UNSET
    groups: Maybe[GroupIds] = UNSET
    login_profiles: Maybe[LoginProfiles] = UNSET
    is_gtc_accepted: Maybe[bool] = UNSET
    is_marketing_accepted: Maybe[bool] = UNSET
    custom_fields: Maybe[CustomFields] = UNSET

    def new_user(self, password_hash: str, *, is_generated: bool) -> NewUser:
        """Return whom to make."""
        return NewUser(
            email=self.email,
            user_name=given(self.username),
            full_name=given(self.full_name) or "",
            phone=given(self.phone_number) or "",
            address=given(self.address) or "",
            accepts_terms=given(self.is_gtc_accepted) or False,
            accepts_marketing=given(self.is_marketing_accepted) or False,
            groups=group_ids(self.groups),
            provider_ids=provider_ids(self.login_profiles),
            custom_fields=given(self.custom_fields) or {},
            password_hash=password_hash,
            must_set_password=is_generated,
        )


class UserUpdateReq(Struct, kw_only=True):
    """What to change of somebody. Null clears a text and the custom fields; everything else it leaves as it is."""

    email: Maybe[EmailText] = UNSET
    username: Maybe[str] = UNSET
    full_name: Maybe[Text100] = UNSET
    phone_number: Maybe[Text100] = UNSET
    address: Maybe[Text100] = UNSET
    groups: Maybe[GroupIds] = UNSET
    login_profiles: Maybe[LoginProfiles] = UNSET
    is_gtc_accepted: Maybe[bool] = UNSET
    is_marketing_accepted: Maybe[bool] = UNSET
    is_totp_enabled: Maybe[bool] = UNSET
    status: Maybe[Status] = UNSET
    custom_fields: Maybe[CustomFields] = UNSET

    def change(self) -> UserChange:
        """Return it as a change."""
        profiles = provider_ids(self.login_profiles)
        return UserChange(
            email=change_unless_null(self.email),
            user_name=change_unless_null(self.username),
            full_name=_text(self.full_name),
            phone=_text(self.phone_number),
            address=_text(self.address),
            accepts_terms=change_unless_null(self.is_gtc_accepted),
            accepts_marketing=change_unless_null(self.is_marketing_accepted),
            groups=ABSENT if given(self.groups) is None else group_ids(self.groups),
            provider_ids=ABSENT if profiles is None else profiles,
            custom_fields=ABSENT if self.custom_fields is UNSET else given(self.custom_fields) or {},
            is_totp_on=change_unless_null(self.is_totp_enabled),
            status=change_unless_null(self.status),
        )


class LoginHistory(Struct):
    """An attempt to sign in."""

    date: str
    ip_address: str
    success: bool
    user_agent: str


class ActiveSession(Struct, kw_only=True):
    """An open session. ``reference_token`` names it and opens nothing."""

    account_id: str
    ip_address: str
    login_time: str
    reference_token: str
    user_agent: str
    object: Literal["user-session"] = "user-session"


class UserInfoResp(Struct, kw_only=True):
    """A user. ``username`` is null where a name of Cloud Connect is none that this interface may show."""

    id: str
    account_id: str
    email: str
    username: str | None
    full_name: str | None
    phone_number: str | None
    address: str | None
    status: str
    groups: list[str]
    login_profiles: list[LoginProfile]
    login_history: list[LoginHistory]
    custom_fields: dict[str, str]
    email_verified: bool
    is_gtc_accepted: bool
    is_marketing_accepted: bool
    is_totp_enabled: bool
    created_at: str
    creation_time: int
    updated_at: str
    etag: str
    last_login_time: int | UnsetType = UNSET
    password_changed_time: int | UnsetType = UNSET
    password: str | UnsetType = UNSET
    totp_scratch_codes: list[str] | UnsetType = UNSET
    active_sessions: list[ActiveSession] | UnsetType = UNSET
    object: Literal["user"] = "user"


class GroupMemberQuery(ListQuery, kw_only=True):
    """The query of the list of users in a group."""

    status__eq: str | None = None
    status__in: str | None = None
    status__nin: str | None = None

    def statuses(self) -> frozenset[Status] | None:
        """Return the statuses that are asked for; raise ``FieldInvalid``."""
        asked = [
            listed(text, field=field, allowed=_STATUSES)
            for field, text in (("status__eq", self.status__eq), ("status__in", self.status__in))
        ]
        unwanted = listed(self.status__nin, field="status__nin", allowed=_STATUSES)
        if unwanted is None and not any(each is not None for each in asked):
            return None
        kept = set(_STATUSES) - set(unwanted or ())
        for each in asked:
            kept &= set(_STATUSES if each is None else each)
        return frozenset(map(Status, kept))


class UserQuery(GroupMemberQuery, kw_only=True):
    """The query of a list of users."""

    email__eq: str | None = None
    login_profiles__eq: str | None = None
    login_profile__eq: str | None = None  # what one client sends

    @property
    def wanted(self) -> ResidentFilter:
        """The filter; raises ``FieldInvalid``."""
        return ResidentFilter(
            email=self.email__eq,
            statuses=self.statuses(),
            provider_id=self.login_profiles__eq if self.login_profile__eq is None else self.login_profile__eq,
        )


class MyQuery(Struct, kw_only=True):
    """The query of the calling user."""

    include: str = ""
    properties: str | None = None
    scratch_codes: str | None = None


class CreateQuery(Struct, kw_only=True):
    """How a user begins."""

    action: Literal["create", "invite"] = "create"


def user(
    shown: User,
    *,
    password: str | UnsetType = UNSET,
    sessions: Sequence[LoginSession] | None = None,
    custom_fields: Mapping[str, str] | None = None,
) -> UserInfoResp:
    """Write a user; ``password`` is one that was generated this moment."""
    resident = shown.resident
    person, standing = resident.as_known_here, resident.standing
    is_chosen = resident.status is not Status.INVITED  # until then it stands in for one
    return UserInfoResp(
        id=person.id,
        account_id=standing.account_id,
        email=person.email,
        username=person.user_name if is_user_name(person.user_name) and is_chosen else None,
        full_name=full_name(person) or None,
        phone_number=person.phone or None,
        address=person.address or None,
        status=resident.status.value,
        groups=list(shown.groups),
        login_profiles=login_profiles(shown.providers),
        login_history=[_attempt(each) for each in shown.attempts],
        custom_fields=dict(standing.custom_fields if custom_fields is None else custom_fields),
        email_verified=person.is_email_verified,
        is_gtc_accepted=person.accepts_terms,
        is_marketing_accepted=person.accepts_marketing,
        is_totp_enabled=shown.is_totp_on and person is resident.person,
        created_at=utc_text(resident.created_at_ms),
        creation_time=resident.created_at_ms,
        updated_at=utc_text(resident.updated_at_ms),
        etag=str(standing.version),
        last_login_time=person.last_login_at_ms or UNSET,
        password_changed_time=person.password_changed_at_ms or UNSET,
        password=password,
        totp_scratch_codes=UNSET if shown.scratch_codes is None else list(shown.scratch_codes),
        active_sessions=UNSET if sessions is None else [_session(each) for each in sessions],
    )


def login_profiles(providers: Sequence[IdentityProvider]) -> list[LoginProfile]:
    """Write the providers by which somebody may sign in."""
    return [LoginProfile(each.id, each.name, each.type.value) for each in providers]


def group_ids(written: Maybe[list[str]]) -> tuple[PolicyGroupId, ...]:
    """Read groups."""
    return tuple(map(PolicyGroupId, given(written) or ()))


def provider_ids(written: Maybe[list[LoginProfile]]) -> tuple[str, ...] | None:
    """Read login profiles."""
    profiles = given(written)
    return None if profiles is None else tuple(each.id for each in profiles)


def _text(written: Maybe[str]) -> Patched[str]:
    return ABSENT if isinstance(written, UnsetType) else written or ""


def _attempt(attempt: LoginAttempt) -> LoginHistory:
    return LoginHistory(utc_text(attempt.at_ms), attempt.address, attempt.is_success, attempt.user_agent)


def _session(session: LoginSession) -> ActiveSession:
    return ActiveSession(
        account_id=session.account_id,
        ip_address=session.address,
        login_time=utc_text(session.created_at_ms),
        reference_token=f"rt_{session.id}",
        user_agent=session.user_agent,
    )
