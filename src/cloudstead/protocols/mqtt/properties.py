"""The properties of MQTT 5 (section 2.2.2): which packet carries which, how they are encoded, what is legal."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag, auto
from typing import Final

from cloudstead.protocols.mqtt import reasons
from cloudstead.protocols.mqtt.errors import MalformedPacket, ProtocolViolation
from cloudstead.protocols.mqtt.topics import is_wild
from cloudstead.protocols.mqtt.wire import (
    Reader,
    encode_binary,
    encode_text,
    encode_u16,
    encode_u32,
    encode_variable,
)


class Carrier(IntFlag):
    """What carries properties: a packet type, or the will inside CONNECT."""

    CONNECT = auto()
    CONNACK = auto()
    PUBLISH = auto()
    ACK = auto()  # PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK carry the same two
    SUBSCRIBE = auto()
    UNSUBSCRIBE = auto()
    DISCONNECT = auto()
    AUTH = auto()
    WILL = auto()


@dataclass(repr=False)
class Properties:
    """The properties of one packet; what was absent is None or empty.

    Not slotted: an instance that was decoded holds only what the packet carried, the rest are class attributes.
    """

    payload_format: int | None = None
    message_expiry_s: int | None = None
    content_type: str | None = None
    response_topic: str | None = None
    correlation_data: bytes | None = None
    subscription_identifiers: tuple[int, ...] = ()
    session_expiry_s: int | None = None
    assigned_client_id: str | None = None
    server_keep_alive_s: int | None = None
    authentication_method: str | None = None
    authentication_data: bytes | None = None
    request_problem_information: int | None = None
    will_delay_s: int | None = None
    request_response_information: int | None = None
    response_information: str | None = None
    server_reference: str | None = None
    reason_string: str | None = None
    receive_maximum: int | None = None
    topic_alias_maximum: int | None = None
    topic_alias: int | None = None
    maximum_qos: int | None = None
    retain_available: int | None = None
    user_properties: tuple[tuple[str, str], ...] = ()
    maximum_packet_size: int | None = None
    wildcard_subscription_available: int | None = None
    subscription_identifiers_available: int | None = None
    shared_subscription_available: int | None = None

    def __repr__(self) -> str:
        present = (f"{name}={value!r}" for name, value in vars(self).items() if value not in {None, ()})
        return f"Properties({', '.join(present)})"


PropertyValue = int | str | bytes | tuple[str, str]


def _pair(reader: Reader) -> tuple[str, str]:
    return reader.text(), reader.text()


def _encode_u8(value: int) -> bytes:
    return bytes((value,))


def _encode_pair(value: tuple[str, str]) -> bytes:
    return encode_text(value[0]) + encode_text(value[1])


class _Kind:
    """One row of the table in section 2.2.2.2."""

    __slots__ = ("carriers", "encode", "many", "maximum", "minimum", "name", "number", "read")

    def __init__(
        self,
        number: int,
        name: str,
        read: Callable[[Reader], PropertyValue],
        encode: Callable[..., bytes],
        carriers: Carrier,
        *,
        minimum: int = 0,
        maximum: int | None = None,
        many: bool = False,
    ) -> None:
        self.number = number
        self.name = name
        self.read = read
        self.encode = encode
        self.carriers = carriers
        self.minimum = minimum
        self.maximum = maximum
        self.many = many


_C: Final = Carrier
_MESSAGE: Final = _C.PUBLISH | _C.WILL
_ALL: Final = Carrier(sum(Carrier))
_KINDS: Final = {
    kind.number: kind
    for kind in (
        _Kind(0x01, "payload_format", Reader.u8, _encode_u8, _MESSAGE, maximum=1),
        _Kind(0x02, "message_expiry_s", Reader.u32, encode_u32, _MESSAGE),
        _Kind(0x03, "content_type", Reader.text, encode_text, _MESSAGE),
        _Kind(0x08, "response_topic", Reader.text, encode_text, _MESSAGE),
        _Kind(0x09, "correlation_data", Reader.binary, encode_binary, _MESSAGE),
        _Kind(
            0x0B, "subscription_identifiers", Reader.variable, encode_variable, _C.PUBLISH | _C.SUBSCRIBE,
            minimum=1, many=True,
        ),
        _Kind(0x11, "session_expiry_s", Reader.u32, encode_u32, _C.CONNECT | _C.CONNACK | _C.DISCONNECT),
        _Kind(0x12, "assigned_client_id", Reader.text, encode_text, _C.CONNACK),
        _Kind(0x13, "server_keep_alive_s", Reader.u16, encode_u16, _C.CONNACK),
        _Kind(0x15, "authentication_method", Reader.text, encode_text, _C.CONNECT | _C.CONNACK | _C.AUTH),
        _Kind(0x16, "authentication_data", Reader.binary, encode_binary, _C.CONNECT | _C.CONNACK | _C.AUTH),
        _Kind(0x17, "request_problem_information", Reader.u8, _encode_u8, _C.CONNECT, maximum=1),
        _Kind(0x18, "will_delay_s", Reader.u32, encode_u32, _C.WILL),
        _Kind(0x19, "request_response_information", Reader.u8, _encode_u8, _C.CONNECT, maximum=1),
        _Kind(0x1A, "response_information", Reader.text, encode_text, _C.CONNACK),
        _Kind(0x1C, "server_reference", Reader.text, encode_text, _C.CONNACK | _C.DISCONNECT),
        _Kind(0x1F, "reason_string", Reader.text, encode_text, _C.CONNACK | _C.ACK | _C.DISCONNECT | _C.AUTH),
        _Kind(0x21, "receive_maximum", Reader.u16, encode_u16, _C.CONNECT | _C.CONNACK, minimum=1),
        _Kind(0x22, "topic_alias_maximum", Reader.u16, encode_u16, _C.CONNECT | _C.CONNACK),
        _Kind(0x23, "topic_alias", Reader.u16, encode_u16, _C.PUBLISH),
        _Kind(0x24, "maximum_qos", Reader.u8, _encode_u8, _C.CONNACK, maximum=1),
        _Kind(0x25, "retain_available", Reader.u8, _encode_u8, _C.CONNACK, maximum=1),
        _Kind(0x26, "user_properties", _pair, _encode_pair, _ALL, many=True),
        _Kind(0x27, "maximum_packet_size", Reader.u32, encode_u32, _C.CONNECT | _C.CONNACK, minimum=1),
        _Kind(0x28, "wildcard_subscription_available", Reader.u8, _encode_u8, _C.CONNACK, maximum=1),
        _Kind(0x29, "subscription_identifiers_available", Reader.u8, _encode_u8, _C.CONNACK, maximum=1),
        _Kind(0x2A, "shared_subscription_available", Reader.u8, _encode_u8, _C.CONNACK, maximum=1),
    )
}  # fmt: skip
_NUMBERS: Final = {kind.name: kind.number for kind in _KINDS.values()}
_PASSED_ON: Final = ("payload_format", "content_type", "response_topic", "correlation_data", "user_properties")


def decode_properties(reader: Reader, carrier: Carrier) -> Properties | None:
    """Read the property block at the reader's position; None when it is empty."""
    size = reader.variable()
    if not size:
        return None
    block = Reader(reader.data, reader.pos, reader.pos + size)
    if block.end > reader.end:
        raise MalformedPacket("properties are longer than the packet")
    reader.pos = block.end
    properties = Properties.__new__(Properties)
    present = properties.__dict__
    while block.pos < block.end:
        kind = _KINDS.get(block.variable())
        if kind is None or not kind.carriers & carrier:
            raise MalformedPacket("property is not allowed in this packet")
        value = kind.read(block)
        _check(kind, value)
        if kind.many:
            present[kind.name] = (*present.get(kind.name, ()), value)
        elif kind.name in present:
            raise ProtocolViolation(f"{kind.name} is given twice")
        else:
            present[kind.name] = value
    _check_together(properties, carrier)
    return properties


def _check(kind: _Kind, value: PropertyValue) -> None:
    if isinstance(value, int) and (value < kind.minimum or (kind.maximum is not None and value > kind.maximum)):
        raise ProtocolViolation(f"{kind.name} is out of range")


def _check_together(properties: Properties, carrier: Carrier) -> None:
    if properties.topic_alias == 0:
        raise ProtocolViolation("topic alias 0 is not permitted", code=reasons.TOPIC_ALIAS_INVALID)
    if properties.response_topic is not None and (not properties.response_topic or is_wild(properties.response_topic)):
        raise ProtocolViolation("response topic is no topic name", code=reasons.TOPIC_NAME_INVALID)
    if properties.authentication_data is not None and properties.authentication_method is None:
        raise ProtocolViolation("authentication data without a method")
    if carrier is Carrier.SUBSCRIBE and len(properties.subscription_identifiers) > 1:
        raise ProtocolViolation("more than one subscription identifier")


def encode_properties(properties: Properties | None) -> bytes:
    """Encode a whole property block with its length before it."""
    if properties is None:
        return b"\0"
    body = b"".join(_encode_one(name, value) for name, value in vars(properties).items())
    return encode_variable(len(body)) + body


def encode_passed_on(properties: Properties) -> bytes:
    """Encode, without a length, what a server must forward unaltered with a message (MQTT 5, section 3.3.2.3).

    The expiry interval is left out because it shrinks while the message waits.
    """
    present = vars(properties)
    return b"".join(_encode_one(name, present[name]) for name in _PASSED_ON if name in present)


def _encode_one(name: str, value: object) -> bytes:
    if value is None or value == ():
        return b""
    kind = _KINDS[_NUMBERS[name]]
    number = bytes((kind.number,))
    if isinstance(value, tuple) and kind.many:
        return b"".join(number + kind.encode(item) for item in value)
    return number + kind.encode(value)
