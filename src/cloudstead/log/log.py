"""The commit log on disk: a folder of segment files, the last of which grows."""

import os
import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import Self

from cloudstead.log.disk import sync_folder
from cloudstead.log.errors import LogClosed, LogWriteFailed, OffsetAhead, OffsetGone
from cloudstead.log.frames import HEADER_BYTES, Header, decode_header
from cloudstead.log.lock import FolderLock
from cloudstead.log.retention import Retention, Span, is_due_to_roll, oldest_wanted, to_milliseconds, utc_now
from cloudstead.log.segment import SUFFIX, Segment
from cloudstead.log.tail import DRAFT_SUFFIX, Recovery, Tail, batch_bytes

SEGMENT_BYTES = 64 << 20


class CommitLog:
    """A `Log` in a folder that it alone holds.

    One thread appends (`GroupCommitWriter` is made for that); any thread reads and applies retention meanwhile.
    `recovery` says what was cut when the folder was opened, None in the normal case.
    """

    def __init__(
        self,
        folder: Path,
        lock: FolderLock,
        segments: Sequence[Segment],
        tail: Tail,
        *,
        segment_bytes: int,
        now: Callable[[], datetime],
        recovery: Recovery | None,
    ) -> None:
        self.folder = folder
        self.recovery = recovery
        self._lock = lock
        # Replaced, never changed: readers take one look and need no lock.
        self._segments = (*segments, tail.segment)
        self._tail = tail
        self._segment_bytes = segment_bytes
        self._now = now
        self._is_closed = False
        # Held by whatever changes the set of segments or writes to the last one.
        self._changing = threading.Lock()

    @classmethod
    def open(cls, folder: Path, *, segment_bytes: int = SEGMENT_BYTES, now: Callable[[], datetime] = utc_now) -> Self:
        """Open a folder, or make it, and recover what a crash has left; cost: reading the last segment once.

        A batch larger than `segment_bytes` gets a segment of its own. Raises `LogInUse`, `LogFormatUnknown`, and
        `LogCorrupt` when acknowledged records in the last segment are damaged; older segments are checked as they are
        read.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FolderLock(folder)
        try:
            for draft in folder.glob(f"*{DRAFT_SUFFIX}"):
                draft.unlink()
            paths = sorted(folder.glob(f"[0-9]*{SUFFIX}"))
            segments = [_older_segment(path, successor) for path, successor in pairwise(paths)]
            if paths:
                tail, recovery = Tail.recover(paths[-1])
            else:
                tail, recovery = Tail.create(folder, _header(1, now())), None
        except BaseException:
            lock.release()
            raise
        return cls(folder, lock, segments, tail, segment_bytes=segment_bytes, now=now, recovery=recovery)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def first_offset(self) -> int:
        """The oldest offset that can be read, or `next_offset` when the log holds nothing."""
        return self._segments[0].first_offset

    @property
    def next_offset(self) -> int:
        """The offset that the next record gets; everything below it is durable."""
        return self._segments[-1].next_offset

    @property
    def size_bytes(self) -> int:
        """What the records take on disk, without space that is reserved only."""
        return sum(segment.end for segment in self._segments)

    def append(self, payloads: Sequence[bytes]) -> int:
        """Store a batch of one or more records durably and return the offset of its first; all or nothing."""
        if not payloads:
            raise ValueError("a batch holds one record at least")
        with self._changing:
            self._ensure_open()
            try:
                self._tail.clean()
                self._roll_for(batch_bytes(payloads))
                first = self._tail.segment.next_offset
                self._tail.append(payloads)
            except OSError as error:
                raise self._write_failed(error) from error
        return first

    def _write_failed(self, error: OSError) -> LogWriteFailed:
        failure = LogWriteFailed(self.folder, os.strerror(error.errno) if error.errno else str(error))
        try:
            self._tail.clean()
        except OSError as second:
            # The tail stays dirty, and the next append begins by cutting it.
            failure.add_note(f"cutting back failed as well: {second}")
        return failure

    def _roll_for(self, size: int) -> None:
        active = self._tail.segment
        if active.next_offset > active.first_offset and active.end + size > self._segment_bytes:
            self._roll()

    def _roll(self) -> None:
        # The old segment gives its reserved space back first; should the new one then fail, it simply goes on.
        self._tail.cut()
        tail = Tail.create(self.folder, _header(self._tail.segment.next_offset, self._now()))
        self._tail.close()
        self._tail = tail
        self._segments = (*self._segments, tail.segment)

    def read(self, offset: int, *, max_records: int, max_bytes: int) -> list[tuple[int, bytes]]:
        """Return durable records from an offset on, as `Log.read` promises; call it off the event loop."""
        self._ensure_open()
        segments = self._segments
        if offset < segments[0].first_offset:
            raise OffsetGone(offset, segments[0].first_offset)
        if offset > segments[-1].next_offset:
            raise OffsetAhead(offset, segments[-1].next_offset)
        if offset == segments[-1].next_offset:
            return []
        segment = segments[_holding(segments, offset)]
        try:
            return segment.read(offset, max_records=max_records, max_bytes=max_bytes)
        except FileNotFoundError as error:
            # Retention was faster than this read.
            raise OffsetGone(offset, segment.next_offset) from error

    def segment_of(self, offset: int) -> Path | None:
        """Return the file that holds an offset, ``None`` when there is none (any more); reads nothing."""
        segments = self._segments
        if not segments[0].first_offset <= offset < segments[-1].next_offset:
            return None
        return segments[_holding(segments, offset)].path

    def truncate_before(self, offset: int, *, keep_from: int) -> int:
        """Remove whole segments that hold nothing from `offset`, or from `keep_from`, on; return how many."""
        with self._changing:
            self._ensure_open()
            return self._remove_before(min(offset, keep_from))

    def retain(self, policy: Retention, *, now: datetime, keep_from: int) -> int:
        """Remove the segments that a policy no longer wants and no consumer needs; return how many.

        Closes a segment that has been open for long, so that age also works on a quiet log.
        """
        now_ms = to_milliseconds(now)
        with self._changing:
            self._ensure_open()
            active = self._tail.segment
            if active.next_offset > active.first_offset and is_due_to_roll(_span(active), policy, now_ms=now_ms):
                try:
                    self._tail.clean()
                    self._roll()
                except OSError as error:
                    raise self._write_failed(error) from error
            wanted = oldest_wanted([_span(segment) for segment in self._segments], policy, now_ms=now_ms)
            return self._remove_before(min(wanted, keep_from))

    def _remove_before(self, offset: int) -> int:
        removed = max(_holding(self._segments, offset), 0)
        # Oldest first, and one by one: a crash or a failure in between leaves a log without holes.
        for _ in range(removed):
            self._segments[0].path.unlink()
            self._segments = self._segments[1:]
        if removed:
            sync_folder(self.folder)
        return removed

    def _ensure_open(self) -> None:
        if self._is_closed:
            raise LogClosed(f"the log in {self.folder} is closed")

    def close(self) -> None:
        """Give reserved space back, close the files and let the folder go; closing twice is harmless."""
        with self._changing:
            if self._is_closed:
                return
            self._is_closed = True
            try:
                self._tail.cut()
            finally:
                self._tail.close()
                self._lock.release()


def _holding(segments: Sequence[Segment], offset: int) -> int:
    return bisect_right(segments, offset, key=attrgetter("first_offset")) - 1


def _header(first_offset: int, now: datetime) -> Header:
    return Header(first_offset=first_offset, created_ms=to_milliseconds(now), salt=int.from_bytes(os.urandom(4)))


def _span(segment: Segment) -> Span:
    return Span(segment.first_offset, segment.header.created_ms, segment.end)


def _older_segment(path: Path, successor: Path) -> Segment:
    with path.open("rb", buffering=0) as file:
        header = decode_header(file.read(HEADER_BYTES), path)
    return Segment(path, header, next_offset=int(successor.stem), end=path.stat().st_size, index=None)
