"""The messages a client publishes on one connection: their topics, how many may wait, and how each is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.protocols.mqtt import encode, reasons
from cloudstead.protocols.mqtt.decode import decode_publish, decode_topic
from cloudstead.protocols.mqtt.errors import ProtocolViolation

if TYPE_CHECKING:
    from cloudstead.protocols.mqtt.events import PublishReceived
    from cloudstead.protocols.mqtt.outbox import Outbox
    from cloudstead.protocols.mqtt.profile import Profile
    from cloudstead.protocols.mqtt.session import Session

# A device publishes to a handful of topics; remembering them saves decoding and checking each time.
_KNOWN_TOPICS: Final = 64
# A 3.x client knows no receive maximum; one that leaves this many windows of QoS 2 exchanges open is broken.
_OPEN_WINDOWS: Final = 10


class Incoming:
    """The receiving side of QoS 1 and 2 (MQTT 5, section 4.3): nothing is answered before its owner says so.

    `unanswered` holds the packet ids whose owner has not answered yet, with their QoS. QoS 2 exchanges outlive the
    connection: they are kept in the session.
    """

    __slots__ = (
        "_aliases",
        "_awaiting_release",
        "_is_level_5",
        "_known_topics",
        "_outbox",
        "_profile",
        "session",
        "unanswered",
    )

    def __init__(self, session: Session, profile: Profile, outbox: Outbox) -> None:
        self.session = session
        self._profile = profile
        self._outbox = outbox
        self._is_level_5 = outbox.level == 5
        self._known_topics: dict[bytes, str] = {}
        self._aliases: dict[int, str] = {}
        self._awaiting_release: dict[int, None] = {}  # nearly always empty, and an empty set takes 150 bytes more
        self.unanswered: dict[int, int] = {}

    @property
    def has_room(self) -> bool:
        """Whether one more message may wait for its owner's answer."""
        return len(self.unanswered) < self._profile.inbound_window

    def may_begin(self, first: int) -> bool:
        """Tell whether a PUBLISH with this first byte may be taken now; a 3.x client is slowed down, not closed."""
        if not first & 6:
            return True
        if not self._is_level_5:
            return len(self.unanswered) < self._profile.inbound_window
        # Section 4.9: an exchange at QoS 2 counts until PUBCOMP. A client that was told the limit has no excuse.
        if len(self.unanswered) + len(self._awaiting_release) >= self._profile.inbound_window:
            raise ProtocolViolation("receive maximum exceeded", code=reasons.RECEIVE_MAXIMUM_EXCEEDED)
        return True

    def take(self, data: bytes, first: int, pos: int, end: int) -> PublishReceived | None:
        """Decode a PUBLISH; None when it repeats one that was handed out already."""
        event = decode_publish(data, first, pos, end, self._known_topics, self._learn_topic, self._is_level_5)
        profile = self._profile
        qos = event.qos
        if first & 1 or qos > profile.max_qos or len(event.payload) > profile.max_payload_bytes:
            profile.check_message(qos, retain=event.retain, payload_bytes=len(event.payload))
        if event.properties is not None or not event.topic:
            self._resolve_alias(event)
        if qos:
            packet_id = event.packet_id
            if packet_id in self.unanswered:
                if event.dup:
                    return None  # the answer to the first copy answers this one
                raise ProtocolViolation("packet identifier is in use", code=reasons.PACKET_IDENTIFIER_IN_USE)
            if qos == 2 and self._is_repeated(packet_id):
                return None
            self.unanswered[packet_id] = qos
        return event

    def acknowledge(self, packet_id: int, reason: int, *, is_closed: bool) -> None:
        """Answer a message that is stored; after a reconnect QoS 2 is answered on the session's new connection."""
        qos = self.unanswered.pop(packet_id, 0)
        if qos == 1:
            if not is_closed:
                self._outbox.emit_acknowledgement(encode.PUBACK, packet_id, reason)
        elif qos == 2 and packet_id in self.session.inbound:
            self.session.inbound[packet_id] = True
            current = self.session.incoming
            if current is not None:
                current.confirm(packet_id, reason)

    def confirm(self, packet_id: int, reason: int) -> None:
        """Send PUBREC for a message that is stored."""
        self.unanswered.pop(packet_id, None)
        self._awaiting_release[packet_id] = None
        self._outbox.emit_acknowledgement(encode.PUBREC, packet_id, reason)

    def release(self, packet_id: int) -> None:
        """End a QoS 2 exchange: PUBREL came."""
        self._awaiting_release.pop(packet_id, None)
        known = self.session.inbound.pop(packet_id, None) is not None
        code = reasons.SUCCESS if known else reasons.PACKET_IDENTIFIER_NOT_FOUND
        self._outbox.emit_acknowledgement(encode.PUBCOMP, packet_id, code)

    def forget(self, packet_id: int, qos: int) -> None:
        """End an exchange whose message was not taken."""
        self.unanswered.pop(packet_id, None)
        if qos == 2:
            self.session.inbound.pop(packet_id, None)

    def _learn_topic(self, raw: bytes) -> str:
        if not raw and self._is_level_5:
            return ""  # a topic alias must name it
        topic = decode_topic(raw)
        self._profile.check_topic(topic, len(raw))
        if len(self._known_topics) >= _KNOWN_TOPICS:
            self._known_topics.clear()
        self._known_topics[raw] = topic
        return topic

    def _resolve_alias(self, event: PublishReceived) -> None:
        """Apply a topic alias (MQTT 5, section 3.3.2.3.4) and refuse what only a server may send."""
        properties = event.properties
        alias = None
        if properties is not None:
            if properties.subscription_identifiers:
                raise ProtocolViolation("a client sent a subscription identifier")
            alias = properties.topic_alias
        if alias is None:
            if not event.topic:
                raise ProtocolViolation("topic name is empty", code=reasons.TOPIC_NAME_INVALID)
            return
        if alias > self._profile.topic_alias_maximum:
            raise ProtocolViolation("topic alias is too large", code=reasons.TOPIC_ALIAS_INVALID)
        if event.topic:
            self._aliases[alias] = event.topic
            return
        topic = self._aliases.get(alias)
        if topic is None:
            raise ProtocolViolation("topic alias is not known")
        event.topic = topic

    def _is_repeated(self, packet_id: int) -> bool:
        """Tell whether a QoS 2 message was handed out before, and answer it if it is stored."""
        inbound = self.session.inbound
        is_stored = inbound.get(packet_id)
        if is_stored is None:
            if len(inbound) >= _OPEN_WINDOWS * self._profile.inbound_window:
                raise ProtocolViolation("too many open exchanges", code=reasons.RECEIVE_MAXIMUM_EXCEEDED)
            inbound[packet_id] = False
            return False
        if is_stored:
            self.confirm(packet_id, reasons.SUCCESS)
        else:
            # An earlier connection handed it out and its owner has not stored it yet; that answer will come here.
            self.unanswered[packet_id] = 2
        return True
