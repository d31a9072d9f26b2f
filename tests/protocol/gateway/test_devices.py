from __future__ import annotations

import asyncio

import pytest

from cloudstead.core.ids import ThingName
from protocol.gateway.harness import update

PREFIX = "$aws/things/pump/shadow/"


@pytest.fixture
async def pump(site):
    return await site.add_thing("pump")


@pytest.mark.parametrize("level", [3, 4, 5])
async def test_an_update_is_acknowledged_and_then_answered_with_everything_that_follows(site, pump, level):
    device = await site.device(pump, level=level)
    assert await device.subscribe(f"{PREFIX}update/+") == [1]
    packet_id = device.publish(f"{PREFIX}update", {"state": {"desired": {"t": 2}, "reported": {"t": 1}}})
    delta, documents, accepted = [await device.message() for _ in range(3)]
    assert device.acknowledged == [packet_id]
    assert [each.topic.removeprefix(f"{PREFIX}update/") for each in (delta, documents, accepted)] == [
        "delta",
        "documents",
        "accepted",
    ]
    assert delta.json["state"] == {"t": 2}
    assert documents.json["previous"] is None
    assert documents.json["current"]["version"] == accepted.json["version"] == 1


async def test_the_index_gets_every_update_with_its_author(site, pump):
    device = await site.device(pump)
    packet_id = device.publish(f"{PREFIX}update", update(t=1))
    await device.acknowledgement(packet_id)
    await site.spine.settle()
    (observation,) = site.index.observations
    assert (observation.thing_name, observation.state_json) == ("pump", b'{"t":1}')
    assert site.index.changes[0].author == "thing:pump"


async def test_a_get_finds_what_was_written_just_before(site, pump):
    device = await site.device(pump)
    await device.subscribe(f"{PREFIX}get/accepted")
    device.publish(f"{PREFIX}update", update(t=7))
    device.publish(f"{PREFIX}get", b"")
    assert (await device.message()).json["state"] == {"reported": {"t": 7}}


async def test_a_deleted_shadow_is_gone(site, pump):
    device = await site.device(pump)
    await device.subscribe(f"{PREFIX}delete/accepted", f"{PREFIX}get/rejected")
    device.publish(f"{PREFIX}update", update(t=7))
    device.publish(f"{PREFIX}delete", b"")
    device.publish(f"{PREFIX}get", b"")
    deleted, missing = await device.message(), await device.message()
    assert deleted.json["version"] == 1
    assert (missing.topic, missing.json["code"]) == (f"{PREFIX}get/rejected", 404)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"state":{"x":1}}', 400),
        (b'{"state":{},"version":9}', 409),
        (b'{"state":"\xff"}', 415),
    ],
)
async def test_a_bad_request_is_acknowledged_and_rejected(site, pump, payload, code):
    device = await site.device(pump)
    await device.subscribe(f"{PREFIX}update/rejected")
    packet_id = device.publish(f"{PREFIX}update", payload)
    assert (await device.message()).json["code"] == code
    assert device.acknowledged == [packet_id]


async def test_an_update_at_qos_0_is_answered_all_the_same(site, pump):
    device = await site.device(pump)
    await device.subscribe(f"{PREFIX}update/accepted")
    device.publish(f"{PREFIX}update", update(t=1), qos=0)
    assert (await device.message()).json["version"] == 1


FORBIDDEN_TOPICS = [
    "$aws/things/valve/shadow/update",
    f"{PREFIX}update/accepted",
    f"{PREFIX}other",
    "thing-update/pump",
    "event/root",
    "anything",
]


@pytest.mark.parametrize("topic", FORBIDDEN_TOPICS)
async def test_a_device_that_publishes_elsewhere_is_closed(site, pump, topic):
    await site.add_thing("valve")
    device = await site.device(pump)
    device.publish(topic, update(t=1))
    assert await device.closed()
    assert device.acknowledged == []


async def test_an_mqtt_5_device_that_publishes_elsewhere_is_told_why(site, pump):
    device = await site.device(pump, level=5)
    packet_id = device.publish("$aws/things/valve/shadow/update", update(t=1))
    await device.acknowledgement(packet_id)
    assert device.reasons[packet_id] == 0x87


FORBIDDEN_FILTERS = [
    "#",
    "+/#",
    "$aws/#",
    "$aws/things/+/shadow/#",
    "$aws/things/valve/shadow/#",
    "thing-update/#",
    "x",
]


@pytest.mark.parametrize("topic_filter", FORBIDDEN_FILTERS)
async def test_a_device_that_subscribes_elsewhere_is_closed(site, pump, topic_filter):
    device = await site.device(pump)
    with pytest.raises(asyncio.IncompleteReadError):
        await device.subscribe(f"{PREFIX}#", topic_filter)


async def test_under_the_standard_profile_a_forbidden_filter_is_refused_and_the_rest_granted(standard_site):
    device = await standard_site.device(await standard_site.add_thing("pump"))
    assert await device.subscribe(f"{PREFIX}#", "$aws/#", f"$share/group/{PREFIX}get/+") == [1, 0x80, 1]


@pytest.mark.parametrize("options", [{"qos": 2}, {"retain": True}])
async def test_the_profile_of_2017_closes_on_qos_2_and_on_retained_messages(site, pump, options):
    device = await site.device(pump)
    device.publish(f"{PREFIX}update", update(t=1), **options)
    assert await device.closed()


async def test_the_standard_profile_takes_qos_2(standard_site):
    device = await standard_site.device(await standard_site.add_thing("pump"))
    await device.subscribe(f"{PREFIX}update/accepted")
    device.publish(f"{PREFIX}update", update(t=1), qos=2)
    assert (await device.wait_for(5))[1] == b"\0\x02"  # PUBREC
    assert (await device.message()).json["version"] == 1


async def test_a_device_hears_nothing_of_another_thing(site, pump):
    valve = await site.add_thing("valve")
    listener, talker = await site.device(pump), await site.device(valve)
    await listener.subscribe(f"{PREFIX}#")
    await talker.acknowledgement(talker.publish("$aws/things/valve/shadow/update", update(t=1)))
    await listener.ping()
    assert listener.messages == []


async def test_a_second_connection_of_the_thing_ends_the_first(site, pump):
    first = await site.device(pump)
    second = await site.device(pump)
    assert await first.closed()
    await second.ping()


async def test_a_client_id_of_another_thing_ends_nobodys_connection(site, pump):
    valve = await site.add_thing("valve")
    first = await site.device(pump, client_id="same")
    second = await site.device(valve, client_id="same")
    await first.ping()
    await second.ping()


async def test_what_waits_for_a_thing_is_handed_to_no_other(standard_site):
    site = standard_site
    pump, valve = await site.add_thing("pump"), await site.add_thing("valve")
    sleeper = await site.device(pump, client_id="same", clean=False)
    await sleeper.subscribe(f"{PREFIX}#")
    await sleeper.close()
    await site.until(lambda: site.gateway.counters()["connections"] == 0)
    token = await site.person_token("ReadWrite")
    person = await site.person(token)
    await person.acknowledgement(person.publish("thing-update/pump", update(t=1)))
    other = await site.device(valve, client_id="same", clean=False)
    await other.ping()
    assert (other.connack[0], other.messages) == (0, [])
    owner = await site.device(pump, client_id="same", clean=False)
    assert owner.connack[0] == 1
    assert (await owner.message()).topic == f"{PREFIX}update"


async def test_what_waits_for_a_removed_thing_is_not_handed_to_its_namesake(standard_site):
    site = standard_site
    sleeper = await site.device(await site.add_thing("pump"), clean=False)
    await sleeper.subscribe(f"{PREFIX}#")
    await sleeper.close()
    await site.until(lambda: site.gateway.counters()["connections"] == 0)
    person = await site.person(await site.person_token("ReadWrite"))
    await person.acknowledgement(person.publish("thing-update/pump", update(t=1)))
    await site.tenant.database.write(lambda unit: site.things.remove(unit, site.tenant.caller, name=ThingName("pump")))
    namesake = await site.device(await site.add_thing("pump"), clean=False)
    await namesake.ping()
    assert (namesake.connack[0], namesake.messages) == (0, [])


async def test_a_will_is_delivered_and_not_acted_on(site, pump):
    device = await site.device(pump, will=(f"{PREFIX}update", b'{"state":{"reported":{"t":9}}}', 1, False))
    listener = await site.device(pump, client_id="second")
    await listener.subscribe(f"{PREFIX}#")
    device.abort()
    assert (await listener.message()).topic == f"{PREFIX}update"
    listener.publish(f"{PREFIX}get", b"")
    assert await listener.topics(2) == [f"{PREFIX}get", f"{PREFIX}get/rejected"]


@pytest.mark.parametrize("topic", ["$aws/things/valve/shadow/update", "thing-update/pump", "elsewhere"])
async def test_a_will_elsewhere_keeps_a_device_out(site, pump, topic):
    client = await site.open_tls(site.client_context(await site.bundle(pump)))
    assert await client.connect("pump", will=(topic, b"x", 0, False)) == 5
    assert await client.closed()


async def test_a_thing_that_moves_stays_connected_and_its_topics_move_at_once(site, pump):
    await site.tenant.add_domain("sub1")
    device = await site.device(pump)
    person = await site.person(await site.person_token("Read"))
    await person.subscribe("thing-update/#")
    await site.tenant.database.write(
        lambda unit: site.things.update(unit, site.tenant.caller, name=pump.name, domain_id="sub1")
    )
    device.publish(f"{PREFIX}update", update(t=1))
    assert (await person.message()).topic == "thing-update/sub1/pump"
