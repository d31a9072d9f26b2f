"""Requests into the log, acknowledgements out. What is acknowledged is on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
            writer.depth + self._followers >= MAX_WAITING
            or writer.depth_bytes + self._follower_bytes >= MAX_WAITING_BYTES
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
        """Hear from the log writer that a batch is on disk: acknowledge it, then have it applied."""
        for offset, request in enumerate(batch, first_offset):
            request.offset = offset
            if request.on_stored is not None:
                try:
                    request.on_stored(request)
                except Exception as error:  # noqa: BLE001 - one door's defect must not keep the others' from the shadows
                    self._report("acknowledgement", error)
        self.committed_offset = first_offset + len(batch) - 1
        self.stored += len(batch)
        self.last_failure = None
        self._pass_on(batch, batch)

    def refused(self, batch: list[ShadowRequest], error: Exception) -> None:
        """Hear from the log writer that nothing of a batch could be stored: nobody gets an acknowledgement."""
        self._note_failure(error)
        for request in batch:
            self._fail(request, error)
        self._pass_on(batch, [])

    def _fail(self, request: ShadowRequest, error: Exception) -> None:
        self.failed += 1
        if request.on_failed is not None:
            try:
                request.on_failed(request, error)
            except Exception as defect:  # noqa: BLE001 - as above
                self._report("refusal", defect)

    def _pass_on(self, batch: list[ShadowRequest], stored: list[ShadowRequest]) -> None:
        if self._last is batch[-1]:
            self._last = None
        if any(request.followers for request in batch):
            self._forget_followers(batch)
            stored = [
                each
                for request in batch
                for each in (*((request,) if request.offset else ()), *(request.followers or ()))
            ]
        if stored:
            self._apply(stored)
        self.tell_room()

    def _note_failure(self, error: Exception) -> None:
        self.last_failure = error
        self.last_failure_ms = self._clock.millis()

    def _forget_followers(self, batch: list[ShadowRequest]) -> None:
        followers = [each for request in batch for each in request.followers or ()]
        self._followers -= len(followers)
        self._follower_bytes -= sum(len(each.payload) for each in followers)

    def close(self) -> None:
        """Write what was taken; afterwards nothing is taken any more."""
        if self._writer is not None:
            self._writer.close()
