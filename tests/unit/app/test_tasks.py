from __future__ import annotations

import asyncio

import pytest
import structlog

from cloudstead.app.tasks import Tasks


class Time:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
async def tasks(time):
    made = Tasks(structlog.testing.CapturingLogger(), monotonic=time)
    yield made
    await made.close()


async def breaking():
    raise RuntimeError("broken")


async def ending():
    pass


async def over(task):
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0)


async def test_work_that_has_to_go_on_and_has_failed_is_named_for_good(tasks, time):
    await over(tasks.keep(breaking()))
    time.now += 3600

    assert tasks.failed == ["breaking"]
    (call,) = tasks._log.calls
    assert call.method_name == "error"


async def test_an_errand_that_has_failed_is_named_for_a_minute(tasks, time):
    await over(tasks.spawn(breaking()))
    assert tasks.failed == ["breaking"]

    time.now += 60

    assert tasks.failed == []


async def test_what_ends_or_is_cancelled_has_not_failed(tasks):
    await over(tasks.keep(ending()))
    await over(tasks.spawn(ending()))
    waiting = tasks.keep(asyncio.Event().wait())
    waiting.cancel()
    await over(waiting)

    assert tasks.failed == []
