from __future__ import annotations

import msgspec
import pytest

from cloudstead.core.shadows.changes import Verb
from cloudstead.core.spine.requests import Origin

OWN = "$aws/things/lamp/shadow"
BOTH = b'{"state":{"desired":{"a":2},"reported":{"a":1}}}'
REFUSED = b'{"state":5}'


async def told(life, verb, payload, *, origin=Origin.DEVICE, name="lamp"):
    life.audience.heard.clear()
    await life.submit(name, verb, payload, origin=origin)
    await life.commit()
    return life.audience.topics


async def test_an_update_is_followed_by_delta_documents_and_accepted_in_this_order(life):
    assert await told(life, Verb.UPDATE, BOTH) == [
        f"{OWN}/update",
        "thing-update/sub1/lamp",
        f"{OWN}/update/delta",
        "thing-update-delta/sub1/lamp",
        f"{OWN}/update/documents",
        "thing-update-documents/sub1/lamp",
        f"{OWN}/update/accepted",
        "thing-update-accepted/sub1/lamp",
    ]


@pytest.mark.parametrize("origin", [Origin.DEVICE, Origin.PERSON])
async def test_each_family_gets_a_message_once_whichever_door_it_came_through(life, origin):
    topics = await told(life, Verb.UPDATE, BOTH, origin=origin)

    assert len(topics) == len(set(topics))
    assert topics.count("thing-update/sub1/lamp") == 1


async def test_a_rejected_update_is_followed_by_rejected_alone(life):
    assert await told(life, Verb.UPDATE, REFUSED) == [
        f"{OWN}/update",
        "thing-update/sub1/lamp",
        f"{OWN}/update/rejected",
        "thing-update-rejected/sub1/lamp",
    ]


async def test_families_carry_updates_only(life):
    await told(life, Verb.UPDATE, BOTH)

    assert await told(life, Verb.GET, b"") == [f"{OWN}/get", f"{OWN}/get/accepted"]
    assert await told(life, Verb.DELETE, b"") == [f"{OWN}/delete", f"{OWN}/delete/accepted"]
    assert await told(life, Verb.GET, b"") == [f"{OWN}/get", f"{OWN}/get/rejected"]


async def test_an_update_by_rest_is_told_like_any_other_but_is_no_message_itself(life):
    topics = await told(life, Verb.UPDATE, BOTH, origin=Origin.REST)

    assert topics[0] == f"{OWN}/update/delta"
    assert topics[-1] == "thing-update-accepted/sub1/lamp"
    assert len(topics) == 6


@pytest.mark.parametrize(("verb", "payload"), [(Verb.UPDATE, REFUSED), (Verb.GET, b""), (Verb.DELETE, b"")])
async def test_a_rejected_rest_call_publishes_nothing(life, verb, payload):
    assert await told(life, verb, payload, origin=Origin.REST) == []


async def test_a_get_by_rest_answers_its_caller_alone(life):
    await told(life, Verb.UPDATE, BOTH)

    assert await told(life, Verb.GET, b"", origin=Origin.REST) == []


async def test_a_thing_below_the_sixth_level_has_no_families(life):
    parent = "sub1"
    for level in range(2, 8):
        await life.world.tenant.add_domain(f"sub{level}", parent_id=parent)
        parent = f"sub{level}"
    await life.world.tenant.add_thing("at-six", domain_id="sub6")
    await life.world.tenant.add_thing("at-seven", domain_id="sub7")
    at_six = await told(life, Verb.UPDATE, BOTH, name="at-six")
    at_seven = await told(life, Verb.UPDATE, BOTH, name="at-seven")

    assert "thing-update/sub1/sub2/sub3/sub4/sub5/sub6/at-six" in at_six
    assert [topic for topic in at_seven if not topic.startswith("$aws/things/at-seven/shadow/update")] == []
    assert len(at_seven) == 4


async def test_there_is_no_delta_once_thing_and_wish_agree(life):
    await told(life, Verb.UPDATE, BOTH)
    topics = await told(life, Verb.UPDATE, b'{"state":{"reported":{"a":2}}}')

    assert [topic for topic in topics if "delta" in topic] == []


async def test_what_nobody_listens_to_is_not_written(life):
    life.audience.deaf_to = ("documents", "-documents/sub1/lamp", "accepted", "-accepted/sub1/lamp")
    topics = await told(life, Verb.UPDATE, BOTH)

    assert [topic for topic in topics if "documents" in topic or "accepted" in topic] == []


async def test_documents_show_the_shadow_before_the_update_also_when_those_before_had_no_reader(life):
    life.audience.deaf_to = ("documents", "thing-update-documents/sub1/lamp")
    await told(life, Verb.UPDATE, b'{"state":{"reported":{"a":1}}}')
    life.audience.deaf_to = ()
    await told(life, Verb.UPDATE, b'{"state":{"reported":{"a":2}}}')

    documents = msgspec.json.decode(dict(life.audience.heard)[f"{OWN}/update/documents"])
    assert (documents["previous"]["version"], documents["previous"]["state"]) == (1, {"reported": {"a": 1}})
    assert (documents["current"]["version"], documents["current"]["state"]) == (2, {"reported": {"a": 2}})
