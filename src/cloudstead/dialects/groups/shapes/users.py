"""Members of groups on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, Struct, UnsetType

from cloudstead.core.people.full_name import full_name
from cloudstead.core.people.model import Stage
from cloudstead.dialects.groups.paging import ListQuery
from cloudstead.dialects.groups.shapes.roles import Role, role
from cloudstead.dialects.groups.shapes.words import day

if TYPE_CHECKING:
    from cloudstead.core.groups.members import Placed, ShownMember
    from cloudstead.core.people.model import Person
    from cloudstead.core.people.standing import Resident


class InviteInput(Struct, kw_only=True, rename="camel"):
    """Somebody to be invited."""

    email: str
    group_id: str
    role_id: str


class UpdateMemberInput(Struct, kw_only=True, rename="camel"):
    """A member to be given another role."""

    user_id: str
    group_id: str
    role_id: str


class MemberQuery(Struct, kw_only=True, rename="camel"):
    """Names a member; the caller where no user is named."""

    group_id: str
    user_id: str | None = None


class UserQuery(Struct, kw_only=True, rename="camel"):
    """Names a user."""

    user_id: str


class GroupListQuery(ListQuery, kw_only=True):
    """The query of a list of something in a group."""

    group_id: str = msgspec.field(name="groupId")


class PublicUser(Struct, kw_only=True, rename="camel"):
    """Somebody as other members see them; ``role`` is the one in the group that was asked for."""

    id: str
    email: str
    name: str
    first_name: str
    last_name: str
    created_at: str
    updated_at: str
    seen_at: str | UnsetType = UNSET
    role: Role | UnsetType = UNSET


class MemberResult(Struct, kw_only=True, rename="camel"):
    """A member's place in a group, and what has become of it in words."""

    id: str
    user_id: str
    name: str
    description: str
    role: Role
    message: str


def member(shown: ShownMember) -> PublicUser:
    """Write a member of a group."""
    place = shown.member
    person = place.person.as_invited if place.stage is Stage.INVITED else place.person
    written = _user(person, place.created_at_ms, place.updated_at_ms)
    written.role = role(shown.role)
    return written


def user(resident: Resident) -> PublicUser:
    """Write somebody of the account."""
    standing = resident.standing
    return _user(resident.as_known_here, standing.created_at_ms, standing.updated_at_ms)


def placed(outcome: Placed) -> MemberResult:
    """Write what has become of somebody's place in a group."""
    return MemberResult(
        id=outcome.domain.id,
        user_id=outcome.person_id,
        name=outcome.domain.name,
        description=outcome.domain.description or "",
        role=role(outcome.role),
        message=outcome.message,
    )


def _user(person: Person, created_at_ms: int, updated_at_ms: int) -> PublicUser:
    since = created_at_ms or person.created_at_ms
    return PublicUser(
        id=person.id,
        email=person.email,
        name=full_name(person) or person.user_name,
        first_name=person.first_name,
        last_name=person.last_name,
        created_at=day(since),
        updated_at=day(max(updated_at_ms, since)),
        seen_at=day(person.last_login_at_ms) if person.last_login_at_ms else UNSET,
    )
