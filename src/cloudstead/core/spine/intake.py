"""Requests into the log, acknowledgements out. What is acknowledged is on disk."""

from __future__ import annotations

from asyncio import get_running_loop
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final

from cloudstead.core.spine.records import encode_request
from cloudstead.log import LogError, RecordTooLarge

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudstead.core.clock import Clock
    from cloudstead.core.spine.ports import LogWriter
    from cloudstead.core.spine.requests import ShadowRequest

MAX_WAITING = 8_192
"""Requests that may wait for the disk before the doors stop reading: two dozen full batches."""

MAX_WAITING_BYTES = 64 << 20
"""What these may hold: as many of the largest messages would take a gigabyte."""

_PASSED_ON_AT_ONCE: Final = 32
"""Requests of a batch that are acknowledged and applied before the loop writes answers and reads again: 2 ms.

Devices take their answers, and the disk the requests that come next, while the rest of a batch is applied.
"""


class Intake:
    """The one way into the log. Lives on the event loop.

    A get changes nothing and is not logged; it waits behind the last request that is still on its way to disk, so that
    a device finds what it has just written.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        apply: Callable[[list[ShadowRequest]], None],
        report: Callable[[str, Exception], None],
    ) -> None:
        """``apply`` takes each committed batch, in order; ``report`` is told when a listener fails."""
        self._clock = clock
        self._apply = apply
        self._report = report
        self._writer: LogWriter | None = None
        self._last: ShadowRequest | None = None
        self._followers = self._follower_bytes = 0
        self._settled: deque[ShadowRequest] = deque()  # stored (or refused: without an offset), and not passed on yet
        self._settled_bytes = 0
        self._is_passing_on = False
        self._on_room: list[Callable[[], None]] = []
        self.committed_offset = 0
        self.stored = 0
        self.failed = 0
        self.last_failure: Exception | None = None
        self.last_failure_ms = 0

    def open(self, writer: LogWriter, *, committed_offset: int) -> None:
        """Begin to take requests; ``committed_offset`` is the last one in the log."""
        self._writer = writer
        self.committed_offset = committed_offset

    @property
    def is_full(self) -> bool:
        """Whether the doors should stop reading until there is room again."""
        writer = self._writer
        return writer is not None and (
            writer.depth + len(self._settled) + self._followers >= MAX_WAITING
            or writer.depth_bytes + self._settled_bytes + self._follower_bytes >= MAX_WAITING_BYTES
        )

    @property
    def depth(self) -> int:
        """How many requests wait for the disk."""
        return 0 if self._writer is None else self._writer.depth

    @property
    def is_idle(self) -> bool:
        """Whether everything that was taken has been told of: stored, or not."""
        return self._last is None

    def when_room(self, resume: Callable[[], None]) -> None:
        """Call ``resume`` whenever there may be room again: after every batch and every flush."""
        self._on_room.append(resume)

    def tell_room(self) -> None:
        """Call everybody who waits for room."""
        for resume in self._on_room:
            resume()

    def submit(self, request: ShadowRequest) -> None:
        """Take one request; never blocks. What the log does not take at all is told to ``on_failed`` at once."""
        writer = self._writer
        if writer is None:
            raise RuntimeError("the intake is not open")
        request.received_ms = self._clock.millis()
        if not request.is_logged:
            self._follow(request)
            return
        try:
            writer.submit(request, encode_request(request))
        except RecordTooLarge as error:  # the request's fault, not the log's
            self._fail(request, error)
            return
        except LogError as error:
            self._note_failure(error)
            self._fail(request, error)
            return
        self._last = request

    def _follow(self, request: ShadowRequest) -> None:
        if request.on_stored is not None:
            request.on_stored(request)
        if self._last is None:
            self._apply([request])
            return
        self._followers += 1
        self._follower_bytes += len(request.payload)
        if self._last.followers is None:
            self._last.followers = [request]
        else:
            self._last.followers.append(request)

    def committed(self, first_offset: int, batch: list[ShadowRequest]) -> None:
        """Hear from the log writer that a batch is on disk: acknowledge it and have it applied, a slice at a time."""
        for offset, request in enumerate(batch, first_offset):
            request.offset = offset
        self.committed_offset = first_offset + len(batch) - 1
        self.stored += len(batch)
        self.last_failure = None
        self._settle(batch)

    def refused(self, batch: list[ShadowRequest], error: Exception) -> None:
        """Hear from the log writer that nothing of a batch could be stored: nobody gets an acknowledgement."""
        self._note_failure(error)
        for request in batch:
            self._fail(request, error)
        self._settle(batch)

    def _fail(self, request: ShadowRequest, error: Exception) -> None:
        self.failed += 1
        if request.on_failed is not None:
            try:
                request.on_failed(request, error)
            except Exception as defect:  # noqa: BLE001 - as above
                self._report("refusal", defect)

    def _settle(self, batch: list[ShadowRequest]) -> None:
        self._settled += batch
        self._settled_bytes += sum(len(request.payload) for request in batch)
        if not self._is_passing_on:
            self._pass_on()

    def _pass_on(self) -> None:
        """Acknowledge and apply what comes first of what is settled, and come back for the rest."""
        settled = self._settled
        batch = list(islice(settled, _PASSED_ON_AT_ONCE))
        ready: list[ShadowRequest] = []
        for request in batch:
            if request.offset:
                ready.append(request)
                if request.on_stored is not None:
                    try:
                        request.on_stored(request)
                    except Exception as error:  # noqa: BLE001 - one door's defect must not keep the others' from the shadows
                        self._report("acknowledgement", error)
            if request.followers is not None:
                self._forget_followers(request.followers)
                ready += request.followers
            self._settled_bytes -= len(request.payload)
            settled.popleft()
        if self._last is batch[-1]:
            self._last = None
        self._is_passing_on = bool(settled)
        if ready:
            self._apply(ready)
        self.tell_room()
        if settled:
            # Not the next turn of the loop but the one after: in between, what this slice has led to is written.
            loop = get_running_loop()
            loop.call_soon(loop.call_soon, self._pass_on)

    def _note_failure(self, error: Exception) -> None:
        self.last_failure = error
        self.last_failure_ms = self._clock.millis()

    def _forget_followers(self, followers: list[ShadowRequest]) -> None:
        self._followers -= len(followers)
        self._follower_bytes -= sum(len(each.payload) for each in followers)

    def close(self) -> None:
        """Write what was taken; afterwards nothing is taken any more."""
        if self._writer is not None:
            self._writer.close()
