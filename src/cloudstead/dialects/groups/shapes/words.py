"""What many shapes are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from msgspec import UNSET, Struct, UnsetType

from cloudstead.core.patch import ABSENT

if TYPE_CHECKING:
    from cloudstead.core.patch import Patched

T = TypeVar("T")


class GenericReturn(Struct):
    """The outcome in words."""

    message: str


class GenericReturnBoolean(Struct):
    """The outcome in words, and as a flag."""

    message: str
    value: bool


class GroupQuery(Struct, kw_only=True, rename="camel"):
    """Names a group."""

    group_id: str


def day(ms: int) -> str:
    """Return the day of a time in UTC, as the document's example writes it: ``2019-08-24``."""
    return _day(ms // 86_400_000)


@lru_cache(maxsize=4096)
def _day(days: int) -> str:
    return datetime.fromtimestamp(days * 86_400, UTC).strftime("%Y-%m-%d")


def if_known(value: T | None) -> T | UnsetType:
    """Leave out what is not known."""
    return UNSET if value is None else value


def change(value: T | UnsetType | None) -> Patched[T]:
    """Read a field of a change: absent and null leave it as it is."""
    return ABSENT if value is None or isinstance(value, UnsetType) else value
