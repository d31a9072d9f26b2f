"""The output of one connection: packets gather here until they are written together, within the client's limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudstead.protocols.mqtt import encode
from cloudstead.protocols.mqtt.profile import STANDARD
from cloudstead.protocols.mqtt.wire import MAX_VARIABLE_INTEGER, encode_u16, encode_variable

if TYPE_CHECKING:
    from cloudstead.protocols.mqtt.broker import Broker
    from cloudstead.protocols.mqtt.connection import Connection
    from cloudstead.protocols.mqtt.counters import Counters
    from cloudstead.protocols.mqtt.message import Delivery, Message


class Outbox:
    """Encodes for one client, shares encoded bytes where clients do not differ, and says when to hold back.

    `is_blocked` while the transport does not take more, or when a single tick has produced more than a client may have
    unsent. Answers are added all the same: there are no more of them than packets that were let in.
    """

    __slots__ = (
        "_alias_maximum",
        "_aliases",
        "_broker",
        "_connection",
        "_counters",
        "_form",
        "_is_writable",
        "_packets",
        "_shares",
        "is_blocked",
        "is_plain",
        "level",
        "max_packet_bytes",
        "max_unsent_bytes",
        "unsent_bytes",
    )

    def __init__(self, connection: Connection, broker: Broker) -> None:
        self._connection = connection
        self._broker = broker
        self._counters: Counters = broker.counters
        self._packets: list[bytes] = []
        self.unsent_bytes = 0
        self.max_unsent_bytes = STANDARD.max_unsent_bytes
        self.max_packet_bytes = MAX_VARIABLE_INTEGER + 5
        self.level = 4
        self.is_plain = True
        self.is_blocked = False
        self._is_writable = True
        self._form = 0
        self._shares = True
        self._alias_maximum = 0
        self._aliases: dict[str, int] = {}

    def speak(self, level: int, *, max_packet_bytes: int | None) -> None:
        """Encode for this protocol level and for a client that takes packets of at most that size."""
        self.level = level
        self.is_plain = level != 5
        self._form = 8 if level == 5 else 0
        if max_packet_bytes is not None:
            self.max_packet_bytes = min(self.max_packet_bytes, max_packet_bytes)

    def settle(self, *, max_unsent_bytes: int, alias_maximum: int) -> None:
        """Apply the terms of an accepted client."""
        self.max_unsent_bytes = max_unsent_bytes
        self._alias_maximum = alias_maximum
        self._shares = not alias_maximum

    def take(self) -> bytes:
        """Return everything that is to be written, and count it."""
        data = b"".join(self._packets)
        self._packets.clear()
        self.unsent_bytes = 0
        self._counters.bytes_out += len(data)
        self.is_blocked = not self._is_writable
        return data

    def clear(self) -> None:
        """Forget what was not written."""
        self._packets.clear()
        self.unsent_bytes = 0

    def set_writable(self, writable: bool) -> None:  # noqa: FBT001 - a state, not a switch
        """Take note whether the transport takes more."""
        self._is_writable = writable
        self.is_blocked = not writable or self.unsent_bytes > self.max_unsent_bytes

    def emit(self, packet: bytes) -> None:
        """Add an encoded packet."""
        packets = self._packets
        if not packets:
            self._broker.dirty.add(self._connection)
        packets.append(packet)
        self.unsent_bytes += len(packet)
        if self.unsent_bytes > self.max_unsent_bytes:
            self.is_blocked = True

    def emit_acknowledgement(self, kind: int, packet_id: int, reason: int = 0) -> None:
        """Add PUBACK, PUBREC, PUBREL or PUBCOMP."""
        self.emit(
            encode.encode_acknowledgement(kind, packet_id)
            if not reason or self.level != 5
            else encode.encode_acknowledgement_with_reason(kind, packet_id, reason)
        )

    def send(self, message: Message, retain: bool, identifiers: tuple[int, ...], now: float) -> None:  # noqa: FBT001
        """Send a message at QoS 0, or count it as too large for this client."""
        if self._shares and not identifiers and message.expires_at is None:
            packet = message.whole(self._form | retain)
        else:
            packet = self._own_packet(message, (0, retain, False, 0), identifiers, now)
        size = len(packet)
        if size > self.max_packet_bytes:
            self._counters.dropped_too_large += 1
            return
        # As emit does; a call for every message and receiver is worth sparing.
        packets = self._packets
        if not packets:
            self._broker.dirty.add(self._connection)
        packets.append(packet)
        self.unsent_bytes += size
        if self.unsent_bytes > self.max_unsent_bytes:
            self.is_blocked = True
        self._counters.messages_out += 1

    def send_plain(self, packet: bytes) -> None:
        """Send a message at QoS 0 that is encoded already; only where `is_plain`: to a client of MQTT 3."""
        size = len(packet)
        if size > self.max_packet_bytes:
            self._counters.dropped_too_large += 1
            return
        packets = self._packets
        if not packets:
            self._broker.dirty.add(self._connection)
        packets.append(packet)
        self.unsent_bytes += size
        if self.unsent_bytes > self.max_unsent_bytes:
            self.is_blocked = True
        self._counters.messages_out += 1

    def send_acknowledged(self, delivery: Delivery, now: float) -> bool:
        """Send a message at QoS 1 or 2; False when it is too large for this client, and counted."""
        message = delivery.message
        if not self._shares or delivery.identifiers or message.expires_at is not None:
            return self._send_own(delivery, now, dup=False)
        head, tail = message.around_packet_id(self._form | delivery.qos << 1 | delivery.retain)
        size = len(head) + len(tail) + 2
        if size > self.max_packet_bytes:
            self._counters.dropped_too_large += 1
            return False
        packets = self._packets
        if not packets:
            self._broker.dirty.add(self._connection)
        # Three pieces, so that the payload is copied once, when everything is joined.
        packets += (head, encode_u16(delivery.packet_id), tail)
        self.unsent_bytes += size
        if self.unsent_bytes > self.max_unsent_bytes:
            self.is_blocked = True
        self._counters.messages_out += 1
        return True

    def send_again(self, delivery: Delivery, now: float) -> bool:
        """Repeat what was in flight when an earlier connection ended (MQTT 5, section 4.4); False if too large."""
        if delivery.is_released:
            self.emit_acknowledgement(encode.PUBREL, delivery.packet_id)
            return True
        return self._send_own(delivery, now, dup=True)

    def _send_own(self, delivery: Delivery, now: float, *, dup: bool) -> bool:
        flags = (delivery.qos, delivery.retain, dup, delivery.packet_id)
        packet = self._own_packet(delivery.message, flags, delivery.identifiers, now)
        if len(packet) > self.max_packet_bytes:
            self._counters.dropped_too_large += 1
            return False
        self.emit(packet)
        self._counters.messages_out += 1
        return True

    def _own_packet(
        self, message: Message, flags: tuple[int, bool, bool, int], identifiers: tuple[int, ...], now: float
    ) -> bytes:
        """Encode a PUBLISH that only this client gets: with aliases, identifiers, an expiry interval or DUP."""
        qos, retain, dup, packet_id = flags
        topic = message.topic_bytes
        properties = None
        new_alias = 0
        if self.level == 5:
            parts = [message.properties_at(now)]
            parts += [b"\x0b" + encode_variable(identifier) for identifier in identifiers]
            alias = self._aliases.get(message.topic, 0)
            if alias:
                topic = b""
            elif len(self._aliases) < self._alias_maximum:
                alias = new_alias = len(self._aliases) + 1
            if alias:
                parts.append(b"\x23" + encode_u16(alias))
            properties = b"".join(parts)
        packet = encode.encode_publish(
            topic, message.payload, qos=qos, retain=retain, dup=dup, packet_id=packet_id, properties=properties
        )
        if new_alias and len(packet) <= self.max_packet_bytes:
            self._aliases[message.topic] = new_alias
        return packet
