"""The packets a server receives (MQTT 3.1, MQTT 3.1.1 and MQTT 5, chapter 3), from the bytes of one frame.

Every function gets the buffer with the bounds of the frame's body, never reads beyond them, and raises ProtocolFailure.
"""

from collections.abc import Callable, Mapping

from cloudstead.protocols.mqtt import reasons
from cloudstead.protocols.mqtt.errors import MalformedPacket, ProtocolViolation, TopicInvalid
from cloudstead.protocols.mqtt.events import (
    NO_PROPERTIES,
    ConnectRequested,
    PublishReceived,
    Subscription,
    Will,
)
from cloudstead.protocols.mqtt.properties import Carrier, Properties, decode_properties
from cloudstead.protocols.mqtt.topics import check_filter, check_topic
from cloudstead.protocols.mqtt.wire import Reader, decode_text

_USER_NAME, _PASSWORD, _WILL_RETAIN, _WILL, _CLEAN = 0x80, 0x40, 0x20, 0x04, 0x02
_PROTOCOL_NAMES = {(b"MQIsdp", 3): 3, (b"MQTT", 4): 4, (b"MQTT", 5): 5}


def decode_remaining_length(data: bytes, pos: int, size: int) -> tuple[int, int] | None:
    """Read the remaining length at `pos`; return it with the position of the body, or None while bytes are missing."""
    value = shift = 0
    while pos < size:
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if byte == 0 and shift:
                raise MalformedPacket("remaining length is longer than needed")
            return value, pos
        shift += 7
        if shift > 21:
            raise MalformedPacket("remaining length is too long")
    return None


def decode_topic(raw: bytes) -> str:
    """Decode and check a topic name."""
    topic = decode_text(raw)
    try:
        check_topic(topic)
    except TopicInvalid as error:
        raise ProtocolViolation(str(error), code=reasons.TOPIC_NAME_INVALID) from None
    return topic


def decode_publish(  # noqa: PLR0917 - the hot path
    data: bytes,
    first: int,
    pos: int,
    end: int,
    known: Mapping[bytes, str],
    learn: Callable[[bytes], str],
    is_level_5: bool,  # noqa: FBT001 - the hot path
) -> PublishReceived:
    """Decode PUBLISH (section 3.3); `known` maps topic bytes to checked topics, `learn` decodes one that is not known.

    Written for speed: positional arguments, one bounds check per field, no reader. `learn` also gets the empty topic.
    """
    qos = first >> 1 & 3
    if qos == 3 or (first & 8 and not qos):
        raise MalformedPacket("PUBLISH has invalid flags")
    start = pos + 2
    if start > end:
        raise MalformedPacket("packet ends too early")
    pos = start + (data[pos] << 8 | data[pos + 1])
    if pos > end:
        raise MalformedPacket("packet ends too early")
    raw = data[start:pos]
    topic = known.get(raw)
    if topic is None:
        topic = learn(raw)
    packet_id = 0
    if qos:
        if pos + 2 > end:
            raise MalformedPacket("packet ends too early")
        packet_id = data[pos] << 8 | data[pos + 1]
        if not packet_id:
            raise MalformedPacket("packet identifier is 0")
        pos += 2
    properties = None
    if is_level_5:
        if pos < end and not data[pos]:
            pos += 1
        else:
            reader = Reader(data, pos, end)
            properties = decode_properties(reader, Carrier.PUBLISH)
            pos = reader.pos
    return PublishReceived(topic, data[pos:end], qos, first & 1 == 1, first & 8 == 8, packet_id, properties)


def decode_connect(reader: Reader) -> ConnectRequested:
    """Decode CONNECT (section 3.1)."""
    name = reader.binary()
    number = reader.u8()
    level = _PROTOCOL_NAMES.get((name, number))
    if level is None:
        # Only a peer that does speak MQTT can be told which version is spoken here (MQTT 5, section 3.1.2.2).
        code = reasons.UNSUPPORTED_PROTOCOL_VERSION if name in {b"MQTT", b"MQIsdp"} else reasons.PROTOCOL_ERROR
        raise ProtocolViolation("protocol name or version is not served", code=code)
    flags = reader.u8()
    _check_connect_flags(flags, level)
    keep_alive = reader.u16()
    properties = (decode_properties(reader, Carrier.CONNECT) if level == 5 else None) or NO_PROPERTIES
    client_id = reader.text()
    will = _decode_will(reader, flags, level) if flags & _WILL else None
    user_name = reader.text() if flags & _USER_NAME else None
    password = reader.binary() if flags & _PASSWORD else None
    reader.finish()
    return ConnectRequested(
        level=level,
        client_id=client_id,
        clean_start=bool(flags & _CLEAN),
        keep_alive=keep_alive,
        user_name=user_name,
        password=password,
        will=will,
        properties=properties,
    )


def _check_connect_flags(flags: int, level: int) -> None:
    if flags >> 3 & 3 == 3:
        raise MalformedPacket("will QoS is 3")
    if level == 3:
        return  # MQTT 3.1 reserves nothing
    if flags & 1:
        raise MalformedPacket("reserved connect flag is set")
    if not flags & _WILL and flags & 0x38:
        raise MalformedPacket("will options without a will")
    if level == 4 and flags & _PASSWORD and not flags & _USER_NAME:
        raise MalformedPacket("password without a user name")


def _decode_will(reader: Reader, flags: int, level: int) -> Will:
    properties = decode_properties(reader, Carrier.WILL) if level == 5 else None
    topic = decode_topic(reader.binary())
    payload = reader.binary()
    return Will(topic, payload, qos=flags >> 3 & 3, retain=bool(flags & _WILL_RETAIN), properties=properties)


def decode_subscribe(reader: Reader, level: int) -> tuple[int, tuple[Subscription, ...], Properties | None]:
    """Decode SUBSCRIBE (section 3.8) into packet id, subscriptions and properties."""
    packet_id = _packet_id(reader)
    properties = decode_properties(reader, Carrier.SUBSCRIBE) if level == 5 else None
    identifiers = properties.subscription_identifiers if properties is not None else ()
    subscriptions = []
    while not reader.is_at_end():
        text = _filter(reader)
        options = reader.u8()
        _check_options(options, level)
        subscription = Subscription(text, options, identifiers)
        if subscription.group is not None and subscription.no_local:
            raise ProtocolViolation("no local on a shared subscription")  # MQTT-3.8.3-4
        subscriptions.append(subscription)
    if not subscriptions:
        raise ProtocolViolation("SUBSCRIBE without a filter")
    return packet_id, tuple(subscriptions), properties


def _check_options(options: int, level: int) -> None:
    if options & 3 == 3 or options & (0xC0 if level == 5 else 0xFC):
        raise MalformedPacket("subscription options are invalid")
    if options & 0x30 == 0x30:
        raise ProtocolViolation("retain handling 3 does not exist")


def decode_unsubscribe(reader: Reader, level: int) -> tuple[int, tuple[str, ...]]:
    """Decode UNSUBSCRIBE (section 3.10) into packet id and filters."""
    packet_id = _packet_id(reader)
    if level == 5:
        decode_properties(reader, Carrier.UNSUBSCRIBE)
    filters = []
    while not reader.is_at_end():
        filters.append(_filter(reader))
    if not filters:
        raise ProtocolViolation("UNSUBSCRIBE without a filter")
    return packet_id, tuple(filters)


def decode_acknowledgement(data: bytes, pos: int, end: int, level: int) -> tuple[int, int]:
    """Decode PUBACK, PUBREC, PUBREL or PUBCOMP (sections 3.4 to 3.7) into packet id and reason code."""
    if end - pos == 2:
        packet_id = data[pos] << 8 | data[pos + 1]
        if packet_id:
            return packet_id, reasons.SUCCESS
    if level != 5:
        raise MalformedPacket("acknowledgement is not just a packet identifier")
    reader = Reader(data, pos, end)
    packet_id = _packet_id(reader)
    reason = reader.u8()
    if not reader.is_at_end():
        decode_properties(reader, Carrier.ACK)
    reader.finish()
    return packet_id, reason


def decode_disconnect(reader: Reader, level: int) -> tuple[int, Properties]:
    """Decode DISCONNECT (section 3.14) into reason code and properties."""
    if reader.is_at_end() or level != 5:
        reader.finish()
        return reasons.SUCCESS, NO_PROPERTIES
    reason = reader.u8()
    properties = decode_properties(reader, Carrier.DISCONNECT) if not reader.is_at_end() else None
    reader.finish()
    return reason, properties or NO_PROPERTIES


def _packet_id(reader: Reader) -> int:
    packet_id = reader.u16()
    if not packet_id:
        raise MalformedPacket("packet identifier is 0")
    return packet_id


def _filter(reader: Reader) -> str:
    text = reader.text()
    try:
        check_filter(text)
    except TopicInvalid as error:
        raise ProtocolViolation(str(error), code=reasons.TOPIC_FILTER_INVALID) from None
    return text
