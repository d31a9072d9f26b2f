from hypothesis import given, settings
from hypothesis import strategies as st

from cloudstead.protocols.mqtt import Properties
from cloudstead.protocols.mqtt.message import Message
from cloudstead.protocols.mqtt.retained import RetainedMessages
from cloudstead.protocols.mqtt.topics import matches
from protocol.mqtt.test_topics import FILTERS, TOPICS


def message(topic: str, payload: bytes = b"x", properties: Properties | None = None) -> Message:
    return Message(topic, payload, 1, properties, 0.0)


def retained(max_messages: int = 100, max_bytes: int = 10_000) -> RetainedMessages:
    return RetainedMessages(max_messages=max_messages, max_bytes=max_bytes)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TOPICS, st.booleans()), max_size=20), FILTERS)
def test_a_filter_finds_what_a_naive_matcher_finds(changes, text):
    held = retained()
    expected = {}
    for topic, is_kept in changes:
        held.put(message(topic, b"x" if is_kept else b""))
        expected.pop(topic, None)
        if is_kept:
            expected[topic] = True
    found = [each.topic for each in held.find(text, 0.0)]
    assert sorted(found) == sorted(topic for topic in expected if matches(text, topic))
    assert len(held) == len(expected)
    for topic in expected:
        held.put(message(topic, b""))
    assert held.bytes == 0
    assert not held._root.children


def test_what_does_not_fit_is_not_remembered():
    held = retained(max_messages=2)
    assert held.put(message("a"))
    assert held.put(message("b"))
    assert not held.put(message("c"))
    assert held.put(message("a", b"new"))
    assert [each.payload for each in held.find("#", 0.0)].count(b"new") == 1
    assert not retained(max_bytes=10).put(message("a", bytes(10)))


def test_an_expired_message_is_forgotten_when_it_is_asked_for():
    held = retained()
    held.put(message("a", properties=Properties(message_expiry_s=5)))
    assert len(held.find("a", 4.0)) == 1
    assert held.find("+", 5.0) == []
    assert len(held) == 0
