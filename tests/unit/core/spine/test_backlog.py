"""An index that fails keeps nobody waiting, and gets everything once, later."""

from __future__ import annotations

import asyncio

import pytest

from cloudstead.core.observations.errors import IndexBehind, IndexUnavailable
from cloudstead.core.observations.model import IndexBatch, ShadowChange
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.backlog import Backlog, beyond
from cloudstead.log import RecordQueue
from factories.spine import MemoryQueue

STORE_DOWN = OSError(28, "No space left on device")


async def report(life, *values):
    """Acknowledge one update after the other, each written before the next."""
    for value in values:
        await life.update("lamp", {"a": value})
        await life.commit()
        await life.spine.projector.write()


async def catch_up(life):
    await life.spine.projector._index_in_background()


def indexed(world):
    return [seen.state_json for _, seen in sorted(world.index.observations.items())]


def states(*values):
    return [b'{"a":%d}' % value for value in values]


async def checkpoint(life):
    return await life.database.read(lambda unit: unit.shadows.checkpoint())


async def test_shadows_and_checkpoint_go_on_without_the_index(world):
    life = await world.live()
    world.index.is_down = True
    await report(life, 1, 2, 3)

    assert await checkpoint(life) == 3
    assert (await life.shadow("lamp")).reported == {"a": 3}
    assert (life.spine.indexed_offset, life.spine.projector.behind) == (0, 3)
    assert not life.spine.is_full


async def test_an_index_that_works_again_gets_everything_once_and_in_order(world):
    life = await world.live()
    await report(life, 1)
    world.index.is_down = True
    await report(life, 2, 3)
    world.index.is_down = False
    await report(life, 4)  # behind what waits, though the index would take it
    assert indexed(world) == states(1)
    await catch_up(life)
    await report(life, 5)

    assert indexed(world) == states(1, 2, 3, 4, 5)
    assert world.index.offered == dict.fromkeys(range(1, 6), 1)
    assert (life.spine.indexed_offset, life.spine.projector.behind, world.backlog.is_empty) == (5, 0, True)


async def test_searches_are_told_while_something_is_missing_and_find_it_later(world):
    life = await world.live()
    world.index.is_down = True
    await report(life, *range(40))
    with pytest.raises(IndexUnavailable):
        await life.spine.settle()
    world.index.is_down = False
    with pytest.raises(IndexBehind, match="24 messages are still to be indexed"):
        await life.spine.settle()
    await catch_up(life)
    await life.spine.settle()

    assert indexed(world) == states(*range(40))


async def test_things_are_found_as_they_are_once_the_index_has_caught_up(world):
    life = await world.live()
    world.index.is_down = True
    await report(life, 1, 2)
    await catch_up(life)
    world.index.is_down = False
    await catch_up(life)

    assert [thing.state_json for thing in world.index.things.values()] == states(2)


@pytest.mark.parametrize("is_down_at_start", [True, False])
async def test_a_crash_in_between_loses_and_doubles_nothing(world, is_down_at_start):
    life = await world.live()
    await report(life, 1)
    world.index.is_down = True
    await report(life, 2, 3)
    await life.update("lamp", {"a": 4})
    life.writer.store()  # on disk, and nobody knows
    await life.crash()
    world.index.is_down = is_down_at_start
    life = await world.live()
    await report(life, 5)
    assert life.spine.indexed_offset == 1
    world.index.is_down = False
    await life.crash()
    life = await world.live()
    await catch_up(life)
    await report(life, 6)

    assert indexed(world) == states(1, 2, 3, 4, 5, 6)
    assert world.index.offered == dict.fromkeys(range(1, 7), 1)
    assert (await life.shadow("lamp")).version == 6


async def test_a_crash_after_the_backlog_and_before_the_checkpoint_doubles_nothing(world):
    life = await world.live()
    world.index.is_down = True
    life.database.write_failure = STORE_DOWN
    await life.update("lamp", {"a": 1})
    await life.commit()
    with pytest.raises(OSError, match="No space"):
        await life.spine.projector.write()
    await life.crash()
    life = await world.live()
    world.index.is_down = False
    await catch_up(life)

    assert len(world.backlog.records) == 0
    assert (indexed(world), world.index.offered) == (states(1), {1: 1})


async def test_a_crash_between_index_and_backlog_is_told_apart_by_the_index(world):
    life = await world.live()
    world.index.is_down = True
    await report(life, 1, 2)
    world.index.is_down = False
    world.backlog.failure = STORE_DOWN
    await catch_up(life)
    assert life.spine.projector.index_failure is STORE_DOWN
    await life.crash()
    world.backlog.failure = None
    life = await world.live()
    await catch_up(life)

    # The real index passes over offsets that it holds, as this one does.
    assert indexed(world) == states(1, 2)
    assert (world.index.offered, world.backlog.is_empty) == ({1: 2, 2: 2}, True)


async def test_a_backlog_that_is_not_taken_from_is_not_offered_again_in_the_same_life(world):
    life = await world.live()
    world.index.is_down = True
    await report(life, 1)
    world.index.is_down = False
    world.backlog.failure = STORE_DOWN
    await catch_up(life)
    world.backlog.failure = None
    await catch_up(life)

    assert (world.index.offered, world.backlog.is_empty) == ({1: 1}, True)


async def test_a_batch_that_broke_off_is_completed_and_not_doubled(world):
    life = await world.live()
    for value in (1, 2, 3):
        await life.update("lamp", {"a": value})
    await life.commit()
    world.index.breaks_after = 2
    await life.spine.projector.write()
    await catch_up(life)

    assert indexed(world) == states(1, 2, 3)


async def test_a_backlog_that_cannot_be_written_holds_the_checkpoint_back(world):
    life = await world.live()
    world.index.is_down = True
    world.backlog.failure = STORE_DOWN
    with pytest.raises(OSError, match="No space"):
        await report(life, 1)
    assert await checkpoint(life) == 0
    world.backlog.failure = None
    world.index.is_down = False
    await life.spine.settle()

    assert (await checkpoint(life), indexed(world)) == (1, states(1))


async def test_what_comes_while_the_last_of_the_backlog_is_taken_goes_behind_it(world):
    life = await world.live()
    world.index.is_down = True
    await report(life, 1)
    world.index.is_down = False
    world.index.may_append.clear()
    catching = life.begin(catch_up(life))
    await world.index.reached.wait()
    await report(life, 2)
    world.index.may_append.set()
    await catching

    assert indexed(world) == states(1, 2)
    assert life.spine.projector.behind == 0


async def test_an_index_that_fails_does_not_keep_the_process_from_ending(world):
    life = await world.live()
    world.index.is_down = True
    await life.update("lamp", {"a": 1})
    await life.spine.stop()
    assert "indexing" in [what for what, _ in life.reports]
    world.index.is_down = False
    life = await world.live()
    assert life.replayed == 0
    await catch_up(life)

    assert indexed(world) == states(1)


async def test_refusals_and_deletes_come_into_the_history_as_they_were(world):
    life = await world.live()
    world.index.is_down = True
    await life.submit("lamp", Verb.UPDATE, b'{"state":{"desired":{"a":1}},"version":7}')
    await life.update("lamp", {"a": 1})
    await life.submit("lamp", Verb.DELETE, b"")
    await life.commit()
    await life.spine.projector.write()
    await life.crash()
    world.index.is_down = False
    life = await world.live()
    await catch_up(life)

    assert [(each.verb, each.outcome, each.version) for each in world.index.changes.values()] == [
        ("update", 409, 0),
        ("update", 0, 1),
        ("delete", 0, 1),
    ]


async def test_an_index_that_does_not_answer_keeps_no_shadow_waiting_twice(world):
    """Only the flush that finds out has to wait for it."""
    life = await world.live()
    world.index.is_down = True
    await report(life, 1)
    world.index.is_down = False
    world.index.may_append.clear()
    catching = life.begin(catch_up(life))
    await world.index.reached.wait()
    await report(life, 2, 3)
    assert await checkpoint(life) == 3
    world.index.may_append.set()
    await catching


async def test_a_long_outage_is_caught_up_from_disk_over_two_lives(world, tmp_path):
    def open_queue():
        world.backlog = RecordQueue.open(tmp_path / "backlog")
        return world.backlog

    queue = open_queue()
    life = await world.live()
    world.index.is_down = True
    for start in range(0, 1500, 300):
        for value in range(start, start + 300):
            await life.update("lamp", {"a": value})
        await life.commit()
        await life.spine.projector.write()
    await life.crash()
    queue.close()
    queue = open_queue()
    life = await world.live()
    await report(life, 1500)
    world.index.is_down = False
    await catch_up(life)

    assert indexed(world) == states(*range(1501))
    assert set(world.index.offered.values()) == {1}
    assert (queue.is_empty, life.spine.indexed_offset) == (True, 1501)
    queue.close()


def change(offset, size=1):
    return ShadowChange(offset, "a", "u", "lamp", "update", offset, "thing:lamp", 0, b"x" * size, 0)


async def test_a_backlog_hands_over_a_bounded_part_of_what_waits():
    backlog = Backlog(MemoryQueue())
    await backlog.put([], [change(offset, 300_000) for offset in range(1, 101)])
    sizes = []
    while (found := await backlog.first()) is not None:
        number, batch = found
        sizes.append(sum(len(each.request_json) for each in batch.changes))
        await backlog.take(number)

    assert sum(sizes) == 30_000_000
    assert max(sizes) < 18 << 20


def test_what_comes_twice_is_handed_over_once():
    batch = IndexBatch(observations=(), changes=tuple(change(offset) for offset in (3, 4, 5, 4, 5, 6)))
    assert [each.offset for each in beyond(batch, 3).changes] == [4, 5, 6]


async def test_the_background_catches_up_by_itself(world):
    life = await world.live()
    world.index.is_down = True
    await report(life, 1)
    world.index.is_down = False
    life.spine.projector._interval_s = 0
    running = asyncio.ensure_future(life.spine.projector.run())
    await life.until(lambda: life.spine.projector.behind == 0)
    life.spine.projector.stop()
    await running

    assert indexed(world) == states(1)
