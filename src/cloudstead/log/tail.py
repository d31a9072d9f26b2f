"""The end of the log: the one segment that is written to, how it grows, fails, is cut and is recovered."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from cloudstead.log.disk import preallocate, sync_folder, write_durably
from cloudstead.log.errors import LogCorrupt
from cloudstead.log.frames import (
    FRAME_BYTES,
    HEADER_BYTES,
    FrameBroken,
    Header,
    decode_header,
    encode_batch,
    encode_header,
    holds_later_batch,
    walk,
)
from cloudstead.log.segment import Segment, SparseIndex, segment_path

DRAFT_SUFFIX = ".draft"
# Small enough that nobody notices while it is filled, large enough for a hundred commits at full load.
_RESERVE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was cut off when the log was opened: the remains of a batch that nobody was told was stored."""

    path: Path
    position: int
    cut_bytes: int
    next_offset: int


class Tail:
    """The segment that takes appends, with its descriptor; used by one thread at a time."""

    __slots__ = ("_fd", "_is_dirty", "_is_named_durably", "_reserved", "segment")

    def __init__(self, segment: Segment, fd: int, *, reserved: int) -> None:
        self.segment = segment
        self._fd = fd
        self._reserved = reserved
        self._is_dirty = False
        self._is_named_durably = False

    @classmethod
    def create(cls, folder: Path, header: Header) -> Self:
        """Begin an empty segment. It gets its name when it is whole, so a named segment always has a header.

        The name itself becomes durable with the first append: should that fail, the segment stays the last one, and
        no other may begin with the same offset.
        """
        path = segment_path(folder, header.first_offset)
        draft = path.with_suffix(DRAFT_SUFFIX)
        fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            write_durably(fd, [encode_header(header)], 0)
            draft.rename(path)
        except OSError:
            os.close(fd)
            raise
        first = header.first_offset
        segment = Segment(path, header, next_offset=first, end=HEADER_BYTES, index=SparseIndex(first))
        return cls(segment, fd, reserved=HEADER_BYTES)

    @classmethod
    def recover(cls, path: Path) -> tuple[Self, Recovery | None]:
        """Open the last segment of a log and cut what a crash has left half written.

        Raises `LogCorrupt`, and changes nothing, when a later batch stands behind the damage: then acknowledged
        records are at stake, and cutting them off is not for a program to decide.
        """
        fd = os.open(path, os.O_RDWR)
        try:
            segment, size = _scan(path, fd)
            tail = cls(segment, fd, reserved=size)
            recovery = tail._cut_remains(size)
            # Records, and the name itself, may be in the page cache only; what is read from here on must survive a
            # power cut too.
            os.fsync(fd)
            tail._name_durably()
        except BaseException:
            os.close(fd)
            raise
        return tail, recovery

    def _cut_remains(self, size: int) -> Recovery | None:
        segment = self.segment
        remains = os.pread(self._fd, size - segment.end, segment.end).rstrip(b"\0")
        if not remains:
            return None
        if holds_later_batch(remains, segment.header, segment.next_offset):
            raise LogCorrupt(segment.path, segment.end, f"no sound frame for offset {segment.next_offset}")
        self.cut()
        return Recovery(segment.path, segment.end, len(remains), segment.next_offset)

    def append(self, payloads: Sequence[bytes]) -> None:
        """Write one batch durably, then let readers see it.

        Raises OSError with nothing of the batch visible; call `cut` before the next append.
        """
        first, end = self.segment.next_offset, self.segment.end
        buffers = encode_batch(payloads, first, self.segment.header.salt)
        new_end = end + sum(map(len, buffers))
        if not self._is_named_durably:
            self._name_durably()
        if new_end > self._reserved:
            self._reserve(new_end)
        self._is_dirty = True
        write_durably(self._fd, buffers, end)
        self._is_dirty = False
        self.segment.grow(first + len(payloads), new_end)

    def _name_durably(self) -> None:
        sync_folder(self.segment.path.parent)
        self._is_named_durably = True

    def _reserve(self, end: int) -> None:
        wanted = end + _RESERVE_BYTES
        # Not from what is reserved alone: where reserving has failed before, records stand behind it.
        if preallocate(self._fd, max(self._reserved, self.segment.end), wanted):
            self._reserved = wanted

    def clean(self) -> None:
        """Cut what a failed append has left, if one has."""
        if self._is_dirty:
            self.cut()

    def cut(self) -> None:
        """Give back all that lies behind the last durable record, durably.

        A failed batch must be gone before its offsets are given out again: its later frames would otherwise be found
        behind a shorter successor at the next recovery.
        """
        os.ftruncate(self._fd, self.segment.end)
        os.fsync(self._fd)
        self._reserved = self.segment.end
        self._is_dirty = False

    def close(self) -> None:
        """Close the file; `cut` first for one without reserved space."""
        os.close(self._fd)


def batch_bytes(payloads: Sequence[bytes]) -> int:
    """Return what a batch takes in a segment."""
    return sum(map(len, payloads)) + FRAME_BYTES * len(payloads)


def _scan(path: Path, fd: int) -> tuple[Segment, int]:
    header = decode_header(os.pread(fd, HEADER_BYTES, 0), path)
    size = os.fstat(fd).st_size
    next_offset, end = header.first_offset, HEADER_BYTES
    index = SparseIndex(next_offset)
    try:
        for offset, position, payload in walk(
            partial(os.pread, fd), header, position=end, offset=next_offset, end=size
        ):
            index.add(offset, position)
            next_offset, end = offset + 1, position + FRAME_BYTES + len(payload)
    except FrameBroken:
        # The caller looks at the remains and decides whether this is a torn tail or damage.
        pass
    return Segment(path, header, next_offset=next_offset, end=end, index=index), size
