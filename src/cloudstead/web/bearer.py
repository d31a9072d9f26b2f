"""The ``Authorization: Bearer`` header (RFC 6750, section 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.datastructures import Headers


def names_bearer(headers: Headers) -> bool:
    """Tell whether the ``Authorization`` header names this scheme, with or without a token behind it."""
    return headers.get("authorization", "").partition(" ")[0].lower() == "bearer"


def bearer_token(headers: Headers) -> str | None:
    """Return the token; ``None`` when there is none, no ``Authorization`` header, or one of another scheme."""
    return headers["authorization"].partition(" ")[2].strip() or None if names_bearer(headers) else None
