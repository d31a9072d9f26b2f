import pytest

from cloudstead.protocols.mqtt import STANDARD, Broker, Properties, SpaceLimits, TopicInvalid, reasons
from protocol.mqtt.harness import DISCONNECT, World, connect_packet, subscribe_packet


def publish(world: World, topic: str, payload: bytes = b"x", **options) -> int:
    count = world.broker.publish("acme", topic, payload, **({"qos": 1, "now": world.now} | options))
    world.flush()
    return count


def test_a_publish_tells_to_how_many_sessions_it_went(world: World):
    first, second = world.client("first"), world.client("second")
    for client in (first, second):
        client.connect()
    first.subscribe(("a/+", 1), ("a/b", 1))
    second.subscribe(("#", 0))
    assert publish(world, "a/b") == 2
    assert publish(world, "b") == 1
    assert publish(world, "$b") == 0
    assert world.broker.publish("elsewhere", "a/b", b"", qos=1, now=world.now) == 0


def test_a_message_on_several_topics_is_written_once_and_only_if_anybody_gets_it(world: World):
    client = world.client()
    client.connect()
    client.subscribe(("a/+", 0), ("$share/g/b", 1))
    written = []

    def write() -> bytes:
        written.append(b"text")
        return written[-1]

    assert world.broker.tell("acme", ("c", "a"), write, qos=1) == 0
    assert world.broker.tell("elsewhere", ("a/b",), write, qos=1) == 0
    assert written == []
    assert world.broker.tell("acme", ("a/b", "c", "b"), write, qos=1) == 2
    assert written == [b"text"]
    world.flush()
    received = [(each.topic, each.payload, each.qos) for each in client.take()]
    assert received == [("a/b", b"text", 0), ("b", b"text", 1)]


def test_the_sender_of_a_publish_is_known_by_its_session(world: World):
    client = world.client(level=5)
    client.connect()
    client.subscribe(("t", 1 | 4))
    assert publish(world, "t", sender=client.connection.session_key) == 0
    client.subscribe(("+", 1 | 4))
    assert publish(world, "t", sender=client.connection.session_key) == 0
    client.subscribe(("#", 1))
    assert publish(world, "t", sender=client.connection.session_key) == 1
    assert publish(world, "t", sender="another") == 1
    assert publish(world, "t") == 1


def test_the_same_client_id_of_another_holder_is_another_session():
    broker = Broker(new_client_id=lambda: "assigned")
    connections = []
    for holder in ("thing a", "thing b"):
        connection = broker.open(now=0.0)
        connection.receive(connect_packet("same", level=5), 0.0)
        assert connection.accept(space="acme", profile=STANDARD, now=0.0, holder=holder)
        connection.receive(subscribe_packet(1, [("t", 4)], level=5), 0.0)
        connection.grant(1, None, 0.0)
        connections.append(connection)
    first, second = connections
    assert not first.closing
    assert broker.find("acme", "same", holder="thing a") is first
    assert broker.find("acme", "same", holder="thing b") is second
    assert broker.find("acme", "same") is None
    assert broker.publish("acme", "t", b"", qos=0, sender=first.session_key, now=0.0) == 1


@pytest.mark.parametrize("topic", ["", "a/+", "a/#", "a\0"])
def test_a_publish_to_what_is_no_topic_is_refused(world: World, topic):
    client = world.client()
    client.connect()
    with pytest.raises(TopicInvalid):
        publish(world, topic)


def test_a_client_is_found_while_it_is_connected(world: World):
    client = world.client()
    assert world.broker.find("acme", "client") is None
    client.connect(clean=False)
    assert world.broker.find("acme", "client") is client.connection
    assert world.broker.find("elsewhere", "client") is None
    assert world.broker.connections("acme") == [client.connection]
    client.disconnect()
    assert world.broker.find("acme", "client") is None
    assert world.broker.connections("acme") == world.broker.connections("elsewhere") == []


def test_the_end_of_a_space_is_the_end_of_everything_in_it(world: World):
    online, offline, elsewhere = world.client("a", level=5), world.client("b"), world.client("c", space="other")
    online.connect(will=("wills", b"never", 0, False))
    offline.connect(clean=False)
    offline.disconnect()
    elsewhere.connect()
    publish(world, "t", retain=True)
    world.broker.end_space("acme", now=world.now)
    assert world.broker.take_wills() == []
    world.flush()
    assert online.last(DISCONNECT).code == reasons.ADMINISTRATIVE_ACTION
    assert not elsewhere.closed
    assert (world.broker.session_count, world.broker.connection_count, world.broker.retained_count) == (1, 1, 0)
    world.sleep(10)


def test_a_space_holds_so_many_sessions_and_no_more():
    world = World(limits=SpaceLimits(max_sessions=2))
    first, second, third = world.client("1"), world.client("2"), world.client("3")
    assert first.connect(clean=False).code == 0
    assert second.connect().code == 0
    assert third.connect().code == 3
    assert world.client("3", space="other").connect().code == 0
    first.disconnect()
    assert third.connect().code == 0
    assert not world.broker.counters.held_bytes


def test_a_space_remembers_so_many_retained_messages_and_no_more():
    world = World(limits=SpaceLimits(max_retained_messages=1))
    client = world.client()
    client.connect()
    client.subscribe(("#", 1))
    assert publish(world, "a", retain=True) == 1
    assert publish(world, "b", retain=True) == 1
    assert world.broker.retained_count == 1
    assert world.broker.counters.dropped_retained_full == 1


def test_a_space_that_holds_nothing_is_forgotten(world: World):
    client = world.client()
    client.connect()
    publish(world, "t", retain=True)
    client.disconnect()
    assert world.broker._spaces
    publish(world, "t", b"", retain=True)
    publish(world, "never", b"", retain=True)
    assert not world.broker._spaces


def test_a_session_that_has_expired_leaves_nothing_behind(world: World):
    client = world.client(level=5)
    client.connect(properties=Properties(session_expiry_s=5))
    client.subscribe(("a/#", 1), ("a", 1), ("$share/g/a", 1))
    client.disconnect()
    assert publish(world, "a") == 2
    world.sleep(6)
    assert publish(world, "a") == 0
    assert not world.broker._spaces


def test_a_will_that_is_due_names_its_owner(world: World):
    client = world.client()
    client.connect(will=("wills", b"gone", 1, True))
    client.connection.lost(world.now)
    (will,) = world.broker.take_wills()
    assert will.session_key == client.connection.session_key
    assert (will.space, will.client_id, will.owner) == ("acme", "client", client)
    assert (will.topic, will.payload, will.qos, will.retain) == ("wills", b"gone", 1, True)
    assert world.broker.take_wills() == []


def test_a_connection_that_is_lost_twice_leaves_one_will(world: World):
    client = world.client()
    client.connect(will=("wills", b"gone", 1, True))
    client.connection.lost(world.now)
    client.connection.lost(world.now)
    assert len(world.broker.take_wills()) == 1


def test_a_lost_connection_is_not_watched_any_more(world: World):
    client = world.client()
    client.connect(keep_alive=1000)
    client.terminate()
    assert world.broker._connection_deadlines._items == {}
    assert world.broker.connection_count == 0


def test_what_went_in_and_out_is_counted(world: World):
    client = world.client()
    client.connect()
    client.subscribe(("t", 1))
    client.publish("t", b"12345", 1)
    counters = world.broker.counters
    assert (counters.messages_in, counters.messages_out, counters.connects) == (1, 1, 1)
    assert counters.bytes_in > counters.bytes_out > 0


def test_receivers_at_qos_0_share_one_encoded_packet(world: World):
    clients = [world.client(f"c{n}") for n in range(3)]
    for client in clients:
        client.connect()
        client.subscribe(("t", 0))
    world.broker.publish("acme", "t", b"x", qos=0, now=world.now)
    first, second, third = (client.connection._outbox._packets[0] for client in clients)
    assert first is second is third


def test_a_group_that_loses_members_goes_on_in_turn(world: World):
    clients = [world.client(f"c{n}") for n in range(3)]
    for client in clients:
        client.connect()
        client.subscribe(("$share/g/t", 0))
    publish(world, "t")
    clients[1].disconnect()
    for _ in range(4):
        publish(world, "t")
    assert [len(client.take()) for client in clients] == [3, 0, 2]
    clients[0].unsubscribe("$share/g/t")
    clients[2].unsubscribe("$share/g/t")
    assert publish(world, "t") == 0


def test_a_group_prefers_members_that_can_take_a_message_now(world: World):
    slow, fast = world.client("slow"), world.client("fast")
    for client in (slow, fast):
        client.connect()
        client.subscribe(("$share/g/t", 0))
    slow.connection.set_writable(False, world.now)
    for _ in range(3):
        publish(world, "t")
    assert len(fast.take()) == 3
    fast.connection.set_writable(False, world.now)
    publish(world, "t")
    assert world.broker.counters.dropped_unwritable == 1


def test_a_group_and_an_own_subscription_are_separate(world: World):
    client = world.client()
    client.connect()
    client.subscribe(("$share/g/t", 0), ("t", 0))
    assert publish(world, "t") == 2
