"""What the index could not take yet: on disk before the checkpoint passes it, and handed over in order.

The log alone would not do: what became of a request depends on the shadow that it met, which has moved on since.
"""

from __future__ import annotations

import asyncio
import zlib
from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import msgspec

from cloudstead.core.observations.model import IndexBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cloudstead.core.observations.model import Observation, ShadowChange

_CHANGES_PER_RECORD: Final = 500
_BYTES_PER_RECORD: Final = 1 << 20
_RECORDS_AT_ONCE: Final = 16  # some 8,000 changes, or 16 MiB of large ones
_PACKED_BYTES_AT_ONCE: Final = 4 << 20
_FASTEST: Final = 1
_Item = TypeVar("_Item", "Observation", "ShadowChange")
_offset = attrgetter("offset")
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(IndexBatch).decode


class RecordStore(Protocol):
    """Keeps records durably and in order; see ``cloudstead.log.RecordQueue``. Blocks."""

    @property
    def is_empty(self) -> bool:
        """Whether everything was taken."""
        ...

    def put(self, records: Sequence[bytes]) -> None:
        """Append records durably."""
        ...

    def first(self, *, max_records: int, max_bytes: int) -> Sequence[tuple[int, bytes]]:
        """Return the first records with their numbers."""
        ...

    def take(self, number: int) -> None:
        """Remove the records up to a number."""
        ...


class Backlog:
    """Batches for the index, in the order of offsets. Offsets may come twice, after a crash or a failure in between."""

    def __init__(self, records: RecordStore) -> None:
        self._records = records

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return self._records.is_empty

    async def put(self, observations: Sequence[Observation], changes: Sequence[ShadowChange]) -> None:
        """Keep what the index is to get later; it is on disk when this returns."""
        await asyncio.to_thread(lambda: self._records.put(list(_packed(observations, changes))))

    async def first(self) -> tuple[int, IndexBatch] | None:
        """Return what comes first, with the number to ``take`` it by; ``None`` when nothing waits."""
        return await asyncio.to_thread(self._first)

    async def take(self, number: int) -> None:
        """Remove what the index has got."""
        await asyncio.to_thread(self._records.take, number)

    def _first(self) -> tuple[int, IndexBatch] | None:
        records = self._records.first(max_records=_RECORDS_AT_ONCE, max_bytes=_PACKED_BYTES_AT_ONCE)
        if not records:
            return None
        observations: list[Observation] = []
        changes: list[ShadowChange] = []
        size = 0
        for number, record in records:
            unpacked = zlib.decompress(record)
            size += len(unpacked)
            if changes and size > _RECORDS_AT_ONCE * _BYTES_PER_RECORD:
                break
            batch = _decode(unpacked)
            observations += batch.observations
            changes += batch.changes
            last = number
        return last, IndexBatch(observations=tuple(observations), changes=tuple(changes))


def beyond(batch: IndexBatch, offset: int) -> IndexBatch:
    """Return what lies behind an offset in a batch, everything once."""
    return IndexBatch(
        observations=tuple(_ascending(batch.observations, offset)), changes=tuple(_ascending(batch.changes, offset))
    )


def _ascending(items: Sequence[_Item], offset: int) -> Iterator[_Item]:
    for item in items:
        if item.offset > offset:
            offset = item.offset
            yield item


def _packed(observations: Sequence[Observation], changes: Sequence[ShadowChange]) -> Iterator[bytes]:
    start = seen = 0
    while start < len(changes):
        end, size = start, 0
        while end < len(changes) and end - start < _CHANGES_PER_RECORD and size < _BYTES_PER_RECORD:
            size += len(changes[end].request_json)
            end += 1
        seen_end = bisect_right(observations, changes[end - 1].offset, key=_offset)
        batch = IndexBatch(observations=tuple(observations[seen:seen_end]), changes=tuple(changes[start:end]))
        yield zlib.compress(_encode(batch), _FASTEST)
        start, seen = end, seen_end
