from __future__ import annotations

from datetime import timedelta

import pytest

from cloudstead.core.clock import ManualClock
from cloudstead.core.jobs.model import Done, Failed, Finished, Job
from cloudstead.core.rules.rations import HOUR_MS, RationedMail


class Carrier:
    kind = "mail"

    def __init__(self):
        self.carried = []
        self.result = Done(status=250)

    async def perform(self, job):
        self.carried.append(job.id)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def letter(job_id, *, account_id="a1", cause="rule:r1"):
    return Job(
        id=job_id,
        account_id=account_id,
        kind="mail",
        lane=job_id,
        payload=b"",
        created_at_ms=1,
        due_at_ms=1,
        cause=cause,
    )


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def carrier():
    return Carrier()


@pytest.fixture
def rationed(carrier, clock):
    return RationedMail(carrier, clock, per_hour=2)


async def test_rules_of_an_account_send_so_many_within_an_hour(rationed, carrier, clock):
    for job_id in ("01", "02"):
        assert await rationed.perform(letter(job_id)) == Done(status=250)

    refused = await rationed.perform(letter("03", cause="rule:r2"))

    assert isinstance(refused, Failed)
    assert refused.is_final
    assert refused.detail.endswith("(setting mail.rules_per_hour).")
    assert carrier.carried == ["01", "02"]
    clock.advance(timedelta(hours=1))
    assert await rationed.perform(letter("04")) == Done(status=250)


async def test_other_accounts_and_other_mail_are_not_counted_among_them(rationed):
    for job_id in ("01", "02"):
        await rationed.perform(letter(job_id))

    assert isinstance(await rationed.perform(letter("03", account_id="a2")), Done)
    assert isinstance(await rationed.perform(letter("04", cause=None)), Done)
    assert isinstance(await rationed.perform(letter("05", cause="notification:1")), Done)


@pytest.mark.parametrize("result", [Failed(detail="busy"), RuntimeError("broken")])
async def test_a_mail_that_did_not_go_out_does_not_count(rationed, carrier, result):
    carrier.result = result
    for _ in range(3):
        try:
            await rationed.perform(letter("01"))
        except RuntimeError:
            continue
    carrier.result = Done()

    assert await rationed.perform(letter("02")) == Done()


async def test_what_went_out_before_a_restart_counts(rationed, clock):
    now_ms = clock.millis()
    rationed.remember([Finished("a1", "rule:r1", now_ms - HOUR_MS + 1), Finished("a1", "rule:r1", now_ms - 1)])
    rationed.remember([Finished("a2", None, now_ms), Finished("a2", "invitation:1", now_ms)])

    assert isinstance(await rationed.perform(letter("01")), Failed)
    assert isinstance(await rationed.perform(letter("02", account_id="a2")), Done)
    clock.advance(timedelta(milliseconds=1))
    assert isinstance(await rationed.perform(letter("03")), Done)
