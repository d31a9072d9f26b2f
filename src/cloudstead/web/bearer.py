"""The ``Authorization: Bearer`` header (RFC 6750, section 2.1)."""

from __future__ import annotations

from typing import Final

_SCHEME: Final = "bearer"


def names_bearer(authorization: str | None) -> bool:
    """Tell whether an ``Authorization`` header names this scheme, with or without a token behind it."""
    return authorization is not None and authorization.partition(" ")[0].lower() == _SCHEME


def bearer_token(authorization: str | None) -> str | None:
    """Return the token in an ``Authorization`` header; ``None`` without one, or where the scheme is another."""
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    return token.strip() or None if scheme.lower() == _SCHEME else None
