"""Policy groups on the wire. ``grants`` is beyond the source: what the members of a group hold beside their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import UNSET, Meta, Struct

from cloudstead.core.caller import Grant
from cloudstead.core.ids import ApiKeyId, DomainId, PersonId
from cloudstead.core.policygroups.registry import Subjects
from cloudstead.dialects.account_management.paging import ListQuery
from cloudstead.dialects.account_management.shapes.words import Maybe, Name100, SubjectList, given, utc_text

if TYPE_CHECKING:
    from cloudstead.core.policygroups.model import CountedGroup


class GroupGrant(Struct):
    """A role at a domain and everywhere below it."""

    domain: Annotated[str, Meta(min_length=1, max_length=128)]
    role: Annotated[str, Meta(min_length=1, max_length=128)]


Grants = Annotated[list[GroupGrant], Meta(max_length=100)]


class GroupCreationInfo(Struct, kw_only=True):
    """A group to be made."""

    name: Name100
    members: Maybe[SubjectList] = UNSET
    grants: Maybe[Grants] = UNSET


class GroupUpdateInfo(Struct, kw_only=True):
    """A group to be renamed, or to give its members something else."""

    name: Name100
    grants: Maybe[Grants] = UNSET


class GroupSummary(Struct, kw_only=True):
    """A group."""

    id: str
    account_id: str
    name: str
    user_count: int
    apikey_count: int
    created_at: str
    updated_at: str
    etag: str
    grants: list[GroupGrant]
    object: Literal["group"] = "group"


class GroupQuery(ListQuery, kw_only=True):
    """The query of a list of groups."""

    name__eq: str | None = None


def group(counted: CountedGroup) -> GroupSummary:
    """Write a group."""
    each = counted.group
    return GroupSummary(
        id=each.id,
        account_id=each.account_id,
        name=each.name,
        user_count=counted.people,
        apikey_count=counted.keys,
        created_at=utc_text(each.created_at_ms),
        updated_at=utc_text(each.updated_at_ms),
        etag=str(each.version),
        grants=[GroupGrant(grant.domain_id, grant.role) for grant in each.given],
    )


def grants_of(written: list[GroupGrant]) -> tuple[Grant, ...]:
    """Read grants."""
    return tuple(Grant(DomainId(each.domain), each.role) for each in written)


def subjects(listed: SubjectList) -> Subjects:
    """Read people and keys."""
    return Subjects(tuple(map(PersonId, given(listed.users) or ())), tuple(map(ApiKeyId, given(listed.apikeys) or ())))
