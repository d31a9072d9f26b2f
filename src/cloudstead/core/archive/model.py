"""What the archive remembers of an object: its row, and the list of its contents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from cloudstead.core.ids import AccountId

CONTENTS_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedObject:
    """One closed file of an account: every update message that the log has of it from ``first_offset`` to the last.

    ``count`` messages of ``size`` bytes are in the object. ``left_out`` more are not, because they are no JSON object
    and would make it unreadable; where all were left out, there is a row and no object. Times are those of receipt, in
    ms.
    """

    account_id: AccountId
    first_offset: int
    last_offset: int
    key: str
    count: int
    left_out: int
    size: int
    first_ms: int
    last_ms: int


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What the messages of an object do not say of themselves; entry ``i`` of every list belongs to message ``i``.

    ``things`` and ``principals`` are numbers into ``known_things`` (uid, name, type, domain, as of receipt) and
    ``known_principals``. A message of size 0 was left out of the object.
    """

    version: int = CONTENTS_VERSION
    known_things: list[tuple[str, str, str, str]]
    known_principals: list[str]
    offsets: list[int]
    received_ms: list[int]
    sizes: list[int]
    things: list[int]
    principals: list[int]
    origins: list[int]
