from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.errors import LogBehindStore
from cloudstead.core.things.events import ThingChanged
from cloudstead.log import CommitLog, GroupCommitWriter, MemoryLog

STORE_DOWN = OSError(28, "No space left on device")


async def three_updates(life):
    await life.update("lamp", {"a": 1})
    await life.update("pump", {"p": 1})
    await life.update("lamp", {"b": 2})


async def crash_on_disk(life):
    """On disk, and nobody was told."""
    life.writer.store()


async def crash_applied(life):
    """Acknowledged and applied, and nothing of it written."""
    await life.commit()


async def crash_while_indexing(life):
    """The index got one of three and broke off."""
    await life.commit()
    life.world.index.breaks_after = 1
    await life.spine.projector.write()


async def crash_indexed(life):
    """The index has it all, the state store nothing."""
    await life.commit()
    life.database.write_failure = STORE_DOWN
    with pytest.raises(OSError, match="No space"):
        await life.spine.settle()


async def crash_written(life):
    """Everything is written, but the process did not live to know."""
    await life.commit()
    life.database.failure_after_write = STORE_DOWN
    with pytest.raises(OSError, match="No space"):
        await life.spine.settle()


async def crash_settled(life):
    """Everything is written."""
    await life.commit()
    await life.spine.settle_things()


CRASHES = [crash_on_disk, crash_applied, crash_while_indexing, crash_indexed, crash_written, crash_settled]


@pytest.mark.parametrize("crash", CRASHES, ids=lambda crash: crash.__name__)
async def test_a_crash_at_any_point_loses_and_doubles_nothing_that_is_on_disk(world, crash):
    life = await world.live()
    await three_updates(life)
    await crash(life)
    await life.crash()
    life = await world.live()
    await life.spine.settle_things()

    lamp, pump = await life.shadow("lamp"), await life.shadow("pump")
    assert (lamp.version, lamp.reported, lamp.offset) == (2, {"a": 1, "b": 2}, 3)
    assert (pump.version, pump.reported, pump.offset) == (1, {"p": 1}, 2)
    assert [seen.state_json for _, seen in sorted(world.index.observations.items())] == [
        b'{"a":1}',
        b'{"p":1}',
        b'{"b":2}',
    ]
    history = await world.index.shadow_history(lamp.account_id, lamp.thing_uid, before_offset=None, limit=9)
    assert [(change.offset, change.version, change.outcome) for change in history] == [(3, 2, 0), (1, 1, 0)]
    assert world.index.things[lamp.account_id, "lamp"].state_json == b'{"a":1,"b":2}'


@pytest.mark.parametrize("crash", CRASHES, ids=lambda crash: crash.__name__)
async def test_a_second_start_finds_nothing_to_do(world, crash):
    life = await world.live()
    await three_updates(life)
    await crash(life)
    await life.crash()
    await (await world.live()).crash()
    offered = dict(world.index.offered)

    assert ((await world.live()).replayed, world.index.offered) == (0, offered)


async def test_a_replay_publishes_nothing(world):
    life = await world.live()
    await three_updates(life)
    life.writer.store()
    await life.crash()
    life = await world.live()

    assert (life.replayed, life.audience.heard) == (3, [])


async def test_what_was_never_on_disk_is_nowhere_after_a_crash(world):
    life = await world.live()
    await life.update("lamp")
    await life.crash()
    life = await world.live()

    assert not (await life.shadow("lamp")).exists


async def test_a_refused_request_is_refused_again_in_a_replay(world):
    life = await world.live()
    await life.submit("lamp", Verb.UPDATE, b'{"state":{"desired":{"a":1}},"version":1}')
    await life.submit("lamp", Verb.UPDATE, b'{"state":{"desired":{"a":2}},"version":7}')
    life.writer.store()
    await life.crash()
    life = await world.live()

    assert (await life.shadow("lamp")).desired == {"a": 1}
    assert [change.outcome for change in world.index.changes.values()] == [0, 409]


async def test_an_observation_stays_where_its_thing_was_when_it_is_replayed_after_a_move(world):
    life = await world.live()
    await life.update("lamp", {"a": 1})
    life.writer.store()
    await move(world, "lamp", "root")
    await life.crash()
    await world.live()

    assert [seen.domain for seen in world.index.observations.values()] == ["sub1"]


async def test_an_observation_stays_where_its_thing_was_when_it_moves_in_flight(world):
    life = await world.live()
    await life.update("lamp", {"a": 1})
    await move(world, "lamp", "root")
    await life.commit()
    await life.spine.settle()

    assert [seen.domain for seen in world.index.observations.values()] == ["sub1"]


async def move(world, name, domain_id):
    def write(unit):
        before = unit.things.get(world.tenant.account.id, name)
        tree = unit.domains.tree(world.tenant.account.id)
        after = replace(before, domain_id=domain_id)
        unit.things.replace(after)
        unit.emit(ThingChanged(before, tree.path(before.domain_id), after, tree.path(domain_id)))

    await world.tenant.database.write(write)


async def test_what_a_thing_said_is_found_though_the_thing_is_gone_before_the_replay(world):
    life = await world.live()
    uid = (await life.entry("lamp")).uid
    await life.update("lamp", {"a": 1})
    await life.update("pump", {"p": 1})
    life.writer.store()
    await world.tenant.database.write(lambda unit: unit.things.remove(world.tenant.account.id, uid))
    await world.tenant.add_thing("lamp")  # another one, that never said anything
    await life.crash()
    life = await world.live()
    await life.spine.settle_things()

    assert [(seen.thing_uid == uid, seen.state_json) for seen in world.index.observations.values()] == [
        (True, b'{"a":1}'),
        (False, b'{"p":1}'),
    ]
    assert not (await life.shadow("lamp")).exists
    assert {name for _, name in world.index.things} == {"pump"}


async def test_a_log_that_ends_before_the_checkpoint_is_refused(world):
    life = await world.live()
    await life.update("lamp")
    await life.commit()
    await life.spine.settle()
    await life.crash()
    world.log = MemoryLog()

    with pytest.raises(LogBehindStore, match="state store"):
        await world.live()


async def test_a_log_that_ends_before_what_the_index_holds_is_refused(world):
    life = await world.live()
    await life.update("lamp")
    await life.commit()
    await life.spine.settle()

    await life.spine.require_index(world.log)
    with pytest.raises(LogBehindStore, match="observation store"):
        await life.spine.require_index(MemoryLog())


async def test_a_stop_writes_everything_that_was_taken(world):
    life = await world.live()
    acknowledged = []
    for value in range(3):
        await life.update("lamp", {"a": value}, on_stored=acknowledged.append)
    await life.spine.stop()
    stored = await world.tenant.database.read(
        lambda unit: (unit.shadows.checkpoint(), unit.things.pending_for_index(limit=9))
    )

    assert (len(acknowledged), len(world.index.observations), stored) == (3, 3, (3, []))


async def test_a_stop_that_cannot_write_says_so_and_the_next_start_does(world):
    life = await world.live()
    await life.update("lamp", {"a": 1})
    life.database.write_failure = STORE_DOWN
    with pytest.raises(OSError, match="No space"):
        await life.spine.stop()
    background_has_ended = all(task.done() for task in life.tasks)
    life = await world.live()

    assert (background_has_ended, (await life.shadow("lamp")).reported) == (True, {"a": 1})


async def test_a_stop_does_not_wait_for_shadows_that_cannot_be_read(world):
    life = await world.live()
    await life.entry("lamp")
    await life.update("lamp", {"a": 1})
    life.database.read_failure = STORE_DOWN

    with pytest.raises(OSError, match="No space"):
        await life.spine.stop()


async def test_a_request_after_the_stop_is_refused(world):
    life = await world.live()
    await life.spine.stop()
    refused = []
    await life.update("lamp", on_failed=lambda _, error: refused.append(error.code))

    assert refused == ["log_closed"]


async def test_recovery_reads_a_log_of_many_small_segments_to_its_end(world, tmp_path):
    with CommitLog.open(tmp_path / "log", segment_bytes=4096) as log:
        world.log = log
        life = await world.live()
        for value in range(200):
            await life.update("lamp", {"a": value})
            if value % 10 == 0:
                life.writer.store()
        life.writer.store()
        await life.crash()
        segments = len(list((tmp_path / "log").glob("[0-9]*")))
        life = await world.live()
        shadow = await life.shadow("lamp")

        assert segments > 5
        assert (life.replayed, shadow.version, shadow.reported) == (200, 200, {"a": 199})


async def test_everything_acknowledged_by_a_real_log_is_found_after_the_next_start(world, tmp_path):
    acknowledged = []
    with CommitLog.open(tmp_path / "log") as log:
        world.log = log
        life = await world.live()
        writers = []

        def open_writer(spine) -> GroupCommitWriter:
            writers.append(
                GroupCommitWriter(
                    log,
                    deliver=asyncio.get_running_loop().call_soon_threadsafe,
                    on_commit=spine.intake.committed,
                    on_failure=spine.intake.refused,
                )
            )
            return writers[0]

        life.spine.intake.open(open_writer(life.spine), committed_offset=0)
        for value in range(100):
            await life.update("lamp", {"a": value}, on_stored=lambda request: acknowledged.append(request.offset))
        await life.until(lambda: acknowledged)
        told = len(acknowledged)
        await asyncio.to_thread(writers[0].close)
        await life.crash()
    with CommitLog.open(tmp_path / "log") as log:
        world.log = log
        life = await world.live()

        assert (await life.shadow("lamp")).version >= told
        assert sorted(world.index.observations) == list(range(1, life.spine.intake.committed_offset + 1))
