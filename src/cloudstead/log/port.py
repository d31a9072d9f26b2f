"""What every log can do, on disk or in memory."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from cloudstead.log.retention import Retention


class Log(Protocol):
    """Opaque records under dense offsets that begin at 1; one thread appends, any thread reads."""

    @property
    def first_offset(self) -> int:
        """The oldest offset that can be read, or `next_offset` when the log holds nothing."""

    @property
    def next_offset(self) -> int:
        """The offset that the next record gets; everything below it is durable."""

    @property
    def size_bytes(self) -> int:
        """What the records take, without space that is reserved only."""

    def append(self, payloads: Sequence[bytes]) -> int:
        """Store a batch of one or more records and return the offset of its first.

        Blocks until all of it is durable. All or nothing: `LogWriteFailed` means that no record of the batch is or
        will become visible, and that a later append may succeed.
        """

    def read(self, offset: int, *, max_records: int, max_bytes: int) -> list[tuple[int, bytes]]:
        """Return durable records from an offset on, in order; empty only at the end of the log.

        Stops at the first of both limits, but returns one record at least, however large. May return fewer than asked:
        read on until it is empty. Raises `OffsetGone` and `OffsetAhead` outside of what the log holds.
        """

    def truncate_before(self, offset: int, *, keep_from: int) -> int:
        """Remove whole segments that hold nothing from `offset`, or from `keep_from`, on; return how many.

        `keep_from` is the lowest offset that some consumer still has to read.
        """

    def retain(self, policy: Retention, *, now: datetime, keep_from: int) -> int:
        """Remove the segments that a policy no longer wants, as `truncate_before` does; return how many."""

    def close(self) -> None:
        """Give the log up; closing twice is harmless."""
