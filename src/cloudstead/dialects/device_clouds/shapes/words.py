"""What many shapes are made of: identifiers, times, and what may be missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeAlias, TypeVar

from msgspec import UNSET, UnsetType

from cloudstead.core.clouds.ulids import id_of
from cloudstead.core.ids import AccountId
from cloudstead.web.errors import FieldInvalid

T = TypeVar("T")

Maybe: TypeAlias = T | UnsetType | None
"""A field that may be absent; null is as good."""


def shown(value: T | None) -> T | UnsetType:
    """Leave out what is not set."""
    return UNSET if value is None else value


def given(value: Maybe[T]) -> T | None:
    """Read a field; null is as good as absent."""
    return None if isinstance(value, UnsetType) else value


def time_text(ms: int) -> str:
    """Return a time as this dialect writes it: ISO 8601 in UTC, with milliseconds."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"


def time_of(text: str, *, field: str) -> int:
    """Read a time in milliseconds; raise ``FieldInvalid``."""
    try:
        moment = datetime.fromisoformat(text)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise FieldInvalid(field, "is no time such as 2026-01-31T12:00:00.000Z") from None


def account_of(text: str) -> AccountId:
    """Read an account's id; what is none is that of nobody's account."""
    return AccountId(id_of(text) or "")
