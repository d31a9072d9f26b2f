"""ThingLambda.TRACE: what it says of a message, through the wire."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cloudstead.core.archive.cutting import OpenFile
from cloudstead.core.archive.model import ArchivedObject
from cloudstead.core.jobs.model import Attempt, Job, JobState
from cloudstead.core.observations.errors import IndexUnavailable
from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.requests import Origin
from factories.coverage import covers
from factories.traced import steps_of

REPORT = b'{"state":{"reported":{"temp":21}}}'


@pytest.fixture
async def thing(world):
    """A thing that no rule looks at as yet."""
    (await world.call("RuleLambda.REMOVE", world.administrator, id="rule-north")).ok()
    return await world.tenant.database.read(lambda unit: unit.things.get(world.tenant.account.id, "thing-north"))


async def follow(world, caller=None, **asked):
    return await world.call("ThingLambda.TRACE", caller or world.reader, thingName="thing-north", **asked)


@covers("ThingLambda.TRACE", "success")
async def test_a_message_is_followed_through_every_step(world, thing):
    offset = world.traced.say(thing, REPORT, reported=b'{"temp":21}', version=9)
    answer = (await follow(world, offset=offset)).ok()

    assert (answer["thingName"], answer["offset"]) == ("thing-north", offset)
    assert [step["step"] for step in answer["steps"]] == [
        *("received", "logged", "applied", "indexed", "archived", "rules", "delivered")
    ]
    told = steps_of(answer)
    came = "An update of 34 bytes came from thing-north over MQTT as the thing itself, 2026-01-01 00:00:00.000 UTC."
    assert told["received"] == ("done", came)
    assert told["logged"] == ("done", f"On disk at offset {offset}, in 1.log.")
    assert told["applied"] == ("done", "Accepted: the shadow has version 9 since.")
    assert told["indexed"] == ("done", "Searches over observations find it.")
    assert told["rules"] == ("never", "No enabled rule looks at this thing.")
    assert told["delivered"][0] == "never"
    details = answer["steps"][0]["details"]
    assert details["payload"] == REPORT.decode()
    assert (details["author"], details["door"]) == ("thing:thing-north", "mqtt")


async def test_the_nearest_message_at_or_before_a_time_is_the_one(world, thing):
    clock = world.tenant.clock
    clock.advance(timedelta(seconds=10))
    second, second_ms = world.traced.say(thing, REPORT), clock.millis()
    clock.advance(timedelta(seconds=10))
    third = world.traced.say(thing, REPORT)

    for asked, expected in (
        ({"at": second_ms}, second),
        ({"at": str(second_ms + 1)}, second),
        ({"at": second_ms - 1}, second - 1),
        ({"at": "2026-01-01T00:00:19.999Z"}, second),
        ({"at": "2026-01-01T01:00:19+01:00"}, second),
        ({"at": "2026-01-01T00:00:20"}, third),
        ({}, third),
        ({"offset": str(second)}, second),
    ):
        assert (await follow(world, **asked)).ok()["offset"] == expected, asked


async def test_an_offset_costs_one_read_of_the_log(world, thing):
    for _ in range(50):
        offset = world.traced.say(thing, REPORT)
    world.traced.log.reads = 0
    (await follow(world, offset=offset - 20)).ok()
    assert world.traced.log.reads == 1


async def test_a_message_of_another_thing_or_account_looks_like_none(world, thing):
    south = await world.tenant.database.read(lambda unit: unit.things.get(world.tenant.account.id, "thing-south"))
    there = world.traced.say(south, REPORT, reported=b"{}")
    answers = [await follow(world, world.administrator, offset=offset) for offset in (there, there + 1000)]

    assert [answer.told for answer in answers] == [("INVALID_ARGUMENTS", "offset")] * 2
    first, second = (answer.error["message"] for answer in answers)
    assert first.replace(str(there), "N") == second.replace(str(there + 1000), "N")


async def test_a_rejected_message_says_why(world, thing):
    offset = world.traced.say(thing, REPORT, version=4, outcome=409)
    told = steps_of((await follow(world, offset=offset)).ok())

    words = "Rejected with 409: it named a version that was not the current one. The shadow stayed at version 4."
    assert told["applied"] == ("refused", words)
    assert told["indexed"] == ("never", "Never: what is rejected is no observation.")
    assert told["rules"][0] == "never"


async def test_what_was_not_applied_yet_is_pending(world, thing):
    offset = world.traced.say(thing, REPORT, is_applied=False)
    told = steps_of((await follow(world, offset=offset)).ok())

    assert told["applied"] == ("pending", "It waits to be applied to the shadow.")
    assert told["indexed"][0] == "pending"


async def test_a_wish_is_no_observation_and_names_its_author(world, thing):
    offset = world.traced.say(
        thing, b'{"state":{"desired":{"a":1}}}', origin=Origin.REST, principal=f"person:{world.residents['ada']}"
    )
    told = steps_of((await follow(world, offset=offset)).ok())

    assert "came from ada over the IoT data plane" in told["received"][1]
    assert told["indexed"] == ("never", "Never: only what is reported is an observation, and it reported nothing.")


async def test_a_delete_is_neither_observed_nor_archived(world, thing):
    offset = world.traced.say(thing, b"", verb=Verb.DELETE, version=3)
    told = steps_of((await follow(world, offset=offset)).ok())

    assert told["applied"][1] == "Accepted: the shadow of version 3 was deleted."
    assert (told["indexed"][0], told["archived"][0]) == ("never", "never")


async def test_what_is_no_json_is_in_no_object(world, thing):
    offset = world.traced.say(thing, b"no JSON", outcome=400)
    told = steps_of((await follow(world, offset=offset)).ok())
    assert told["archived"] == ("never", "Never: it is no JSON object and would make its file unreadable.")


async def test_a_message_whose_record_is_gone_is_known_from_the_history(world, thing):
    offset = world.traced.say(thing, REPORT, reported=b"{}")
    world.traced.say(thing, REPORT)
    world.traced.log.truncate_before(offset + 1, keep_from=offset + 1)
    told = steps_of((await follow(world, offset=offset)).ok())

    gone = (
        f"The log no longer has it: it begins at offset {offset + 1} by now (setting log.keep_days: kept for 7 days)."
    )
    assert told["logged"] == ("gone", gone)
    assert told["applied"][0] == told["indexed"][0] == "done"
    assert told["rules"][0] == "gone"


async def test_a_message_that_history_and_searches_lost_says_so(world, thing):
    offset = world.traced.say(thing, REPORT, is_applied=False)
    world.traced.applied_offset = world.traced.indexed_offset = offset
    told = steps_of((await follow(world, offset=offset)).ok())

    assert told["applied"][0] == told["indexed"][0] == "gone"
    assert "observations.keep_days: kept for ever" in told["applied"][1]


async def test_the_archive_tells_object_open_file_and_what_it_has_not_read(world, thing):
    offset = world.traced.say(thing, REPORT)
    archive = world.traced.archive

    async def archived():
        return steps_of((await follow(world, offset=offset)).ok())["archived"]

    assert (await archived())[0] == "pending"
    assert "behind" in (await archived())[1]
    archive.next_offset = offset + 1
    assert await archived() == ("pending", "Its file is closed and being written.")
    archive.file = OpenFile(thing.account_id, offset, 0, ends_ms=300_000)
    assert await archived() == (
        "pending",
        "Its file is still open; it closes at 1970-01-01 00:05:00.000 UTC, or before that at 5 MB.",
    )
    archive.file, archive.stored_offset = None, offset
    assert await archived() == (
        "gone",
        "No object has it any more, or the archive was off at the time (setting archive.keep_days: kept for 30 days).",
    )
    row = ArchivedObject(
        account_id=thing.account_id,
        first_offset=offset,
        last_offset=offset,
        key="2026/01/01/00/prod-firehose-1-x",
        count=1,
        left_out=0,
        size=34,
        first_ms=0,
        last_ms=0,
    )
    await world.tenant.database.write(lambda unit: unit.archive.put([row]))
    assert await archived() == ("done", "In the object 2026/01/01/00/prod-firehose-1-x, one of 1 messages.")


def rule_at(domain, name, *, value=20, **others):
    return {
        "name": name,
        "enabled": True,
        "filter": {"domain": domain, "thingType": "type-north"},
        "expression": {"operator": "gt", "resource": "temp", "value": value},
        "actions": [{"type": "WEBHOOK", "config": {"url": "https://hooks.example/"}}],
        **others,
    }


async def sent_by(world, thing, rule_id, offset, *, job_id="0" * 31 + "1"):
    """Add a delivery of a rule."""
    job = Job(
        id=job_id,
        account_id=thing.account_id,
        kind="webhook",
        lane="https://hooks.example",
        payload=b"secret",
        created_at_ms=1,
        due_at_ms=1,
        cause=f"rule:{rule_id}",
        offset=offset,
    )
    await world.tenant.database.write(lambda unit: unit.jobs.add([job]))
    return job


async def test_deliveries_are_listed_with_their_attempts(world, thing):
    (await world.call("RuleLambda.CREATE", world.writer, **rule_at("north", "hot", id="hot"))).ok()
    offset = world.traced.say(thing, REPORT, reported=b"{}")
    job = await sent_by(world, thing, "hot", offset)

    def fail(unit):
        (claimed,) = unit.jobs.claim("webhook", 1, now_ms=1, leased_until_ms=9)
        attempt = Attempt(job_id=job.id, number=1, started_at_ms=1, took_ms=5, status=503, detail="The answer was 503.")
        unit.jobs.bury(claimed, attempt, now_ms=2)

    await world.tenant.database.write(fail)
    answer = (await follow(world, offset=offset)).ok()

    words = "the webhook of rule:hot was given up after 1 attempt: The answer was 503."
    assert steps_of(answer)["delivered"] == ("refused", words)
    (delivery,) = answer["steps"][-1]["details"]["deliveries"]
    assert (delivery["state"], delivery["attempts"][0]["status"]) == (JobState.DEAD.value, 503)
    assert "secret" not in str(answer)


async def test_a_rule_that_was_hit_and_one_that_just_missed_are_told(world, thing):
    for name, value in (("hot", 20), ("hotter", 30)):
        (await world.call("RuleLambda.CREATE", world.writer, **rule_at("north", name, value=value))).ok()
    offset = world.traced.say(thing, REPORT, reported=b'{"temp":21}')
    answer = (await follow(world, offset=offset)).ok()

    state, words = steps_of(answer)["rules"]
    assert state == "done"
    assert "1 of 2 rules that look at this thing were hit" in words
    assert "was hit: 21 against temp gt 20" in words
    assert "was missed: 21 against temp gt 30" in words
    assert [each["isHit"] for each in answer["steps"][5]["details"]["rules"]] == [True, False]


async def test_a_hit_that_a_threshold_may_have_held_back_is_told_so(world, thing):
    rule = rule_at("north", "hot", value=20) | {"threshold": {"count": 3, "interval": 600_000}}
    (await world.call("RuleLambda.CREATE", world.writer, **rule)).ok()
    offset = world.traced.say(thing, REPORT, reported=b'{"temp":21}')
    _, words = steps_of((await follow(world, offset=offset)).ok())["rules"]

    assert words.startswith("The one rule that looks at this thing was hit, as it is today: ")
    assert words.endswith("was hit: 21 against temp gt 20 (it runs at 3 hits, once in 600 s).")


async def test_rules_of_where_the_thing_was_once_are_told_to_those_who_may_read_them(world, thing):
    (await world.call("RuleLambda.CREATE", world.administrator, **rule_at("root", "hot", id="hot"))).ok()
    (await world.call("RuleLambda.CREATE", world.administrator, **rule_at("north", "cold", id="cold"))).ok()
    offset = world.traced.say(thing, REPORT, reported=b'{"temp":21}')
    await sent_by(world, thing, "hot", offset)
    await sent_by(world, thing, "cold", offset, job_id="0" * 31 + "2")
    (await world.call("ThingLambda.UPDATE", world.administrator, thingName="thing-north", domain="south")).ok()

    seen = {}
    for name, caller in (("all", world.administrator), ("south", world.caller(("south", "Read")))):
        *_, rules, delivered = (await follow(world, caller, offset=offset)).ok()["steps"]
        seen[name] = (
            [each["name"] for each in rules["details"]["rules"]],
            [each["cause"] for each in delivered["details"]["deliveries"]],
        )

    assert seen == {
        "all": (["cold", "hot"], ["rule:hot", "rule:cold"]),
        "south": (["hot"], ["rule:hot"]),
    }


async def test_who_may_not_read_rules_is_told_none(world, thing):
    (await world.call("RuleLambda.CREATE", world.writer, **rule_at("north", "hot", id="hot"))).ok()
    offset = world.traced.say(thing, REPORT, reported=b'{"temp":21}')
    await sent_by(world, thing, "hot", offset)

    answer = (await follow(world, world.caller(("north", "Watch")), offset=offset)).ok()

    assert "hot" not in str(answer)
    assert steps_of(answer)["rules"][0] == steps_of(answer)["delivered"][0] == "unknown"


async def test_while_the_index_is_down_the_rest_is_told(world, thing):
    offset = world.traced.say(thing, REPORT)
    world.traced.index.is_down, world.traced.failure = True, IndexUnavailable("appending")
    told = steps_of((await follow(world, offset=offset)).ok())

    assert told["logged"][0] == "done"
    assert told["applied"] == told["indexed"] == ("unknown", "The observation store does not answer: see /readyz.")


async def test_the_segment_is_named_without_its_folder(world, thing):
    offset = world.traced.say(thing, REPORT)
    logged = (await follow(world, offset=offset)).ok()["steps"][1]
    assert logged["details"] == {"segment": Path("1.log").name}
