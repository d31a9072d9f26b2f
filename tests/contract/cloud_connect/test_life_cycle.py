"""Life-cycle events (section 1.3): which action tells what, and where."""

from __future__ import annotations

import json

import pytest

from cloudstead.dialects.cloud_connect.life_cycle import LifeCycle
from factories.contract import cloud_connect


class Messages:
    def __init__(self):
        self.sent = []

    def publish(self, account_id, topic, payload, *, qos):
        self.sent.append((account_id, topic, json.loads(payload)))


@pytest.fixture
def told(world):
    messages = Messages()
    world.printed = False
    LifeCycle(world.tenant.clock, messages, uses_printed_names=lambda _: world.printed).listen(world.tenant.bus)
    return messages.sent


THING = {"thingName": "thing-north"}
TYPE = {"id": "spare"}

EVENTS = [
    ("ThingLambda.CREATE", {"thingType": "type-north", "domain": "fjord"}, "THING.CREATE", "event/root/north/fjord"),
    ("ThingLambda.UPDATE", {**THING, "domain": "fjord"}, "THING.UPDATE", "event/root/north/fjord"),
    ("ThingLambda.REMOVE", THING, "THING.REMOVE", "event/root/north"),
    (
        "ThingTypeLambda.CREATE",
        {"id": "1", "domain": "north", "label": "Pump"},
        "THING_TYPE.CREATE",
        "event/root/north",
    ),
    ("ThingTypeLambda.UPDATE", {**TYPE, "label": "x"}, "THING_TYPE.UPDATE", "event/root/north"),
    ("ThingTypeLambda.UPDATE_ATTRIBUTE", {**TYPE, "keyPath": "a", "item": 1}, "THING_TYPE.UPDATE", "event/root/north"),
    ("ThingTypeLambda.REMOVE", TYPE, "THING_TYPE.REMOVE", "event/root/north"),
]


@pytest.mark.parametrize(("label", "attributes", "kind", "topic"), EVENTS, ids=[each[0] for each in EVENTS])
async def test_a_change_is_told_at_the_path_of_its_domain(world, told, label, attributes, kind, topic):
    (await world.call(label, world.writer, **attributes)).ok()
    ((account_id, sent_to, message),) = told
    assert (account_id, sent_to, message["type"]) == (world.tenant.account.id, topic, kind)
    assert message["timestamp"] == world.tenant.clock.millis()
    assert message["classification"] == "INTERNAL"
    assert message["source"]["domain"] == topic.rpartition("/")[2]
    assert message["source"]["thingType"] in {"type-north", "spare", "1"}
    assert ("thingName" in message["source"]) == kind.startswith("THING.")


async def test_the_message_reads_as_in_the_contract(world, told):
    (await world.call("ThingTypeLambda.CREATE", world.writer, id=1, domain="north", label="Pump")).ok()
    assert told[0][2]["message"] == "Thingtype with id: 1 and label: Pump created"


def test_every_type_that_the_contract_lists_is_told():
    assert {each["type"] for each in cloud_connect()["life-cycle-events"]["types"]} == {
        kind for _, _, kind, _ in EVENTS
    }


async def test_an_account_may_want_the_names_as_printed(world, told):
    world.printed = True
    for label, attributes, _, _ in EVENTS[3:]:
        (await world.call(label, world.writer, **attributes)).ok()
    assert [message["type"] for _, _, message in told] == [
        "THING_TYPE.CREATE",
        "THING.UPDATE",
        "THING.UPDATE",
        "THING.REMOVE",
    ]


async def test_removing_an_attribute_tells_nothing(world, told):
    (await world.call("ThingTypeLambda.REMOVE_ATTRIBUTE", world.writer, id="spare", keyPath="data")).ok()
    assert told == []


async def test_a_change_that_was_refused_tells_nothing(world, told):
    await world.call("ThingTypeLambda.REMOVE", world.writer, id="type-north")
    await world.call("ThingLambda.CREATE", world.writer, thingName="thing-north", thingType="spare", domain="north")
    assert told == []
