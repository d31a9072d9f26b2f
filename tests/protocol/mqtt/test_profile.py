"""Cloud Connect 2.11, section 4: the broker figures of 2017, and what MQTT 5 clients are told of them."""

import pytest

from cloudstead.protocols.mqtt import AWS_2017, Properties, reasons
from protocol.mqtt.harness import CONNACK, DISCONNECT, PUBACK, Client, World, packet, publish_packet, subscribe_packet

PINGREQ = packet(0xC0, b"")


@pytest.fixture
def world() -> World:
    world = World()
    world.profile = AWS_2017
    return world


@pytest.fixture
def client(world: World) -> Client:
    client = world.client()
    client.connect()
    return client


@pytest.fixture
def modern(world: World) -> Client:
    client = world.client("modern", level=5)
    client.connect()
    return client


@pytest.mark.parametrize(
    "allowed",
    [
        publish_packet("/".join("a" * 8), b"", qos=1, packet_id=1),
        publish_packet("t" * 256, b"", qos=1, packet_id=1),
        publish_packet("t", bytes(128 * 1024), qos=1, packet_id=1),
        subscribe_packet(1, [(f"t/{n}", 1) for n in range(8)]),
        subscribe_packet(1, [("/".join("+" * 8), 1)]),
    ],
)
def test_what_reaches_a_limit_is_served(client, allowed):
    client.send(allowed)
    assert not client.closed


@pytest.mark.parametrize(
    "violation",
    [
        publish_packet("/".join("a" * 9), b"", qos=1, packet_id=1),
        publish_packet("t" * 257, b"", qos=1, packet_id=1),
        publish_packet("é" * 129, b"", qos=1, packet_id=1),
        publish_packet("t", bytes(128 * 1024 + 1), qos=1, packet_id=1),
        publish_packet("t", b"", qos=2, packet_id=1),
        publish_packet("t", b"", retain=True),
        subscribe_packet(1, [(f"t/{n}", 1) for n in range(9)]),
        subscribe_packet(1, [("/".join("+" * 9), 1)]),
        subscribe_packet(1, [("t" * 257, 1)]),
        subscribe_packet(1, [("t", 2)]),
        subscribe_packet(1, [("$share/g/t", 1)]),
    ],
)
def test_what_goes_beyond_a_limit_ends_the_connection(client, violation):
    client.send(violation)
    assert client.closed
    assert client.count(PUBACK) == 0


def test_a_forbidden_filter_ends_the_connection(world: World, client):
    world.forbidden_filters.add("forbidden")
    assert client.subscribe(("forbidden", 0)) == ()
    assert client.closed


def test_a_connection_has_at_most_50_subscriptions(client):
    for number in range(50):
        assert client.subscribe((f"t/{number}", 1)) == (1,)
    assert client.subscribe(("t/0", 0)) == (0,)
    assert client.subscribe(("one/more", 1)) == ()
    assert client.closed


@pytest.mark.parametrize(("size", "code"), [(128, 0), (129, 2)])
def test_a_client_id_has_at_most_128_bytes(world: World, size, code):
    assert world.client("c" * size).connect().code == code


@pytest.mark.parametrize("will", [("t", b"", 2, False), ("t", b"", 0, True), ("/".join("a" * 9), b"", 0, False)])
def test_a_will_has_the_limits_of_a_publish(world: World, will):
    assert world.client().connect(will=will).code != 0


def test_sessions_are_always_clean(world: World):
    client = world.client()
    client.connect(clean=False)
    client.subscribe(("t", 1))
    client.disconnect()
    assert world.broker.session_count == 0
    assert not client.connect(clean=False).session_present


@pytest.mark.parametrize(("asked", "applied"), [(1, 5), (5, 5), (60, 60), (1200, 1200), (5000, 1200)])
def test_a_keep_alive_lies_between_5_and_1200_seconds_with_half_as_much_grace(world: World, asked, applied):
    client = world.client()
    client.connect(keep_alive=asked)
    assert client.connection.keep_alive == applied
    world.sleep(applied * 1.5 - 1)
    assert not client.closed
    world.sleep(2)
    assert client.closed


def test_without_a_keep_alive_30_idle_minutes_are_the_end(world: World):
    client = world.client()
    client.connect(keep_alive=0)
    world.sleep(1799)
    client.send(PINGREQ)
    world.sleep(1799)
    assert not client.closed
    world.sleep(2)
    assert client.closed


def test_a_connection_lasts_at_most_a_day(world: World):
    client = world.client()
    client.connect(keep_alive=1200)
    for _ in range(86_400 // 1000):
        world.now += 1000
        world.broker.tick(world.now)
        client.send(PINGREQ)
        assert not client.closed
    world.sleep(400)
    assert client.closed
    assert client.connection.close_code == reasons.MAXIMUM_CONNECT_TIME


def test_a_100_messages_may_be_unacknowledged_in_each_direction(world: World, client):
    world.stores = False
    client.send(b"".join(publish_packet("t", b"", qos=1, packet_id=n) for n in range(1, 151)))
    assert len(world.unstored) == 100
    world.store_all()
    assert len(world.unstored) == 50
    world.store_all()
    assert client.count(PUBACK) == 150
    reader = world.client("reader")
    reader.connect()
    reader.subscribe(("t", 1))
    reader.acknowledges = False
    for _ in range(150):
        world.broker.publish("acme", "t", b"", qos=1, now=world.now)
    world.flush()
    assert len(reader.unanswered) == 100


def test_an_mqtt_5_client_is_told_the_limits(modern):
    told = modern.last(CONNACK).properties
    assert (told.maximum_qos, told.retain_available, told.shared_subscription_available) == (1, 0, 0)
    assert told.receive_maximum == 100
    assert told.maximum_packet_size == AWS_2017.max_packet_bytes


def test_an_mqtt_5_client_is_told_that_its_session_will_not_outlive_the_connection(world: World):
    client = world.client(level=5)
    assert client.connect(properties=Properties(session_expiry_s=100)).properties.session_expiry_s == 0


def test_an_mqtt_5_client_without_a_keep_alive_is_given_one(world: World):
    client = world.client(level=5)
    assert client.connect(keep_alive=0).properties.server_keep_alive_s == 1200


def test_an_mqtt_5_client_gets_a_failure_code_instead_of_the_close(world: World, modern):
    world.forbidden_filters.add("forbidden")
    assert modern.subscribe(("forbidden", 1), ("$share/g/t", 1), ("fine", 2)) == (0x87, 0x9E, 1)


@pytest.mark.parametrize(
    ("violation", "code"),
    [
        (publish_packet("t", b"", qos=2, packet_id=1, level=5), reasons.QOS_NOT_SUPPORTED),
        (publish_packet("t", b"", retain=True, level=5), reasons.RETAIN_NOT_SUPPORTED),
        (publish_packet("/".join("a" * 9), b"", level=5), reasons.TOPIC_NAME_INVALID),
        (publish_packet("t", bytes(128 * 1024 + 1), level=5), reasons.PACKET_TOO_LARGE),
    ],
)
def test_an_mqtt_5_client_is_told_which_limit_it_broke(modern, violation, code):
    modern.send(violation)
    assert modern.last(DISCONNECT).code == code


def test_a_denied_publish_of_mqtt_5_has_a_reason_at_qos_1_and_ends_the_connection_at_qos_0(world: World, modern):
    world.forbidden_topics.add("closed")
    modern.publish("closed", b"", 1)
    assert modern.last(PUBACK).code == reasons.NOT_AUTHORIZED
    modern.publish("closed", b"", 0)
    assert modern.last(DISCONNECT).code == reasons.NOT_AUTHORIZED
