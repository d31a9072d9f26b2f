"""The commit log: append, group commit, read from an offset, segments, recovery.

Records are opaque bytes under dense offsets that begin at 1; what they mean is decided elsewhere.

    port         what every log can do
    log          the log on disk: a folder of segments
    segment      one segment file: reading, finding offsets
    tail         the last segment: appending, failing, cutting, recovery
    frames       the bytes of a segment file
    disk         the system calls that make a write durable
    lock         one process, one log
    retention    what may be removed
    writer       group commit on a thread of its own
    queue        records that wait for somebody who cannot take them yet
    checkpoints  how far each consumer has come
    memory       the log without a disk, for tests
    errors       what can go wrong
"""

from cloudstead.log.checkpoints import Checkpoints
from cloudstead.log.errors import (
    CheckpointCorrupt,
    LogClosed,
    LogCorrupt,
    LogError,
    LogFormatUnknown,
    LogInUse,
    LogWriteFailed,
    OffsetAhead,
    OffsetGone,
    RecordTooLarge,
)
from cloudstead.log.log import CommitLog
from cloudstead.log.memory import MemoryLog
from cloudstead.log.port import Log
from cloudstead.log.queue import RecordQueue
from cloudstead.log.retention import Retention
from cloudstead.log.tail import Recovery
from cloudstead.log.writer import GroupCommitWriter

__all__ = [
    "CheckpointCorrupt",
    "Checkpoints",
    "CommitLog",
    "GroupCommitWriter",
    "Log",
    "LogClosed",
    "LogCorrupt",
    "LogError",
    "LogFormatUnknown",
    "LogInUse",
    "LogWriteFailed",
    "MemoryLog",
    "OffsetAhead",
    "OffsetGone",
    "RecordQueue",
    "RecordTooLarge",
    "Recovery",
    "Retention",
]
