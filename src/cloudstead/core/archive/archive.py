"""Follows the log: takes what is committed, catches up with what it has missed, writes objects, remembers how far.

An object is written first, then its row and the archive's checkpoint in one transaction. What was written and not noted
when the process ended is written again at the next start, with the same name: everything is in exactly one object.
Whenever there is no room in memory, or the store of objects does not answer, what is committed is let pass: the log has
it, and from there it is read once there is room.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from cloudstead.core.archive.building import BuiltObject, Piece, build, join
from cloudstead.core.archive.cutting import Cutter, Held, above
from cloudstead.core.archive.errors import LogBegunAnew, ObjectUnreadable
from cloudstead.core.archive.names import contents_path, object_key, object_path, part_path, parts_prefix
from cloudstead.core.spine.errors import LogBehindStore
from cloudstead.core.spine.records import decode_record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cloudstead.core.archive.cutting import OpenFile
    from cloudstead.core.archive.model import ArchivedObject
    from cloudstead.core.archive.ports import ArchivedLog
    from cloudstead.core.clock import Clock
    from cloudstead.core.files.ports import ObjectStore
    from cloudstead.core.ids import AccountId
    from cloudstead.core.spine.records import ShadowRecord
    from cloudstead.core.spine.requests import ShadowRequest
    from cloudstead.core.unit import Database, Unit

MAX_HELD_BYTES: Final = 64 << 20
"""What open files may take in memory; beyond half of it the largest go into the store of objects piece by piece."""

_GRACE_MS: Final = 2_000  # a message received at the end of a slot is on disk well within this
_CHECKPOINT_EVERY_MS: Final = 30_000
_READ_RECORDS: Final = 1_000  # some 10 ms of a thread
_READ_BYTES: Final = 4 << 20
_AT_ONCE: Final = 8
_REMOVED_AT_ONCE: Final = 200
_piece: Final = msgspec.msgpack.Decoder(Piece)


class Archive:
    """Lives on the event loop."""

    def __init__(
        self,
        *,
        clock: Clock,
        database: Database,
        objects: ObjectStore,
        log: ArchivedLog,
        report: Callable[[str, Exception], None],
        cutter: Cutter | None = None,
        max_held_bytes: int = MAX_HELD_BYTES,
        interval_s: float = 1.0,
    ) -> None:
        """``report`` is told what failed and will be tried again after ``interval_s``, and of gaps."""
        self._clock = clock
        self._database = database
        self._objects = objects
        self._log = log
        self._report = report
        self._cutter = cutter or Cutter()
        self._max_held_bytes = max_held_bytes
        self._interval_s = interval_s
        self._floors: dict[AccountId, int] = {}
        self._next = 1  # the first offset that no file has
        self._told = 0  # the last one that is known to be in the log
        self._stacks: dict[AccountId, str] = {}
        self._wake = asyncio.Event()
        self._is_stopping = False
        self._noted_ms = 0
        self.stored_offset = 0
        self.objects_written = 0
        self.messages_written = 0
        self.last_failure: Exception | None = None

    async def start(self) -> None:
        """Read how far the archive has come; raise ``LogBehindStore`` when the log was lost. Reads no record."""
        checkpoint = await self._database.read(lambda unit: unit.archive.checkpoint())
        if checkpoint >= self._log.next_offset:
            raise LogBehindStore(self._log.next_offset - 1, checkpoint, store="archive")
        self._floors = dict(await self._database.read(lambda unit: unit.archive.floors(checkpoint)))
        self.stored_offset = checkpoint
        self._next = checkpoint + 1
        self._told = self._log.next_offset - 1
        self._noted_ms = self._clock.millis()
        first = self._log.first_offset
        if self._next < first:
            self._report("archive", LogBegunAnew(self._next, first - 1))
            self._next = first

    @property
    def held_bytes(self) -> int:
        """What open files take in memory."""
        return self._cutter.held_bytes

    @property
    def next_offset(self) -> int:
        """The offset behind the last one that was taken into a file, open or closed."""
        return self._next

    def open_file(self, account_id: AccountId) -> OpenFile | None:
        """Return the file that is open for an account."""
        return self._cutter.open_file(account_id)

    def committed(self, first_offset: int, batch: Sequence[ShadowRequest]) -> None:
        """Hear from the log writer that a batch is on disk; 0.5 us for each message of it."""
        self._told = first_offset + len(batch) - 1
        if first_offset == self._next and self._cutter.held_bytes < self._max_held_bytes:
            self._next = self._told + 1
            self._cutter.take(first_offset, batch)
            if self._cutter.closed:
                self._wake.set()

    async def run(self) -> None:
        """Write until told to stop."""
        parts_are_tidy = False
        while not self._is_stopping:
            try:
                if not parts_are_tidy:
                    await self._drop_old_parts()
                    parts_are_tidy = True
                await self.step()
                self.last_failure = None
            except Exception as error:  # noqa: BLE001 - the worker's edge: reported, kept, and tried again
                self.last_failure = error
                self._report("archive", error)
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), self._interval_s)
            except TimeoutError:
                continue

    def stop(self) -> None:
        """End ``run`` after what it is at. Open files are left: the log has them, and the next start reads them."""
        self._is_stopping = True
        self._wake.set()

    async def step(self) -> None:
        """Catch up with the log, and write what is closed."""
        await self._make_room()
        while self._next <= self._told and not self._is_stopping:
            await self._read_on()
            await self._write_closed()
            await self._make_room()
        # Only now: a message of a slot that is over may still have stood in the log.
        self._cutter.close_before(self._clock.millis() - _GRACE_MS)
        await self._write_closed()
        await self._note_checkpoint()

    async def _read_on(self) -> None:
        start = self._next
        records = await asyncio.to_thread(self._read, start)
        if self._next != start:
            return  # what was committed meanwhile was taken: both cannot be
        self._next = records[-1][0] + 1
        for offset, message in above(self._floors, records):
            self._cutter.take(offset, (message,))

    def _read(self, offset: int) -> list[tuple[int, ShadowRecord]]:
        records = self._log.read(offset, max_records=_READ_RECORDS, max_bytes=_READ_BYTES)
        return [(number, decode_record(record)) for number, record in records]

    async def _write_closed(self) -> None:
        closed = self._cutter.closed
        while closed and not self._is_stopping:
            # One file of each account at a time: what is noted of an account has no holes.
            batch: dict[AccountId, OpenFile] = {}
            for file in islice(closed, _AT_ONCE):
                if file.account_id in batch:
                    break
                batch[file.account_id] = file
            outcomes = await asyncio.gather(*(self._write(file) for file in batch.values()), return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome
            rows = [each.row for each in outcomes if isinstance(each, BuiltObject)]
            await self._note(rows, written=len(batch))
            for _ in batch:
                self._cutter.release(closed.popleft().held.bytes)
            self.objects_written += sum(row.count > 0 for row in rows)
            self.messages_written += sum(row.count for row in rows)
            for file in batch.values():
                await self._drop_parts(file)

    async def _write(self, file: OpenFile) -> BuiltObject | None:
        stack = await self._stack(file.account_id)
        if stack is None:
            return None  # nobody is left who could ask for it
        key = object_key(stack, file.account_id, first_offset=file.first_offset, first_ms=file.first_ms)
        parts = [await self._part(file, number) for number in range(file.parts)]
        last = await asyncio.to_thread(join, file.held)
        built = await asyncio.to_thread(build, file, [*parts, last], key=key)
        await self._objects.put(contents_path(file.account_id, key), built.contents)
        if built.messages:
            await self._objects.put(object_path(file.account_id, key), built.messages)
        return built

    async def _note(self, rows: Sequence[ArchivedObject], *, written: int) -> None:
        """Store rows together with the offset up to which nothing is missing any more."""
        through = min(self._cutter.first_offsets(but=written), default=self._next) - 1

        def write(unit: Unit) -> None:
            unit.archive.put(rows)
            unit.archive.set_checkpoint(through)

        await self._database.write(write)
        self.stored_offset = through
        self._noted_ms = self._clock.millis()

    async def _note_checkpoint(self) -> None:
        """Let the log go on being tidied up where nothing was to be archived."""
        is_due = self._clock.millis() - self._noted_ms >= _CHECKPOINT_EVERY_MS
        if is_due and self.stored_offset < min(self._cutter.first_offsets(), default=self._next) - 1:
            await self._note([], written=0)

    async def _make_room(self) -> None:
        """Put the largest open files out of memory when together they take more than half of what they may."""
        while self._cutter.held_bytes > self._max_held_bytes // 2 and not self._is_stopping:
            file = self._cutter.largest()
            if file is None or not file.held.payloads:
                return  # all of it is in closed files, which are written next
            held, file.held = file.held, Held()
            try:
                piece = await asyncio.to_thread(join, held)
                path = part_path(file.account_id, file.first_offset, file.parts)
                await self._objects.put(path, msgspec.msgpack.encode(piece))
            except BaseException:
                held.extend(file.held)  # more may have come meanwhile
                file.held = held
                raise
            file.parts += 1
            self._cutter.release(held.bytes)

    async def _part(self, file: OpenFile, number: int) -> Piece:
        path = part_path(file.account_id, file.first_offset, number)
        content = await self._objects.get(path)
        if content is None:
            raise ObjectUnreadable(path, "a part of it that was put aside is not there any more")
        return _piece.decode(content)

    async def _drop_parts(self, file: OpenFile) -> None:
        for number in range(file.parts):
            await self._objects.delete(part_path(file.account_id, file.first_offset, number))

    async def _drop_old_parts(self) -> None:
        """Remove what a former life had put out of its memory."""
        for account in await self._database.read(lambda unit: unit.accounts.all()):
            while old := await self._objects.list_after(parts_prefix(account.id), after="", limit=_REMOVED_AT_ONCE):
                for entry in old:
                    await self._objects.delete(entry.path)

    async def _stack(self, account_id: AccountId) -> str | None:
        if account_id not in self._stacks:
            account = await self._database.read(lambda unit: unit.accounts.get(account_id))
            if account is None:
                return None
            self._stacks[account_id] = account.stack
        return self._stacks[account_id]

    async def drop_before(self, before_ms: int) -> int:
        """Remove the objects whose last message came before a time; return how many."""
        removed = 0
        while rows := await self._database.read(
            lambda unit: unit.archive.older_than(before_ms, limit=_REMOVED_AT_ONCE)
        ):
            for row in rows:
                await self._objects.delete(object_path(row.account_id, row.key))
                await self._objects.delete(contents_path(row.account_id, row.key))
            await self._database.write(lambda unit, rows=rows: unit.archive.remove(rows))  # type: ignore[misc]
            removed += len(rows)
        return removed
