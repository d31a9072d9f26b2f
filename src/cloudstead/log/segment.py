"""One segment file: reading it from an offset, and finding offsets in it without reading it all."""

import os
from array import array
from bisect import bisect_right
from functools import partial
from pathlib import Path

from cloudstead.log.errors import LogCorrupt
from cloudstead.log.frames import HEADER_BYTES, FrameBroken, Header, walk

SUFFIX = ".log"
_INDEX_BYTES = 64 << 10


def segment_path(folder: Path, first_offset: int) -> Path:
    """Name the segment file that begins with an offset; names sort like offsets."""
    return folder / f"{first_offset:020d}{SUFFIX}"


class SparseIndex:
    """Where some offsets lie, about one per 64 KB; 16 bytes each, so 25 MB for a log of 100 GB.

    One thread adds while others look up: the position goes in before the offset that makes it visible.
    """

    __slots__ = ("_offsets", "_positions")

    def __init__(self, first_offset: int) -> None:
        self._positions = array("Q", (HEADER_BYTES,))
        self._offsets = array("Q", (first_offset,))

    def add(self, offset: int, position: int) -> None:
        """Note where an offset lies, unless a near one is known; offsets come in rising order."""
        if position - self._positions[-1] >= _INDEX_BYTES:
            self._positions.append(position)
            self._offsets.append(offset)

    def floor(self, offset: int) -> tuple[int, int]:
        """Return the nearest known (offset, position) that is not behind an offset."""
        i = bisect_right(self._offsets, offset) - 1
        return self._offsets[i], self._positions[i]


class Segment:
    """The durable part of one segment file.

    Its extent only grows, and only after the bytes are on disk, so any thread may read while one appends. Each read
    opens the file anew (10 us): a descriptor kept open would have to be counted to survive retention.
    """

    __slots__ = ("_extent", "_index", "header", "path")

    def __init__(self, path: Path, header: Header, *, next_offset: int, end: int, index: SparseIndex | None) -> None:
        self.path = path
        self.header = header
        self._extent = (next_offset, end)
        self._index = index

    @property
    def first_offset(self) -> int:
        """The offset of the first record, present or to come."""
        return self.header.first_offset

    @property
    def next_offset(self) -> int:
        """The offset behind the last record."""
        return self._extent[0]

    @property
    def end(self) -> int:
        """The byte behind the last record."""
        return self._extent[1]

    def grow(self, next_offset: int, end: int) -> None:
        """Let readers see a batch that has become durable behind the present end."""
        first, position = self._extent
        if self._index is not None:
            self._index.add(first, position)
        self._extent = (next_offset, end)

    def read(self, offset: int, *, max_records: int, max_bytes: int) -> list[tuple[int, bytes]]:
        """Return records from an offset that this segment holds.

        Raises `LogCorrupt` where bytes have changed, and FileNotFoundError when retention was faster.
        """
        records: list[tuple[int, bytes]] = []
        size = 0
        fd = os.open(self.path, os.O_RDONLY)
        try:
            first, position = self._indexed(fd).floor(offset)
            frames = walk(partial(os.pread, fd), self.header, position=position, offset=first, end=self.end)
            for found, _, payload in frames:
                if found < offset:
                    continue
                size += len(payload)
                if records and size > max_bytes:
                    break
                records.append((found, payload))
                if len(records) >= max_records:
                    break
        except FrameBroken as error:
            raise LogCorrupt(self.path, error.position, f"no sound frame for offset {error.offset}") from error
        finally:
            os.close(fd)
        if not records:
            raise LogCorrupt(self.path, self.end, f"the segment ends before offset {offset}")
        return records

    def _indexed(self, fd: int) -> SparseIndex:
        if self._index is None:
            # Two readers may both come here; both build the same index and the later one stays.
            index = SparseIndex(self.first_offset)
            start = {"position": HEADER_BYTES, "offset": self.first_offset}
            for offset, position, _ in walk(partial(os.pread, fd), self.header, **start, end=self.end):
                index.add(offset, position)
            self._index = index
        return self._index
