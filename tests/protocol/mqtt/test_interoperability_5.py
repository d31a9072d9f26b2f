"""The scenarios of the Eclipse Paho interoperability suite for MQTT 5, as laws of the broker."""

from dataclasses import replace

import pytest

from cloudstead.protocols.mqtt import STANDARD, Properties
from protocol.mqtt.harness import (
    CONNACK,
    DISCONNECT,
    PUBACK,
    PUBREC,
    Client,
    World,
    connect_packet,
    packet,
    publish_packet,
)

TOPICS = ("TopicA", "TopicA/B", "Topic/C", "TopicA/C", "/TopicA")
ANY_TWO_LEVELS = "+/+"
NO_LOCAL, AS_PUBLISHED, ONLY_IF_NEW, NEVER_RETAINED = 4, 8, 16, 32
USERS = (("a", "2"), ("c", "3"))


@pytest.fixture
def client(world: World) -> Client:
    return world.client("client", level=5)


@pytest.fixture
def other(world: World) -> Client:
    return world.client("other", level=5)


def publish_three(client, *, retain=False, properties=None):
    for qos in range(3):
        client.publish(TOPICS[qos + 1], b"qos %d" % qos, qos, retain=retain, properties=properties)


def test_a_client_gets_its_own_messages_at_every_qos(client):
    assert client.connect().code == 0
    client.subscribe((TOPICS[0], 2))
    for qos in range(3):
        client.publish(TOPICS[0], b"", qos)
    assert [message.qos for message in client.take()] == [0, 1, 2]


def test_a_second_connect_is_a_protocol_error(client):
    client.connect()
    client.send(connect_packet("client", level=5))
    assert client.closed
    assert client.last(DISCONNECT).code == 0x82


def test_retained_messages_keep_their_properties(client):
    client.connect()
    publish_three(client, retain=True, properties=Properties(user_properties=USERS))
    client.subscribe((ANY_TWO_LEVELS, 2))
    messages = client.take()
    assert sorted(message.qos for message in messages) == [0, 1, 2]
    assert all(message.properties.user_properties == USERS for message in messages)


def test_an_empty_client_id_is_assigned(client):
    client.client_id = ""
    answer = client.connect()
    assert answer.code == 0
    assert answer.properties.assigned_client_id == "assigned-1"
    assert client.connection.client_id == "assigned-1"


def test_messages_wait_for_an_offline_client_with_a_session(client, other):
    client.connect(properties=Properties(session_expiry_s=100))
    client.subscribe((ANY_TWO_LEVELS, 2))
    client.disconnect()
    other.connect()
    publish_three(other)
    assert client.connect(clean=False).session_present
    assert client.payloads() == [b"qos 0", b"qos 1", b"qos 2"]


def test_a_silent_client_is_told_why_it_is_cut(world: World, client):
    client.connect(keep_alive=5)
    world.sleep(9)
    assert client.closed
    assert client.last(DISCONNECT).code == 0x8D


def test_what_was_not_acknowledged_comes_again_after_a_reconnect(client):
    client.connect(properties=Properties(session_expiry_s=100))
    client.subscribe(("TopicA/#", 2))
    client.acknowledges = False
    client.publish(TOPICS[1], b"one", 1)
    client.publish(TOPICS[3], b"two", 2)
    client.disconnect()
    client.acknowledges = True
    client.connect(clean=False)
    assert [(message.payload, message.dup) for message in client.take()] == [(b"one", True), (b"two", True)]


def test_a_refused_filter_is_answered_with_its_reason(world: World, client):
    client.connect()
    world.forbidden_filters.add("test/nosubscribe")
    assert client.subscribe(("test/nosubscribe", 2)) == (0x87,)


def test_wildcards_at_the_first_level_do_not_reach_dollar_topics(client):
    client.connect()
    client.subscribe((ANY_TWO_LEVELS, 2))
    client.publish("$" + TOPICS[1], b"", 1)
    assert client.take() == []


def test_unsubscribing_tells_whether_there_was_a_subscription(client, other):
    client.connect()
    for topic in TOPICS[:3]:
        client.subscribe((topic, 2))
    assert client.unsubscribe(TOPICS[0], "never/subscribed") == (0, 0x11)
    other.connect()
    for place in range(3):
        other.publish(TOPICS[place], b"topic %d" % place, 1)
    assert client.payloads() == [b"topic 1", b"topic 2"]


def test_a_session_without_an_expiry_interval_ends_with_its_connection(client):
    assert not client.connect(properties=Properties(session_expiry_s=0)).session_present
    client.disconnect()
    assert not client.connect(clean=False).session_present


def test_a_session_lives_for_its_expiry_interval(world: World, client):
    expiry = Properties(session_expiry_s=5)
    client.connect(properties=expiry)
    client.disconnect()
    world.sleep(2)
    assert client.connect(clean=False, properties=expiry).session_present
    client.disconnect()
    world.sleep(6)
    assert not client.connect(clean=False, properties=expiry).session_present


def test_the_expiry_interval_may_change_with_the_goodbye(world: World, client):
    expiry = Properties(session_expiry_s=1)
    client.connect(properties=expiry)
    client.disconnect(properties=Properties(session_expiry_s=5))
    world.sleep(3)
    assert client.connect(clean=False, properties=expiry).session_present
    client.disconnect(properties=Properties(session_expiry_s=0))
    assert not client.connect(clean=False, properties=expiry).session_present


def test_a_session_that_was_to_end_at_once_cannot_be_prolonged(client):
    client.connect()
    client.disconnect(properties=Properties(session_expiry_s=5))
    assert client.last(DISCONNECT).code == 0x82


def test_a_clean_start_ends_the_session_before(client):
    expiry = Properties(session_expiry_s=100)
    client.connect(properties=expiry)
    client.subscribe((TOPICS[0], 1))
    client.disconnect()
    assert not client.connect(clean=True, properties=expiry).session_present
    client.publish(TOPICS[0], b"x", 1)
    assert client.take() == []


def test_properties_for_the_receiver_pass_unchanged_at_every_qos(client):
    sent = Properties(
        payload_format=1,
        content_type="My name",
        response_topic=TOPICS[1],
        correlation_data=b"\0\xff",
        user_properties=USERS,
    )
    client.connect()
    client.subscribe((TOPICS[0], 2))
    for qos in range(3):
        client.publish(TOPICS[0], b"", qos, properties=sent)
    assert [message.properties for message in client.take()] == [sent, sent, sent]


def test_a_message_that_waited_too_long_is_not_delivered_and_others_say_what_is_left(world: World, client, other):
    client.connect(properties=Properties(session_expiry_s=99_999))
    client.subscribe((TOPICS[0], 2))
    client.disconnect()
    other.connect()
    for qos in (1, 2):
        other.publish(TOPICS[0], b"expire", qos, properties=Properties(message_expiry_s=1))
        other.publish(TOPICS[0], b"stay", qos, properties=Properties(message_expiry_s=6))
    world.sleep(3)
    client.connect(clean=False)
    assert [(message.payload, message.properties.message_expiry_s) for message in client.take()] == [
        (b"stay", 3),
        (b"stay", 3),
    ]
    assert world.broker.counters.dropped_expired == 2


def test_a_retained_message_expires(world: World, client):
    client.connect()
    client.publish(TOPICS[0], b"x", 1, retain=True, properties=Properties(message_expiry_s=5))
    world.sleep(2)
    client.subscribe((TOPICS[0], 1))
    assert [message.properties.message_expiry_s for message in client.take()] == [3]
    world.sleep(4)
    client.subscribe((TOPICS[0], 1))
    assert client.take() == []
    assert world.broker.retained_count == 0


def test_no_local_keeps_own_messages_away(client, other):
    client.connect()
    other.connect()
    client.subscribe((TOPICS[0], 2 | NO_LOCAL))
    other.subscribe((TOPICS[0], 2 | NO_LOCAL))
    client.publish(TOPICS[0], b"noLocal test", 1)
    assert client.take() == []
    assert other.payloads() == [b"noLocal test"]


def test_no_local_on_a_shared_subscription_is_a_protocol_error(client):
    client.connect()
    assert client.subscribe(("$share/group/topic", NO_LOCAL)) == ()
    assert client.last(DISCONNECT).code == 0x82


@pytest.mark.parametrize(("options", "flags"), [(AS_PUBLISHED, [False, True]), (0, [False, False])])
def test_the_retain_flag_is_kept_only_for_those_who_ask(client, options, flags):
    client.connect()
    client.subscribe((TOPICS[0], 2 | options))
    client.publish(TOPICS[0], b"not retained", 1)
    client.publish(TOPICS[0], b"retained", 1, retain=True)
    assert [message.retain for message in client.take()] == flags


@pytest.mark.parametrize(("handling", "first", "second"), [(0, 3, 3), (ONLY_IF_NEW, 3, 0), (NEVER_RETAINED, 0, 0)])
def test_retain_handling_decides_when_retained_messages_are_sent(client, handling, first, second):
    client.connect()
    publish_three(client, retain=True)
    client.subscribe((ANY_TWO_LEVELS, 2 | handling))
    assert len(client.take()) == first
    client.subscribe((ANY_TWO_LEVELS, 2 | handling))
    assert len(client.take()) == second


def test_a_message_carries_the_identifiers_of_all_subscriptions_that_match(client, other):
    client.connect()
    client.subscribe((TOPICS[0], 2), properties=Properties(subscription_identifiers=(456_789,)))
    other.connect()
    other.subscribe((TOPICS[0], 2), properties=Properties(subscription_identifiers=(2,)))
    other.subscribe((TOPICS[0] + "/#", 2), properties=Properties(subscription_identifiers=(3,)))
    other.publish(TOPICS[0], b"sub identifier test", 1)
    assert [message.properties.subscription_identifiers for message in client.take()] == [(456_789,)]
    assert [set(message.properties.subscription_identifiers) for message in other.take()] == [{2, 3}]


def test_a_request_can_be_answered(client, other):
    for each in (client, other):
        each.connect()
        each.subscribe((TOPICS[0], 2 | NO_LOCAL))
    client.publish(TOPICS[0], b"request", 1, properties=Properties(response_topic=TOPICS[0], correlation_data=b"334"))
    (request,) = other.take()
    other.publish(request.properties.response_topic, b"response", 1, properties=request.properties)
    (response,) = client.take()
    assert (response.payload, response.properties.correlation_data) == (b"response", b"334")


def test_a_client_may_name_a_topic_by_its_alias(client):
    assert client.connect().properties.topic_alias_maximum == STANDARD.topic_alias_maximum
    client.subscribe((TOPICS[0], 2))
    client.publish(TOPICS[0], b"topic alias 1", 1, properties=Properties(topic_alias=1))
    client.publish("", b"topic alias 2", 1, properties=Properties(topic_alias=1))
    messages = client.take()
    assert [(message.topic, message.payload) for message in messages] == [
        (TOPICS[0], b"topic alias 1"),
        (TOPICS[0], b"topic alias 2"),
    ]
    assert all(message.properties.topic_alias is None for message in messages)


def test_an_alias_means_nothing_on_the_next_connection(client):
    client.connect(properties=Properties(session_expiry_s=999))
    client.publish(TOPICS[0], b"", 1, properties=Properties(topic_alias=1))
    client.disconnect()
    client.connect(clean=False)
    client.publish("", b"", 1, properties=Properties(topic_alias=1))
    assert client.last(DISCONNECT).code == 0x82


@pytest.mark.parametrize("alias", [0, STANDARD.topic_alias_maximum + 1])
def test_an_alias_out_of_range_is_refused(client, alias):
    client.connect()
    client.publish(TOPICS[0], b"", 1, properties=Properties(topic_alias=alias))
    assert client.last(DISCONNECT).code == 0x94


def test_the_server_uses_aliases_as_far_as_the_client_allows(client):
    client.connect(properties=Properties(topic_alias_maximum=1))
    client.subscribe(("#", 2))
    for qos in range(3):
        client.publish(TOPICS[0], b"", qos)
    client.publish(TOPICS[1], b"", 1)
    assert [(message.topic, message.sent_topic, message.properties.topic_alias) for message in client.take()] == [
        (TOPICS[0], TOPICS[0], 1),
        (TOPICS[0], "", 1),
        (TOPICS[0], "", 1),
        (TOPICS[1], TOPICS[1], None),
    ]


def test_the_server_uses_no_aliases_unasked(client):
    client.connect()
    client.subscribe((TOPICS[0], 2))
    for qos in range(3):
        client.publish(TOPICS[0], b"", qos)
    assert [message.properties.topic_alias for message in client.take()] == [None, None, None]


def test_a_packet_larger_than_the_server_takes_ends_the_connection(world: World, client):
    world.profile = replace(STANDARD, max_packet_bytes=300)
    assert client.connect().properties.maximum_packet_size == 300
    client.publish(TOPICS[0], bytes(280), 0)
    assert not client.closed
    client.publish(TOPICS[0], bytes(300), 0)
    assert client.last(DISCONNECT).code == 0x95


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_message_larger_than_the_client_takes_is_dropped_as_if_delivered(world: World, client, qos):
    client.connect(properties=Properties(maximum_packet_size=64, receive_maximum=1))
    client.subscribe((TOPICS[0], 2))
    client.publish(TOPICS[0], bytes(32), qos)
    client.publish(TOPICS[0], bytes(64), qos)
    client.publish(TOPICS[0], b"small", qos)
    assert client.payloads() == [bytes(32), b"small"]
    assert world.broker.counters.dropped_too_large == 1


def test_the_server_tells_its_own_keep_alive(world: World, client):
    world.profile = replace(STANDARD, max_keep_alive_s=60)
    assert client.connect(keep_alive=120).properties.server_keep_alive_s == 60
    assert client.connect(keep_alive=60).properties.server_keep_alive_s is None


def test_no_more_messages_are_in_flight_than_the_client_takes(client):
    client.connect(properties=Properties(receive_maximum=2))
    client.subscribe((TOPICS[0], 2))
    client.acknowledges = False
    for number in range(1, 5):
        client.publish(TOPICS[0], b"message %d" % number, 1)
    assert len(client.unanswered) == 2
    client.acknowledge(1)
    assert len(client.unanswered) == 3
    client.acknowledge(2)
    client.acknowledge(3)
    assert len(client.unanswered) == 4


def test_more_messages_in_flight_than_the_server_takes_end_the_connection(world: World, client):
    maximum = client.connect().properties.receive_maximum
    assert maximum == STANDARD.inbound_window
    world.stores = False
    client.send(b"".join(publish_packet("t", b"", qos=1, packet_id=n + 1, level=5) for n in range(maximum)))
    assert not client.closed
    client.send(publish_packet("t", b"", qos=2, packet_id=maximum + 1, level=5))
    assert client.last(DISCONNECT).code == 0x93


def test_an_exchange_at_qos_2_counts_until_it_is_complete(client):
    maximum = client.connect().properties.receive_maximum
    client.acknowledges = False
    for number in range(maximum):
        client.publish("t", b"", 2)
        assert client.count(PUBREC) == number + 1
    client.publish("t", b"", 2)
    assert client.last(DISCONNECT).code == 0x93


@pytest.mark.parametrize(("delay_s", "expiry_s", "after_s"), [(3, 5, 3), (5, 0, 0), (5, 2, 2), (5, 5, 5)])
def test_a_will_waits_for_its_delay_or_the_end_of_the_session(world: World, client, other, delay_s, expiry_s, after_s):
    client.connect(
        properties=Properties(session_expiry_s=expiry_s),
        will=(TOPICS[0], b"will", 1, False),
        will_properties=Properties(will_delay_s=delay_s, user_properties=USERS),
    )
    other.connect()
    other.subscribe((TOPICS[0], 2))
    client.terminate()
    if after_s:
        world.sleep(after_s - 1)
        assert other.take() == []
        world.sleep(1)
    assert [(message.payload, message.properties) for message in other.take()] == [
        (b"will", Properties(user_properties=USERS))
    ]
    world.sleep(10)
    assert other.take() == []


def test_a_will_is_withdrawn_by_a_reconnect_in_time(world: World, client, other):
    client.connect(
        properties=Properties(session_expiry_s=50),
        will=(TOPICS[0], b"will", 1, False),
        will_properties=Properties(will_delay_s=5),
    )
    other.connect()
    other.subscribe((TOPICS[0], 2))
    client.terminate()
    world.sleep(3)
    client.connect(clean=False, properties=Properties(session_expiry_s=50))
    world.sleep(30)
    assert other.take() == []


def test_a_clean_start_lets_a_waiting_will_go_at_once(world: World, client, other):
    client.connect(
        properties=Properties(session_expiry_s=50),
        will=(TOPICS[0], b"will", 1, False),
        will_properties=Properties(will_delay_s=5),
    )
    other.connect()
    other.subscribe((TOPICS[0], 2))
    client.terminate()
    client.connect(clean=True)
    assert other.payloads() == [b"will"]


def test_a_client_may_ask_for_its_will_with_the_goodbye(client, other):
    client.connect(will=(TOPICS[0], b"will", 1, False))
    other.connect()
    other.subscribe((TOPICS[0], 2))
    client.disconnect(0x04)
    assert other.payloads() == [b"will"]


def test_each_message_goes_to_one_member_of_a_group_in_turn(client, other):
    for each in (client, other):
        each.connect()
        each.subscribe(("$share/sharename/x", 2), (TOPICS[0], 2))
    other.publish(TOPICS[0], b"for all")
    assert client.payloads() == other.payloads() == [b"for all"]
    for number in range(4):
        other.publish("x", b"%d" % number)
    assert client.payloads() == [b"0", b"2"]
    assert other.payloads() == [b"1", b"3"]


def test_a_group_passes_over_members_that_are_away(client, other):
    client.connect(properties=Properties(session_expiry_s=100))
    client.subscribe(("$share/g/x", 1))
    other.connect()
    other.subscribe(("$share/g/x", 1))
    client.disconnect()
    for _ in range(3):
        other.publish("x", b"", 1)
    assert len(other.take()) == 3
    client.connect(clean=False)
    assert client.take() == []


def test_a_group_that_is_away_altogether_finds_its_messages_later(client, other):
    client.connect(properties=Properties(session_expiry_s=100))
    client.subscribe(("$share/g/x", 1))
    client.disconnect()
    other.connect()
    other.publish("x", b"later", 1)
    client.connect(clean=False)
    assert client.payloads() == [b"later"]


def test_retained_messages_are_not_for_groups(client):
    client.connect()
    client.publish("x", b"retained", 1, retain=True)
    client.subscribe(("$share/g/x", 1))
    assert client.take() == []


def test_a_taken_over_connection_is_told_so(world: World, client):
    client.connect()
    newer = world.client("client", level=5)
    newer.connect()
    assert client.last(DISCONNECT).code == 0x8E
    assert client.closed
    assert not newer.closed


def test_a_take_over_inherits_the_session(world: World, client):
    client.connect(properties=Properties(session_expiry_s=100))
    client.subscribe((TOPICS[0], 1))
    newer = world.client("client", level=5)
    assert newer.connect(clean=False, properties=Properties(session_expiry_s=100)).session_present
    newer.publish(TOPICS[0], b"x", 1)
    assert newer.payloads() == [b"x"]


def test_extended_authentication_is_refused_by_name(client):
    client.connect(properties=Properties(authentication_method="SCRAM"))
    assert client.last(CONNACK).code == 0x8C
    assert client.closed


def test_an_authentication_packet_is_a_protocol_error(client):
    client.connect()
    client.send(packet(0xF0, b""))
    assert client.last(DISCONNECT).code == 0x82


def test_a_denied_publish_is_answered_with_its_reason(world: World, client):
    world.forbidden_topics.add("closed")
    client.connect()
    client.publish("closed", b"", 1)
    assert client.last(PUBACK).code == 0x87
    client.publish("closed", b"", 2)
    assert client.last(PUBREC).code == 0x87
    client.publish("closed", b"", 0)
    assert not client.closed
    assert world.broker.counters.dropped_denied == 3
