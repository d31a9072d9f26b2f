"""Lists: ``limit`` and ``nextToken``, which names the last item of the page before and is left out at the end.

A token belongs to the list that it was given with: the call, the group and the account are in its seal.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from cloudstead.core.paging import MAX_PAGE_SIZE
from cloudstead.web.errors import FieldInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.core.caller import Caller
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.web.call import Call

T = TypeVar("T")
W = TypeVar("W")

_DERIVED_FOR: Final = "groups-next-token"
_SEAL_BYTES: Final = 16
_LONGEST_TOKEN: Final = 1024


class ListQuery(Struct, kw_only=True):
    """The query of every list."""

    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE_SIZE)] = 100
    next_token: str | None = msgspec.field(default=None, name="nextToken")


class Connection(Struct, Generic[T], kw_only=True):
    """One page."""

    items: list[T]
    nextToken: str | UnsetType = UNSET  # noqa: N815 - the wire's name, which generic structs cannot rename


class NextTokens:
    """Writes and reads the tokens of one installation."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def after(self, call: Call[Caller], query: ListQuery, group_id: str = "") -> str:
        """Return the key behind which the asked page begins; raise ``FieldInvalid`` for a token of another list."""
        if not query.next_token:
            return ""
        text = query.next_token
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) <= _LONGEST_TOKEN else b""
            last = raw[_SEAL_BYTES:].decode()
        except (binascii.Error, ValueError):
            raise FieldInvalid("nextToken", "is no token of ours") from None
        if not hmac.compare_digest(raw[:_SEAL_BYTES], self._seal(call, group_id, last)):
            raise FieldInvalid("nextToken", "belongs to another list, or is no token of ours")
        return last

    def page(
        self,
        call: Call[Caller],
        query: ListQuery,
        found: Sequence[T],
        write: Callable[[T], W],
        *,
        key_of: Callable[[T], str],
        group_id: str = "",
    ) -> Connection[W]:
        """Return a page of what was ``found``: one more than asked for tells that another page follows."""
        items = found[: query.limit]
        token: str | UnsetType = UNSET
        if len(found) > query.limit:
            last = key_of(items[-1])
            token = base64.urlsafe_b64encode(self._seal(call, group_id, last) + last.encode()).decode().rstrip("=")
        return Connection(items=[write(each) for each in items], nextToken=token)

    def _seal(self, call: Call[Any], group_id: str, last: str) -> bytes:
        name = "" if call.operation is None else call.operation.name
        told = msgspec.json.encode([name, call.caller.account_id, group_id, last])
        return self._sealer.derive(_DERIVED_FOR, told)[:_SEAL_BYTES]
