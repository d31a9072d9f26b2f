"""What the readiness page tells operators."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from cloudstead.app.watch import troubles_of
from cloudstead.core.clock import ManualClock


class Store:
    """A store that answers, until told not to."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.detached_parts = 0

    async def health(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    ping = health


@pytest.fixture
def cloud(tmp_path):
    clock = ManualClock()
    spine = SimpleNamespace(
        intake=SimpleNamespace(last_failure=None, last_failure_ms=0),
        applier=SimpleNamespace(last_failure=None),
        projector=SimpleNamespace(last_failure=None, index_failure=None, behind=0),
        is_full=False,
    )
    folder = SimpleNamespace(path=tmp_path)
    tasks = SimpleNamespace(failed=[])
    outgoing = SimpleNamespace(worker=SimpleNamespace(last_failure=None))
    return SimpleNamespace(
        clock=clock,
        spine=spine,
        archive=None,
        database=Store(),
        index=Store(),
        folder=folder,
        tasks=tasks,
        outgoing=outgoing,
    )


async def test_nothing_is_wrong_when_nothing_is(cloud):
    assert await troubles_of(cloud) == []


async def test_a_failure_of_the_log_counts_for_a_minute(cloud):
    cloud.spine.intake.last_failure = OSError(28, "No space left on device")
    cloud.spine.intake.last_failure_ms = cloud.clock.millis()
    at_once = await troubles_of(cloud)
    cloud.clock.advance(timedelta(minutes=1))

    assert len(at_once) == 1
    assert "No space left on device" in at_once[0]
    assert await troubles_of(cloud) == []


@pytest.mark.parametrize("part", ["applier", "projector"])
async def test_whoever_cannot_go_on_is_named_with_the_reason(cloud, part):
    getattr(cloud.spine, part).last_failure = OSError("the reason")

    (trouble,) = await troubles_of(cloud)
    assert "the reason" in trouble


@pytest.mark.parametrize("store", ["database", "index"])
async def test_a_store_that_does_not_answer_is_told(cloud, store):
    getattr(cloud, store).trouble = OSError("it is gone")

    (trouble,) = await troubles_of(cloud)
    assert "it is gone" in trouble


async def test_broken_parts_of_the_observation_store_are_told(cloud):
    cloud.index.detached_parts = 2

    (trouble,) = await troubles_of(cloud)
    assert trouble.startswith("2 parts of the observation store are broken")


async def test_a_full_spine_is_told(cloud):
    cloud.spine.is_full = True

    assert len(await troubles_of(cloud)) == 1


async def test_background_work_that_has_failed_is_named(cloud):
    cloud.tasks.failed = ["Projector.run", "keep_house"]

    assert await troubles_of(cloud) == ["Background work has failed, the log says why: Projector.run, keep_house"]


async def test_a_worker_that_cannot_claim_jobs_is_told(cloud):
    cloud.outgoing.worker.last_failure = "OSError: the disk is full"

    (trouble,) = await troubles_of(cloud)
    assert "the disk is full" in trouble
