from dataclasses import replace

import pytest

from cloudstead.protocols.mqtt import STANDARD, Properties
from protocol.mqtt.harness import Client, World, packet

SMALL = replace(STANDARD, outbound_window=3, max_queued_messages=4)


@pytest.fixture
def reader(world: World) -> Client:
    """A client with a small window, subscribed to everything at QoS 2."""
    world.profile = SMALL
    client = world.client("reader")
    client.connect(clean=False)
    client.subscribe(("#", 2))
    return client


def publish(world: World, topic: str, payload: bytes = b"", qos: int = 1) -> int:
    count = world.broker.publish("acme", topic, payload, qos=qos, now=world.now)
    world.flush()
    return count


def test_a_full_window_makes_messages_wait_and_an_answer_lets_the_next_go(world: World, reader):
    reader.acknowledges = False
    for number in range(6):
        publish(world, "t", b"%d" % number)
    assert reader.unanswered == [1, 2, 3]
    reader.acknowledge(2)
    assert reader.unanswered == [1, 2, 3, 4]
    reader.acknowledges = True
    reader.acknowledge(1)
    assert reader.payloads() == [b"4", b"5"]


def test_a_client_that_stops_answering_loses_the_oldest_of_each_topic(world: World, reader):
    reader.acknowledges = False
    for _ in range(3):
        publish(world, "fill")
    for number in range(4):
        publish(world, "a" if number else "b", b"%d" % number)
    publish(world, "a", b"4")
    publish(world, "c", b"5")
    assert world.broker.counters.dropped_queue_full == 2
    reader.acknowledges = True
    for packet_id in (1, 2, 3):
        reader.acknowledge(packet_id)
    assert [(message.topic, message.payload) for message in reader.take()] == [
        ("a", b"2"),
        ("a", b"3"),
        ("a", b"4"),
        ("c", b"5"),
    ]


def test_messages_without_acknowledgement_do_not_wait_for_the_window(world: World, reader):
    reader.acknowledges = False
    for _ in range(5):
        publish(world, "t")
    publish(world, "t", qos=0)
    assert reader.unanswered == [1, 2, 3, 0]


def test_a_reader_that_never_reads_does_not_grow(world: World, reader):
    connection = reader.connection
    connection.set_writable(False, world.now)
    for _ in range(1000):
        publish(world, "t", bytes(100), qos=0)
        publish(world, "t", bytes(100), qos=1)
    assert connection._outbox.unsent_bytes == 0
    counters = world.broker.counters
    assert counters.dropped_unwritable == 1000
    assert counters.dropped_queue_full == 1000 - SMALL.max_queued_messages
    connection.set_writable(True, world.now)
    world.flush()
    assert len(reader.take()) == SMALL.max_queued_messages


def test_what_one_tick_may_leave_unsent_is_bounded(world: World, reader):
    world.profile = replace(SMALL, max_unsent_bytes=1000, max_queued_messages=100)
    reader.disconnect()
    reader.connect(clean=False)
    for _ in range(20):
        world.broker.publish("acme", "t", bytes(100), qos=0, now=world.now)
    assert reader.connection._outbox.unsent_bytes < 1200
    assert world.broker.counters.dropped_unwritable == 10
    world.flush()
    publish(world, "t", b"again", qos=0)
    assert reader.take()[-1].payload == b"again"


def test_what_waited_for_room_is_sent_once_the_output_is_taken(world: World, reader):
    world.profile = replace(SMALL, max_unsent_bytes=10)
    reader.disconnect()
    reader.connect(clean=False)
    world.broker.publish("acme", "t", bytes(100), qos=0, now=world.now)
    world.broker.publish("acme", "t", b"waits", qos=1, now=world.now)
    world.flush()
    assert reader.payloads() == [bytes(100), b"waits"]


def test_many_retained_messages_reach_a_slow_reader_in_the_end(world: World):
    world.profile = replace(STANDARD, max_unsent_bytes=500)
    for number in range(100):
        world.broker.publish("acme", f"t/{number}", bytes(50), qos=0, retain=True, now=world.now)
    client = world.client()
    client.connect()
    client.subscribe(("#", 0))
    assert len(client.take()) == 100


def test_after_a_reconnect_the_window_holds_for_what_is_repeated(world: World, reader):
    reader.acknowledges = False
    for number in range(5):
        publish(world, "t", b"%d" % number)
    reader.terminate()
    world.profile = replace(SMALL, outbound_window=2)
    reader.unanswered.clear()
    reader.connect(clean=False)
    assert reader.unanswered == [1, 2]
    reader.acknowledges = True
    reader.acknowledge(1)
    reader.acknowledge(2)
    messages = reader.take()
    assert [(message.payload, message.dup) for message in messages] == [(b"2", True), (b"3", False), (b"4", False)]


def test_messages_for_a_session_keep_their_order_across_a_reconnect(world: World, reader):
    reader.acknowledges = False
    for number in range(3):
        publish(world, "t", b"%d" % number)
    reader.terminate()
    publish(world, "t", b"3")
    reader.acknowledges = True
    reader.connect(clean=False)
    assert reader.payloads() == [b"0", b"1", b"2", b"3"]


def test_the_second_half_of_an_exchange_is_repeated_as_such(world: World, reader):
    reader.acknowledges = False
    publish(world, "t", b"x", qos=2)
    reader.send(packet(0x50, b"\0\1"))
    reader.terminate()
    reader.packets.clear()
    reader.acknowledges = True
    reader.connect(clean=False)
    assert reader.take() == []
    assert [each.kind for each in reader.packets] == [2, 6]
    reader.terminate()
    reader.packets.clear()
    reader.connect(clean=False)
    assert [each.kind for each in reader.packets] == [2]


def test_a_refused_exchange_at_qos_2_is_over(world: World):
    client = world.client(level=5)
    client.connect(properties=Properties(receive_maximum=1))
    client.subscribe(("t", 2))
    client.acknowledges = False
    publish(world, "t", qos=2)
    publish(world, "t", qos=2)
    assert client.unanswered == [1]
    client.send(packet(0x50, b"\0\1\x87"))
    assert client.unanswered == [1, 2]


def test_an_answer_of_the_wrong_kind_ends_nothing(world: World, reader):
    reader.acknowledges = False
    publish(world, "t", qos=2)
    reader.send(packet(0x40, b"\0\1") + packet(0x70, b"\0\1"))
    reader.acknowledges = True
    reader.terminate()
    reader.connect(clean=False)
    # PUBCOMP without PUBREC ended it: the client has the message and says so.
    assert reader.take() == []


def test_packet_ids_in_flight_are_not_given_again(world: World):
    world.profile = replace(STANDARD, outbound_window=2)
    client = world.client()
    client.connect()
    client.subscribe(("t", 1))
    client.acknowledges = False
    publish(world, "t")
    seen = set()
    for _ in range(65_600):
        world.broker.publish("acme", "t", b"", qos=1, now=world.now)
        world.flush()
        packet_id = client.unanswered[-1]
        assert packet_id not in {0, 1}
        seen.add(packet_id)
        client.connection.receive(packet(0x40, packet_id.to_bytes(2, "big")), world.now)
    assert len(seen) == 65_534


def test_a_session_may_continue_with_another_protocol_level(world: World):
    modern, older = world.client("same", level=5), world.client("same", level=4)
    modern.connect(properties=Properties(session_expiry_s=100))
    modern.subscribe(("t", 1), properties=Properties(subscription_identifiers=(5,)))
    modern.disconnect()
    world.broker.publish("acme", "t", b"x", qos=1, properties=Properties(content_type="c"), now=world.now)
    older.connect(clean=False)
    assert older.payloads() == [b"x"]


def test_a_repeated_message_that_has_become_too_large_is_given_up(world: World):
    client = world.client(level=5)
    forever = Properties(session_expiry_s=100)
    client.connect(properties=forever)
    client.subscribe(("t", 1))
    client.acknowledges = False
    publish(world, "t", bytes(100))
    publish(world, "t", b"small")
    client.terminate()
    client.acknowledges = True
    client.connect(clean=False, properties=Properties(session_expiry_s=100, maximum_packet_size=50))
    assert client.payloads() == [b"small"]
    client.terminate()
    client.connect(clean=False, properties=forever)
    assert client.take() == []


def test_a_session_without_a_connection_sends_nothing(world: World, reader):
    session = reader.connection._session
    reader.terminate()
    publish(world, "t")
    session.pump(world.now)
    assert reader.take() == []
    reader.connect(clean=False)
    assert len(reader.take()) == 1
