from dataclasses import replace

import pytest

from cloudstead.protocols.mqtt import (
    STANDARD,
    Broker,
    ConnectRequested,
    Disconnected,
    Properties,
    PublishReceived,
    SubscribeRequested,
    Unsubscribed,
    reasons,
)
from protocol.mqtt.harness import (
    CONNACK,
    DISCONNECT,
    PINGRESP,
    PUBACK,
    PUBCOMP,
    PUBREC,
    PUBREL,
    SUBACK,
    World,
    connect_packet,
    packet,
    publish_packet,
    subscribe_packet,
)

PINGREQ = b"\xc0\x00"


def publishes(count: int, *, first: int = 1, qos: int = 1, level: int = 4) -> bytes:
    return b"".join(
        publish_packet("t", b"%d" % n, qos=qos, packet_id=n, level=level) for n in range(first, first + count)
    )


def opened(profile=STANDARD, level: int = 4):
    broker = Broker(new_client_id=lambda: "assigned")
    connection = broker.open(now=0.0)
    connection.receive(connect_packet("me", level=level), 0.0)
    assert connection.accept(space="s", profile=profile, now=0.0)
    connection.take_output()
    broker.take_dirty()
    return broker, connection


@pytest.mark.parametrize(
    "data",
    [
        PINGREQ,
        packet(0x40, b"\0\1"),
        packet(0x62, b"\0\1"),
        publish_packet("t", b""),
        subscribe_packet(1, [("t", 0)]),
        packet(0xE0, b""),
        packet(0x20, b"\0\0"),
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01",
        b"\x11\x00",
    ],
)
def test_nothing_comes_before_connect(world: World, data):
    client = world.client()
    client.open()
    client.send(data)
    assert client.closed
    assert client.packets == []
    assert world.broker.connection_count == 0
    assert world.broker.counters.protocol_errors == 1


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize(
    "data",
    [
        packet(0x20, b"\0\0"),  # what only a server sends
        packet(0x90, b"\0\1\0"),
        packet(0xB0, b"\0\1"),
        packet(0xD0, b""),
        packet(0x00, b""),
        packet(0xF0, b""),
        packet(0xC1, b""),  # reserved flags
        packet(0x80, b"\0\1\0\1t\0"),
        packet(0x60, b"\0\1"),
        packet(0x41, b"\0\1"),
        packet(0xC0, b"x"),
        packet(0x40, b"\0\0"),
        b"\xc0\xff\xff\xff\xff",
    ],
)
def test_a_packet_that_breaks_a_rule_ends_the_connection_and_only_mqtt_5_is_told_why(world: World, level, data):
    client = world.client(level=level)
    client.connect()
    client.send(data)
    assert client.closed
    assert client.count(DISCONNECT) == (level == 5)
    if level == 5:
        goodbye = client.last(DISCONNECT)
        assert goodbye.code in {reasons.MALFORMED_PACKET, reasons.PROTOCOL_ERROR}
        assert goodbye.properties.reason_string == client.connection.close_detail
    assert isinstance(world.events[-1], Disconnected)
    assert not world.events[-1].by_client


def test_3_1_lets_packets_be_marked_as_repeated(world: World):
    client = world.client(level=3)
    client.connect()
    client.send(packet(0x8A, b"\0\1\0\1t\0"))
    assert client.last(SUBACK).codes == (0,)


def test_what_was_whole_before_an_error_is_told_and_not_answered_any_more(world: World):
    client = world.client()
    client.connect()
    client.send(publish_packet("t", b"first", qos=1, packet_id=1) + b"\x00\x00" + publish_packet("t", b"never"))
    received = [event for event in world.events if isinstance(event, PublishReceived)]
    assert [event.payload for event in received] == [b"first"]
    assert client.count(PUBACK) == 0


def test_nothing_is_parsed_before_the_decision():
    broker = Broker(new_client_id=lambda: "assigned")
    connection = broker.open(now=0.0)
    events = connection.receive(connect_packet("me") + PINGREQ + publishes(1), 0.0)
    assert [type(event) for event in events] == [ConnectRequested]
    assert not connection.wants_read
    assert not connection.pending_input
    assert connection.receive(PINGREQ, 0.0) == []
    assert connection.accept(space="s", profile=STANDARD, now=0.0)
    assert connection.pending_input
    assert [type(event) for event in connection.receive(b"", 0.0)] == [PublishReceived]
    assert connection.wants_read
    assert connection.take_output() == b"\x20\x02\x00\x00" + b"\xd0\x00" * 2


def test_a_refused_client_is_told_why_in_the_words_of_its_version(world: World):
    for level, code in ((3, 5), (4, 5), (5, 0x87)):
        client = world.client(level=level)
        client.open()
        client.connection.receive(connect_packet("me", level=level), world.now)
        client.connection.refuse(reasons.NOT_AUTHORIZED, "no", world.now)
        world.flush()
        assert client.closed
        assert client.last(CONNACK).code == code
        assert client.last(CONNACK).properties.reason_string == ("no" if level == 5 else None)
    assert world.broker.counters.refusals == 3
    assert world.broker.session_count == 0


def test_a_client_that_wants_no_reasons_gets_none(world: World):
    client = world.client(level=5)
    client.connect(properties=Properties(request_problem_information=0))
    client.send(b"\x00\x00")
    assert client.last(DISCONNECT).properties.reason_string is None


def test_a_decision_that_comes_too_late_changes_nothing():
    broker = Broker(new_client_id=lambda: "assigned")
    connection = broker.open(now=0.0)
    connection.receive(connect_packet("me"), 0.0)
    connection.lost(0.0)
    assert not connection.accept(space="s", profile=STANDARD, now=0.0)
    connection.refuse(reasons.NOT_AUTHORIZED, "no", 0.0)
    connection.acknowledge(1)
    connection.grant(1, None, 0.0)
    connection.close(reasons.NOT_AUTHORIZED, "no", 0.0)
    assert connection.take_output() == b""
    assert (broker.session_count, broker.connection_count) == (0, 0)


def test_a_puback_is_sent_only_when_the_message_is_stored(world: World):
    client = world.client()
    client.connect()
    world.stores = False
    client.publish("t", b"x", 1)
    client.publish("t", b"x", 2)
    assert client.count(PUBACK) == client.count(PUBREC) == 0
    world.store_all()
    assert client.count(PUBACK) == client.count(PUBREC) == client.count(PUBCOMP) == 1


def test_acknowledging_twice_or_at_qos_0_sends_nothing():
    _, connection = opened()
    connection.receive(publishes(1), 0.0)
    connection.acknowledge(1)
    connection.acknowledge(1)
    connection.acknowledge(0)
    assert connection.take_output() == b"\x40\x02\x00\x01"


def test_a_denied_publish_ends_a_3_1_1_connection(world: World):
    for qos in range(3):
        world.forbidden_topics.add("closed")
        client = world.client()
        client.connect()
        client.publish("closed", b"x", qos)
        assert client.closed
        assert client.connection.close_code == 0x87


def test_at_most_so_many_packets_are_parsed_at_a_time():
    _, connection = opened()
    assert len(connection.receive(publishes(70), 0.0)) == 32
    assert connection.pending_input
    assert not connection.wants_read
    assert len(connection.receive(b"", 0.0)) == 32
    assert len(connection.receive(b"", 0.0, max_frames=100)) == 6
    assert not connection.pending_input
    assert connection.wants_read


def test_a_3_1_1_client_is_slowed_down_at_its_window_and_not_closed():
    _, connection = opened(replace(STANDARD, inbound_window=5))
    assert len(connection.receive(publishes(8), 0.0)) == 5
    assert not connection.pending_input
    assert not connection.wants_read
    assert connection.receive(b"", 0.0) == []
    connection.acknowledge(1)
    assert connection.pending_input
    assert [event.payload for event in connection.receive(b"", 0.0)] == [b"6"]
    for packet_id in range(2, 7):
        connection.acknowledge(packet_id)
    assert len(connection.receive(b"", 0.0)) == 2
    assert connection.wants_read


def test_a_client_that_is_slowed_down_is_not_taken_for_silent():
    broker, connection = opened(replace(STANDARD, inbound_window=1))
    connection.receive(publishes(2), 0.0)
    broker.tick(1000.0)
    assert not connection.closing
    connection.acknowledge(1)
    connection.receive(b"", 1000.0)
    broker.tick(1089.0)
    assert not connection.closing
    broker.tick(1200.0)
    assert connection.close_code == reasons.KEEP_ALIVE_TIMEOUT


def test_a_repeated_message_that_is_not_stored_yet_is_answered_once():
    _, connection = opened()
    connection.receive(publishes(1), 0.0)
    again = publish_packet("t", b"1", qos=1, packet_id=1, dup=True)
    assert connection.receive(again, 0.0) == []
    connection.acknowledge(1)
    assert connection.take_output() == b"\x40\x02\x00\x01"
    assert len(connection.receive(again, 0.0)) == 1


def test_another_message_with_an_id_in_use_ends_the_connection():
    _, connection = opened()
    connection.receive(publishes(1), 0.0)
    connection.receive(publishes(1), 0.0)
    assert connection.close_code == reasons.PACKET_IDENTIFIER_IN_USE


def test_a_message_at_qos_2_is_told_once_however_often_it_comes(world: World):
    client = world.client()
    client.connect(clean=False)
    client.subscribe(("t", 0))
    client.acknowledges = False  # PUBREC is not followed by PUBREL
    client.send(publish_packet("t", b"once", qos=2, packet_id=7))
    client.terminate()
    client.connect(clean=False)
    client.send(publish_packet("t", b"once", qos=2, packet_id=7, dup=True))
    assert client.count(PUBREC) == 2
    assert sum(isinstance(event, PublishReceived) for event in world.events) == 1
    client.send(packet(0x62, b"\0\7"))
    assert client.last(PUBCOMP).packet_id == 7
    client.send(publish_packet("t", b"new", qos=2, packet_id=7))
    assert sum(isinstance(event, PublishReceived) for event in world.events) == 2


def test_a_message_at_qos_2_that_is_stored_after_a_reconnect_is_acknowledged_there(world: World):
    client = world.client()
    client.connect(clean=False)
    world.stores = False
    client.send(publish_packet("t", b"once", qos=2, packet_id=7))
    client.terminate()
    client.connect(clean=False)
    client.send(publish_packet("t", b"once", qos=2, packet_id=7, dup=True))
    assert client.count(PUBREC) == 0
    assert len(world.unstored) == 1
    world.store_all()
    assert client.count(PUBREC) == client.count(PUBCOMP) == 1


def test_an_unknown_release_is_completed_and_mqtt_5_is_told(world: World):
    for level, code in ((4, 0), (5, 0x92)):
        client = world.client(level=level)
        client.connect()
        client.send(packet(0x62, b"\0\7"))
        assert (client.last(PUBCOMP).packet_id, client.last(PUBCOMP).code) == (7, code)
        client.send(packet(0x50, b"\0\7"))
        assert (client.last(PUBREL).packet_id, client.last(PUBREL).code) == (7, code)


def test_answers_to_nothing_are_left_alone(world: World):
    client = world.client()
    client.connect()
    client.send(packet(0x40, b"\0\7") + packet(0x70, b"\0\7"))
    assert not client.closed


def test_a_3_1_1_client_cannot_leave_exchanges_open_without_end():
    _, connection = opened(replace(STANDARD, inbound_window=2))
    for packet_id in range(1, 21):
        connection.receive(publishes(1, first=packet_id, qos=2), 0.0)
        connection.acknowledge(packet_id)
        assert not connection.closing
    connection.receive(publishes(1, first=21, qos=2), 0.0)
    assert connection.close_code == reasons.RECEIVE_MAXIMUM_EXCEEDED


def test_a_message_that_was_not_stored_can_be_sent_again(world: World):
    client = world.client(level=5)
    client.connect()
    world.stores = False
    client.send(publish_packet("t", b"x", qos=2, packet_id=7, level=5))
    connection, event = world.unstored.pop()
    connection.deny(event, reasons.QUOTA_EXCEEDED, world.now)
    world.flush()
    assert client.last(PUBREC).code == reasons.QUOTA_EXCEEDED
    client.send(publish_packet("t", b"x", qos=2, packet_id=7, level=5))
    assert len(world.unstored) == 1


def test_a_client_cannot_send_a_subscription_identifier(world: World):
    client = world.client(level=5)
    client.connect()
    client.publish("t", properties=Properties(subscription_identifiers=(1,)))
    assert client.last(DISCONNECT).code == reasons.PROTOCOL_ERROR


def test_a_topic_must_be_named_somehow(world: World):
    client = world.client(level=5)
    client.connect()
    client.publish("")
    assert client.last(DISCONNECT).code == reasons.TOPIC_NAME_INVALID


def test_subscribing_may_be_decided_later():
    _, connection = opened()
    (first,) = connection.receive(subscribe_packet(1, [("a", 2), ("b", 1)]), 0.0)
    (second,) = connection.receive(subscribe_packet(2, [("c", 2)]), 0.0)
    assert isinstance(first, SubscribeRequested)
    assert connection.take_output() == b""
    connection.grant(second.packet_id, None, 0.0)
    connection.grant(first.packet_id, [0x87, 0], 0.0)
    connection.grant(first.packet_id, [0, 0], 0.0)
    assert connection.take_output() == b"\x90\x03\x00\x02\x02" + b"\x90\x04\x00\x01\x80\x00"
    assert {text: each.qos for text, each in connection.subscriptions.items()} == {"b": 0, "c": 2}


def test_a_subscribe_with_an_id_in_use_ends_the_connection():
    _, connection = opened()
    connection.receive(subscribe_packet(1, [("a", 2)]), 0.0)
    connection.receive(subscribe_packet(1, [("b", 2)]), 0.0)
    assert connection.close_code == reasons.PACKET_IDENTIFIER_IN_USE


def test_undecided_subscribes_do_not_pile_up():
    _, connection = opened()
    data = b"".join(subscribe_packet(n, [("a", 0)]) for n in range(1, 30))
    assert len(connection.receive(data, 0.0)) == 16
    assert not connection.wants_read
    connection.grant(1, None, 0.0)
    assert len(connection.receive(b"", 0.0)) == 1


def test_unsubscribing_is_told(world: World):
    client = world.client()
    client.connect()
    client.subscribe(("a", 0), ("b", 0))
    client.unsubscribe("b", "c")
    assert isinstance(world.events[-1], Unsubscribed)
    assert world.events[-1].filters == ("b", "c")
    assert list(client.connection.subscriptions) == ["a"]


def test_a_ping_is_answered(world: World):
    client = world.client()
    client.connect()
    client.send(PINGREQ)
    assert client.count(PINGRESP) == 1


def test_a_goodbye_is_told_with_its_code(world: World):
    client = world.client(level=5)
    client.connect()
    client.disconnect(0x80)
    event = world.events[-1]
    assert isinstance(event, Disconnected)
    assert (event.by_client, event.code) == (True, 0x80)
    assert client.count(DISCONNECT) == 0


def test_nothing_is_read_after_the_goodbye(world: World):
    client = world.client()
    client.connect()
    client.send(packet(0xE0, b"") + publish_packet("t", b"x", qos=1, packet_id=1))
    assert not any(isinstance(event, PublishReceived) for event in world.events)


def test_a_connection_that_is_closed_from_here_is_told_why(world: World):
    client = world.client(level=5)
    client.connect(will=("wills", b"x", 0, False))
    client.connection.close(reasons.ADMINISTRATIVE_ACTION, "the certificate was revoked", world.now)
    world.flush()
    assert client.closed
    assert client.last(DISCONNECT).code == reasons.ADMINISTRATIVE_ACTION
    assert client.last(DISCONNECT).properties.reason_string == "the certificate was revoked"


def test_an_undecided_client_that_is_closed_gets_a_connack():
    broker = Broker(new_client_id=lambda: "assigned")
    connection = broker.open(now=0.0)
    connection.receive(connect_packet("me"), 0.0)
    connection.close(reasons.SERVER_SHUTTING_DOWN, "shutting down", 0.0)
    assert connection.take_output() == b"\x20\x02\x00\x03"
    assert connection.closing


def test_a_client_that_does_not_connect_in_time_is_closed():
    broker = Broker(new_client_id=lambda: "assigned", connect_timeout_s=10.0)
    silent, undecided = broker.open(now=0.0), broker.open(now=0.0)
    undecided.receive(connect_packet("me"), 0.0)
    broker.tick(9.0)
    assert broker.take_dirty() == set()
    broker.tick(10.0)
    assert broker.take_dirty() == {silent, undecided}
    assert silent.take_output() == b""
    assert undecided.take_output() == b"\x20\x02\x00\x03"


def test_a_goodbye_that_is_too_large_for_the_client_is_shortened_or_left_out(world: World):
    for size, sent in ((60, 1), (3, 0)):
        client = world.client(level=5)
        client.connect(properties=Properties(maximum_packet_size=60))
        client.connection._outbox.max_packet_bytes = size
        client.connection.close(reasons.QUOTA_EXCEEDED, "x" * 100, world.now)
        world.flush()
        assert client.count(DISCONNECT) == sent
        if sent:
            assert client.last(DISCONNECT).properties.reason_string is None


def test_a_client_too_small_for_its_connack_is_closed(world: World):
    client = world.client(level=5)
    client.open()
    client.send(connect_packet("me", level=5, properties=Properties(maximum_packet_size=5)))
    assert client.closed
    assert client.packets == []
    assert world.broker.connection_count == world.broker.session_count == 0


def test_connections_with_something_to_write_are_collected_once():
    broker, connection = opened()
    connection.receive(PINGREQ * 3, 0.0)
    assert broker.take_dirty() == {connection}
    assert broker.take_dirty() == set()
    assert connection.take_output() == b"\xd0\x00" * 3
    assert connection.take_output() == b""


def test_what_is_denied_after_the_end_can_be_sent_again_on_the_next_connection(world: World):
    client = world.client()
    client.connect(clean=False)
    world.stores = False
    client.send(publish_packet("t", b"x", qos=2, packet_id=7))
    connection, event = world.unstored.pop()
    client.terminate()
    connection.deny(event, reasons.QUOTA_EXCEEDED, world.now)
    client.connect(clean=False)
    client.send(publish_packet("t", b"x", qos=2, packet_id=7, dup=True))
    assert len(world.unstored) == 1


def test_a_client_of_many_topics_is_served_as_well():
    _, connection = opened()
    for number in range(200):
        (event,) = connection.receive(publish_packet(f"t/{number}", b""), 0.0)
        assert event.topic == f"t/{number}"
    assert len(connection._incoming._known_topics) <= 64
