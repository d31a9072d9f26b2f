"""Tokens on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import UNSET, Struct, UnsetType

from cloudstead.core.clouds.actor import DUTIES
from cloudstead.core.clouds.tokens import CloudTokenId, TokenState
from cloudstead.core.clouds.ulids import id_of, ulid_of
from cloudstead.dialects.device_clouds.shapes.words import Maybe, shown, time_text

if TYPE_CHECKING:
    from cloudstead.core.clouds.tokens import CloudToken


class CreateToken(Struct, kw_only=True, rename="camel"):
    """A token to be made; ``cloudId`` for those of one cloud, ``product`` for those of a product."""

    type: Literal["BuilderAPI", "CloudAPI", "CloudToBuilder", "ProductID"]
    description: str
    cloud_id: Maybe[str] = UNSET
    product: Maybe[str] = UNSET
    expires: Maybe[str] = UNSET


class TokenActionBody(Struct, kw_only=True):
    """What to do to a token."""

    id: str
    action: Literal["new", "suspend", "resume", "revoke", "delete"]


class TokenAnswer(Struct, kw_only=True, rename="camel"):
    """A token; ``token`` is its text, in the answer that made it only."""

    id: str
    type: str
    role: str
    description: str
    enable: bool
    state: str
    created: str
    expires: str | UnsetType = UNSET
    cloud_id: str | UnsetType = UNSET
    product: str | UnsetType = UNSET
    token: str | UnsetType = UNSET


class TokenPage(Struct, kw_only=True):
    """A page of tokens."""

    data: list[TokenAnswer]
    next: str | UnsetType = UNSET


def token_id(text: str) -> CloudTokenId:
    """Read a token's id; what is none is that of no token."""
    return CloudTokenId(id_of(text) or "")


def token_answer(token: CloudToken, text: str | None = None) -> TokenAnswer:
    """Write a token."""
    return TokenAnswer(
        id=ulid_of(token.id),
        type=token.kind.value,
        role=DUTIES[token.kind].value,
        description=token.description,
        enable=token.state is TokenState.ACTIVE,
        state=token.state.value,
        created=time_text(token.created_at_ms),
        expires=UNSET if token.expires_at_ms is None else time_text(token.expires_at_ms),
        cloud_id=UNSET if token.cloud_id is None else ulid_of(token.cloud_id),
        product=shown(token.product),
        token=shown(text),
    )
