"""The log without a disk: for tests of whatever stands on a log, and for nothing that must survive."""

import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from cloudstead.log.errors import LogClosed, LogWriteFailed, OffsetAhead, OffsetGone, RecordTooLarge
from cloudstead.log.frames import MAX_RECORD_BYTES
from cloudstead.log.retention import Retention, Span, is_due_to_roll, oldest_wanted, to_milliseconds, utc_now


@dataclass(frozen=True, slots=True)
class _Batch:
    first_offset: int
    created_ms: int
    payloads: tuple[bytes, ...]

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.payloads))

    @property
    def span(self) -> Span:
        return Span(self.first_offset, self.created_ms, self.size_bytes)


class MemoryLog:
    """A `Log` in which every batch is a segment of its own.

    `capacity_bytes` is the size of its disk: an append beyond it fails as on a full one, and succeeds again once
    retention has made room.
    """

    def __init__(self, *, capacity_bytes: int | None = None, now: Callable[[], datetime] = utc_now) -> None:
        self._capacity_bytes = capacity_bytes
        self._now = now
        self._batches = [_Batch(1, to_milliseconds(now()), ())]
        self._changing = threading.Lock()
        self._is_closed = False

    @property
    def first_offset(self) -> int:
        """The oldest offset that can be read, or `next_offset` when the log holds nothing."""
        return self._batches[0].first_offset

    @property
    def next_offset(self) -> int:
        """The offset that the next record gets."""
        last = self._batches[-1]
        return last.first_offset + len(last.payloads)

    @property
    def size_bytes(self) -> int:
        """What the payloads take."""
        return sum(batch.size_bytes for batch in self._batches)

    def append(self, payloads: Sequence[bytes]) -> int:
        """Store a batch of one or more records and return the offset of its first; all or nothing."""
        if not payloads:
            raise ValueError("a batch holds one record at least")
        largest = max(map(len, payloads))
        if largest > MAX_RECORD_BYTES:
            raise RecordTooLarge(largest, MAX_RECORD_BYTES)
        with self._changing:
            self._ensure_open()
            batch = _Batch(self.next_offset, to_milliseconds(self._now()), tuple(payloads))
            if self._capacity_bytes is not None and self.size_bytes + batch.size_bytes > self._capacity_bytes:
                raise LogWriteFailed(None, "No space left on device")
            kept = self._batches if self._batches[-1].payloads else self._batches[:-1]
            self._batches = [*kept, batch]
        return batch.first_offset

    def read(self, offset: int, *, max_records: int, max_bytes: int) -> list[tuple[int, bytes]]:
        """Return records from an offset on, as `Log.read` promises."""
        self._ensure_open()
        batches = self._batches
        end = batches[-1].first_offset + len(batches[-1].payloads)
        if offset < batches[0].first_offset:
            raise OffsetGone(offset, batches[0].first_offset)
        if offset > end:
            raise OffsetAhead(offset, end)
        records: list[tuple[int, bytes]] = []
        size = 0
        for batch in batches[_holding(batches, offset) :]:
            for found, payload in enumerate(batch.payloads, batch.first_offset):
                if found < offset:
                    continue
                size += len(payload)
                if records and (size > max_bytes or len(records) >= max_records):
                    return records
                records.append((found, payload))
        return records

    def truncate_before(self, offset: int, *, keep_from: int) -> int:
        """Remove whole batches that hold nothing from `offset`, or from `keep_from`, on; return how many."""
        with self._changing:
            self._ensure_open()
            return self._remove_before(min(offset, keep_from))

    def retain(self, policy: Retention, *, now: datetime, keep_from: int) -> int:
        """Remove the batches that a policy no longer wants and no consumer needs; return how many."""
        now_ms = to_milliseconds(now)
        with self._changing:
            self._ensure_open()
            active = self._batches[-1]
            if active.payloads and is_due_to_roll(active.span, policy, now_ms=now_ms):
                self._batches = [*self._batches, _Batch(self.next_offset, now_ms, ())]
            wanted = oldest_wanted([batch.span for batch in self._batches], policy, now_ms=now_ms)
            return self._remove_before(min(wanted, keep_from))

    def _remove_before(self, offset: int) -> int:
        removed = max(_holding(self._batches, offset), 0)
        self._batches = self._batches[removed:]
        return removed

    def _ensure_open(self) -> None:
        if self._is_closed:
            raise LogClosed("the log in memory is closed")

    def close(self) -> None:
        """Take no more records; closing twice is harmless."""
        self._is_closed = True


def _holding(batches: Sequence[_Batch], offset: int) -> int:
    return bisect_right(batches, offset, key=attrgetter("first_offset")) - 1
