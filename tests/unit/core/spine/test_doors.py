from __future__ import annotations

import pytest

from cloudstead.core.caller import Grant
from cloudstead.core.errors import NotPermitted
from cloudstead.core.shadows.errors import ShadowRejected
from cloudstead.core.spine.doors import ShadowDoor, TopicDoor
from cloudstead.core.spine.errors import ShadowUnavailable, TopicForbidden
from cloudstead.log import LogWriteFailed

UPDATE = b'{"state":{"desired":{"a":1}}}'
DISK_FULL = LogWriteFailed(None, "No space left on device")


@pytest.fixture
def shadows(life):
    return ShadowDoor(life.spine, life.directory)


@pytest.fixture
def topics(life):
    return TopicDoor(life.spine, life.directory, life.database)


@pytest.fixture
def caller_of(life):
    return lambda domain_id, role="ReadWrite": life.world.tenant.caller_of("p" * 32, Grant(domain_id, role))


async def committed(life, work):
    """Run a request while the log stores what it sends down."""
    task = life.begin(work)
    await life.until(lambda: life.writer.taken or task.done())
    await life.commit()
    return await task


async def test_a_caller_reads_changes_and_deletes_a_shadow(life, shadows, caller_of):
    caller = caller_of("sub1")
    accepted = await committed(life, shadows.update(caller, "lamp", UPDATE))
    got = await shadows.get(caller, "lamp")
    deleted = await committed(life, shadows.delete(caller, "lamp"))

    assert [b'"version":1' in each.document for each in (accepted, got, deleted)] == [True, True, True]
    with pytest.raises(ShadowRejected, match="No shadow exists"):
        await shadows.get(caller, "lamp")


async def test_an_answer_tells_the_place_of_the_change_in_the_log(life, shadows, caller_of):
    caller = caller_of("sub1")
    await life.update("pump", {"a": 1})
    await life.commit()
    accepted = await committed(life, shadows.update(caller, "lamp", UPDATE))
    got = await shadows.get(caller, "lamp")
    deleted = await committed(life, shadows.delete(caller, "lamp"))

    assert [each.offset for each in (accepted, got, deleted)] == [2, 2, 3]


async def test_a_rejected_change_tells_its_place_in_the_log_too(life, shadows, caller_of):
    with pytest.raises(ShadowRejected) as rejected:
        await committed(life, shadows.update(caller_of("sub1"), "lamp", b"{}"))

    await life.spine.settle()
    assert rejected.value.offset in life.world.index.changes


async def test_a_get_of_what_is_not_there_has_no_place_in_the_log(shadows, caller_of):
    with pytest.raises(ShadowRejected) as rejected:
        await shadows.get(caller_of("sub1"), "lamp")

    assert rejected.value.offset == 0


@pytest.mark.parametrize(("domain_id", "name"), [("sub1", "pump"), ("sub1", "unknown")])
async def test_a_thing_out_of_reach_looks_like_one_without_a_shadow(life, shadows, caller_of, domain_id, name):
    with pytest.raises(ShadowRejected, match=f"No shadow exists with name: '{name}'"):
        await shadows.update(caller_of(domain_id), name, UPDATE)
    assert life.writer.taken == []


async def test_a_reader_may_not_change_a_shadow(life, shadows, caller_of):
    with pytest.raises(NotPermitted):
        await shadows.update(caller_of("sub1", "Read"), "lamp", UPDATE)


async def test_what_a_person_publishes_is_applied_under_the_persons_name(life, topics, caller_of):
    caller = caller_of("sub1")
    await committed(life, topics.publish(caller, "thing-update/sub1/lamp", UPDATE, qos=1))
    await life.spine.settle()

    assert (await life.shadow("lamp")).desired == {"a": 1}
    assert [change.author for change in life.world.index.changes.values()] == [caller.principal]


async def test_with_qos_1_a_publish_returns_once_it_is_on_disk(life, topics, caller_of):
    publishing = life.begin(topics.publish(caller_of("sub1"), "thing-update/sub1/lamp", UPDATE, qos=1))
    await life.until(lambda: life.writer.taken)
    was_done = publishing.done()
    await life.commit()
    await publishing

    assert not was_done


@pytest.mark.filterwarnings("error")
async def test_a_publish_that_could_not_be_stored_says_so_with_qos_1_and_nothing_with_qos_0(life, topics, caller_of):
    publishing = life.begin(topics.publish(caller_of("sub1"), "thing-update/sub1/lamp", UPDATE, qos=1))
    await topics.publish(caller_of("sub1"), "thing-update/sub1/lamp", UPDATE, qos=0)
    await life.until(lambda: len(life.writer.taken) == 2)
    life.writer.refuse(DISK_FULL)

    with pytest.raises(ShadowUnavailable):
        await publishing


@pytest.mark.parametrize(
    "topic",
    [
        "thing-update/lamp",  # of the domain above
        "thing-update/sub2/lamp",
        "thing-update-accepted/sub1/lamp",
        "event/root/sub1",
        "$aws/things/lamp/shadow/update",
    ],
)
async def test_a_topic_that_is_none_of_the_callers_is_forbidden(topics, caller_of, topic):
    with pytest.raises(TopicForbidden):
        await topics.target(caller_of("sub1"), topic)


async def test_a_reader_may_not_publish(topics, caller_of):
    with pytest.raises(NotPermitted):
        await topics.target(caller_of("sub1", "Read"), "thing-update/sub1/lamp")


@pytest.mark.parametrize("topic", ["thing-update/sub1/pump", "thing-update/sub1/none/lamp", "thing-update/sub1/"])
async def test_a_topic_without_a_thing_of_that_place_leads_nowhere(topics, caller_of, topic):
    assert await topics.target(caller_of("sub1"), topic) is None


async def test_a_thing_below_the_sixth_level_cannot_be_published_to(life, topics, caller_of):
    parent = "sub1"
    for level in range(2, 8):
        await life.world.tenant.add_domain(f"sub{level}", parent_id=parent)
        parent = f"sub{level}"
    await life.world.tenant.add_thing("deep", domain_id="sub7")

    assert await topics.target(caller_of("root"), "thing-update/sub1/sub2/sub3/sub4/sub5/sub6/sub7/deep") is None


async def test_a_person_may_subscribe_where_a_grant_lies(topics, caller_of):
    assert await topics.paths(caller_of("sub1", "Read")) == (("root", "sub1"),)
    assert await topics.paths(caller_of("gone")) == ()
