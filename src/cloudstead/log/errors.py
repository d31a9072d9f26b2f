"""What can go wrong with a log, named after what happened.

LogError
+-- LogInUse             another process holds the folder
+-- LogClosed            the log or its writer has been closed
+-- LogCorrupt           acknowledged records cannot be read back
+-- LogFormatUnknown     a segment was written by a version that we do not know
+-- LogWriteFailed       a batch is not stored, none of it
+-- RecordTooLarge       one record is larger than a frame may be
+-- OffsetGone           retention has removed the offset that was asked for
+-- OffsetAhead          the log has never handed out the offset that was asked for
+-- CheckpointCorrupt    a checkpoint file does not hold an offset
"""

from pathlib import Path
from typing import ClassVar


class LogError(Exception):
    """Anything that the log reports; `code` is stable."""

    code: ClassVar[str] = "log_error"


class LogInUse(LogError):
    """Another process, or another object in this one, has this folder open."""

    code = "log_in_use"

    def __init__(self, folder: Path, holder: int | None) -> None:
        who = "another process" if holder is None else f"process {holder}"
        super().__init__(f"the log in {folder} is already open in {who}")
        self.folder = folder
        self.holder = holder


class LogClosed(LogError):
    """The log, or the writer in front of it, no longer takes records."""

    code = "log_closed"


class LogCorrupt(LogError):
    """Records that were acknowledged cannot be read back; nothing has been changed on disk."""

    code = "log_corrupt"

    def __init__(self, path: Path, position: int, reason: str) -> None:
        super().__init__(f"{path} is damaged at byte {position}: {reason}")
        self.path = path
        self.position = position
        self.reason = reason


class LogFormatUnknown(LogError):
    """A segment carries a format version that this program cannot read."""

    code = "log_format_unknown"

    def __init__(self, path: Path, version: int) -> None:
        super().__init__(f"{path} has the unknown format version {version}")
        self.path = path
        self.version = version


class LogWriteFailed(LogError):
    """No record of the batch is stored, and none will appear later; a later append may succeed."""

    code = "log_write_failed"

    def __init__(self, folder: Path | None, reason: str) -> None:
        super().__init__(f"the log in {folder or 'memory'} could not be written: {reason}")
        self.folder = folder
        self.reason = reason


class RecordTooLarge(LogError):
    """One record is larger than a frame may be."""

    code = "record_too_large"

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"a record of {size_bytes} bytes exceeds {limit_bytes} bytes")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class OffsetGone(LogError):
    """The offset lies before the first one that is still kept."""

    code = "offset_gone"

    def __init__(self, offset: int, first_offset: int) -> None:
        super().__init__(f"offset {offset} is gone, the log begins at {first_offset}")
        self.offset = offset
        self.first_offset = first_offset


class OffsetAhead(LogError):
    """The offset lies beyond the next one: whoever asks has seen a longer log than this one."""

    code = "offset_ahead"

    def __init__(self, offset: int, next_offset: int) -> None:
        super().__init__(f"offset {offset} is ahead of the log, which goes on at {next_offset}")
        self.offset = offset
        self.next_offset = next_offset


class CheckpointCorrupt(LogError):
    """A checkpoint file does not hold an offset."""

    code = "checkpoint_corrupt"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} does not hold an offset")
        self.path = path
