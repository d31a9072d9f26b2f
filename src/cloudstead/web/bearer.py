"""The ``Authorization: Bearer`` header (RFC 6750, section 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.datastructures import Headers


def bearer_token(headers: Headers) -> str | None:
    """Return the token; ``None`` when there is no ``Authorization`` header or it names another scheme."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    token = token.strip()
    return token if token and scheme.lower() == "bearer" else None
