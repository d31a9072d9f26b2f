"""The token call on the wire (RFC 6749, section 4.4)."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class TokenQuery(Struct, kw_only=True):
    """The query of the token call; the grant type may stand in the body as well."""

    grant_type: str | None = None


class Token(Struct, kw_only=True):
    """An access token."""

    access_token: str
    expires_in: int
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a word, not a token


class TokenRefusal(Struct, kw_only=True):
    """A refusal of the token call (RFC 6749, section 5.2), with the message that every refusal here has."""

    error: str
    message: str

    error_description: str
