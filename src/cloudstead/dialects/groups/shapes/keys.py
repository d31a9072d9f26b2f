"""Keys of outside systems on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET, Struct, UnsetType

from cloudstead.dialects.groups.shapes.words import day, if_known

if TYPE_CHECKING:
    from cloudstead.core.groups.model import OutsideKey


class AddApiKeyInput(Struct, kw_only=True, rename="camel"):
    """A key to be stored."""

    group_id: str
    type: str
    token: str
    name: str


class UpdateApiKeyInput(Struct, kw_only=True, rename="camel"):
    """A key to be changed: what is absent stays."""

    group_id: str
    type: str
    token: str | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET


class ApiKeyQuery(Struct, kw_only=True, rename="camel"):
    """Names a key."""

    group_id: str
    type: str


class ExternalApiKey(Struct, kw_only=True, rename="camel", omit_defaults=True):
    """A key, without its token; ``message`` is there when it was removed."""

    group_id: str
    name: str
    type: str
    created_at: str
    updated_at: str
    created_by: str | UnsetType = UNSET
    updated_by: str | UnsetType = UNSET
    message: str = ""


def api_key(key: OutsideKey, *, message: str = "") -> ExternalApiKey:
    """Write a key."""
    return ExternalApiKey(
        group_id=key.domain_id,
        name=key.name,
        type=key.type,
        created_at=day(key.created_at_ms),
        updated_at=day(key.updated_at_ms),
        created_by=if_known(key.created_by),
        updated_by=if_known(key.updated_by),
        message=message,
    )
