import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudstead.protocols.mqtt import Properties
from cloudstead.protocols.mqtt.errors import MalformedPacket, ProtocolFailure
from cloudstead.protocols.mqtt.properties import (
    Carrier,
    decode_properties,
    encode_passed_on,
    encode_properties,
)
from cloudstead.protocols.mqtt.wire import Reader, encode_variable

TEXT = st.text(st.characters(exclude_characters="\0+#", exclude_categories=["Cs"]), min_size=1, max_size=8)
U16, U32, BIT, BINARY = st.integers(1, 65_535), st.integers(1, 2**32 - 1), st.integers(0, 1), st.binary(max_size=8)
USERS = st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple)
OF_PUBLISH = {
    "payload_format": BIT,
    "message_expiry_s": U32,
    "content_type": TEXT,
    "response_topic": TEXT,
    "correlation_data": BINARY,
    "topic_alias": U16,
    "user_properties": USERS,
    "subscription_identifiers": st.lists(st.integers(1, 268_435_455), max_size=3).map(tuple),
}
OF_CONNECT = {
    "session_expiry_s": U32,
    "authentication_method": TEXT,
    "request_problem_information": BIT,
    "request_response_information": BIT,
    "receive_maximum": U16,
    "topic_alias_maximum": U16,
    "maximum_packet_size": U32,
    "user_properties": USERS,
}
OF_CONNACK = {
    "assigned_client_id": TEXT,
    "server_keep_alive_s": U16,
    "response_information": TEXT,
    "server_reference": TEXT,
    "reason_string": TEXT,
    "maximum_qos": BIT,
    "retain_available": BIT,
    "wildcard_subscription_available": BIT,
    "subscription_identifiers_available": BIT,
    "shared_subscription_available": BIT,
}


def decode(data: bytes, carrier: Carrier) -> Properties | None:
    reader = Reader(data, 0, len(data))
    properties = decode_properties(reader, carrier)
    reader.finish()
    return properties


def block(body: bytes) -> bytes:
    return encode_variable(len(body)) + body


@pytest.mark.parametrize(
    ("carrier", "fields"),
    [(Carrier.PUBLISH, OF_PUBLISH), (Carrier.CONNECT, OF_CONNECT), (Carrier.CONNACK, OF_CONNACK)],
)
def test_properties_survive_the_wire(carrier, fields):
    @given(st.fixed_dictionaries({}, optional=fields))
    def check(values):
        properties = Properties(**values)
        assert (decode(encode_properties(properties), carrier) or Properties()) == properties

    check()


def test_an_empty_block_is_no_properties():
    assert decode(b"\0", Carrier.PUBLISH) is None
    assert encode_properties(None) == encode_properties(Properties()) == b"\0"


@pytest.mark.parametrize(
    "body",
    [
        b"\x01\x02",  # payload format is 0 or 1
        b"\x01\x00\x01\x00",  # twice
        b"\x23\x00\x00",  # topic alias 0
        b"\x08\x00\x03a/+",  # a response topic is a topic name
        b"\x08\x00\x00",
        b"\x0b\x00",  # subscription identifier 0
        b"\x11\x00\x00\x00\x01",  # session expiry does not belong to PUBLISH
        b"\x7f\x00",  # no such property
        b"\x02\x00\x00",  # cut off
        b"\x26\x00\x01a",
        b"\x03\x00\x02a\x00",  # NUL
    ],
)
def test_what_the_standard_forbids_is_refused(body):
    with pytest.raises(ProtocolFailure):
        decode(block(body), Carrier.PUBLISH)


@pytest.mark.parametrize("body", [b"\x21\x00\x00", b"\x27\x00\x00\x00\x00", b"\x16\x00\x01a"])
def test_limits_of_nothing_and_data_without_a_method_are_refused(body):
    with pytest.raises(ProtocolFailure):
        decode(block(body), Carrier.CONNECT)


def test_a_subscribe_has_one_identifier():
    with pytest.raises(ProtocolFailure):
        decode(block(b"\x0b\x01\x0b\x02"), Carrier.SUBSCRIBE)


def test_a_block_longer_than_its_packet_is_malformed():
    with pytest.raises(MalformedPacket):
        decode(b"\x05\x01\x00", Carrier.PUBLISH)


def test_a_property_does_not_reach_beyond_its_block():
    with pytest.raises(MalformedPacket):
        decode(b"\x03\x02\x00\x00" + bytes(10), Carrier.PUBLISH)


def test_only_what_is_meant_for_the_receiver_is_passed_on():
    passed = Properties(payload_format=1, content_type="t", user_properties=(("a", "b"), ("a", "c")))
    hop = Properties(**vars(passed) | {"topic_alias": 3, "message_expiry_s": 9, "subscription_identifiers": (1,)})
    assert block(encode_passed_on(hop)) == encode_properties(passed)
    assert decode(block(encode_passed_on(hop)), Carrier.PUBLISH) == passed


def test_only_what_is_present_is_shown():
    assert repr(Properties(topic_alias=1, content_type="x")) == "Properties(content_type='x', topic_alias=1)"
