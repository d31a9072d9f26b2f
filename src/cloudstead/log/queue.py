"""Records that wait for somebody who cannot take them yet: a log from whose front what was taken goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.log.checkpoints import Checkpoints
from cloudstead.log.log import CommitLog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cloudstead.log.port import Log

_NAME = "taken"
_SEGMENT_BYTES = 8 << 20


class RecordQueue:
    """Opaque records in the order in which they were put; one thread puts and one takes, off the event loop."""

    def __init__(self, open_log: Callable[[], Log], checkpoints: Checkpoints, *, is_begun: bool) -> None:
        """``open_log`` is called once there is something to put, or at once where a former life has begun it."""
        self._open_log = open_log
        self._checkpoints = checkpoints
        self._log: Log | None = open_log() if is_begun else None
        self._taken = checkpoints.load(_NAME)

    @classmethod
    def open(cls, folder: Path) -> RecordQueue:
        """Open the queue in a folder, which is made when something is put; raise what ``CommitLog.open`` raises."""
        return cls(
            lambda: CommitLog.open(folder, segment_bytes=_SEGMENT_BYTES),
            Checkpoints(folder),
            is_begun=folder.exists(),
        )

    @property
    def is_empty(self) -> bool:
        """Whether everything was taken."""
        return self._log is None or self._log.next_offset - 1 <= self._taken

    @property
    def size_bytes(self) -> int:
        """What the records take on disk; those that were taken last may still be among them."""
        return 0 if self._log is None else self._log.size_bytes

    def put(self, records: Sequence[bytes]) -> None:
        """Append records durably; raise ``LogError``."""
        if self._log is None:
            self._log = self._open_log()
        self._log.append(records)

    def first(self, *, max_records: int, max_bytes: int) -> list[tuple[int, bytes]]:
        """Return the first records with their numbers, one at least when there is one; they stay until ``take``."""
        if self._log is None or self.is_empty:
            return []
        return self._log.read(self._taken + 1, max_records=max_records, max_bytes=max_bytes)

    def take(self, number: int) -> None:
        """Remove the records up to a number, durably."""
        self._checkpoints.store(_NAME, number)
        self._taken = number
        if self._log is not None:
            self._log.truncate_before(number + 1, keep_from=number + 1)

    def close(self) -> None:
        """Let the folder go."""
        if self._log is not None:
            self._log.close()
