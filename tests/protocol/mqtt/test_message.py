import pytest

from cloudstead.protocols.mqtt import Properties
from cloudstead.protocols.mqtt.message import Message
from protocol.mqtt.harness import publish_packet


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize("retain", [False, True])
def test_a_message_is_encoded_once_for_all_receivers_at_qos_0(level, retain):
    message = Message("a/b", b"payload", 1, None, 0.0)
    form = (8 if level == 5 else 0) | retain
    packet = message.whole(form)
    assert packet == publish_packet("a/b", b"payload", retain=retain, level=level)
    assert message.whole(form) is packet


def test_only_the_packet_id_differs_between_receivers_at_qos_1():
    message = Message("a/b", b"payload", 1, Properties(content_type="t"), 0.0)
    head, tail = message.around_packet_id(8 | 2)
    assert head + b"\0\7" + tail == publish_packet(
        "a/b", b"payload", qos=1, packet_id=7, level=5, properties=Properties(content_type="t")
    )
    assert message.around_packet_id(8 | 2)[1] is tail


def test_a_message_without_an_expiry_interval_never_expires():
    assert not Message("a", b"", 0, Properties(), 0.0).is_expired(1e12)


def test_what_is_left_of_an_expiry_interval_is_rounded_up_and_never_0():
    message = Message("a", b"", 0, Properties(message_expiry_s=6), 100.0)
    assert message.properties_at(100.0) == b"\x02\0\0\0\6"
    assert message.properties_at(103.2) == b"\x02\0\0\0\3"
    assert message.properties_at(105.9) == b"\x02\0\0\0\1"
    assert not message.is_expired(105.9)
    assert message.is_expired(106.0)
