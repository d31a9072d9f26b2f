"""The worker: claims jobs, performs them side by side, notes what became of them, and drains at the end.

What it holds in memory is bounded by what it may do at once; everything else waits in the store. It wakes when jobs
are added, when one is through, and when the next one is due. What became of jobs is noted in one transaction for all
that ended lately, and in the same one those that follow them are claimed. A lease tells other workers that a job is
being done; it is extended while this one lives, and runs out when it dies.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from cloudstead.core.jobs.events import JobsAdded
from cloudstead.core.jobs.model import Attempt, Done, Failed, Job, JobCounts
from cloudstead.work.notes import Note, Notes, settle
from cloudstead.work.shares import Shares

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any

    from cloudstead.core.clock import Clock
    from cloudstead.core.events import EventBus
    from cloudstead.core.ids import JobId
    from cloudstead.core.jobs.ports import Performer
    from cloudstead.core.unit import Unit
    from cloudstead.work.pauses import Pauses
    from cloudstead.work.retry import Retry

T = TypeVar("T")

MAX_RESPONSE_BYTES: Final = 4096
MAX_DETAIL_CHARS: Final = 500

MAX_LOSSES: Final = 10
"""Deaths of the process in a row after which a job counts as their cause."""

_AGAIN_AFTER_S: Final = 1.0  # when the store does not answer
_COUNT_EVERY_MS: Final = 10_000


class Store(Protocol):
    """What the worker needs of the database."""

    async def read(self, work: Callable[[Unit], T]) -> T:
        """Run a short ``work`` on a snapshot."""
        ...

    async def scan(self, work: Callable[[Unit], T]) -> T:
        """Run a slow ``work`` on a snapshot."""
        ...

    async def write(self, work: Callable[[Unit], T]) -> T:
        """Run ``work`` in a transaction."""
        ...


@dataclass(frozen=True, slots=True)
class Duty:
    """Who performs a kind of job, how often it is tried, and how many are done at once.

    Where that is shared, half may be of one account, and half of that of one cause: what hangs leaves room for others.
    """

    performer: Performer
    retry: Retry
    at_once: int
    is_shared: bool = False

    def shares(self) -> Shares:
        """Return the counters of who has how many."""
        of_account = _half(self.at_once) if self.is_shared else self.at_once
        return Shares(of_account=of_account, of_cause=_half(of_account) if self.is_shared else self.at_once)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """Bounds of one worker."""

    at_once: int = 64
    lease_s: float = 60.0
    poll_s: float = 5.0  # how soon it finds what another process has added
    drain_s: float = 5.0
    gather_s: float = 0.0  # while jobs run: those that end, or are added, one by one share one transaction


class Worker:
    """Performs the jobs of the kinds that it has duties for."""

    def __init__(
        self,
        store: Store,
        duties: Sequence[Duty],
        *,
        clock: Clock,
        pauses: Pauses,
        draw: Callable[[], float],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        report: Callable[[str, Exception], None],
        on_dead: Callable[[Job, str], None],
        limits: WorkerLimits = WorkerLimits(),
    ) -> None:
        """``draw`` returns a random number from 0 to 1; ``on_dead`` is told of each job given up, and why."""
        self._store = store
        self._duties = {duty.performer.kind: duty for duty in duties}
        self._clock = clock
        self._pauses = pauses
        self._draw = draw
        self._spawn = spawn
        self._report = report
        self._on_dead = on_dead
        self._limits = limits
        # By attempt as well: when a lease ran out, this worker may have claimed the job once more.
        self._running: dict[tuple[JobId, int], tuple[Job, asyncio.Task[None]]] = {}
        self._busy: Counter[str] = Counter()  # being done; what has ended and is not noted is running no less
        self._notes = Notes()
        self._shares = {kind: duty.shares() for kind, duty in self._duties.items()}
        self._wake = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._is_over = asyncio.Event()
        self._is_over.set()
        self._no_event = asyncio.Event()
        self._is_stopping = False
        self._extended_at_ms = 0
        self._counted_at_ms: int | None = None
        self.outcomes: Counter[tuple[str, str]] = Counter()
        """Attempts by kind and outcome: ``done``, ``failed`` (comes again), ``dead``, ``lost`` (to another worker)."""
        self.counts: Sequence[JobCounts] = ()
        """The figures of the store for each kind, a few seconds old."""
        self.last_failure: str | None = None
        """Why the store could not be asked the last time, ``None`` when it could."""

    @property
    def running(self) -> int:
        """How many jobs are being done."""
        return len(self._running)

    def listen(self, bus: EventBus) -> None:
        """Wake as soon as jobs are added."""
        bus.subscribe(JobsAdded, lambda _: self._wake.set())

    async def take_back(self) -> int:
        """Let what a process that died had claimed be claimed at once; only when nobody else uses the store."""
        now_ms = self._clock.millis()
        return await self._store.write(lambda unit: unit.jobs.give_back_all(now_ms=now_ms))

    async def run(self) -> None:
        """Perform jobs until ``stop``."""
        self._is_over.clear()
        try:
            while not self._is_stopping:
                self._wake.clear()
                pause_s = await self._try_turn()
                await self._pauses.until(self._wake, pause_s)
                if self._limits.gather_s and self._running and not self._is_stopping:
                    await self._pauses.until(self._no_event, self._limits.gather_s)
        finally:
            self._is_over.set()

    async def stop(self) -> None:
        """Claim nothing more, let what runs end for a moment, and give back what does not."""
        self._is_stopping = True
        self._wake.set()
        await self._pauses.until(self._is_over, self._limits.drain_s)  # what is being claimed is begun, then ended here
        writing = self._spawn(self._write_notes())  # what ended in the last turn; no other one will
        await self._pauses.until(self._is_idle, self._limits.drain_s)
        writing.cancel()
        left = list(self._running.values())
        if not left:
            return
        for _, task in left:
            task.cancel()
        await asyncio.gather(*(task for _, task in left), return_exceptions=True)
        now_ms = self._clock.millis()

        def give_back(unit: Unit) -> None:
            for job, _ in left:
                unit.jobs.give_back(job, now_ms=now_ms)

        await self._store.write(give_back)

    async def _try_turn(self) -> float:
        try:
            pause_s = await self._turn()
        except Exception as error:  # noqa: BLE001 - the worker's edge: reported, shown, and tried again
            self.last_failure = f"{type(error).__name__}: {error}"
            self._report("claiming jobs", error)
            return _AGAIN_AFTER_S
        self.last_failure = None
        return pause_s

    async def _turn(self) -> float:
        """Extend, claim what is due and can be done, and return the seconds until there is something to do again."""
        await self._extend()
        failure: Exception | None = None
        while True:
            notes = self._notes.take()
            if notes and self.last_failure is not None:
                failure, notes = await self._write_each(notes), []
            free = self._free()
            sated = {kind: self._shares[kind].sated() for kind in free}
            if notes:
                # What follows them is claimable only once they are noted, so nobody looks before.
                ended = sorted({note.job.kind for note in notes} & free.keys())
                await self._claim([(kind, free[kind], sated[kind]) for kind in ended], self._clock.millis(), notes)
                continue
            # Whoever is sated may have thousands that are due, and all of them are passed over.
            look = self._store.scan if any(sated.values()) else self._store.read
            due = await look(lambda unit, kinds=sated: unit.jobs.next_due(kinds))  # type: ignore[misc]
            now_ms = self._clock.millis()
            ripe = sorted((at_ms, kind) for kind, at_ms in due.items() if at_ms <= now_ms)
            if not ripe or not await self._claim([(kind, free[kind], sated[kind]) for _, kind in ripe], now_ms):
                break
        if failure is not None:
            raise failure
        await self._count()
        waits_s: list[float] = [(at_ms - now_ms) / 1e3 for at_ms in due.values() if at_ms > now_ms]
        if self._running:
            waits_s.append(self._limits.lease_s / 3)
        return min([*waits_s, self._limits.poll_s])

    def _free(self) -> dict[str, int]:
        """Return how many jobs of each kind can be claimed in one go; kinds of which none can are left out."""
        free = self._limits.at_once - self._busy.total()
        rooms = {
            kind: min(free, duty.at_once - self._busy[kind], self._shares[kind].left())
            for kind, duty in self._duties.items()
        }
        return {kind: room for kind, room in rooms.items() if room > 0 and not self._is_stopping}

    async def _claim(
        self, wanted: Sequence[tuple[str, int, Sequence[str]]], now_ms: int, notes: Sequence[Note] = ()
    ) -> int:
        """Write notes, then claim; return how many jobs were."""
        free = self._limits.at_once - self._busy.total()
        until_ms = now_ms + int(self._limits.lease_s * 1e3)

        def write(unit: Unit) -> tuple[list[str], list[Job]]:
            outcomes = [note.write(unit) for note in notes]
            claimed: list[Job] = []
            for kind, room, but in wanted:
                limit = min(room, free - len(claimed))
                if limit > 0:
                    claimed += unit.jobs.claim(kind, limit, now_ms=now_ms, leased_until_ms=until_ms, but=but)
            return outcomes, claimed

        try:
            outcomes, claimed = await self._store.write(write)
        except BaseException:
            self._notes.give_back(notes)
            raise
        settle(notes, outcomes)
        for job in claimed:
            self._begin(job)
        return len(claimed)

    def _begin(self, job: Job) -> None:
        self._busy[job.kind] += 1
        self._shares[job.kind].begin(job)
        self._is_idle.clear()
        task = self._spawn(self._do(job))
        self._running[job.id, job.attempts] = (job, task)
        task.add_done_callback(lambda _: self._ended(job))

    def _ended(self, job: Job) -> None:
        del self._running[job.id, job.attempts]
        if not self._running:
            self._is_idle.set()

    async def _extend(self) -> None:
        now_ms = self._clock.millis()
        if not self._running:
            self._extended_at_ms = now_ms
        elif now_ms - self._extended_at_ms >= self._limits.lease_s * 1e3 / 3:
            self._extended_at_ms = now_ms
            jobs = [job for job, _ in self._running.values()]
            until_ms = now_ms + int(self._limits.lease_s * 1e3)
            await self._store.write(lambda unit: unit.jobs.extend(jobs, until_ms))

    async def _count(self) -> None:
        now_ms = self._clock.millis()
        if self._counted_at_ms is None or abs(now_ms - self._counted_at_ms) >= _COUNT_EVERY_MS:
            self._counted_at_ms = now_ms
            found = await self._store.scan(lambda unit: unit.jobs.counts(tuple(self._duties)))
            by_kind = {count.kind: count for count in found}
            self.counts = [by_kind.get(kind) or JobCounts(kind, 0, 0, 0, None) for kind in self._duties]

    async def _do(self, job: Job) -> None:
        try:
            attempt, result = await self._try(job)
        finally:
            self._busy[job.kind] -= 1
            self._shares[job.kind].end(job)
        outcome = await self._note(job, attempt, result)
        self.outcomes[job.kind, outcome] += 1
        if outcome == "dead":
            self._on_dead(job, result.detail)

    async def _try(self, job: Job) -> tuple[Attempt | None, Done | Failed]:
        if job.losses > MAX_LOSSES:
            return None, Failed(detail=f"The process died {MAX_LOSSES} times over it.", is_final=True)
        started_ms = self._clock.millis()
        try:
            result = await self._duties[job.kind].performer.perform(job)
        except Exception as error:  # noqa: BLE001 - the worker's edge: noted with the job, and tried again
            self._report(f"performing a job of kind {job.kind}", error)
            result = Failed(detail=f"Something went wrong inside the cloud ({type(error).__name__}).")
        attempt = Attempt(
            job_id=job.id,
            number=job.attempts,
            started_at_ms=started_ms,
            took_ms=max(0, self._clock.millis() - started_ms),
            status=result.status,
            detail=result.detail[:MAX_DETAIL_CHARS],
            response=result.response[:MAX_RESPONSE_BYTES],
        )
        return attempt, result

    async def _note(self, job: Job, attempt: Attempt | None, result: Done | Failed) -> str:
        """Return the outcome once it is noted, however long it takes: what is not noted would be done again."""
        pause_s = None
        if isinstance(result, Failed):
            pause_s = self._duties[job.kind].retry.pause_s(job.tries + 1, result, self._draw)
        note = Note(
            job=job,
            attempt=attempt,
            result=result,
            pause_s=pause_s,
            at_ms=self._clock.millis(),
            outcome=asyncio.get_running_loop().create_future(),
        )
        self._notes.add(note)
        self._wake.set()
        if self._is_over.is_set():  # and no turn will come any more
            await self._write_notes()
        return await note.outcome

    async def _write_notes(self) -> None:
        """Write what waits without a turn, as often as it takes."""
        while notes := self._notes.take():
            failure = await self._write_each(notes)
            if failure is not None:
                self._report("noting what became of a job", failure)
                await self._pauses.until(self._no_event, _AGAIN_AFTER_S)

    async def _write_each(self, notes: Sequence[Note]) -> Exception | None:
        """Write each note for itself, so that one that cannot be written keeps no other waiting; return why not."""
        failure: Exception | None = None
        for note in notes:
            try:
                settle([note], [await self._store.write(note.write)])
            except Exception as error:  # noqa: BLE001 - the caller's to report
                self._notes.give_back([note])
                failure = error
        return failure


def _half(number: int) -> int:
    return -(-number // 2)
