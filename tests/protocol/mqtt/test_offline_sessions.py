"""What is kept for clients that are away is bounded: those that left longest ago make room."""

from __future__ import annotations

import pytest

from cloudstead.protocols.mqtt import Properties, SpaceLimits
from protocol.mqtt.harness import Client, World

LIMITS = SpaceLimits(max_offline_sessions_per_holder=2, max_held_bytes=20_000)


@pytest.fixture
def world() -> World:
    return World(limits=LIMITS, max_held_bytes=30_000)


def leave(world: World, client_id: str, *, holder: str = "person:1", space: str = "acme") -> Client:
    """Come, subscribe, and leave a session behind."""
    client = world.client(client_id, holder=holder, space=space)
    client.connect(clean=False)
    client.subscribe((f"for/{client_id}", 1))
    client.disconnect()
    return client


def publish(world: World, topic: str, size: int, *, space: str = "acme") -> None:
    world.broker.publish(space, topic, bytes(size), qos=1, now=world.now)
    world.flush()


def test_a_holder_leaves_so_many_sessions_and_the_oldest_goes_first(world):
    first, second, third = (leave(world, name) for name in "abc")
    other = leave(world, "a", holder="person:2")
    assert world.broker.counters.sessions_dropped == 1
    assert second.connect(clean=False).session_present
    assert third.connect(clean=False).session_present
    assert other.connect(clean=False).session_present
    assert not first.connect(clean=False).session_present


def test_a_session_that_came_back_counts_from_when_it_left_again(world):
    first, second = leave(world, "a"), leave(world, "b")
    first.connect(clean=False)
    first.disconnect()
    leave(world, "c")
    assert first.connect(clean=False).session_present
    assert not second.connect(clean=False).session_present


def test_sessions_in_use_are_never_pushed_out(world):
    clients = [world.client(str(number), holder="key:1") for number in range(10)]
    for client in clients:
        client.connect(clean=False)
    leave(world, "a", holder="key:1")
    assert world.broker.session_count == 11
    assert not any(client.closed for client in clients)


def test_taking_over_the_own_session_pushes_nobody_out(world):
    first, second = leave(world, "a"), leave(world, "b")
    third = world.client("c", holder="person:1")
    third.connect(clean=False)
    again = world.client("c", holder="person:1")
    assert again.connect(clean=False).session_present
    assert world.broker.counters.sessions_dropped == 0
    assert first.connect(clean=False).session_present
    assert second.connect(clean=False).session_present


def test_the_will_of_a_session_that_is_pushed_out_is_published(world):
    listener = world.client("listener")
    listener.connect()
    listener.subscribe(("wills", 0))
    client = world.client("w", holder="person:1", level=5)
    late = Properties(will_delay_s=1000)
    client.connect(
        clean=False,
        will=("wills", b"gone", 0, False),
        will_properties=late,
        properties=Properties(session_expiry_s=5000),
    )
    client.terminate()
    assert listener.payloads() == []
    leave(world, "a")
    leave(world, "b")
    assert listener.payloads() == [b"gone"]


def test_a_space_holds_so_many_bytes_for_those_who_are_away(world):
    first, second = leave(world, "a"), leave(world, "b", holder="person:2")
    publish(world, "for/a", 9_000)
    publish(world, "for/b", 7_000)
    assert world.broker.session_count == 2
    publish(world, "for/b", 7_001)
    assert world.broker.counters.held_bytes < LIMITS.max_held_bytes
    assert not first.connect(clean=False).session_present
    assert second.connect(clean=False).session_present
    assert len(second.take()) == 2


def test_who_does_not_read_fills_the_space_with_no_more_than_it_holds(world):
    clients = [world.client(str(number), holder=f"person:{number}") for number in range(3)]
    for client in clients:
        client.connect(clean=False)
        client.subscribe(("t", 1))
        client.connection.set_writable(False, world.now)
    for _ in range(20):
        publish(world, "t", 3_000)
        assert world.broker.counters.held_bytes <= LIMITS.max_held_bytes
    assert world.broker.session_count == 3
    assert world.broker.counters.dropped_queue_full == 3 * 20 - 6


def test_all_spaces_together_hold_so_many_bytes_and_the_fullest_makes_room(world):
    small = leave(world, "a", space="small")
    big = leave(world, "a", space="big")
    publish(world, "for/a", 15_000, space="big")
    third = leave(world, "a", space="third")
    publish(world, "for/a", 13_000, space="third")
    assert not big.connect(clean=False).session_present
    assert small.connect(clean=False).session_present
    assert third.connect(clean=False).session_present


def test_what_is_in_flight_counts_once_its_client_has_left(world):
    client = world.client("a", holder="person:1")
    client.connect(clean=False)
    client.subscribe(("t", 1))
    client.acknowledges = False
    publish(world, "t", 5_000)
    assert world.broker.counters.held_bytes == 0
    client.terminate()
    assert world.broker.counters.held_bytes > 5_000


def test_nothing_is_counted_any_more_once_everybody_has_what_waited(world):
    client = leave(world, "a")
    publish(world, "for/a", 5_000)
    client.connect(clean=False)
    assert world.broker.counters.held_bytes == 0
    client.disconnect()
    publish(world, "for/a", 5_000)
    world.broker.end_space("acme", now=world.now)
    assert world.broker.counters.held_bytes == 0


def test_who_is_gone_leaves_neither_session_nor_will_nor_hope_of_one(world):
    listener = world.client("listener")
    listener.connect()
    listener.subscribe(("wills", 0))
    gone = world.client("a", holder="thing:1", level=5)
    left = world.client("a", holder="thing:2", level=5)
    for client in (gone, left):
        client.connect(
            clean=False,
            will=("wills", client.holder.encode(), 0, False),
            will_properties=Properties(will_delay_s=2),
            properties=Properties(session_expiry_s=100),
        )
        client.terminate()
    world.broker.forget_holder("acme", "thing:1")
    world.sleep(5)
    assert listener.payloads() == [b"thing:2"]
    assert not gone.connect(clean=False).session_present
    assert left.connect(clean=False).session_present


def test_a_will_that_is_due_already_is_void_once_its_holder_is_gone(world):
    gone = world.client("a", holder="thing:1")
    gone.connect(will=("wills", b"gone", 0, False))
    gone.connection.lost(world.now)
    world.broker.forget_holder("elsewhere", "thing:1")
    world.broker.forget_holder("acme", "thing:2")
    assert len(world.broker._wills) == 1
    world.broker.forget_holder("acme", "thing:1")
    assert world.broker.take_wills() == []


def test_what_is_retained_below_a_topic_is_forgotten_and_nothing_beside_it(world):
    topics = ("$aws/things/a", "$aws/things/a/shadow/update", "$aws/things/a/x/y", "$aws/things/ab/x", "a")
    for topic in topics:
        world.broker.publish("acme", topic, b"1", qos=0, retain=True, now=world.now)
    world.broker.publish("other", topics[1], b"1", qos=0, retain=True, now=world.now)
    world.broker.forget_retained("acme", "$aws/things/a")
    world.broker.forget_retained("acme", "$aws/things/never/was")
    assert world.broker.retained_count == 3
    reader = world.client("reader")
    reader.connect()
    reader.subscribe(("$aws/things/#", 0), ("#", 0))
    assert sorted(message.topic for message in reader.take()) == ["$aws/things/ab/x", "a"]
    world.broker.forget_retained("other", "$aws/things/a")
    assert "other" not in world.broker._spaces
