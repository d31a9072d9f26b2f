"""A broker with its owner, and clients of it, in one thread of memory: what they send is parsed, never shared."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from cloudstead.protocols.mqtt import (
    STANDARD,
    Broker,
    Connection,
    ConnectRequested,
    Disconnected,
    Event,
    Profile,
    Properties,
    PublishReceived,
    SpaceLimits,
    SubscribeRequested,
    Unsubscribed,
)
from cloudstead.protocols.mqtt.decode import decode_publish, decode_remaining_length, decode_topic
from cloudstead.protocols.mqtt.encode import encode_publish
from cloudstead.protocols.mqtt.properties import Carrier, decode_properties, encode_properties
from cloudstead.protocols.mqtt.wire import Reader, encode_binary, encode_text, encode_u16, encode_variable

CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK = 2, 3, 4, 5, 6, 7, 9, 11
PINGRESP, DISCONNECT = 13, 14


@dataclass
class Packet:
    kind: int
    packet_id: int = 0
    code: int = 0
    codes: tuple[int, ...] = ()
    session_present: bool = False
    properties: Properties = field(default_factory=Properties)


@dataclass
class Received:
    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    packet_id: int
    properties: Properties
    sent_topic: str  # before an alias was resolved


def packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + encode_variable(len(body)) + body


def connect_packet(
    client_id: str,
    *,
    level: int = 4,
    clean: bool = True,
    keep_alive: int = 60,
    will: tuple[str, bytes, int, bool] | None = None,
    will_properties: Properties | None = None,
    user_name: str | None = None,
    password: bytes | None = None,
    properties: Properties | None = None,
) -> bytes:
    flags = 2 * clean
    payload = encode_text(client_id)
    if will is not None:
        topic, message, qos, retain = will
        flags |= 4 | qos << 3 | retain << 5
        payload += encode_properties(will_properties) if level == 5 else b""
        payload += encode_text(topic) + encode_binary(message)
    if user_name is not None:
        flags |= 0x80
        payload += encode_text(user_name)
    if password is not None:
        flags |= 0x40
        payload += encode_binary(password)
    head = encode_text("MQIsdp" if level == 3 else "MQTT") + bytes((level, flags)) + encode_u16(keep_alive)
    return packet(0x10, head + (encode_properties(properties) if level == 5 else b"") + payload)


def subscribe_packet(
    packet_id: int, filters: list[tuple[str, int]], *, level: int = 4, properties: Properties | None = None
) -> bytes:
    body = encode_u16(packet_id) + (encode_properties(properties) if level == 5 else b"")
    return packet(0x82, body + b"".join(encode_text(text) + bytes((options,)) for text, options in filters))


def unsubscribe_packet(packet_id: int, filters: list[str], *, level: int = 4) -> bytes:
    body = encode_u16(packet_id) + (b"\0" if level == 5 else b"")
    return packet(0xA2, body + b"".join(encode_text(text) for text in filters))


def publish_packet(
    topic: str,
    payload: bytes,
    *,
    qos: int = 0,
    retain: bool = False,
    dup: bool = False,
    packet_id: int = 0,
    level: int = 4,
    properties: Properties | None = None,
) -> bytes:
    block = None
    if level == 5:
        encoded = encode_properties(properties)
        reader = Reader(encoded, 0, len(encoded))
        reader.variable()
        block = encoded[reader.pos :]
    return encode_publish(
        topic.encode(), payload, qos=qos, retain=retain, dup=dup, packet_id=packet_id, properties=block
    )


class World:
    """Owns a broker as a gateway would: lets everybody in, stores everything, forbids some filters and topics."""

    def __init__(self, *, limits: SpaceLimits | None = None, max_held_bytes: int = 1 << 30) -> None:
        self.now = 1000.0
        numbers = count(1)
        self.broker = Broker(
            new_client_id=lambda: f"assigned-{next(numbers)}", limits=limits, max_held_bytes=max_held_bytes
        )
        self.profile: Profile = STANDARD
        self.forbidden_filters: set[str] = set()
        self.forbidden_topics: set[str] = set()
        self.stores = True
        self.unstored: list[tuple[Connection, PublishReceived]] = []
        self.events: list[Event] = []

    def client(self, client_id: str = "client", *, level: int = 4, space: str = "acme", holder: str = "") -> Client:
        return Client(self, client_id, level=level, space=space, holder=holder)

    def run(self, connection: Connection, events: list[Event]) -> None:
        self.handle(connection, events)
        while connection.pending_input:
            self.handle(connection, connection.receive(b"", self.now))
        self.flush()

    def handle(self, connection: Connection, events: list[Event]) -> None:
        client = connection.owner
        assert isinstance(client, Client)
        for event in events:
            self.events.append(event)
            match event:
                case ConnectRequested():
                    connection.accept(space=client.space, profile=self.profile, holder=client.holder, now=self.now)
                case PublishReceived():
                    if event.topic in self.forbidden_topics:
                        connection.deny(event, 0x87, self.now)
                    elif self.stores:
                        self.store(connection, event)
                    else:
                        self.unstored.append((connection, event))
                case SubscribeRequested():
                    codes = [
                        0x87 if subscription.filter in self.forbidden_filters else subscription.qos
                        for subscription in event.subscriptions
                    ]
                    connection.grant(event.packet_id, codes, self.now)
                case Unsubscribed() | Disconnected():
                    pass

    def store(self, connection: Connection, event: PublishReceived) -> None:
        connection.acknowledge(event.packet_id)
        self.broker.publish(
            connection.space,
            event.topic,
            event.payload,
            qos=event.qos,
            retain=event.retain,
            properties=event.properties,
            sender=connection.session_key,
            now=self.now,
        )

    def store_all(self) -> None:
        waiting, self.unstored = self.unstored, []
        for connection, event in waiting:
            self.store(connection, event)
            while connection.pending_input:
                self.handle(connection, connection.receive(b"", self.now))
        self.flush()

    def flush(self) -> None:
        while True:
            for will in self.broker.take_wills():
                self.broker.publish(
                    will.space,
                    will.topic,
                    will.payload,
                    qos=will.qos,
                    retain=will.retain,
                    properties=will.properties,
                    sender=will.session_key,
                    now=self.now,
                )
            dirty = self.broker.take_dirty()
            if not dirty:
                return
            for connection in dirty:
                client = connection.owner
                assert isinstance(client, Client)
                output = connection.take_output()
                if client.connection is connection:
                    client.read(output)
                    if connection.closing:
                        client.closed = True
                if connection.closing:
                    connection.lost(self.now)

    def sleep(self, seconds: float) -> None:
        """Let time pass second by second, as the owner's timer would."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + 1, end)
            self.broker.tick(self.now)
            self.flush()


class Client:
    """A client that speaks the wire format; `acknowledges` off makes it a client that has stopped answering."""

    def __init__(self, world: World, client_id: str, *, level: int, space: str, holder: str) -> None:
        self.world = world
        self.client_id = client_id
        self.level = level
        self.space = space
        self.holder = holder
        self.connection: Connection | None = None
        self.acknowledges = True
        self.unanswered: list[int] = []
        self.closed = True
        self.messages: list[Received] = []
        self.packets: list[Packet] = []
        self._input = b""
        self._aliases: dict[int, str] = {}
        self._ids = count(1)

    # what it does

    def open(self) -> None:
        self.connection = self.world.broker.open(now=self.world.now)
        self.connection.owner = self
        self.closed = False
        self._input = b""
        self._aliases = {}

    def send(self, data: bytes) -> None:
        assert self.connection is not None
        self.world.run(self.connection, self.connection.receive(data, self.world.now))

    def connect(
        self,
        *,
        clean: bool = True,
        keep_alive: int = 60,
        will: tuple[str, bytes, int, bool] | None = None,
        will_properties: Properties | None = None,
        properties: Properties | None = None,
    ) -> Packet:
        self.open()
        self.send(
            connect_packet(
                self.client_id,
                level=self.level,
                clean=clean,
                keep_alive=keep_alive,
                will=will,
                will_properties=will_properties,
                properties=properties,
            )
        )
        return self.last(CONNACK)

    def subscribe(self, *filters: tuple[str, int], properties: Properties | None = None) -> tuple[int, ...]:
        packet_id = next(self._ids)
        self.send(subscribe_packet(packet_id, list(filters), level=self.level, properties=properties))
        if self.closed:
            return ()
        answer = self.last(SUBACK)
        assert answer.packet_id == packet_id
        return answer.codes

    def unsubscribe(self, *filters: str) -> tuple[int, ...]:
        packet_id = next(self._ids)
        self.send(unsubscribe_packet(packet_id, list(filters), level=self.level))
        answer = self.last(UNSUBACK)
        assert answer.packet_id == packet_id
        return answer.codes

    def publish(
        self,
        topic: str,
        payload: bytes = b"",
        qos: int = 0,
        *,
        retain: bool = False,
        properties: Properties | None = None,
    ) -> int:
        packet_id = next(self._ids) if qos else 0
        self.send(
            publish_packet(
                topic,
                payload,
                qos=qos,
                retain=retain,
                packet_id=packet_id,
                level=self.level,
                properties=properties,
            )
        )
        return packet_id

    def acknowledge(self, packet_id: int) -> None:
        self.send(packet(0x40, encode_u16(packet_id)))

    def disconnect(self, code: int = 0, *, properties: Properties | None = None) -> None:
        body = bytes((code,)) + encode_properties(properties) if self.level == 5 else b""
        self.send(packet(0xE0, body))

    def terminate(self) -> None:
        """Lose the connection without a word."""
        assert self.connection is not None
        self.connection.lost(self.world.now)
        self.closed = True
        self.world.flush()

    # what it got

    def take(self) -> list[Received]:
        messages, self.messages = self.messages, []
        return messages

    def payloads(self) -> list[bytes]:
        return [message.payload for message in self.take()]

    def last(self, kind: int) -> Packet:
        return next(packet for packet in reversed(self.packets) if packet.kind == kind)

    def count(self, kind: int) -> int:
        return sum(packet.kind == kind for packet in self.packets)

    def read(self, data: bytes) -> None:
        data = self._input + data
        pos = 0
        answers = []
        while len(data) - pos >= 2:
            found = decode_remaining_length(data, pos + 1, len(data))
            if found is None or found[0] + found[1] > len(data):
                break
            length, body = found
            answers.append(self._read_packet(data, data[pos], body, body + length))
            pos = body + length
        self._input = data[pos:]
        answer = b"".join(answers)
        if answer and self.acknowledges:
            self.send(answer)

    def _read_packet(self, data: bytes, first: int, body: int, end: int) -> bytes:
        kind = first >> 4
        if kind == PUBLISH:
            return self._read_publish(data, first, body, end)
        reader = Reader(data, body, end)
        packet_read = Packet(kind)
        self.packets.append(packet_read)
        if kind == CONNACK:
            packet_read.session_present = bool(reader.u8())
            packet_read.code = reader.u8()
            self._read_properties(packet_read, reader, Carrier.CONNACK)
        elif kind in {PUBACK, PUBREC, PUBREL, PUBCOMP}:
            packet_read.packet_id = reader.u16()
            packet_read.code = 0 if reader.is_at_end() else reader.u8()
            if kind == PUBREC and packet_read.code < 0x80:
                return packet(0x62, encode_u16(packet_read.packet_id))
            if kind == PUBREL:
                return packet(0x70, encode_u16(packet_read.packet_id))
        elif kind in {SUBACK, UNSUBACK}:
            packet_read.packet_id = reader.u16()
            self._read_properties(packet_read, reader, Carrier.ACK)
            packet_read.codes = tuple(reader.raw(end - reader.pos))
        elif kind == DISCONNECT:
            packet_read.code = reader.u8()
            self._read_properties(packet_read, reader, Carrier.DISCONNECT)
        reader.finish()
        return b""

    def _read_properties(self, packet_read: Packet, reader: Reader, carrier: Carrier) -> None:
        if self.level == 5:
            packet_read.properties = decode_properties(reader, carrier) or Properties()

    def _read_publish(self, data: bytes, first: int, body: int, end: int) -> bytes:
        event = decode_publish(
            data, first, body, end, {}, lambda raw: decode_topic(raw) if raw else "", self.level == 5
        )
        properties = event.properties or Properties()
        topic = event.topic
        if properties.topic_alias is not None:
            if topic:
                self._aliases[properties.topic_alias] = topic
            topic = self._aliases[properties.topic_alias]
        if not self.acknowledges:
            self.unanswered.append(event.packet_id)
            return b""
        self.messages.append(
            Received(topic, event.payload, event.qos, event.retain, event.dup, event.packet_id, properties, event.topic)
        )
        if event.qos:
            return packet(0x40 if event.qos == 1 else 0x50, encode_u16(event.packet_id))
        return b""
