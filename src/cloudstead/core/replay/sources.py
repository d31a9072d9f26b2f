"""Which messages are replayed: a span of the log, or objects of the archive. All of it blocks, or waits for a store."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from cloudstead.core.archive.reading import read_object
from cloudstead.core.errors import CloudsteadError
from cloudstead.core.spine.records import ShadowRecord, decode_record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from cloudstead.core.archive.model import ArchivedObject
    from cloudstead.core.archive.ports import ArchivedLog, ObjectReader
    from cloudstead.core.ids import AccountId

Records: TypeAlias = list[tuple[int, ShadowRecord]]

_RECORDS: Final = 2_000
_BYTES: Final = 4 << 20
_EVER_MS: Final = 2**62
_UNEVEN_MS: Final = 10 * 60 * 1000
"""How far clocks may have gone back between two records."""


class SpanNotThere(CloudsteadError):
    """The messages that were asked for are not in the log; the message says which are."""

    code = "span_not_there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Offsets and times of receipt (ms), both ends included; ``accounts`` is ``None`` for all of them."""

    first_offset: int = 1
    last_offset: int = 2**62
    since_ms: int = 0
    until_ms: int = _EVER_MS
    accounts: Collection[AccountId] | None = None

    def chosen(self, records: Records) -> Records:
        """Return those of the records that belong to the span."""
        return [(offset, record) for offset, record in records if self._holds(offset, record)]

    def _holds(self, offset: int, record: ShadowRecord) -> bool:
        return (
            self.first_offset <= offset <= self.last_offset
            and self.since_ms <= record.received_ms <= self.until_ms
            and (self.accounts is None or record.account_id in self.accounts)
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """Messages in the order of the log; ``through`` of ``total`` steps are done with it."""

    records: Records
    last_offset: int
    through: int
    total: int


async def from_log(log: ArchivedLog, span: Span) -> AsyncIterator[Chunk]:
    """Yield the span's messages; raise ``SpanNotThere`` when the log does not reach back so far."""
    end = min(log.next_offset - 1, span.last_offset)
    start = span.first_offset
    if span.since_ms:
        start = max(start, await asyncio.to_thread(_seek, log, span.since_ms - _UNEVEN_MS))
    if 1 < start < log.first_offset or (start < log.first_offset and span.first_offset > 1):
        raise SpanNotThere(
            f"The log begins at offset {log.first_offset}: what came before is in the archive, if anywhere."
        )
    start = begun = max(start, log.first_offset)
    while start <= end:
        records = await asyncio.to_thread(_read, log, start, end)
        start = records[-1][0] + 1
        yield Chunk(span.chosen(records), records[-1][0], min(start, end + 1) - begun, end + 1 - begun)


def _read(log: ArchivedLog, start: int, end: int) -> Records:
    found = log.read(start, max_records=min(_RECORDS, end + 1 - start), max_bytes=_BYTES)
    return [(offset, decode_record(record)) for offset, record in found]


def _seek(log: ArchivedLog, since_ms: int) -> int:
    """Return about the first offset that was received at a time or after: twenty look-ups in a million records."""
    low, high = log.first_offset, log.next_offset
    while low < high:
        middle = (low + high) // 2
        ((_, record),) = log.read(middle, max_records=1, max_bytes=1)
        if decode_record(record).received_ms < since_ms:
            low = middle + 1
        else:
            high = middle
    return low


async def from_archive(objects: ObjectReader, rows: Sequence[ArchivedObject], span: Span) -> AsyncIterator[Chunk]:
    """Yield the messages of archived objects; raise ``ObjectUnreadable``.

    Objects of several accounts overlap: the order of the log is kept within each account.
    """
    chosen = [
        row
        for row in rows
        if row.count
        and row.first_offset <= span.last_offset
        and row.last_offset >= span.first_offset
        and (span.accounts is None or row.account_id in span.accounts)
    ]
    total = sum(row.count for row in chosen)
    through = 0
    for row in sorted(chosen, key=lambda each: each.first_offset):
        records = await read_object(objects, row.account_id, row.key)
        through += row.count
        yield Chunk(span.chosen(records), row.last_offset, through, total)
