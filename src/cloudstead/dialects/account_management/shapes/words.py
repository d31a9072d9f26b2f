"""What many shapes are made of: identifiers, times, texts, and what may be missing."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from cloudstead.core.patch import ABSENT, Patched

T = TypeVar("T")

Id: TypeAlias = Annotated[str, Meta(pattern="^[a-f0-9]{32}$")]
Text100: TypeAlias = Annotated[str, Meta(max_length=100)]
Name100: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100)]
EmailText: TypeAlias = Annotated[str, Meta(pattern="^(?=.{3,254}$).+@.+$")]
Maybe: TypeAlias = T | UnsetType | None
"""An attribute that may be absent or null."""


CustomFields: TypeAlias = Annotated[
    dict[Annotated[str, Meta(max_length=100)], Annotated[str, Meta(max_length=1000)]], Meta(max_length=10)
]
"""Texts under names of the customer's own."""

Ids: TypeAlias = Annotated[list[Id], Meta(min_length=1, max_length=1000)]
"""A body that is a bare array of ids."""


class SubjectList(Struct):
    """Users and API keys by id."""

    users: Maybe[Annotated[list[Id], Meta(max_length=1000)]] = UNSET
    apikeys: Maybe[Annotated[list[Id], Meta(max_length=1000)]] = UNSET


REMOVAL: Final[Any] = SubjectList | Ids
"""Both forms of the body that takes members out of a group."""


def utc_text(ms: int) -> str:
    """Return a time as this dialect writes it: UTC, to the second."""
    return _second_text(ms // 1000)


@lru_cache(maxsize=4096)  # lists show the same times again and again, and strftime takes longer than the rest of a row
def _second_text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_text_ms(ms: int) -> str:
    """Return a time as the certificate operations write it: UTC, to the millisecond."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"


def given(value: Maybe[T]) -> T | None:
    """Read an attribute of a creation: null is as good as absent."""
    return None if isinstance(value, UnsetType) else value


def change(value: Maybe[T]) -> Patched[T | None]:
    """Read an attribute of a change: absent leaves it as it is, null clears it."""
    return ABSENT if isinstance(value, UnsetType) else value


def change_unless_null(value: Maybe[T]) -> Patched[T]:
    """Read an attribute of a change that cannot be cleared: null leaves it as it is too."""
    return ABSENT if value is None or isinstance(value, UnsetType) else value
