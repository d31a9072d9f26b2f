from __future__ import annotations

import asyncio

import pytest

from protocol.gateway.harness import update

PREFIX = "$aws/things/pump/shadow/"


@pytest.fixture
async def tree(site):
    """root > sub1 > sub2, and root > other; a thing in each."""
    await site.tenant.add_domain("sub1")
    await site.tenant.add_domain("sub2", parent_id="sub1")
    await site.tenant.add_domain("other")
    return {
        domain_id: await site.add_thing(f"at-{domain_id}", domain_id=domain_id)
        for domain_id in ("root", "sub1", "sub2", "other")
    }


async def report(site, thing, **reported):
    """Have a thing report, and return when everything that follows has been published."""
    device = await site.device(thing)
    await device.acknowledgement(device.publish(f"$aws/things/{thing.name}/shadow/update", update(**reported)))
    await device.close()


async def test_every_family_is_heard_under_the_domain_path(site, tree):
    person = await site.person(await site.person_token("Read"))
    await person.subscribe(
        *(f"thing-update{each}/#" for each in ("", "-accepted", "-rejected", "-delta", "-documents"))
    )
    device = await site.device(tree["sub2"])
    own = "$aws/things/at-sub2/shadow/update"
    device.publish(own, {"state": {"desired": {"t": 2}, "reported": {"t": 1}}})
    device.publish(own, b"{")
    assert await person.topics(6) == [
        f"thing-update{each}/sub1/sub2/at-sub2" for each in ("", "-delta", "-documents", "-accepted", "", "-rejected")
    ]


async def test_a_person_hears_the_own_domain_and_everything_below_and_nothing_else(site, tree):
    person = await site.person(await site.person_token("Read", "sub1"))
    await person.subscribe("thing-update/sub1/#")
    for thing in tree.values():
        await report(site, thing, t=1)
    await person.ping()
    assert [each.topic for each in person.messages] == ["thing-update/sub1/at-sub1", "thing-update/sub1/sub2/at-sub2"]


OUTSIDE = (
    "thing-update/#",
    "thing-update/+/x",
    "thing-update/+/#",
    "thing-update/other/#",
    "thing-update/sub1",
    "thing-update/sub1-x/#",
    "#",
    "+/sub1/#",
    "$aws/things/at-sub1/shadow/#",
    "event/root/other",
    "event/root/#",
    "event/#",
)


@pytest.mark.parametrize("topic_filter", OUTSIDE)
async def test_a_filter_that_reaches_outside_closes_the_connection(site, tree, topic_filter):
    person = await site.person(await site.person_token("Read", "sub1"))
    with pytest.raises(asyncio.IncompleteReadError):
        await person.subscribe(topic_filter)


@pytest.mark.parametrize(
    "topic_filter", ["thing-update/sub1/+", "thing-update-delta/sub1/sub2/#", "event/root/sub1", "event/root/sub1/#"]
)
async def test_a_filter_within_the_own_domain_is_granted(site, tree, topic_filter):
    person = await site.person(await site.person_token("Read", "sub1"))
    assert await person.subscribe(topic_filter) == [1]


async def test_a_thing_called_like_a_domain_is_not_heard_by_the_people_of_that_domain(site, tree):
    namesake = await site.add_thing("sub1", domain_id="root")
    person = await site.person(await site.person_token("Read", "sub1"))
    await person.subscribe("thing-update/sub1/#", "thing-update-accepted/sub1/#")
    await report(site, namesake, t=1)
    await report(site, tree["sub1"], t=1)
    await person.ping()
    assert [each.topic for each in person.messages] == [
        "thing-update/sub1/at-sub1",
        "thing-update-accepted/sub1/at-sub1",
    ]


async def test_nor_by_members_of_a_shared_subscription(standard_site):
    site = standard_site
    await site.tenant.add_domain("sub1")
    namesake, inside = await site.add_thing("sub1"), await site.add_thing("pump", domain_id="sub1")
    person = await site.person(await site.person_token("Read", "sub1"))
    assert await person.subscribe("$share/g/thing-update/sub1/#", "$share/g/thing-update/#") == [1, 0x80]
    await report(site, namesake, t=1)
    await report(site, inside, t=1)
    await person.ping()
    assert [each.topic for each in person.messages] == ["thing-update/sub1/pump"]


async def test_people_of_another_account_hear_nothing(site, tree):
    other = await site.tenant.open_another_account()
    from cloudstead.core.accounts.opening import add_administrator
    from cloudstead.core.credentials.passwords import Passwords
    from factories.tenants import CHEAP, PASSWORD

    stranger = await site.tenant.database.write(
        lambda unit: add_administrator(
            unit,
            other,
            ids=site.tenant.ids,
            clock=site.tenant.clock,
            user_name="eve",
            password_hash=Passwords(cost=CHEAP).hash(PASSWORD),
            email="eve@other.example",
        )
    )
    person = await site.person(site.tokens.issue_id_token(other, stranger))
    await person.subscribe("thing-update/#", "event/#")
    await report(site, tree["root"], t=1)
    await person.ping()
    assert person.messages == []


async def test_what_a_person_publishes_is_a_request_to_the_shadow(site, tree):
    device = await site.device(tree["sub1"])
    await device.subscribe("$aws/things/at-sub1/shadow/update", "$aws/things/at-sub1/shadow/update/delta")
    person = await site.person(await site.person_token("ReadWrite", "sub1"))
    await person.subscribe("thing-update/sub1/#")
    packet_id = person.publish("thing-update/sub1/at-sub1", {"state": {"desired": {"t": 4}}})
    await person.acknowledgement(packet_id)
    assert await device.topics(2) == [f"$aws/things/at-sub1/shadow/update{each}" for each in ("", "/delta")]
    await person.ping()
    assert [each.topic for each in person.messages] == ["thing-update/sub1/at-sub1"]
    await site.spine.settle()
    assert site.index.changes[-1].author.startswith("person:")


@pytest.mark.parametrize(
    "topic", ["thing-update/sub1/nobody", "thing-update/sub1/nowhere/at-sub1", "thing-update/sub1/at-sub2"]
)
async def test_a_topic_without_its_thing_is_dropped_in_silence(site, tree, topic):
    person = await site.person(await site.person_token("ReadWrite", "sub1"))
    await person.subscribe("thing-update/sub1/#", "thing-update-rejected/sub1/#")
    await person.acknowledgement(person.publish(topic, update(t=1)))
    await person.ping()
    assert person.messages == []
    assert site.gateway.counters()["invalid_topics"] == 1
    assert site.spine.intake.stored == 0


FORBIDDEN_TOPICS = (
    "thing-update/at-root",
    "thing-update/other/at-other",
    "thing-update-accepted/sub1/at-sub1",
    "event/root/sub1",
    "$aws/things/at-sub1/shadow/update",
    "anything",
)


@pytest.mark.parametrize("topic", FORBIDDEN_TOPICS)
async def test_publishing_outside_of_the_own_domain_or_the_family_closes_the_connection(site, tree, topic):
    person = await site.person(await site.person_token("ReadWrite", "sub1"))
    person.publish(topic, update(t=1))
    assert await person.closed()
    assert person.acknowledged == []
    assert site.spine.intake.stored == 0


async def test_somebody_who_may_only_read_may_not_publish(site, tree):
    person = await site.person(await site.person_token("Read"))
    person.publish("thing-update/at-root", update(t=1))
    assert await person.closed()


async def test_an_mqtt_5_client_is_told_that_it_may_not_publish(site, tree):
    person = await site.person(await site.person_token("Read"), level=5)
    packet_id = person.publish("thing-update/at-root", update(t=1))
    await person.acknowledgement(packet_id)
    assert person.reasons[packet_id] == 0x87


async def test_decisions_are_made_in_the_order_in_which_packets_came(site, tree):
    person = await site.person(await site.person_token("ReadWrite"))
    await person.subscribe("thing-update-accepted/#", qos=0)
    for number in range(200):
        person.publish("thing-update/at-root", update(t=number), qos=0)
    states = [(await person.message()).json["state"]["reported"]["t"] for _ in range(200)]
    assert states == list(range(200))


async def test_a_persons_will_is_a_request_like_any_other(site, tree):
    listener = await site.person(await site.person_token("Read"))
    await listener.subscribe("thing-update-accepted/#")
    token = await site.person_token("ReadWrite", "sub1")
    person = await site.person(token, will=("thing-update/sub1/at-sub1", b'{"state":{"reported":{"t":0}}}', 1, False))
    person.abort()
    assert (await listener.message()).topic == "thing-update-accepted/sub1/at-sub1"


@pytest.mark.parametrize(("role", "topic"), [("Read", "thing-update/sub1/x"), ("ReadWrite", "thing-update/x")])
async def test_a_will_that_may_not_be_published_keeps_a_person_out(site, tree, role, topic):
    token = await site.person_token(role, "sub1")
    client = await site.open_plain()
    options = {"user_name": "token", "password": token.encode(), "will": (topic, b"{}", 0, False)}
    assert await client.connect("tab", **options) == 5
