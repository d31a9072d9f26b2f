"""Finding clouds: pages in both directions, by id or by name, under a filter and a ``where``.

Conditions are evaluated here, over at most ``MOST_LOOKED_AT`` clouds for each page: a page may so hold fewer than asked
for and still lead on. A cursor is bound to the account, the index and what was asked, and opens nothing else.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from cloudstead.core.clouds.where import parse_where
from cloudstead.core.errors import InvalidField

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from cloudstead.core.clouds.model import Cloud, CloudId
    from cloudstead.core.clouds.where import Condition
    from cloudstead.core.credentials.sealing import Sealer
    from cloudstead.core.ids import AccountId
    from cloudstead.core.unit import Unit

MAX_LIMIT: Final = 1000
DEFAULT_LIMIT: Final = 100
MOST_LOOKED_AT: Final = 2000
MAX_FILTER_CHARS: Final = 256

_AT_ONCE: Final = 200
_MAC_BYTES: Final = 16
_PURPOSE: Final = "cloud-cursor"
_LONGEST_CURSOR: Final = 1024

Index = Literal["primary", "gs1"]
Key = tuple[str, str]  # name, id: the first one is empty in the primary index


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudQuery:
    """What somebody looks for. ``describe`` shows a cloud as the asker sees it: conditions are about that."""

    describe: Callable[[Cloud], Mapping[str, Any]]
    fields: Collection[str]
    id: CloudId | None = None
    where: str | None = None
    filter: str | None = None
    index: Index = "primary"
    limit: int = DEFAULT_LIMIT
    next: str | None = None
    prev: str | None = None


@dataclass(frozen=True, slots=True)
class CloudPage:
    """Clouds in order, and the cursors of the pages behind and before; ``None`` where there is none."""

    items: tuple[Cloud, ...]
    next: str | None
    prev: str | None


class CloudFinder:
    """Finds clouds of an account."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def find(self, unit: Unit, account_id: AccountId, query: CloudQuery, *, only: CloudId | None = None) -> CloudPage:
        """Return one page; raise ``InvalidField`` for a condition or a cursor that cannot be.

        ``only`` is the one cloud that the asker may see.
        """
        matches = _matcher(query)
        if query.next is not None and query.prev is not None:
            raise InvalidField("prev", "is given together with next")
        cursors = _Cursors(self._sealer, account_id, query)
        wanted = query.id if only is None else only
        if query.id not in {None, wanted}:
            return CloudPage((), None, None)
        if wanted is not None:
            found = unit.clouds.get(account_id, wanted)
            return CloudPage((found,) if found is not None and matches(found) else (), None, None)
        if query.prev is not None:
            start = cursors.read("prev", query.prev)
            items, last = _collect(_backwards(unit, account_id, query.index), start, matches, query.limit)
            items.reverse()
            return CloudPage(
                tuple(items),
                next=cursors.write(_key(items[-1], query.index)) if items else None,
                prev=None if last is None else cursors.write(last),
            )
        start = ("", "") if query.next is None else cursors.read("next", query.next)
        items, last = _collect(_forwards(unit, account_id, query.index), start, matches, query.limit)
        return CloudPage(
            tuple(items),
            next=None if last is None else cursors.write(last),
            prev=cursors.write(_key(items[0], query.index)) if items and query.next is not None else None,
        )


def _forwards(unit: Unit, account_id: AccountId, index: Index) -> Callable[[Key, int], Sequence[Cloud]]:
    if index == "gs1":
        return lambda key, limit: unit.clouds.by_name_after(account_id, key, limit=limit)
    return lambda key, limit: unit.clouds.after(account_id, key[1], limit=limit)


def _backwards(unit: Unit, account_id: AccountId, index: Index) -> Callable[[Key, int], Sequence[Cloud]]:
    if index == "gs1":
        return lambda key, limit: unit.clouds.by_name_before(account_id, key, limit=limit)
    return lambda key, limit: unit.clouds.before(account_id, key[1], limit=limit)


def _collect(
    read: Callable[[Key, int], Sequence[Cloud]], start: Key, matches: Callable[[Cloud], bool], limit: int
) -> tuple[list[Cloud], Key | None]:
    """Return what matches from ``start`` on, and the key to go on from; ``None`` when nothing more follows."""
    items: list[Cloud] = []
    looked_at = 0
    key = start
    while looked_at < MOST_LOOKED_AT:
        batch = read(key, _AT_ONCE)
        for cloud in batch:
            if matches(cloud):
                if len(items) == limit:
                    return items, key
                items.append(cloud)
            key = (cloud.name, cloud.id)
            looked_at += 1
        if len(batch) < _AT_ONCE:
            return items, None
    return items, key


def _key(cloud: Cloud, index: Index) -> Key:
    return (cloud.name if index == "gs1" else "", cloud.id)


def _matcher(query: CloudQuery) -> Callable[[Cloud], bool]:
    condition: Condition | None = None
    if query.where:
        condition = parse_where(query.where, fields=query.fields)
    text = (query.filter or "").casefold()
    if len(text) > MAX_FILTER_CHARS:
        raise InvalidField("filter", f"longer than {MAX_FILTER_CHARS} characters")

    def matches(cloud: Cloud) -> bool:
        if condition is None and not text:
            return True
        shown = query.describe(cloud)
        if text and not any(isinstance(each, str) and text in each.casefold() for each in shown.values()):
            return False
        return condition is None or condition.holds(shown)

    return matches


class _Cursors:
    """Writes and reads cursors of one query."""

    def __init__(self, sealer: Sealer, account_id: AccountId, query: CloudQuery) -> None:
        self._sealer = sealer
        self._index = query.index
        self._about = json.dumps([account_id, query.index, query.where or "", query.filter or ""]).encode()

    def write(self, key: Key) -> str:
        body = json.dumps([key[0] if self._index == "gs1" else "", key[1]]).encode()
        return base64.urlsafe_b64encode(self._mac(body) + body).decode().rstrip("=")

    def read(self, field: str, text: str) -> Key:
        """Return the key; the string may come as it was, or as JSON of it."""
        fault = InvalidField(field, "is no cursor of this list")
        if text.startswith('"') and len(text) <= _LONGEST_CURSOR:
            try:
                text = json.loads(text)
            except ValueError:
                raise fault from None
        if len(text) > _LONGEST_CURSOR:
            raise fault
        try:
            whole = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise fault from None
        mac, body = whole[:_MAC_BYTES], whole[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(body)):
            raise fault
        name, cloud_id = json.loads(body)
        return name, cloud_id

    def _mac(self, body: bytes) -> bytes:
        return self._sealer.derive(_PURPOSE, self._about + b"\0" + body)[:_MAC_BYTES]
