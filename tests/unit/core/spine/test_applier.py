from __future__ import annotations

import pytest

from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine import applier
from cloudstead.core.spine.errors import ShadowUnavailable
from cloudstead.core.spine.requests import Origin, ShadowRequest
from cloudstead.core.things.events import ThingRemoved

STORE_DOWN = OSError(5, "Input/output error")


async def remove(life, name):
    """Remove a thing and tell of it, as the registry does."""
    tenant = life.world.tenant
    entry = await life.entry(name)
    thing = await tenant.database.read(lambda unit: unit.things.get(tenant.account.id, entry.name))

    def write(unit):
        unit.things.remove(tenant.account.id, thing.uid)
        unit.emit(ThingRemoved(thing, entry.path))

    await tenant.database.write(write)


async def test_updates_are_applied_in_the_order_of_their_offsets(life):
    for value in range(5):
        await life.update("lamp", {"a": value})
    await life.commit()

    shadow = await life.shadow("lamp")
    assert (shadow.version, shadow.reported, shadow.offset) == (5, {"a": 4}, 5)


async def test_a_batch_that_waits_for_a_shadow_keeps_those_behind_it_waiting(life):
    await life.update("pump", {"p": 1})
    await life.commit()
    life.audience.heard.clear()
    await life.entry("lamp")
    life.database.may_read.clear()
    await life.update("lamp", {"a": 1})
    life.writer.commit()
    await life.update("pump", {"p": 2})  # in memory already, and yet behind
    life.writer.commit()
    heard_while_waiting = list(life.audience.heard)
    life.database.may_read.set()
    await life.commit()

    assert heard_while_waiting == []
    assert [topic.split("/")[2] for topic in life.audience.topics if topic.endswith("/update/accepted")] == [
        "lamp",
        "pump",
    ]


async def test_a_shadow_that_cannot_be_read_is_tried_again_until_it_can(life):
    await life.entry("lamp")
    life.database.read_failure = STORE_DOWN
    await life.update("lamp", {"a": 1})
    life.writer.commit()
    await life.until(lambda: life.spine.applier.last_failure is not None)
    life.database.read_failure = None
    await life.commit()

    assert (await life.shadow("lamp")).reported == {"a": 1}
    assert life.spine.applier.last_failure is None
    assert [what for what, _ in life.reports] == ["shadow load"]


async def test_whoever_waits_for_the_shadows_hears_that_they_cannot_be_read(life):
    await life.entry("lamp")
    life.database.read_failure = STORE_DOWN
    await life.update("lamp", {"a": 1})
    life.writer.commit()

    with pytest.raises(OSError, match="Input/output error"):
        await life.spine.settle()


async def test_a_backlog_of_batches_asks_to_stop_reading(life):
    await life.entry("lamp")
    life.database.may_read.clear()
    for _ in range(applier.MAX_WAITING_BATCHES):
        await life.update("lamp")
        life.writer.commit()
    was_full = life.spine.is_full
    life.database.may_read.set()
    await life.commit()

    assert (was_full, life.spine.is_full) == (True, False)


async def test_what_waits_for_a_failing_index_is_bounded_and_makes_room_once_it_is_written(life):
    told = []
    life.spine.intake.when_room(lambda: told.append(life.spine.is_full))
    life.world.index.is_down = True
    large = {"a": "x" * 100_000}  # too large to be accepted, but its refusal is history
    while not life.spine.is_full:
        await life.update("lamp", large)
        if life.writer.depth == 100:
            await life.commit()
    entry = await life.entry("lamp")
    with pytest.raises(ShadowUnavailable):
        await life.spine.ask(entry, Verb.GET, b"", principal="person:ada")
    life.world.index.is_down = False
    await life.spine.settle()

    assert told[-1] is False


async def test_a_listener_that_fails_keeps_no_update_from_being_applied(life):
    life.audience.failure = RuntimeError("no such topic")
    await life.update("lamp", {"a": 1})
    await life.update("lamp", {"b": 2})
    await life.commit()

    assert (await life.shadow("lamp")).version == 2
    assert {what for what, _ in life.reports} == {"telling what was applied"}


async def test_a_rest_caller_gets_the_answer_although_telling_the_world_fails(life):
    life.audience.failure = RuntimeError("no such topic")
    entry = await life.entry("lamp")
    asking = life.begin(life.spine.ask(entry, Verb.UPDATE, b'{"state":{"desired":{"a":1}}}', principal="person:ada"))
    await life.until(lambda: life.writer.taken)
    await life.commit()

    assert b'"version":1' in (await asking).document


async def test_a_request_that_nobody_can_digest_is_rejected_and_stops_nobody(life):
    await life.submit("lamp", Verb.GET, object())  # what a defect below would look like
    await life.update("pump", {"b": 1})
    await life.commit()

    assert b'"code":500' in dict(life.audience.heard)["$aws/things/lamp/shadow/get/rejected"]
    assert (await life.shadow("pump")).reported == {"b": 1}
    assert [what for what, _ in life.reports] == ["applying a shadow request"]


@pytest.mark.parametrize("verb", [Verb.GET, Verb.DELETE])
async def test_a_client_token_that_cannot_be_repeated_stops_nobody_now_or_at_the_next_start(life, verb):
    await life.update("lamp", {"a": 1})
    await life.submit("lamp", verb, b'{"clientToken":5}')
    await life.update("pump", {"b": 1})
    await life.commit()
    await life.crash()
    next_life = await life.world.live()

    assert (await next_life.shadow("lamp")).reported == {"a": 1}
    assert (await next_life.shadow("pump")).reported == {"b": 1}
    assert (life.reports, next_life.reports) == ([], [])


async def test_a_request_whose_thing_is_removed_before_it_is_applied_is_rejected(life):
    request = await life.update("lamp", {"a": 1})
    await remove(life, "lamp")
    outcomes = []
    request.on_outcome = lambda _, outcome: outcomes.append(outcome)
    await life.commit()

    assert [outcome.rejection.message for outcome in outcomes] == ["Thing not found"]
    assert life.world.index.observations == {}


async def test_a_thing_made_anew_under_a_name_begins_with_no_shadow(life):
    await life.update("lamp", {"old": 1})
    await life.commit()
    await remove(life, "lamp")
    await life.world.tenant.add_thing("lamp")
    await life.update("lamp", {"new": 1})
    await life.commit()
    await life.spine.settle()

    shadow = await life.shadow("lamp")
    assert (shadow.version, shadow.reported) == (1, {"new": 1})


async def test_shadows_beyond_the_limit_are_forgotten_and_read_again(world):
    life = await world.live(kept_shadows=1)
    await life.update("lamp", {"a": 1})
    await life.update("pump", {"b": 1})
    await life.commit()
    await life.spine.settle()
    uids = [(await life.entry(name)).uid for name in ("lamp", "pump")]
    kept = [uid for uid in uids if life.spine.applier.shadow(uid) is not None]
    await life.update("lamp", {"a": 2})
    await life.commit()

    assert len(kept) == 1
    assert ((await life.shadow("lamp")).version, (await life.shadow("pump")).version) == (2, 1)


async def test_a_request_that_comes_while_a_batch_is_applied_is_applied_behind_it(life):
    order = []
    entry = await life.entry("lamp")

    def ask_at_once(*_):
        order.append("first")
        life.spine.intake.submit(
            ShadowRequest(
                entry,
                Verb.GET,
                b"",
                principal="thing:lamp",
                origin=Origin.DEVICE,
                on_outcome=lambda _, outcome: order.append(outcome.version),
            )
        )

    await life.update("lamp", {"a": 1}, on_outcome=ask_at_once)
    await life.update("lamp", {"a": 2}, on_outcome=lambda *_: order.append("second"))
    await life.commit()

    assert order == ["first", "second", 2]


async def test_a_shadow_that_is_forgotten_while_another_one_is_read_is_read_again(world):
    life = await world.live(kept_shadows=0)
    for name in ("lamp", "pump"):
        await life.entry(name)
    await life.update("lamp", {"a": 1})
    await life.commit()
    life.database.may_read.clear()
    await life.update("lamp", {"b": 2})
    await life.update("pump", {"c": 3})
    life.writer.commit()
    await life.spine.projector.settle()
    life.database.may_read.set()
    await life.commit()

    assert (await life.shadow("lamp")).reported == {"a": 1, "b": 2}
    assert (await life.shadow("pump")).reported == {"c": 3}
