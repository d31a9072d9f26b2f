from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.protocols.mqtt.backlog import Backlog
from cloudstead.protocols.mqtt.message import Delivery, Message


def delivery(topic: str, payload: bytes = b"", qos: int = 1) -> Delivery:
    return Delivery(Message(topic, payload, qos, None, 0.0), qos, False, ())


def drain(backlog: Backlog) -> list[tuple[str, bytes]]:
    found = []
    while backlog:
        oldest = backlog.peek()
        taken = backlog.pop()
        assert taken is oldest
        found.append((taken.message.topic, taken.message.payload))
    assert backlog.bytes == 0
    return found


def test_messages_leave_in_the_order_they_came():
    backlog = Backlog(max_messages=10, max_bytes=1000)
    for number in range(5):
        assert backlog.push(delivery("t", b"%d" % number, number % 2)) == 0
    assert drain(backlog) == [("t", b"%d" % number) for number in range(5)]


def test_messages_that_need_no_acknowledgement_make_room_first():
    backlog = Backlog(max_messages=3, max_bytes=1000)
    for topic, qos in (("a", 1), ("b", 0), ("c", 1)):
        backlog.push(delivery(topic, qos=qos))
    assert backlog.push(delivery("a", b"new")) == 1
    assert drain(backlog) == [("a", b""), ("c", b""), ("a", b"new")]


def test_then_the_oldest_message_of_the_same_topic_makes_room():
    backlog = Backlog(max_messages=3, max_bytes=1000)
    for topic, payload in (("a", b"1"), ("b", b"1"), ("b", b"2")):
        backlog.push(delivery(topic, payload))
    assert backlog.push(delivery("b", b"3")) == 1
    assert drain(backlog) == [("a", b"1"), ("b", b"2"), ("b", b"3")]


def test_then_the_oldest_message_of_all_makes_room():
    backlog = Backlog(max_messages=2, max_bytes=1000)
    for topic in ("a", "b"):
        backlog.push(delivery(topic))
    assert backlog.push(delivery("c")) == 1
    assert drain(backlog) == [("b", b""), ("c", b"")]


def test_bytes_are_bounded_as_well():
    backlog = Backlog(max_messages=100, max_bytes=100)
    for number in range(9):
        backlog.push(delivery("t", b"%d" % number + bytes(8)))
    assert backlog.push(delivery("u", bytes(49))) == 4
    assert backlog.bytes == 100


def test_a_message_that_can_never_fit_is_dropped_itself():
    backlog = Backlog(max_messages=10, max_bytes=100)
    backlog.push(delivery("t"))
    assert backlog.push(delivery("t", bytes(100))) == 1
    assert len(backlog) == 1
    assert Backlog(max_messages=0, max_bytes=100).push(delivery("t")) == 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1), st.integers(0, 30)), max_size=60), st.data())
def test_whatever_comes_the_bounds_hold_and_every_message_is_counted_once(items, data):
    backlog = Backlog(max_messages=5, max_bytes=60)
    dropped = taken = 0
    for topic, qos, size in items:
        dropped += backlog.push(delivery(topic, bytes(size), qos))
        assert len(backlog) <= 5
        assert backlog.bytes <= 60
        if backlog and data.draw(st.booleans()):
            backlog.pop()
            taken += 1
    assert dropped + taken + len(drain(backlog)) == len(items)
