"""The packets a server sends (MQTT 3.1, MQTT 3.1.1 and MQTT 5, chapter 3), as bytes."""

from struct import Struct

from cloudstead.protocols.mqtt.properties import Properties, encode_properties
from cloudstead.protocols.mqtt.wire import encode_u16, encode_variable

PINGRESP = b"\xd0\x00"
PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x62, 0x70
_DUP = 0x08

_pack_acknowledgement = Struct(">BBH").pack
_pack_acknowledgement_with_reason = Struct(">BBHB").pack
# First byte, remaining length of one or two bytes, length of the topic: nearly every PUBLISH begins like this.
_pack_short_head = Struct(">BBH").pack
_pack_head = Struct(">BBBH").pack


def encode_acknowledgement(kind: int, packet_id: int) -> bytes:
    """Encode PUBACK, PUBREC, PUBREL or PUBCOMP of success."""
    return _pack_acknowledgement(kind, 2, packet_id)


def encode_acknowledgement_with_reason(kind: int, packet_id: int, reason: int) -> bytes:
    """Encode PUBACK, PUBREC, PUBREL or PUBCOMP with the reason that only MQTT 5 can carry."""
    return _pack_acknowledgement_with_reason(kind, 3, packet_id, reason)


def encode_connack(*, session_present: bool, code: int, level: int, properties: Properties | None) -> bytes:
    """Encode CONNACK; `code` is a return code for 3.x and a reason code for MQTT 5."""
    body = bytes((session_present, code))
    if level == 5:
        body += encode_properties(properties)
    return b"\x20" + encode_variable(len(body)) + body


def encode_suback(packet_id: int, codes: bytes, *, level: int) -> bytes:
    """Encode SUBACK."""
    body = encode_u16(packet_id) + (b"\0" if level == 5 else b"") + codes
    return b"\x90" + encode_variable(len(body)) + body


def encode_unsuback(packet_id: int, codes: bytes, *, level: int) -> bytes:
    """Encode UNSUBACK; only MQTT 5 carries the codes."""
    if level != 5:
        return b"\xb0\x02" + encode_u16(packet_id)
    body = encode_u16(packet_id) + b"\0" + codes
    return b"\xb0" + encode_variable(len(body)) + body


def encode_disconnect(code: int, properties: Properties | None) -> bytes:
    """Encode the DISCONNECT that only MQTT 5 lets a server send."""
    body = bytes((code,)) + encode_properties(properties)
    return b"\xe0" + encode_variable(len(body)) + body


def encode_publish(
    topic: bytes, payload: bytes, *, qos: int, retain: bool, dup: bool, packet_id: int, properties: bytes | None
) -> bytes:
    """Encode PUBLISH; `properties` is the encoded content of the property block, None for 3.x."""
    head, tail = encode_publish_around_packet_id(topic, payload, qos=qos, retain=retain, properties=properties)
    if dup:
        head = bytes((head[0] | _DUP,)) + head[1:]
    return b"".join((head, encode_u16(packet_id), tail)) if qos else head + tail


def encode_plain_publish(topic: bytes, payload: bytes) -> bytes:
    """Encode PUBLISH of MQTT 3.x at QoS 0, not retained: what nearly all messages to devices and dashboards are."""
    size = len(topic)
    remaining = 2 + size + len(payload)
    if remaining < 128:
        head = _pack_short_head(0x30, remaining, size)
    elif remaining < 16_384:
        head = _pack_head(0x30, remaining & 0x7F | 0x80, remaining >> 7, size)
    else:
        head = b"".join((b"\x30", encode_variable(remaining), encode_u16(size)))
    return b"".join((head, topic, payload))


def encode_publish_around_packet_id(
    topic: bytes, payload: bytes, *, qos: int, retain: bool, properties: bytes | None
) -> tuple[bytes, bytes]:
    """Encode what stands before and after the packet id, which is all that differs between receivers."""
    if properties is None:
        tail = payload
    elif properties:
        tail = b"".join((encode_variable(len(properties)), properties, payload))
    else:
        tail = b"\0" + payload
    remaining = 2 + len(topic) + (2 if qos else 0) + len(tail)
    first = 0x30 | qos << 1 | retain
    if remaining < 128:
        head = _pack_short_head(first, remaining, len(topic)) + topic
    elif remaining < 16_384:
        head = _pack_head(first, remaining & 0x7F | 0x80, remaining >> 7, len(topic)) + topic
    else:
        head = b"".join((bytes((first,)), encode_variable(remaining), encode_u16(len(topic)), topic))
    return head, tail
