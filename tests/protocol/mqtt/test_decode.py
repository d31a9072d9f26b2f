import pytest

from cloudstead.protocols.mqtt import Properties
from cloudstead.protocols.mqtt.decode import (
    decode_acknowledgement,
    decode_connect,
    decode_disconnect,
    decode_publish,
    decode_remaining_length,
    decode_subscribe,
    decode_topic,
    decode_unsubscribe,
)
from cloudstead.protocols.mqtt.errors import MalformedPacket, ProtocolFailure, ProtocolViolation
from cloudstead.protocols.mqtt.wire import Reader
from protocol.mqtt.harness import connect_packet, publish_packet, subscribe_packet


def body(packet: bytes) -> Reader:
    length, start = decode_remaining_length(packet, 1, len(packet))
    assert start + length == len(packet)
    return Reader(packet, start, len(packet))


def publish(packet: bytes, level: int = 4):
    reader = body(packet)
    return decode_publish(packet, packet[0], reader.pos, reader.end, {}, decode_topic, level == 5)


def connect(packet: bytes):
    return decode_connect(body(packet))


def test_a_remaining_length_is_read_or_waited_for():
    assert decode_remaining_length(b"\x10\x05", 1, 2) == (5, 2)
    assert decode_remaining_length(b"\x10\xff\xff\xff\x7f", 1, 5) == (268_435_455, 5)
    assert decode_remaining_length(b"\x10\xff\xff", 1, 3) is None


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\xff\xff\xff\x80\x01", b"\x80\x00", b"\xff\x80\x80\x00"])
def test_a_remaining_length_of_five_bytes_or_with_padding_is_malformed(data):
    with pytest.raises(MalformedPacket):
        decode_remaining_length(data, 0, len(data))


@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_publish_is_read_whole(level, qos):
    event = publish(
        publish_packet("a/b", b"pay", qos=qos, retain=True, dup=bool(qos), packet_id=qos and 513, level=level), level
    )
    assert (event.topic, event.payload, event.qos, event.retain, event.dup, event.packet_id) == (
        "a/b",
        b"pay",
        qos,
        True,
        bool(qos),
        qos and 513,
    )
    assert event.properties is None


def test_a_known_topic_is_not_decoded_again():
    packet = publish_packet("a/b", b"")
    event = decode_publish(packet, packet[0], 2, len(packet), {b"a/b": "known"}, None, False)
    assert event.topic == "known"


@pytest.mark.parametrize(
    "packet",
    [
        b"\x36\x05\x00\x01a\x00\x01",  # QoS 3
        b"\x38\x03\x00\x01a",  # DUP at QoS 0
        b"\x32\x05\x00\x01a\x00\x00",  # packet id 0
        b"\x32\x04\x00\x01a\x00",  # packet id cut off
        b"\x30\x02\x00\x05",  # topic longer than the frame
        b"\x30\x01\x00",
        b"\x30\x00",
        b"\x30\x02\x00\x00",  # empty topic
        b"\x30\x03\x00\x01+",
        b"\x30\x03\x00\x01\x00",
        b"\x30\x04\x00\x02\xff\xff",
    ],
)
def test_a_publish_that_breaks_a_rule_is_refused(packet):
    with pytest.raises(ProtocolFailure):
        publish(packet)


def test_a_publish_ends_with_its_frame_and_not_with_the_buffer():
    with pytest.raises(MalformedPacket):
        decode_publish(b"\x30\x03\x00\x05abcdefgh", 0x30, 2, 5, {}, decode_topic, False)


def test_a_publish_of_mqtt_5_needs_its_properties():
    with pytest.raises(MalformedPacket):
        publish(b"\x30\x03\x00\x01a", 5)


@pytest.mark.parametrize("level", [3, 4, 5])
def test_a_connect_is_read_whole(level):
    request = connect(
        connect_packet(
            "me",
            level=level,
            clean=False,
            keep_alive=77,
            will=("w", b"gone", 1, True),
            will_properties=Properties(will_delay_s=3),
            user_name="u",
            password=b"\0p",
            properties=Properties(receive_maximum=5),
        )
    )
    assert (request.level, request.client_id, request.clean_start, request.keep_alive) == (level, "me", False, 77)
    assert (request.user_name, request.password) == ("u", b"\0p")
    will = request.will
    assert (will.topic, will.payload, will.qos, will.retain) == ("w", b"gone", 1, True)
    assert will.delay_s == (3 if level == 5 else 0)
    assert request.properties.receive_maximum == (5 if level == 5 else None)


def test_mqtt_5_allows_a_password_without_a_user_name_and_3_1_1_does_not():
    assert connect(connect_packet("me", level=5, password=b"p")).password == b"p"
    with pytest.raises(MalformedPacket):
        connect(connect_packet("me", level=4, password=b"p"))


@pytest.mark.parametrize(
    "flags",
    [0x03, 0x0A, 0x22, 0x1E],  # reserved bit; will QoS, will retain without a will; will QoS 3
)
def test_connect_flags_that_contradict_each_other_are_malformed(flags):
    packet = bytearray(connect_packet("me"))
    packet[9] = flags
    with pytest.raises(MalformedPacket):
        connect(bytes(packet))


def test_a_connect_with_more_than_its_fields_is_malformed():
    packet = connect_packet("me")
    with pytest.raises(MalformedPacket):
        decode_connect(Reader(packet + b"x", 2, len(packet) + 1))


def test_a_will_needs_a_topic_name():
    with pytest.raises(ProtocolViolation):
        connect(connect_packet("me", will=("a/#", b"", 0, False)))


def test_a_subscribe_is_read_with_its_options():
    packet_id, (first, second), properties = decode_subscribe(
        body(
            subscribe_packet(
                9, [("a/+", 0x2D), ("$share/g/b", 2)], level=5, properties=Properties(subscription_identifiers=(7,))
            )
        ),
        5,
    )
    assert packet_id == 9
    assert (first.filter, first.topic_filter, first.group, first.qos) == ("a/+", "a/+", None, 1)
    assert (first.no_local, first.retain_as_published, first.retain_handling) == (True, True, 2)
    assert (second.filter, second.topic_filter, second.group, second.qos) == ("$share/g/b", "b", "g", 2)
    assert first.identifiers == second.identifiers == properties.subscription_identifiers == (7,)


@pytest.mark.parametrize(("options", "level"), [(3, 4), (3, 5), (4, 4), (0x80, 5), (0x40, 5), (0x30, 5)])
def test_options_that_do_not_exist_are_refused(options, level):
    with pytest.raises(ProtocolFailure):
        decode_subscribe(body(subscribe_packet(1, [("a", options)], level=level)), level)


@pytest.mark.parametrize(
    "data", [b"\x00\x01", b"\x00\x00\x00\x01a\x00", b"\x00\x01\x00\x01a", b"\x00\x01\x00\x02a#\x00"]
)
def test_a_subscribe_without_id_filter_or_options_is_refused(data):
    with pytest.raises(ProtocolFailure):
        decode_subscribe(Reader(data, 0, len(data)), 4)


@pytest.mark.parametrize("data", [b"\x00\x01", b"\x00\x00\x00\x01a", b"\x00\x01\x00\x02a"])
def test_an_unsubscribe_without_id_or_filter_is_refused(data):
    with pytest.raises(ProtocolFailure):
        decode_unsubscribe(Reader(data, 0, len(data)), 4)


@pytest.mark.parametrize(
    ("data", "level", "expected"),
    [
        (b"\x01\x02", 4, (258, 0)),
        (b"\x01\x02", 5, (258, 0)),
        (b"\x01\x02\x10", 5, (258, 0x10)),
        (b"\x01\x02\x80\x00", 5, (258, 0x80)),
        (b"\x01\x02\x80\x04\x1f\x00\x01x", 5, (258, 0x80)),
    ],
)
def test_an_acknowledgement_has_an_id_and_may_have_a_reason(data, level, expected):
    assert decode_acknowledgement(data, 0, len(data), level) == expected


@pytest.mark.parametrize(
    ("data", "level"), [(b"\0\0", 4), (b"\1", 4), (b"\0\1\0", 4), (b"\0\0\0", 5), (b"\0\1\0\5", 5), (b"\0\1\0\0\0", 5)]
)
def test_an_acknowledgement_of_nothing_or_with_too_much_is_malformed(data, level):
    with pytest.raises(MalformedPacket):
        decode_acknowledgement(data, 0, len(data), level)


@pytest.mark.parametrize(
    ("data", "level", "code", "expiry_s"),
    [(b"", 4, 0, None), (b"", 5, 0, None), (b"\4", 5, 4, None), (b"\0\5\x11\0\0\0\7", 5, 0, 7)],
)
def test_a_disconnect_may_have_a_reason_and_properties(data, level, code, expiry_s):
    found, properties = decode_disconnect(Reader(data, 0, len(data)), level)
    assert (found, properties.session_expiry_s) == (code, expiry_s)


def test_a_disconnect_of_3_1_1_is_empty():
    with pytest.raises(MalformedPacket):
        decode_disconnect(Reader(b"\0", 0, 1), 4)
