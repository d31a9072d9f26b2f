"""The scenarios of the Eclipse Paho interoperability suite for MQTT 3.1.1, as laws of the broker."""

import pytest

from protocol.mqtt.harness import CONNACK, PUBACK, World, connect_packet

TOPICS = ("TopicA", "TopicA/B", "Topic/C", "TopicA/C", "/TopicA")
ANY_TWO_LEVELS, BELOW_TOPIC_A, ONE_BELOW_TOPIC_A = "+/+", "TopicA/#", "TopicA/+"


def publish_three(client, *, retain=False, payloads=(b"qos 0", b"qos 1", b"qos 2")):
    for qos, payload in enumerate(payloads):
        client.publish(TOPICS[qos + 1], payload, qos, retain=retain)


@pytest.mark.parametrize("level", [3, 4])
def test_a_client_gets_its_own_messages_at_every_qos(world: World, level):
    client = world.client(level=level)
    assert client.connect().code == 0
    client.disconnect()
    client.connect()
    client.subscribe((TOPICS[0], 2))
    for qos in range(3):
        client.publish(TOPICS[0], b"qos %d" % qos, qos)
    assert [(message.payload, message.qos) for message in client.take()] == [
        (b"qos 0", 0),
        (b"qos 1", 1),
        (b"qos 2", 2),
    ]


def test_a_second_connect_on_a_connection_ends_it(world: World):
    client = world.client()
    client.connect()
    client.send(connect_packet("client"))
    assert client.closed


def test_another_protocol_name_is_closed_without_an_answer(world: World):
    client = world.client()
    client.open()
    client.send(connect_packet("client").replace(b"MQTT", b"MOTT"))
    assert client.closed
    assert client.packets == []


def test_another_protocol_version_is_told_so(world: World):
    client = world.client()
    client.open()
    client.send(connect_packet("client", level=6))
    assert client.closed
    assert client.last(CONNACK).code == 1


def test_retained_messages_reach_a_later_subscriber_with_their_qos(world: World):
    client = world.client()
    client.connect()
    publish_three(client, retain=True)
    client.subscribe((ANY_TWO_LEVELS, 2))
    assert {(message.topic, message.qos, message.retain) for message in client.take()} == {
        (TOPICS[1], 0, True),
        (TOPICS[2], 1, True),
        (TOPICS[3], 2, True),
    }


def test_an_empty_retained_message_removes_the_one_before(world: World):
    client = world.client()
    client.connect()
    publish_three(client, retain=True)
    publish_three(client, retain=True, payloads=(b"", b"", b""))
    client.subscribe((ANY_TWO_LEVELS, 2))
    assert client.take() == []
    assert world.broker.retained_count == 0


def test_messages_wait_for_an_offline_client_with_a_session(world: World):
    sleeper, publisher = world.client("sleeper"), world.client("publisher")
    sleeper.connect(clean=False)
    sleeper.subscribe((ANY_TWO_LEVELS, 2))
    sleeper.disconnect()
    publisher.connect()
    publish_three(publisher)
    assert sleeper.connect(clean=False).session_present
    assert sleeper.payloads() == [b"qos 0", b"qos 1", b"qos 2"]


def test_nothing_waits_for_a_client_with_a_clean_session(world: World):
    sleeper, publisher = world.client("sleeper"), world.client("publisher")
    sleeper.connect()
    sleeper.subscribe((ANY_TWO_LEVELS, 2))
    sleeper.disconnect()
    publisher.connect()
    publish_three(publisher)
    assert not sleeper.connect(clean=False).session_present
    assert sleeper.take() == []


def test_a_lost_client_leaves_its_will(world: World):
    mortal, heir = world.client("mortal"), world.client("heir")
    mortal.connect(will=(TOPICS[2], b"client not disconnected", 1, False))
    heir.connect()
    heir.subscribe((TOPICS[2], 2))
    mortal.terminate()
    assert heir.payloads() == [b"client not disconnected"]


def test_a_client_that_says_goodbye_takes_its_will_along(world: World):
    mortal, heir = world.client("mortal"), world.client("heir")
    mortal.connect(will=(TOPICS[2], b"client not disconnected", 1, False))
    heir.connect()
    heir.subscribe((TOPICS[2], 2))
    mortal.disconnect()
    world.sleep(100)
    assert heir.take() == []


def test_a_client_that_breaks_the_protocol_leaves_its_will(world: World):
    mortal, heir = world.client("mortal"), world.client("heir")
    mortal.connect(will=(TOPICS[2], b"will", 0, False))
    heir.connect()
    heir.subscribe((TOPICS[2], 2))
    mortal.send(b"\x00\x00")
    assert heir.payloads() == [b"will"]


def test_a_retained_will_is_retained(world: World):
    mortal, heir = world.client("mortal"), world.client("heir")
    mortal.connect(will=(TOPICS[2], b"will", 1, True))
    mortal.terminate()
    heir.connect()
    heir.subscribe((TOPICS[2], 2))
    assert [(message.payload, message.retain) for message in heir.take()] == [(b"will", True)]


def test_an_empty_client_id_needs_a_clean_session(world: World):
    client = world.client("")
    assert client.connect(clean=False).code == 2
    assert client.closed
    assert client.connect(clean=True).code == 0
    assert client.connection.client_id == "assigned-1"


def test_an_empty_client_id_is_no_client_id_in_3_1(world: World):
    client = world.client("", level=3)
    assert client.connect().code == 2


def test_overlapping_subscriptions_bring_one_copy_at_the_highest_qos(world: World):
    client = world.client()
    client.connect()
    client.subscribe((BELOW_TOPIC_A, 2), (ONE_BELOW_TOPIC_A, 1))
    client.publish(TOPICS[3], b"overlapping", 2)
    assert [(message.payload, message.qos) for message in client.take()] == [(b"overlapping", 2)]


def test_a_silent_client_is_cut_after_one_and_a_half_keep_alives(world: World):
    silent, watcher = world.client("silent"), world.client("watcher")
    silent.connect(keep_alive=5, will=(TOPICS[4], b"keepalive expiry", 0, False))
    watcher.connect(keep_alive=0)
    watcher.subscribe((TOPICS[4], 2))
    world.sleep(7)
    assert not silent.closed
    world.sleep(2)
    assert silent.closed
    assert watcher.payloads() == [b"keepalive expiry"]
    world.sleep(100_000)
    assert not watcher.closed


def test_a_ping_keeps_a_client_alive(world: World):
    client = world.client()
    client.connect(keep_alive=5)
    for _ in range(10):
        world.sleep(6)
        client.send(b"\xc0\x00")
    assert not client.closed


def test_what_was_not_acknowledged_comes_again_after_a_reconnect(world: World):
    client = world.client()
    client.connect(clean=False)
    client.subscribe((BELOW_TOPIC_A, 2))
    client.acknowledges = False
    client.publish(TOPICS[1], b"one", 1)
    client.publish(TOPICS[3], b"two", 2)
    client.disconnect()
    client.acknowledges = True
    assert client.take() == []
    client.connect(clean=False)
    assert [(message.payload, message.qos, message.dup) for message in client.take()] == [
        (b"one", 1, True),
        (b"two", 2, True),
    ]
    client.disconnect()
    client.connect(clean=False)
    assert client.take() == []


def test_a_refused_filter_is_answered_with_a_failure_code(world: World):
    client = world.client()
    client.connect()
    world.forbidden_filters.add("nosubscribe")
    assert client.subscribe(("nosubscribe", 2), ("other", 1)) == (0x80, 1)
    client.publish("nosubscribe", b"x", 1)
    assert client.count(PUBACK) == 1
    assert client.take() == []


def test_3_1_has_no_failure_code_so_a_refused_filter_ends_the_connection(world: World):
    client = world.client(level=3)
    client.connect()
    world.forbidden_filters.add("nosubscribe")
    assert client.subscribe(("nosubscribe", 2)) == ()
    assert client.closed


@pytest.mark.parametrize("text", ["+/+", "#", "+/TopicA/#"])
def test_wildcards_at_the_first_level_do_not_reach_dollar_topics(world: World, text):
    client = world.client()
    client.connect()
    client.subscribe((text, 2))
    client.publish("$" + TOPICS[1], b"", 1)
    assert client.take() == []


def test_an_unsubscribed_filter_brings_nothing_any_more(world: World):
    client, publisher = world.client(), world.client("publisher")
    client.connect()
    client.subscribe((TOPICS[0], 2))
    client.subscribe((TOPICS[1], 2))
    client.subscribe((TOPICS[2], 2))
    client.unsubscribe(TOPICS[0])
    publisher.connect()
    for place in range(3):
        publisher.publish(TOPICS[place], b"topic %d" % place, 1)
    assert client.payloads() == [b"topic 1", b"topic 2"]


def test_a_newer_connection_with_the_same_client_id_ends_the_older_one(world: World):
    older, newer = world.client("same"), world.client("same")
    older.connect(will=("wills", b"taken over", 0, False))
    watcher = world.client("watcher")
    watcher.connect()
    watcher.subscribe(("wills", 0))
    newer.connect()
    assert older.closed
    assert not newer.closed
    assert watcher.payloads() == [b"taken over"]
    assert world.broker.counters.takeovers == 1


def test_the_same_client_id_in_another_space_is_another_client(world: World):
    here, there = world.client("same", space="here"), world.client("same", space="there")
    here.connect()
    there.connect()
    here.subscribe(("#", 1))
    there.publish("topic", b"not for you", 1)
    assert not here.closed
    assert here.take() == []
