"""A worker over a real store, with time and chance in the hands of the test."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cloudstead.core.ids import JobId
from cloudstead.core.jobs.model import Done, Job
from cloudstead.work.retry import Retry
from cloudstead.work.worker import Duty, Worker, WorkerLimits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from cloudstead.core.jobs.model import Failed
    from cloudstead.core.jobs.ports import Performer
    from factories.tenants import Tenant

_WITHIN_S = 20


async def eventually(check: Callable[[], Any]) -> None:
    """Let others go on until ``check`` (or what it returns, awaited) is true."""
    async with asyncio.timeout(_WITHIN_S):
        while True:
            seen = check()
            if asyncio.iscoroutine(seen):
                seen = await seen
            if seen:
                return
            await asyncio.sleep(0)


class ManualPauses:
    """Waits by the test's clock: ``advance`` moves it and wakes whoever has waited long enough."""

    def __init__(self, tenant: Tenant) -> None:
        self._clock = tenant.clock
        self._waiting: list[tuple[int, asyncio.Event]] = []

    async def until(self, event: asyncio.Event, seconds: float) -> None:
        over = asyncio.Event()
        entry = (self._clock.millis() + int(seconds * 1000), over)
        self._waiting.append(entry)
        both = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(over.wait())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both:
                each.cancel()
            if entry in self._waiting:
                self._waiting.remove(entry)

    async def advance(self, seconds: float) -> None:
        """Let time pass once somebody waits for it."""
        await eventually(lambda: self._waiting)
        self._clock.advance(timedelta(seconds=seconds))
        now_ms = self._clock.millis()
        for entry in [each for each in self._waiting if each[0] <= now_ms]:
            self._waiting.remove(entry)
            entry[1].set()


@dataclass
class Scripted:
    """Does what it is told: each job waits for its result. ``results`` are given out without asking."""

    kind: str = "webhook"
    results: list[Done | Failed | Exception] = field(default_factory=list)
    started: asyncio.Queue[Job] = field(default_factory=asyncio.Queue)
    seen: list[JobId] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    _answers: dict[JobId, asyncio.Future[Done | Failed]] = field(default_factory=dict)

    async def perform(self, job: Job) -> Done | Failed:
        self.seen.append(job.id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.started.put_nowait(job)
            if self.results:
                result = self.results.pop(0)
                if isinstance(result, Exception):
                    raise result
                return result
            self._answers[job.id] = asyncio.get_running_loop().create_future()
            return await self._answers[job.id]
        finally:
            self.at_once -= 1

    def answer(self, job_id: JobId, result: Done | Failed) -> None:
        self._answers.pop(job_id).set_result(result)


@dataclass
class Shift:
    """A worker at work, with what it told."""

    tenant: Tenant
    worker: Worker
    pauses: ManualPauses
    dead: list[tuple[JobId, str]]
    reports: list[tuple[str, Exception]]

    async def add(self, *jobs: Job) -> None:
        await self.tenant.database.write(lambda unit: unit.jobs.add(jobs))

    def job(self, job_id: str | None = None, **others: Any) -> Job:
        made_id = job_id or self.tenant.ids.new()
        now_ms = self.tenant.clock.millis()
        return Job(
            **{
                "id": made_id,
                "account_id": self.tenant.account.id,
                "kind": "webhook",
                "lane": made_id,
                "payload": b"",
                "created_at_ms": now_ms,
                "due_at_ms": now_ms,
                **others,
            }
        )

    async def get(self, job_id: str) -> Job:
        found = await self.tenant.database.read(lambda unit: unit.jobs.get(self.tenant.account.id, JobId(job_id)))
        assert found is not None
        return found

    async def until_state(self, job_id: str, state: str) -> Job:
        async def is_there() -> bool:
            return (await self.get(job_id)).state == state

        await eventually(is_there)
        return await self.get(job_id)


def duty(
    performer: Performer,
    *,
    max_tries: int = 3,
    at_once: int = 10,
    first_s: float = 8.0,
    is_shared: bool = False,
) -> Duty:
    return Duty(performer, Retry(max_tries=max_tries, first_s=first_s), at_once=at_once, is_shared=is_shared)


@contextlib.asynccontextmanager
async def working(
    tenant: Tenant, *duties: Duty, limits: WorkerLimits | None = None, store: Any = None
) -> AsyncIterator[Shift]:
    """Let a worker work, and stop it. It draws the longest pause each time."""
    pauses, dead, reports = ManualPauses(tenant), [], []
    tasks = set()

    def spawn(work):
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        return task

    worker = Worker(
        store or tenant.database,
        duties,
        clock=tenant.clock,
        pauses=pauses,
        draw=lambda: 1.0,
        spawn=spawn,
        report=lambda what, error: reports.append((what, error)),
        on_dead=lambda job, detail: dead.append((job.id, detail)),
        limits=limits or WorkerLimits(drain_s=0),
    )
    worker.listen(tenant.bus)
    run = asyncio.create_task(worker.run())
    shift = Shift(tenant, worker, pauses, dead, reports)
    try:
        yield shift
    finally:
        stopping = asyncio.create_task(worker.stop())
        while not stopping.done():
            if pauses._waiting:
                await pauses.advance(3600)
            await asyncio.sleep(0)
        await stopping
        await run
        await asyncio.gather(*tasks, return_exceptions=True)
