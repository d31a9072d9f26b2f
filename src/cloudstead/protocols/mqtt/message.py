"""A message on its way to subscribers, encoded at most once per form in which it leaves."""

from math import ceil

from cloudstead.protocols.mqtt.encode import encode_plain_publish, encode_publish_around_packet_id
from cloudstead.protocols.mqtt.properties import Properties, encode_passed_on
from cloudstead.protocols.mqtt.wire import encode_u32


class Message:
    """Topic, payload, and the bytes that receivers share."""

    __slots__ = ("_passed_on", "_plain", "_wholes", "_wires", "expires_at", "payload", "qos", "topic")

    def __init__(self, topic: str, payload: bytes, qos: int, properties: Properties | None, now: float) -> None:
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.expires_at: float | None = None
        self._passed_on = b""
        if properties is not None:
            self._passed_on = encode_passed_on(properties)
            if properties.message_expiry_s is not None:
                self.expires_at = now + properties.message_expiry_s
        # Most messages leave in one form, as the shared QoS 0 packet, so the others are looked for only when asked.
        self._plain: bytes | None = None
        self._wholes: dict[int, bytes] | None = None
        self._wires: dict[int, tuple[bytes, bytes]] | None = None

    @property
    def topic_bytes(self) -> bytes:
        """The topic as it is written."""
        return self.topic.encode()

    @property
    def size(self) -> int:
        """What the message takes where it waits, in bytes."""
        return len(self.payload) + len(self.topic) + len(self._passed_on)

    def is_expired(self, now: float) -> bool:
        """Tell whether the message must no longer be handed out (MQTT 5, section 3.3.2.3.3)."""
        return self.expires_at is not None and now >= self.expires_at

    def properties_at(self, now: float) -> bytes:
        """Return the properties to forward, without a length; the expiry interval is what is left of it."""
        if self.expires_at is None:
            return self._passed_on
        return b"\x02" + encode_u32(max(1, ceil(self.expires_at - now))) + self._passed_on

    def whole(self, form: int) -> bytes:
        """Return the shared QoS 0 packet; `form` is 8 for MQTT 5 plus the retain bit. Not for messages that expire."""
        if not form:
            packet = self._plain
            if packet is None:
                packet = self._plain = encode_plain_publish(self.topic.encode(), self.payload)
            return packet
        wholes = self._wholes
        if wholes is None:
            wholes = self._wholes = {}
        packet = wholes.get(form)
        if packet is None:
            packet = wholes[form] = b"".join(self._encode(form))
        return packet

    def around_packet_id(self, form: int) -> tuple[bytes, bytes]:
        """Return the shared bytes before and after the packet id; `form` is 8 for MQTT 5, 2 * QoS, the retain bit."""
        wires = self._wires
        if wires is None:
            wires = self._wires = {}
        wire = wires.get(form)
        if wire is None:
            wire = wires[form] = self._encode(form)
        return wire

    def _encode(self, form: int) -> tuple[bytes, bytes]:
        return encode_publish_around_packet_id(
            self.topic_bytes,
            self.payload,
            qos=form >> 1 & 3,
            retain=form & 1 == 1,
            properties=self._passed_on if form & 8 else None,
        )


class Delivery:
    """A message for one session; the packet id is given when it is sent at QoS 1 or 2."""

    __slots__ = ("identifiers", "is_released", "message", "packet_id", "qos", "retain")

    def __init__(self, message: Message, qos: int, retain: bool, identifiers: tuple[int, ...]) -> None:  # noqa: FBT001
        self.message = message
        self.qos = qos
        self.retain = retain
        self.identifiers = identifiers
        self.packet_id = 0
        self.is_released = False  # QoS 2 after PUBREC: PUBREL is what must be repeated
