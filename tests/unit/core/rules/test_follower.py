"""Rules on the spine: which updates hit, and that every hit is stored once whatever fails in between."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from cloudstead.core.domains.events import DomainsRemoved
from cloudstead.core.jobs.model import JobState
from cloudstead.core.paging import PageRequest
from cloudstead.core.rules.model import Action, ActionType
from cloudstead.core.spine.errors import LogBehindStore
from cloudstead.core.things.events import ThingChanged
from cloudstead.log import MemoryLog
from factories.rules import WEBHOOK, body_of, definition, rule_rooms, sighting
from factories.spine import World
from factories.tenants import tenant

__all__ = ["tenant"]

STORE_DOWN = OSError(28, "No space left on device")


class RuledWorld(World):
    """A world in which rules follow the log in every life."""

    async def begin(self, **limits):
        """Begin a life with rules in it."""
        tasks = set()

        def spawn(work):
            task = asyncio.get_running_loop().create_task(work)
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            return task

        self.rooms = rule_rooms(self.tenant, spawn=spawn, **limits)
        self.rooms.newest_offset = self.log.next_offset - 1
        await self.rooms.follower.start()
        life = await self.live(followers=[self.rooms.follower])
        life.tasks = tasks  # crash() ends these as well
        return life

    async def make(self, rule_id="r1", **fields):
        fields.setdefault("definition", definition(**{k: fields.pop(k) for k in list(fields) if k != "definition"}))
        made = await self.tenant.database.write(
            lambda unit: self.rooms.rules.create(unit, self.tenant.caller, fields["definition"], rule_id=rule_id)
        )
        return made.seen.rule

    async def jobs(self, rule_id="r1"):
        account_id = self.tenant.account.id

        def read(unit):
            page = unit.jobs.page(account_id, PageRequest(1000), cause=f"rule:{rule_id}")
            return [unit.jobs.get(account_id, job.id) for job in page.items]

        return await self.tenant.database.read(read)

    async def until_offsets(self, expected):
        """Let the loop turn until the jobs of the rule are those of these offsets."""
        async with asyncio.timeout(10):
            while await self.offsets() != expected:  # noqa: ASYNC110 - there is no event for each thing to wait for
                await asyncio.sleep(0)

    async def store_and_fail(self):
        async with self.rooms.follower.turn() as work:
            await self.tenant.database.write(work)
            raise STORE_DOWN

    async def offsets(self, rule_id="r1"):
        return [job.offset for job in await self.jobs(rule_id)]


@pytest.fixture
async def world(tenant):
    await tenant.add_domain("sub1")
    await tenant.add_thing("lamp", domain_id="sub1")
    await tenant.add_thing("pump")
    made = RuledWorld(tenant)
    yield made
    for life in made.lives:
        await life.crash()


async def report(life, *temperatures, name="lamp"):
    for value in temperatures:
        await life.update(name, {"temp": value})
    await life.commit()


async def settled(world, life):
    await life.spine.settle()
    return await world.offsets()


async def test_an_update_that_hits_becomes_a_job_with_its_offset(world):
    life = await world.begin()
    await world.make()
    await report(life, 49, 50, 51)

    assert await settled(world, life) == [2, 3]
    [first, _] = await world.jobs()
    assert (first.kind, first.cause, first.state) == ("webhook", "rule:r1", JobState.WAITING)
    assert body_of(world.rooms, first)["thing"]["thingName"] == "lamp"


async def test_hits_are_stored_soon_by_themselves(world):
    life = await world.begin()
    await world.make()
    await report(life, 60)
    await world.until_offsets([1])

    assert life.spine.projector.flushed_offset == 0


async def test_the_first_hit_that_is_not_stored_is_what_the_rules_wait_from(world):
    life = await world.begin()
    await world.make()
    follower = world.rooms.follower
    await report(life, 49)
    assert follower.waits_from is None

    await report(life, 60, 61)
    assert follower.waits_from == 2
    seen = []

    async def look_and_fail():
        async with follower.turn():
            seen.append(follower.waits_from)
            raise STORE_DOWN

    with pytest.raises(type(STORE_DOWN)):
        await look_and_fail()
    assert [*seen, follower.waits_from] == [2, 2]

    await settled(world, life)
    assert follower.waits_from is None


async def test_a_rule_counts_from_the_moment_it_is_there_until_it_is_gone(world):
    life = await world.begin()
    await report(life, 60)
    world.rooms.newest_offset = 1
    await world.make()
    await report(life, 61)
    await world.tenant.database.write(
        lambda unit: world.rooms.rules.update(unit, world.tenant.caller, definition(value=70), rule_id="r1")
    )
    await report(life, 62, 72)
    off = definition(is_enabled=False)
    await world.tenant.database.write(
        lambda unit: world.rooms.rules.update(unit, world.tenant.caller, off, rule_id="r1")
    )
    await report(life, 80)

    assert await settled(world, life) == [2, 4]


async def test_a_rule_looks_at_its_domain_and_below_only(world):
    life = await world.begin()
    await world.make(domain="sub1")
    await report(life, 60, name="pump")
    await report(life, 60, name="lamp")

    assert await settled(world, life) == [2]


async def move(world, name, domain_id, path):
    account_id = world.tenant.account.id

    def write(unit):
        before = unit.things.get(account_id, name)
        thing = type(before)(**{**{f: getattr(before, f) for f in before.__slots__}, "domain_id": domain_id})
        unit.things.replace(thing)
        unit.emit(ThingChanged(before, unit.domains.tree(account_id).path(before.domain_id), thing, path))

    await world.tenant.database.write(write)


async def test_a_thing_that_moves_is_looked_at_where_it_is(world):
    life = await world.begin()
    await world.make(domain="sub1")
    await report(life, 60)
    await move(world, "lamp", "root", ("root",))
    await report(life, 61)

    assert await settled(world, life) == [1]


async def test_an_update_under_way_while_its_thing_moves_stays_where_it_was(world):
    life = await world.begin()
    await world.make(domain="sub1")
    await world.make("r2", domain="root")
    await life.update("lamp", {"temp": 60})
    await move(world, "lamp", "root", ("root",))
    await life.commit()

    assert await settled(world, life) == [1]
    assert await world.offsets("r2") == [1]


async def test_a_rule_goes_with_its_domain(world):
    life = await world.begin()
    await world.tenant.add_domain("sub2")
    await world.make(domain="sub2")
    account_id = world.tenant.account.id

    def remove(unit):
        unit.domains.remove(account_id, ["sub2"])
        unit.emit(DomainsRemoved(account_id, frozenset({"sub2"})))

    await world.tenant.database.write(remove)
    assert world.rooms.book.of(account_id) is None
    assert await world.tenant.database.read(lambda unit: unit.rules.all(account_id)) == []
    await report(life, 60)
    assert await settled(world, life) == []


async def test_the_type_of_a_sub_thing_is_remembered(world):
    life = await world.begin()
    await world.make(resource="fan.rpm")
    await life.update("lamp", {"s1": {"type": "fan", "rpm": 1}})
    await life.update("lamp", {"s1": {"rpm": 60}})
    await life.commit()

    assert await settled(world, life) == [2]
    [job] = await world.jobs()
    assert body_of(world.rooms, job)["resource"] == {
        "name": "rpm",
        "path": "s1.rpm",
        "value": 60,
        "parent": {"id": "s1", "state": {"rpm": 60}},
    }


# What fails in between -------------------------------------------------------------------------------------------


async def crash_on_disk(world, life):
    """On disk, and nobody was told."""
    life.writer.store()


async def crash_applied(world, life):
    """Applied and hit, and nothing of it stored."""
    await life.commit()


async def crash_hits_stored(world, life):
    """The hits are stored, the shadows are not."""
    await life.commit()
    await world.rooms.follower.settle()


async def crash_hits_told_to_have_failed(world, life):
    """The hits are stored, but nobody lived to know; then they were stored with the shadows again."""
    await life.commit()
    with pytest.raises(OSError, match="No space"):
        await world.store_and_fail()
    life.database.failure_after_write = STORE_DOWN
    with pytest.raises(OSError, match="No space"):
        await life.spine.settle()


async def crash_not_stored(world, life):
    """The store took nothing."""
    await life.commit()
    life.database.write_failure = STORE_DOWN
    with pytest.raises(OSError, match="No space"):
        await life.spine.settle()


async def crash_settled(world, life):
    """Everything is stored."""
    await life.commit()
    await life.spine.settle()


CRASHES = [
    crash_on_disk,
    crash_applied,
    crash_hits_stored,
    crash_hits_told_to_have_failed,
    crash_not_stored,
    crash_settled,
]


@pytest.mark.parametrize("crash", CRASHES, ids=lambda crash: crash.__name__)
async def test_a_crash_at_any_point_neither_loses_nor_doubles_a_hit_nor_a_count(world, crash):
    life = await world.begin()
    await world.make("r1")
    await world.make("r2", count=2)
    for value in (60, 10, 61, 62):
        await life.update("lamp", {"temp": value})
    await crash(world, life)
    await life.crash()
    life = await world.begin()
    await report(life, 63)
    await life.spine.settle()

    assert await world.offsets("r1") == [1, 3, 4, 5]
    assert await world.offsets("r2") == [3, 5]


async def test_a_failure_to_store_is_told_and_tried_again(world):
    life = await world.begin()
    await world.make()
    follower = world.rooms.follower
    follower._database = life.database
    life.database.write_failure = STORE_DOWN
    await report(life, 60)
    await life.until(lambda: world.rooms.reports)
    life.database.write_failure = None
    await world.until_offsets([1])

    assert world.rooms.reports[0] == ("storing the hits of rules", STORE_DOWN)


async def test_a_log_that_ends_before_what_rules_have_seen_is_refused(world):
    life = await world.begin()
    await world.make()
    await report(life, 60)
    await world.rooms.follower.settle()
    await life.crash()
    world.log = MemoryLog()

    with pytest.raises(LogBehindStore):
        await world.begin()


async def test_hits_of_a_thing_that_is_gone_leave_no_count_behind(world):
    life = await world.begin()
    made = await world.make(count=2)
    await report(life, 60)
    lamp = await life.entry("lamp")
    await world.tenant.database.write(lambda unit: unit.things.remove(world.tenant.account.id, lamp.uid))
    await life.spine.settle()

    assert await world.tenant.database.read(lambda unit: unit.rules.states_of(lamp.uid)) == {}
    assert made.threshold.count == 2


# Bounds ----------------------------------------------------------------------------------------------------------


async def test_of_a_flood_the_oldest_are_kept_and_the_rest_is_counted(world):
    life = await world.begin(max_waiting=3)
    made = await world.make()
    await report(life, *range(60, 65))
    await life.spine.settle()
    await report(life, 70)

    assert await settled(world, life) == [1, 2, 3]
    assert await world.tenant.database.read(lambda unit: unit.rules.refused(made.uid)) == 3


async def test_the_doors_stop_reading_while_too_many_hits_wait(world):
    life = await world.begin(max_pending=2)
    await world.make()
    async with world.rooms.follower._turn:
        await report(life, 60, 61)
        assert life.spine.is_full
    await life.spine.settle()

    assert not life.spine.is_full


async def test_what_cannot_be_delivered_is_counted_too(world):
    life = await world.begin()
    config = {"url": "https://${thing.state.host}/"}
    bad = Action(ActionType.WEBHOOK, config)
    made = await world.make(definition=definition(actions=(bad, WEBHOOK)))
    await report(life, 60)

    assert await settled(world, life) == [1]
    assert await world.tenant.database.read(lambda unit: unit.rules.refused(made.uid)) == 1


async def test_the_interval_is_that_of_the_messages(world):
    life = await world.begin()
    await world.make(interval_ms=1000)
    for _ in range(4):
        await report(life, 60)
        world.tenant.clock.advance(timedelta(milliseconds=400))

    assert await settled(world, life) == [1, 4]


async def test_each_recipient_of_a_rule_gets_a_letter(world):
    life = await world.begin()
    config = {"to": ["a@b.example", "c@d.example"], "subject": "At ${resource.value}", "text": "Hot"}
    await world.make(definition=definition(actions=(Action(ActionType.MAIL, config),)))
    await report(life, 60)

    assert await settled(world, life) == [1, 1]
    jobs = await world.jobs()
    assert {job.kind for job in jobs} == {"mail"}
    letters = [world.rooms.letters.open(job) for job in jobs]
    assert [(letter.to, letter.subject) for letter in letters] == [("a@b.example", "At 60"), ("c@d.example", "At 60")]


async def test_what_a_rule_makes_of_an_observation_can_be_asked_with_the_count_so_far(world):
    life = await world.begin()
    made = await world.make(count=5)
    await report(life, 60, 61)
    await life.spine.settle()
    lamp = await life.entry("lamp")
    seen = sighting({"temp": 60}, account_id=world.tenant.account.id, thing_uid=lamp.uid, domain_id="sub1", offset=1)
    [verdict] = await world.tenant.database.read(lambda unit: world.rooms.rules.explain(unit, seen))

    assert (verdict.rule.uid, verdict.is_hit, verdict.threshold_state.hits) == (made.uid, True, 2)


async def test_while_a_rule_rests_its_hits_cost_no_transaction(world):
    life = await world.begin()
    await world.make(interval_ms=1000)
    await report(life, 60)
    assert await settled(world, life) == [1]

    await report(life, 61)

    follower = world.rooms.follower
    assert follower.hits == 2
    async with follower.turn() as work:
        assert work.args[0] == []
    world.tenant.clock.advance(timedelta(seconds=1))
    await report(life, 62)
    assert await settled(world, life) == [1, 3]


async def test_a_run_that_could_not_be_stored_is_no_reason_to_rest(world):
    life = await world.begin()
    await world.make(interval_ms=60_000)
    await report(life, 60)
    with pytest.raises(OSError, match="No space"):
        async with world.rooms.follower.turn():
            raise STORE_DOWN
    await report(life, 61)

    assert await settled(world, life) == [1]


async def test_a_rule_that_asks_for_something_else_since_does_not_rest(world):
    life = await world.begin()
    await world.make(interval_ms=60_000)
    await report(life, 60)
    await settled(world, life)

    await world.tenant.database.write(
        lambda unit: world.rooms.rules.update(unit, world.tenant.caller, definition(interval_ms=70_000), rule_id="r1")
    )
    await report(life, 61)

    assert await settled(world, life) == [1, 2]


async def test_a_hit_on_its_way_is_dropped_when_its_rule_leaves_the_domain(world):
    life = await world.begin()
    await world.tenant.add_domain("sub2")
    await world.make()
    await report(life, 60)
    elsewhere = definition(domain="sub2")

    await world.tenant.database.write(
        lambda unit: world.rooms.rules.update(unit, world.tenant.caller, elsewhere, rule_id="r1")
    )

    assert await settled(world, life) == []
