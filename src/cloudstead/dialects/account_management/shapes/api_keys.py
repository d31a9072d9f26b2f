"""API keys on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from cloudstead.core.credentials.api_key_registry import KeyChange
from cloudstead.core.ids import PersonId, PolicyGroupId
from cloudstead.core.patch import ABSENT
from cloudstead.dialects.account_management.paging import ListQuery
from cloudstead.dialects.account_management.shapes.words import (
    Id,
    Maybe,
    Name100,
    change_unless_null,
    given,
    utc_text,
)

if TYPE_CHECKING:
    from cloudstead.core.credentials.api_key_registry import ShownKey

KeyStatus = Literal["ACTIVE", "INACTIVE"]
GroupIds = Annotated[list[Id], Meta(max_length=1000)]


class ApiKeyInfoReq(Struct, kw_only=True):
    """A key to be made."""

    name: Name100
    owner: Maybe[Id] = UNSET
    status: Maybe[KeyStatus] = UNSET
    groups: Maybe[GroupIds] = UNSET


class ApiKeyUpdateReq(Struct, kw_only=True):
    """A key to be changed; ``groups`` replaces those that it is in."""

    name: Name100
    owner: Maybe[Id] = UNSET
    status: Maybe[KeyStatus] = UNSET
    groups: Maybe[GroupIds] = UNSET

    def as_change(self) -> KeyChange:
        """Return what is to be changed."""
        owner, status = change_unless_null(self.owner), change_unless_null(self.status)
        groups = change_unless_null(self.groups)
        return KeyChange(
            name=self.name,
            owner_id=ABSENT if owner is ABSENT else PersonId(owner),
            is_active=ABSENT if status is ABSENT else status == "ACTIVE",
            group_ids=ABSENT if groups is ABSENT else tuple(map(PolicyGroupId, groups)),
        )


class ApiKeyInfoResp(Struct, kw_only=True):
    """A key. ``key`` carries its secret in the answer that made it only."""

    id: str
    account_id: str
    name: str
    key: str
    status: KeyStatus
    groups: list[str]
    created_at: str
    creation_time: int
    updated_at: str
    etag: str
    last_login_time: int
    object: Literal["api-key"] = "api-key"
    owner: str | UnsetType = UNSET


class ApiKeyQuery(ListQuery, kw_only=True):
    """The query of a list of keys."""

    key__eq: str | None = None
    owner__eq: str | None = None


def api_key(shown: ShownKey) -> ApiKeyInfoResp:
    """Write a key."""
    key = shown.key
    return ApiKeyInfoResp(
        id=key.id,
        account_id=key.account_id,
        name=key.name,
        key=shown.text,
        owner=UNSET if key.owner_id is None else key.owner_id,
        status="ACTIVE" if key.is_active else "INACTIVE",
        groups=list(shown.group_ids),
        created_at=utc_text(key.created_at_ms),
        creation_time=key.created_at_ms,
        updated_at=utc_text(key.updated_at_ms),
        etag=str(key.version),
        last_login_time=key.last_used_at_ms,
    )


def owner_of(body: ApiKeyInfoReq) -> PersonId | None:
    """Return whom a new key is to belong to, where that is said."""
    owner = given(body.owner)
    return None if owner is None else PersonId(owner)
