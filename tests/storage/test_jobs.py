from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from cloudstead.core.jobs.events import JobsAdded
from cloudstead.core.jobs.model import Attempt, Finished, Job, JobCounts, JobState
from cloudstead.core.paging import PageRequest

pytestmark = pytest.mark.usefixtures("tenants")


def job(job_id: str = "01", **others) -> Job:
    made = Job(
        id=job_id,
        account_id="a1",
        kind="webhook",
        lane=job_id,
        payload=b"sealed",
        created_at_ms=1,
        due_at_ms=10,
    )
    return replace(made, **others)


def attempt(of: Job, **others) -> Attempt:
    made = Attempt(
        job_id=of.id, number=of.attempts, started_at_ms=20, took_ms=3, status=500, detail="no", response=b"x"
    )
    return replace(made, **others)


async def add(database, *jobs):
    await database.write(lambda unit: unit.jobs.add(jobs))


async def claim(database, kind="webhook", limit=10, now_ms=100, leased_until_ms=1000, but=()):
    return await database.write(
        lambda unit: unit.jobs.claim(kind, limit, now_ms=now_ms, leased_until_ms=leased_until_ms, but=but)
    )


async def claimed_ids(database, **how):
    return [each.id for each in await claim(database, **how)]


async def get(database, job_id="01", account_id="a1"):
    return await database.read(lambda unit: unit.jobs.get(account_id, job_id))


async def finish(database, claimed, now_ms=200):
    return await database.write(lambda unit: unit.jobs.finish(claimed, attempt(claimed), now_ms=now_ms))


async def bury(database, claimed, now_ms=200):
    return await database.write(lambda unit: unit.jobs.bury(claimed, attempt(claimed), now_ms=now_ms))


async def listed(database, account_id="a1", *, request=None, **filters):
    page = await database.read(lambda unit: unit.jobs.page(account_id, request or PageRequest(), **filters))
    return [each.id for each in page.items]


async def dead(database, *jobs):
    await add(database, *jobs)
    for each in await claim(database, limit=100):
        await bury(database, each)


async def test_a_job_comes_back_as_it_was_added(database):
    whole = job(cause="rule:1", offset=7, payload=bytes(range(256)))
    await add(database, whole)

    assert await get(database) == whole
    assert await get(database, account_id="a2") is None


async def test_adding_tells_the_worker_which_kinds_wait(database, events):
    await add(database, job("01"), job("02", kind="mail"))

    assert events == [JobsAdded(frozenset({"webhook", "mail"}))]


async def test_adding_nothing_tells_nothing(database, events):
    await add(database)

    assert events == []


async def test_a_claim_takes_what_is_due_of_its_kind_those_due_longest_first(database):
    await add(database, job("01", due_at_ms=30), job("02", due_at_ms=20), job("03", due_at_ms=101))
    await add(database, job("04", kind="mail"))

    assert await claimed_ids(database) == ["02", "01"]


async def test_a_claim_takes_no_more_than_its_limit(database):
    await add(database, *(job(f"{number:02}") for number in range(5)))

    assert await claimed_ids(database, limit=2) == ["00", "01"]
    assert await claimed_ids(database, limit=2) == ["02", "03"]
    assert await claimed_ids(database, limit=2) == ["04"]


async def test_a_claim_passes_over_accounts_that_have_enough(database):
    await add(database, job("01"), job("02", due_at_ms=20), job("03", account_id="a2", due_at_ms=30))

    assert await database.read(lambda unit: unit.jobs.next_due({"webhook": ["a1"]})) == {"webhook": 30}
    assert await claimed_ids(database, but=["a1"]) == ["03"]
    assert await claimed_ids(database, but=["a1", "a2"]) == []
    assert await claimed_ids(database) == ["01", "02"]


async def test_a_claim_passes_over_causes_that_have_enough(database):
    hot = {"cause": "rule:1", "due_at_ms": 20}
    await add(database, job("01", **hot), job("02", cause="rule:2"), job("03", account_id="a2", **hot), job("04"))
    but = [job(**hot).whose]

    assert await database.read(lambda unit: unit.jobs.next_due({"webhook": but})) == {"webhook": 10}
    assert await claimed_ids(database, but=but) == ["02", "04", "03"]
    assert await claimed_ids(database) == ["01"]


async def test_a_claimed_job_runs_and_its_attempt_is_counted(database):
    await add(database, job())

    (claimed,) = await claim(database)

    assert claimed == await get(database)
    assert (claimed.state, claimed.attempts, claimed.tries, claimed.losses) == (JobState.RUNNING, 1, 0, 1)
    assert (claimed.leased_until_ms, claimed.payload) == (1000, b"sealed")


async def test_a_job_whose_worker_died_can_be_claimed_again_when_its_lease_ends(database):
    await add(database, job())
    await claim(database)

    assert await claimed_ids(database, now_ms=999) == []
    (again,) = await claim(database, now_ms=1000, leased_until_ms=2000)
    assert (again.attempts, again.tries, again.losses, again.leased_until_ms) == (2, 0, 2, 2000)


async def test_a_lease_can_be_extended(database):
    await add(database, job("01"), job("02"))
    claimed = await claim(database)

    await database.write(lambda unit: unit.jobs.extend(claimed[:1], 5000))

    assert await claimed_ids(database, now_ms=4999) == ["02"]


async def test_a_lost_lease_cannot_be_extended(database):
    await add(database, job())
    lost = await claim(database)
    await claim(database, now_ms=1000, leased_until_ms=2000)

    await database.write(lambda unit: unit.jobs.extend(lost, 9000))

    assert (await get(database)).leased_until_ms == 2000


@pytest.mark.parametrize("how", ["finish", "postpone", "bury", "give_back"])
async def test_who_lost_the_lease_changes_nothing(database, how):
    await add(database, job())
    (lost,) = await claim(database)
    await claim(database, now_ms=1000, leased_until_ms=2000)
    before = await get(database)

    def change(unit):
        match how:
            case "finish":
                return unit.jobs.finish(lost, attempt(lost), now_ms=1500)
            case "postpone":
                return unit.jobs.postpone(lost, attempt(lost), due_at_ms=1500)
            case "bury":
                return unit.jobs.bury(lost, attempt(lost), now_ms=1500)
        return unit.jobs.give_back(lost, now_ms=1500)

    assert not await database.write(change)
    assert await get(database) == before
    assert await database.read(lambda unit: unit.jobs.attempts("a1", ["01"])) == []


async def test_only_the_head_of_a_lane_is_claimed(database):
    await add(database, job("02", lane="a"), job("01", lane="a"), job("03", lane="b"))

    assert await claimed_ids(database) == ["01", "03"]
    assert await claimed_ids(database) == []


async def test_lanes_of_different_accounts_do_not_meet(database):
    await add(database, job("01", lane="a"), job("02", lane="a", account_id="a2"))

    assert await claimed_ids(database) == ["01", "02"]


@pytest.mark.parametrize("end", [finish, bury])
async def test_the_next_of_a_lane_follows_the_one_that_has_ended(database, end):
    await add(database, job("01", lane="a"), job("02", lane="a"), job("03", lane="a"))

    order = []
    while claimed := await claim(database):
        (one,) = claimed
        order.append(one.id)
        assert await end(database, one)
    assert order == ["01", "02", "03"]


async def test_one_that_waits_for_its_next_attempt_holds_up_those_behind_it(database):
    await add(database, job("01", lane="a"), job("02", lane="a"))
    (head,) = await claim(database)

    await database.write(lambda unit: unit.jobs.postpone(head, attempt(head), due_at_ms=500))

    assert await claimed_ids(database, now_ms=499) == []
    (again,) = await claim(database, now_ms=500)
    assert (again.id, again.attempts, again.tries, again.losses, again.due_at_ms) == ("01", 2, 1, 1, 500)


async def test_what_is_added_to_a_busy_lane_waits_its_turn(database):
    await add(database, job("01", lane="a"))
    (head,) = await claim(database)
    await add(database, job("02", lane="a"))

    assert await claimed_ids(database) == []
    await finish(database, head)
    assert await claimed_ids(database) == ["02"]


async def test_a_job_that_is_done_keeps_its_attempts_and_no_payload(database):
    await add(database, job())
    (claimed,) = await claim(database)
    await finish(database, claimed)

    done = await get(database)
    assert (done.state, done.payload, done.finished_at_ms) == (JobState.DONE, b"", 200)
    assert await database.read(lambda unit: unit.jobs.attempts("a1", ["01"])) == [attempt(claimed)]
    assert await claimed_ids(database, now_ms=10_000) == []


async def test_attempts_belong_to_their_account(database):
    await dead(database, job())

    assert await database.read(lambda unit: unit.jobs.attempts("a2", ["01"])) == []


async def test_a_job_given_back_is_as_if_it_had_not_been_claimed(database):
    await add(database, job())
    (claimed,) = await claim(database)

    assert await database.write(lambda unit: unit.jobs.give_back(claimed, now_ms=150))

    assert await get(database) == job()
    assert await claimed_ids(database, now_ms=150) == ["01"]


async def test_all_that_a_dead_process_had_claimed_can_be_claimed_at_once(database):
    await add(database, job("01"), job("02"), job("03", due_at_ms=5000))
    await claim(database)

    assert await database.write(lambda unit: unit.jobs.give_back_all(now_ms=150)) == 2

    again = await claim(database, now_ms=150)
    assert [(each.id, each.attempts) for each in again] == [("01", 2), ("02", 2)]


async def test_a_dead_job_is_revived_with_its_payload_and_tries_from_the_start(database, events):
    await dead(database, job())
    events.clear()

    assert await database.write(lambda unit: unit.jobs.revive("a1", "01", now_ms=300))

    assert events == [JobsAdded(frozenset({"webhook"}))]
    (again,) = await claim(database, now_ms=300)
    assert (again.attempts, again.tries, again.payload, again.finished_at_ms) == (2, 0, b"sealed", None)


async def test_only_a_dead_job_of_the_account_is_revived(database):
    await dead(database, job("01"))
    await add(database, job("02"))

    async def revive(account_id, job_id):
        return await database.write(lambda unit: unit.jobs.revive(account_id, job_id, now_ms=300))

    assert not await revive("a2", "01")
    assert not await revive("a1", "02")
    assert not await revive("a1", "03")


async def test_a_revived_job_takes_its_turn_in_a_lane_that_is_busy(database):
    await dead(database, job("01", lane="a"))
    await add(database, job("02", lane="a"), job("03", lane="a"))
    (running,) = await claim(database)

    await database.write(lambda unit: unit.jobs.revive("a1", "01", now_ms=300))

    assert await claimed_ids(database, now_ms=400) == []
    await finish(database, running)
    assert await claimed_ids(database, now_ms=400) == ["01"]


async def test_all_dead_jobs_of_a_kind_a_lane_or_a_cause_are_revived(database):
    await dead(
        database,
        job("01", lane="a", cause="rule:1"),
        job("02", lane="b", cause="rule:2"),
        job("03", account_id="a2", lane="a", cause="rule:1"),
    )
    await add(database, job("04", kind="mail"))
    (mail,) = await claim(database, kind="mail")
    await bury(database, mail)

    async def revived(**which):
        async def run():
            return await database.write(lambda unit: unit.jobs.revive_all("a1", now_ms=300, **which))

        return await run()

    assert await revived(kind="mail") == 1
    assert await revived(kind="webhook", lane="b") == 1
    assert await revived(cause="rule:9") == 0
    assert await revived(cause="rule:1") == 1
    assert await revived() == 0
    assert await claimed_ids(database, now_ms=300) == ["01", "02"]


async def test_revived_jobs_of_one_lane_run_one_after_another(database):
    await add(database, *(job(f"{number:02}", lane="a") for number in range(4)))
    while claimed := await claim(database):
        await bury(database, claimed[0])

    assert await database.write(lambda unit: unit.jobs.revive_all("a1", now_ms=300, lane="a", limit=3)) == 3

    assert await claimed_ids(database, now_ms=300) == ["00"]


async def test_jobs_are_listed_by_kind_state_and_cause(database):
    await dead(database, job("01", cause="rule:1"), job("02", cause="rule:2"))
    await add(database, job("03", cause="rule:1"), job("04", kind="mail"), job("05", account_id="a2"))

    assert await listed(database) == ["01", "02", "03", "04"]
    assert await listed(database, kind="mail") == ["04"]
    assert await listed(database, state=JobState.DEAD) == ["01", "02"]
    assert await listed(database, cause="rule:1") == ["01", "03"]
    assert await listed(database, kind="webhook", state=JobState.WAITING, cause="rule:1") == ["03"]
    assert await listed(database, "a2") == ["05"]


async def test_a_list_shows_no_payload(database):
    await add(database, job())

    page = await database.read(lambda unit: unit.jobs.page("a1", PageRequest()))

    assert page.items == (job(payload=b""),)


async def test_pages_follow_one_another_both_ways(database):
    await add(database, *(job(f"{number:02}") for number in range(3)))

    async def pages(descending):
        seen, after = [], None
        while True:
            request = PageRequest(limit=2, after=after, descending=descending)
            page = await database.read(lambda unit, request=request: unit.jobs.page("a1", request))
            seen.append([each.id for each in page.items])
            if (after := page.after) is None:
                return seen

    assert await pages(descending=False) == [["00", "01"], ["02"]]
    assert await pages(descending=True) == [["02", "01"], ["00"]]


async def test_what_one_message_led_to_is_found_by_its_offset(database):
    await add(database, job("01", offset=5), job("02", offset=6), job("03", offset=5, account_id="a2"), job("04"))

    found = await database.read(lambda unit: unit.jobs.at_offset("a1", 5))

    assert found == [job("01", offset=5, payload=b"")]


async def test_what_waits_for_a_cause_that_is_gone_is_dropped(database):
    await add(database, *(job(f"{number:02}", lane="a", cause="rule:1") for number in range(3)))
    await add(database, job("03", lane="a", cause="rule:2"))
    (running,) = await claim(database)

    assert await database.write(lambda unit: unit.jobs.drop_waiting("a1", "rule:1")) == 2
    assert await database.write(lambda unit: unit.jobs.drop_waiting("a2", "rule:1")) == 0

    await finish(database, running)
    assert await claimed_ids(database) == ["03"]


async def test_a_lane_goes_on_when_its_waiting_head_is_dropped(database):
    await add(database, job("01", lane="a", cause="rule:1", due_at_ms=9000), job("02", lane="a", cause="rule:2"))

    await database.write(lambda unit: unit.jobs.drop_waiting("a1", "rule:1"))

    assert await claimed_ids(database) == ["02"]


async def test_the_next_due_time_counts_running_jobs_by_their_lease(database):
    await add(database, job("01"), job("02", kind="mail", due_at_ms=70), job("03", kind="mail", due_at_ms=50))
    await claim(database)

    due = await database.read(lambda unit: unit.jobs.next_due(dict.fromkeys(["webhook", "mail", "batch"], ())))

    assert due == {"webhook": 1000, "mail": 50}


async def test_counts_tell_what_waits_runs_and_is_dead(database):
    await dead(database, job("01"))
    await add(database, job("02", lane="a", created_at_ms=5), job("03", lane="a", created_at_ms=7))
    await add(database, job("04", kind="mail", created_at_ms=9))
    await claim(database)

    counts = await database.scan(lambda unit: unit.jobs.counts(["mail", "webhook", "batch"]))

    assert list(counts) == [JobCounts("mail", 1, 0, 0, 9), JobCounts("webhook", 1, 1, 1, 5)]


async def test_finished_jobs_go_after_their_time_with_their_attempts(database):
    await add(database, job("01"), job("02"), job("03"), job("04"))
    first, second, third, _ = await claim(database)
    await finish(database, first, now_ms=200)
    await finish(database, second, now_ms=300)
    await bury(database, third, now_ms=200)

    def drop(unit):
        return unit.jobs.drop_finished(done_before_ms=300, dead_before_ms=200)

    assert await database.write(drop) == 1
    assert await listed(database) == ["02", "03", "04"]
    assert await database.read(lambda unit: unit.jobs.attempts("a1", ["01"])) == []


async def test_what_was_done_since_is_told_in_the_order_of_time(database):
    await add(database, job("01"), job("02", cause="rule:r1"), job("03"), job("04"), job("05", kind="mail"))
    first, second, third, fourth = await claim(database)
    for each, now_ms in ((first, 400), (second, 300), (third, 200)):
        await finish(database, each, now_ms=now_ms)
    await bury(database, fourth, now_ms=300)

    def done(unit):
        return unit.jobs.done_since("webhook", 300), unit.jobs.done_since("webhook", 0, limit=1)

    newest = Finished("a1", None, 400)
    assert await database.read(done) == ([Finished("a1", "rule:r1", 300), newest], [newest])


async def test_no_more_finished_jobs_go_at_once_than_the_limit(database):
    await add(database, *(job(f"{number:02}") for number in range(3)))
    for each in await claim(database):
        await finish(database, each)

    def drop(unit):
        return unit.jobs.drop_finished(done_before_ms=900, dead_before_ms=900, limit=2)

    assert [await database.write(drop), await database.write(drop), await database.write(drop)] == [2, 1, 0]


async def test_workers_that_claim_at_the_same_time_never_get_the_same_job(database):
    await add(database, *(job(f"{number:02}") for number in range(40)))

    claims = await asyncio.gather(*(claim(database, limit=7) for _ in range(8)))

    claimed = [each.id for group in claims for each in group]
    assert len(claimed) == len(set(claimed))


async def test_a_lane_to_which_many_add_at_the_same_time_has_one_head_and_loses_none(database):
    ids = [f"{number:02}" for number in range(12)]
    await asyncio.gather(*(add(database, job(job_id, lane="a")) for job_id in ids))

    order = []
    while claimed := await claim(database):
        (one,) = claimed
        order.append(one.id)
        # What is added while the head ends must be found by one of the two.
        await asyncio.gather(finish(database, one), add(database, job(f"f{one.id}", lane="a", due_at_ms=10**9)))
        if len(order) == len(ids):
            break

    assert sorted(order) == ids
    assert await claimed_ids(database, now_ms=10**9) == ["f00"]


async def test_five_hundred_jobs_are_added_in_one_go(database):
    await add(database, *(job(f"{number:03}", lane=f"lane {number % 7}") for number in range(500)))

    assert await claimed_ids(database, limit=500) == [f"{number:03}" for number in range(7)]
