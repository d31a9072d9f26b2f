from __future__ import annotations

import asyncio

import pytest

from cloudstead.core.jobs.model import Done, Failed, JobCounts, JobState
from cloudstead.work.worker import MAX_LOSSES, WorkerLimits
from factories.jobs import Scripted, duty, eventually, working

OK = Done(status=200, detail="answered", response=b"fine")
NO = Failed(detail="refused", status=500, response=b"oops")


async def next_of(performer):
    return (await asyncio.wait_for(performer.started.get(), 10)).id


async def attempts_at(shift, job_id):
    return await shift.tenant.database.read(lambda unit: unit.jobs.attempts(shift.tenant.account.id, [job_id]))


async def test_a_job_is_done_as_soon_as_it_is_added_and_noted_with_its_attempt(tenant):
    performer = Scripted(results=[OK])
    async with working(tenant, duty(performer)) as shift:
        await eventually(lambda: shift.pauses._waiting)  # nothing to do: it rests
        await shift.add(shift.job("01"))

        done = await shift.until_state("01", JobState.DONE)

        assert (done.attempts, done.tries) == (1, 0)
        (attempt,) = await attempts_at(shift, "01")
        assert (attempt.number, attempt.status, attempt.detail, attempt.response) == (1, 200, "answered", b"fine")
        await eventually(lambda: shift.worker.outcomes == {("webhook", "done"): 1})


async def test_what_waited_before_the_start_is_done(tenant):
    performer = Scripted(results=[OK])
    async with working(tenant) as idle:
        await idle.add(idle.job("01"))
    async with working(tenant, duty(performer)) as shift:
        await shift.until_state("01", JobState.DONE)


async def test_a_job_for_later_is_done_when_its_time_comes(tenant):
    performer = Scripted(results=[OK])
    async with working(tenant, duty(performer), limits=WorkerLimits(poll_s=3600, drain_s=0)) as shift:
        await shift.add(shift.job("01", due_at_ms=tenant.clock.millis() + 60_000))
        await shift.pauses.advance(59.9)
        await eventually(lambda: shift.pauses._waiting)
        assert performer.seen == []

        await shift.pauses.advance(0.2)

        await shift.until_state("01", JobState.DONE)


async def test_what_another_process_added_is_found_at_the_next_look(tenant):
    performer = Scripted(results=[OK])
    async with working(tenant, duty(performer), limits=WorkerLimits(poll_s=5, drain_s=0)) as shift:
        await eventually(lambda: shift.pauses._waiting)
        shift.worker.listen = None
        tenant.bus._listeners.clear()
        await shift.add(shift.job("01"))

        await shift.pauses.advance(5)

        await shift.until_state("01", JobState.DONE)


async def test_a_failed_job_is_tried_again_with_growing_pauses_and_then_given_up(tenant):
    performer = Scripted(results=[NO, NO, NO])
    async with working(tenant, duty(performer, max_tries=3, first_s=8)) as shift:
        await shift.add(shift.job("01"))
        first = await shift.until_state("01", JobState.WAITING)
        await eventually(lambda: shift.worker.outcomes["webhook", "failed"] == 1)
        waiting = await shift.get("01")
        assert waiting.due_at_ms == first.created_at_ms + 8_000

        await shift.pauses.advance(8)
        await eventually(lambda: shift.worker.outcomes["webhook", "failed"] == 2)
        assert (await shift.get("01")).due_at_ms == first.created_at_ms + 8_000 + 16_000
        await shift.pauses.advance(16)

        dead = await shift.until_state("01", JobState.DEAD)
        await eventually(lambda: shift.dead)
        assert shift.dead == [("01", "refused")]
        assert (dead.attempts, dead.tries) == (3, 3)
        assert [each.number for each in await attempts_at(shift, "01")] == [1, 2, 3]
        assert shift.worker.outcomes == {("webhook", "failed"): 2, ("webhook", "dead"): 1}


async def test_a_final_failure_is_not_tried_again(tenant):
    performer = Scripted(results=[Failed(detail="gone", status=410, is_final=True)])
    async with working(tenant, duty(performer)) as shift:
        await shift.add(shift.job("01"))

        await shift.until_state("01", JobState.DEAD)
        assert performer.seen == ["01"]


async def test_a_revived_job_has_all_its_tries_again(tenant):
    performer = Scripted(results=[NO, NO, OK])
    async with working(tenant, duty(performer, max_tries=2)) as shift:
        await shift.add(shift.job("01"))
        await eventually(lambda: shift.worker.outcomes["webhook", "failed"] == 1)
        await shift.pauses.advance(8)
        await shift.until_state("01", JobState.DEAD)

        now_ms = tenant.clock.millis()
        await tenant.database.write(lambda unit: unit.jobs.revive(tenant.account.id, "01", now_ms=now_ms))

        assert (await shift.until_state("01", JobState.DONE)).attempts == 3


async def test_what_a_performer_raises_is_tried_again_and_its_words_stay_in_the_log(tenant):
    performer = Scripted(results=[RuntimeError("https://secret.example"), OK])
    async with working(tenant, duty(performer)) as shift:
        await shift.add(shift.job("01"))
        await eventually(lambda: shift.worker.outcomes["webhook", "failed"] == 1)

        (attempt,) = await attempts_at(shift, "01")
        assert attempt.detail == "Something went wrong inside the cloud (RuntimeError)."
        assert [str(error) for _, error in shift.reports] == ["https://secret.example"]
        await shift.pauses.advance(8)
        await shift.until_state("01", JobState.DONE)


async def test_a_pause_that_was_asked_for_is_kept(tenant):
    performer = Scripted(results=[Failed(detail="busy", status=429, retry_after_s=120)])
    async with working(tenant, duty(performer)) as shift:
        await shift.add(shift.job("01"))
        await eventually(lambda: shift.worker.outcomes["webhook", "failed"] == 1)

        waiting = await shift.get("01")
        assert waiting.due_at_ms == waiting.created_at_ms + 120_000


async def test_no_more_is_claimed_or_done_at_once_than_allowed(tenant):
    webhooks, mails = Scripted("webhook"), Scripted("mail")
    limits = WorkerLimits(at_once=3, drain_s=0)
    async with working(tenant, duty(webhooks, at_once=2), duty(mails, at_once=2), limits=limits) as shift:
        await shift.add(*(shift.job(kind=kind) for kind in ("webhook", "mail") for _ in range(4)))
        await eventually(lambda: shift.worker.running == 3)

        counts = await tenant.database.read(lambda unit: unit.jobs.counts(["webhook", "mail"]))
        assert sum(each.running for each in counts) == 3

        for _ in range(8):
            await eventually(lambda: webhooks._answers or mails._answers)
            performer = webhooks if webhooks._answers else mails
            performer.answer(next(iter(performer._answers)), OK)
        await eventually(lambda: shift.worker.outcomes == {("webhook", "done"): 4, ("mail", "done"): 4})
        assert webhooks.most_at_once <= 2
        assert mails.most_at_once <= 2


async def test_what_hangs_for_one_account_leaves_room_for_the_others(tenant):
    other = await tenant.open_another_account()
    performer = Scripted()
    async with working(tenant, duty(performer, at_once=4, is_shared=True)) as shift:
        await shift.add(*(shift.job() for _ in range(6)))
        await eventually(lambda: performer.at_once == 2)
        first = [await next_of(performer), await next_of(performer)]

        await shift.add(shift.job("f1", account_id=other.id))

        assert await next_of(performer) == "f1"
        performer.answer("f1", OK)
        await eventually(lambda: shift.worker.outcomes["webhook", "done"] == 1)
        assert performer.at_once == 2
        for job_id in first:
            performer.answer(job_id, OK)
        for _ in range(4):
            performer.answer(await next_of(performer), OK)
        await eventually(lambda: shift.worker.outcomes["webhook", "done"] == 7)
    assert performer.most_at_once == 3


async def test_what_hangs_for_one_rule_leaves_room_for_the_others_of_the_account(tenant):
    performer = Scripted()
    async with working(tenant, duty(performer, at_once=8, is_shared=True)) as shift:
        await shift.add(*(shift.job(cause="rule:1") for _ in range(6)))
        await eventually(lambda: performer.at_once == 2)

        await shift.add(shift.job("f1", cause="rule:2"), shift.job("f2"))

        await eventually(lambda: performer.at_once == 4)
        assert {"f1", "f2"} <= set(performer.seen)
        while shift.worker.outcomes["webhook", "done"] < 8:
            await eventually(lambda: performer._answers or shift.worker.outcomes["webhook", "done"] == 8)
            for job_id in list(performer._answers):
                performer.answer(job_id, OK)
    assert performer.most_at_once <= 4


async def test_a_lane_keeps_its_order_across_failures_and_holds_up_no_other(tenant):
    performer = Scripted()
    async with working(tenant, duty(performer)) as shift:
        await shift.add(shift.job("01", lane="a"), shift.job("02", lane="a"), shift.job("03", lane="b"))
        assert {await next_of(performer), await next_of(performer)} == {"01", "03"}
        performer.answer("01", NO)
        performer.answer("03", OK)
        await shift.until_state("03", JobState.DONE)
        await eventually(lambda: shift.worker.outcomes["webhook", "failed"] == 1)
        assert performer.started.empty()

        await shift.pauses.advance(8)
        assert await next_of(performer) == "01"
        performer.answer("01", OK)

        assert await next_of(performer) == "02"
        performer.answer("02", OK)
        await shift.until_state("02", JobState.DONE)


async def test_the_lease_of_long_work_is_extended(tenant):
    performer = Scripted()
    async with working(tenant, duty(performer), limits=WorkerLimits(lease_s=60, drain_s=0)) as shift:
        await shift.add(shift.job("01"))
        await next_of(performer)
        until_ms = (await shift.get("01")).leased_until_ms

        for _ in range(6):
            await shift.pauses.advance(20)
            before, until_ms = until_ms, until_ms + 20_000
            await eventually(lambda: is_leased_until(shift, until_ms))  # noqa: B023
            assert until_ms > before

        performer.answer("01", OK)
        await shift.until_state("01", JobState.DONE)
        assert performer.seen == ["01"]


async def is_leased_until(shift, until_ms):
    return (await shift.get("01")).leased_until_ms >= until_ms


async def test_what_runs_may_end_when_the_worker_stops(tenant):
    performer = Scripted()
    async with working(tenant, duty(performer), limits=WorkerLimits(drain_s=5)) as shift:
        await shift.add(shift.job("01", lane="a"), shift.job("02", lane="a"))
        await next_of(performer)
        stopping = asyncio.create_task(shift.worker.stop())
        await asyncio.sleep(0)
        performer.answer("01", OK)

        await asyncio.wait_for(stopping, 10)

        assert (await shift.get("01")).state == JobState.DONE
        assert (await shift.get("02")).state == JobState.WAITING
        assert performer.seen == ["01"]


async def test_what_does_not_end_in_time_is_given_back_as_it_was(tenant):
    performer = Scripted()
    async with working(tenant, duty(performer), limits=WorkerLimits(drain_s=5)) as shift:
        job = shift.job("01")
        await shift.add(job)
        await next_of(performer)

    assert await shift.get("01") == job


class Failing:
    """A store that fails as often as it is told."""

    def __init__(self, store):
        self.store = store
        self.failures = 0

    async def read(self, work):
        return await self.store.read(work)

    async def scan(self, work):
        return await self.store.scan(work)

    async def write(self, work):
        if self.failures:
            self.failures -= 1
            raise OSError("the disk is full")
        return await self.store.write(work)


async def test_a_store_that_cannot_be_written_is_told_and_tried_again(tenant):
    performer, store = Scripted(results=[OK]), Failing(tenant.database)
    async with working(tenant, duty(performer), store=store) as shift:
        await eventually(lambda: shift.pauses._waiting)
        store.failures = 1
        await shift.add(shift.job("01"))
        await eventually(lambda: shift.worker.last_failure is not None)
        assert shift.worker.last_failure == "OSError: the disk is full"

        await shift.pauses.advance(1)

        await shift.until_state("01", JobState.DONE)
        await eventually(lambda: shift.worker.last_failure is None)


async def test_what_was_done_is_noted_as_soon_as_the_store_can_be_written(tenant):
    performer, store = Scripted(), Failing(tenant.database)
    async with working(tenant, duty(performer), store=store) as shift:
        await shift.add(shift.job("01"))
        await next_of(performer)
        store.failures = 2
        performer.answer("01", OK)
        await eventually(lambda: len(shift.reports) == 1)
        await shift.pauses.advance(1)
        await eventually(lambda: len(shift.reports) == 2)
        await shift.pauses.advance(1)

        await shift.until_state("01", JobState.DONE)
        assert performer.seen == ["01"]


class Counting(Failing):
    """A store that counts transactions, and refuses those that note a job that it is told."""

    def __init__(self, store, *, refused=None):
        super().__init__(store)
        self.refused = refused
        self.account_id = ""
        self.writes = 0

    async def write(self, work):
        def refusing(unit):
            made = work(unit)
            if self.refused and unit.jobs.attempts(self.account_id, [self.refused]):
                raise OSError("this one alone")
            return made

        self.writes += 1
        return await super().write(refusing)


async def test_jobs_that_end_together_are_noted_in_one_transaction_that_claims_what_follows(tenant):
    performer, store = Scripted(), Counting(tenant.database)
    limits = WorkerLimits(gather_s=0.05, drain_s=0)
    async with working(tenant, duty(performer), store=store, limits=limits) as shift:
        await shift.add(*(shift.job(f"{lane}{turn}", lane=lane) for turn in (1, 2) for lane in "abc"))
        first = [await next_of(performer) for _ in range(3)]
        await eventually(lambda: shift.pauses._waiting)
        before = store.writes

        for job_id in first:
            performer.answer(job_id, OK)
        while len(performer.seen) < 6:
            await shift.pauses.advance(0.05)

        assert sorted([await next_of(performer) for _ in range(3)]) == ["a2", "b2", "c2"]
        assert store.writes == before + 1
        for job_id in ("a2", "b2", "c2"):
            performer.answer(job_id, OK)


async def test_a_note_that_cannot_be_written_keeps_no_other_job_waiting(tenant):
    performer, store = Scripted(), Counting(tenant.database, refused="01")
    async with working(tenant, duty(performer), store=store) as shift:
        store.account_id = tenant.account.id
        await shift.add(shift.job("01"), shift.job("02"))
        for _ in range(2):
            performer.answer(await next_of(performer), OK)
        await eventually(lambda: shift.reports)
        await shift.add(shift.job("03"))
        await shift.pauses.advance(1)

        await shift.until_state("02", JobState.DONE)
        assert await next_of(performer) == "03"
        performer.answer("03", OK)
        await shift.pauses.advance(1)
        await shift.until_state("03", JobState.DONE)
        assert (await shift.get("01")).state == JobState.RUNNING
        store.refused = None
        await shift.pauses.advance(1)
        await shift.until_state("01", JobState.DONE)
        assert performer.seen == ["01", "02", "03"]


async def test_a_note_that_cannot_be_written_keeps_nobody_from_stopping(tenant):
    performer, store = Scripted(results=[OK]), Counting(tenant.database, refused="01")
    store.account_id = tenant.account.id
    async with asyncio.timeout(20):
        async with working(tenant, duty(performer), store=store, limits=WorkerLimits(drain_s=5)) as shift:
            await shift.add(shift.job("01"))
            await eventually(lambda: shift.reports)

    given_back = await shift.get("01")
    assert (given_back.state, given_back.attempts) == (JobState.WAITING, 0)


async def test_a_job_over_which_the_process_dies_each_time_is_given_up(tenant):
    performer = Scripted()
    async with working(tenant) as idle:
        await idle.add(idle.job("01"), idle.job("02", lane="b"))

        def lose(unit):
            for _ in range(MAX_LOSSES):
                unit.jobs.claim("webhook", 1, now_ms=tenant.clock.millis(), leased_until_ms=tenant.clock.millis())

        await tenant.database.write(lose)
    async with working(tenant, duty(performer)) as shift:
        await shift.until_state("01", JobState.DEAD)
        assert await next_of(performer) == "02"
        await eventually(lambda: shift.dead)
        assert shift.dead == [("01", "The process died 10 times over it.")]


async def test_a_job_that_another_worker_has_taken_over_is_left_to_it(tenant):
    performer = Scripted()
    async with working(tenant, duty(performer)) as shift:
        await shift.add(shift.job("01"))
        await next_of(performer)
        late_ms = tenant.clock.millis() + 3_600_000
        await tenant.database.write(
            lambda unit: unit.jobs.claim("webhook", 1, now_ms=late_ms, leased_until_ms=late_ms + 60_000)
        )
        performer.answer("01", OK)

        await eventually(lambda: shift.worker.outcomes["webhook", "lost"] == 1)
        assert (await shift.get("01")).state == JobState.RUNNING


async def test_jobs_of_a_kind_without_a_duty_wait(tenant):
    performer = Scripted(results=[OK])
    async with working(tenant, duty(performer)) as shift:
        await shift.add(shift.job("01", kind="batch"), shift.job("02"))

        await shift.until_state("02", JobState.DONE)
        assert (await shift.get("01")).attempts == 0


async def test_counts_are_kept_a_few_seconds_old(tenant):
    async with working(tenant, duty(Scripted())) as shift:
        await shift.add(*(shift.job(lane="a") for _ in range(3)))
        await eventually(lambda: shift.worker.running == 1)
        for _ in range(3):
            await shift.pauses.advance(5)
        await eventually(lambda: shift.worker.counts and shift.worker.counts[0].running)

        (count,) = shift.worker.counts
        assert (count.kind, count.waiting, count.running, count.dead) == ("webhook", 2, 1, 0)


async def test_a_kind_without_jobs_is_counted_as_well(tenant):
    async with working(tenant, duty(Scripted())) as shift:
        await eventually(lambda: shift.worker.counts)

        assert list(shift.worker.counts) == [JobCounts("webhook", 0, 0, 0, None)]


async def test_what_a_dead_process_had_claimed_is_taken_back_at_once(tenant):
    performer = Scripted(results=[OK])
    async with working(tenant) as idle:
        await idle.add(idle.job("01"))
        now_ms = tenant.clock.millis()
        await tenant.database.write(
            lambda unit: unit.jobs.claim("webhook", 1, now_ms=now_ms, leased_until_ms=now_ms + 60_000)
        )
        assert await idle.worker.take_back() == 1
    async with working(tenant, duty(performer)) as shift:
        await shift.until_state("01", JobState.DONE)


@pytest.mark.parametrize("size", [5000])
async def test_what_was_answered_is_kept_up_to_4_kib(tenant, size):
    performer = Scripted(results=[Done(detail="x" * size, response=b"x" * size)])
    async with working(tenant, duty(performer)) as shift:
        await shift.add(shift.job("01"))
        await shift.until_state("01", JobState.DONE)

        (attempt,) = await attempts_at(shift, "01")
        assert (len(attempt.response), len(attempt.detail)) == (4096, 500)
