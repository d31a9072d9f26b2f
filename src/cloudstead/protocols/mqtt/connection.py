"""One MQTT connection without its socket: bytes in, events out, decisions in, bytes out."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from cloudstead.protocols.mqtt import admission, encode, reasons
from cloudstead.protocols.mqtt.decode import (
    decode_acknowledgement,
    decode_connect,
    decode_disconnect,
    decode_subscribe,
    decode_unsubscribe,
)
from cloudstead.protocols.mqtt.errors import MalformedPacket, ProtocolFailure, ProtocolViolation
from cloudstead.protocols.mqtt.events import (
    ConnectRequested,
    Disconnected,
    Event,
    PublishReceived,
    SubscribeRequested,
    Unsubscribed,
)
from cloudstead.protocols.mqtt.inbox import Inbox
from cloudstead.protocols.mqtt.incoming import Incoming
from cloudstead.protocols.mqtt.outbox import Outbox
from cloudstead.protocols.mqtt.profile import STANDARD, Profile
from cloudstead.protocols.mqtt.properties import Properties
from cloudstead.protocols.mqtt.wire import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cloudstead.protocols.mqtt.broker import Broker
    from cloudstead.protocols.mqtt.events import Subscription, Will
    from cloudstead.protocols.mqtt.session import Session

_NEW, _UNDECIDED, _OPEN, _CLOSED = range(4)
_CONNECT, _PUBLISH, _PUBACK, _PUBREC, _PUBREL, _PUBCOMP = 1, 3, 4, 5, 6, 7
_SUBSCRIBE, _UNSUBSCRIBE, _PINGREQ, _DISCONNECT = 8, 10, 12, 14

# The low four bits of the first byte are fixed for everything but PUBLISH (MQTT 5, section 2.1.3).
_FLAGS: Final = {_PUBREL: 2, _SUBSCRIBE: 2, _UNSUBSCRIBE: 2}

_UNDECIDED_SUBSCRIBES: Final = 16
_KEEP_ALIVE_GRACE: Final = 1.5  # MQTT 5, section 3.1.2.10


class Connection:
    """The protocol state of one network connection.

    `owner` belongs to whoever opened the connection. `closing` asks for the output to be written and the transport to
    be closed; `close_code` (an MQTT 5 reason code) and `close_detail` then say why.
    """

    __slots__ = (
        "_broker",
        "_grace_s",
        "_heard_at",
        "_inbox",
        "_incoming",
        "_outbox",
        "_request",
        "_session",
        "_state",
        "_subscribing",
        "_tells_reasons",
        "client_id",
        "close_code",
        "close_detail",
        "closing",
        "connected_at",
        "keep_alive",
        "level",
        "owner",
        "profile",
        "session_key",
        "space",
    )

    def __init__(self, broker: Broker, *, now: float) -> None:
        self.owner: object = None
        self.level = 4
        self.space = ""
        self.client_id = ""
        self.session_key = ""
        self.profile = STANDARD
        self.keep_alive = 0
        self.connected_at = now
        self.closing = False
        self.close_code: int = reasons.SUCCESS
        self.close_detail = ""
        self._broker = broker
        self._state = _NEW
        self._inbox = Inbox()
        self._outbox = Outbox(self, broker)
        self._heard_at = now
        self._grace_s: float | None = None
        self._incoming: Incoming | None = None
        self._subscribing: dict[int, tuple[Subscription, ...]] = {}
        self._request: ConnectRequested | None = None
        self._session: Session | None = None
        self._tells_reasons = True

    # Input

    def receive(self, data: bytes, now: float, max_frames: int = 32) -> list[Event]:
        """Take bytes from the network and return what they mean, at most `max_frames` packets at a time.

        Call again with no bytes while `pending_input`. Never raises for what a peer sends: the connection closes
        instead, after the events that were whole, and the last event says why.
        """
        events: list[Event] = []
        if self.closing:
            return events
        self._broker.now = self._heard_at = now
        counters = self._broker.counters
        counters.bytes_in += len(data)
        try:
            self._parse(data, events, now, max_frames)
        except ProtocolFailure as failure:
            counters.protocol_errors += 1
            self._fail(failure, now)
            events.append(Disconnected(failure.code, failure.detail, by_client=False))
        return events

    @property
    def pending_input(self) -> bool:
        """Whether more packets are buffered and may be parsed now."""
        return (
            self._inbox.has_whole_frames
            and (self._incoming is None or self._incoming.has_room)
            and self._state != _UNDECIDED
            and len(self._subscribing) < _UNDECIDED_SUBSCRIBES
        )

    @property
    def will(self) -> Will | None:
        """What the client has left to be published when it is gone."""
        return None if self._session is None else self._session.will

    @property
    def wants_read(self) -> bool:
        """Whether more bytes are welcome; when not, stop reading so that the client feels the pressure."""
        inbox = self._inbox  # looked into without a call: this is asked after each packet
        return inbox.pos >= len(inbox.data) and not self.closing and self._state != _UNDECIDED

    def _parse(self, data: bytes, events: list[Event], now: float, max_frames: int) -> None:
        inbox = self._inbox
        incoming = self._incoming
        inbox.feed(data)
        while (frame := inbox.frame()) is not None:
            first, pos, end = frame
            kind = first >> 4
            if (
                not max_frames
                or self._state == _UNDECIDED
                or (kind == _PUBLISH and incoming is not None and not incoming.may_begin(first))
                or (kind == _SUBSCRIBE and len(self._subscribing) >= _UNDECIDED_SUBSCRIBES)
            ):
                # The rest stays in the inbox: its turn has not come, or it is one more that waits for its owner's
                # answer, and the peer is slowed down.
                return
            max_frames -= 1
            inbox.pos = end
            if kind == _PUBLISH and incoming is not None:
                event = incoming.take(inbox.data, first, pos, end)
                if event is not None:
                    self._broker.counters.messages_in += 1
                    events.append(event)
            elif _PUBACK <= kind <= _PUBCOMP and incoming is not None:
                self._check_flags(first)
                packet_id, reason = decode_acknowledgement(inbox.data, pos, end, self.level)
                self._on_acknowledgement(incoming, kind, packet_id, reason, now)
            else:
                self._on_other(first, Reader(inbox.data, pos, end), events, now)
                if self.closing:
                    return
        if self._state == _NEW and inbox.first_byte not in {None, _CONNECT << 4}:
            raise ProtocolViolation("the first packet is not CONNECT")

    def _check_flags(self, first: int) -> None:
        flags = first & 15
        if self.level == 3:
            flags &= 7  # MQTT 3.1 lets any packet be marked as repeated
        if flags != _FLAGS.get(first >> 4, 0):
            raise MalformedPacket("reserved flags are wrong")

    def _on_other(self, first: int, reader: Reader, events: list[Event], now: float) -> None:
        if self._state == _NEW:
            if first != _CONNECT << 4:
                raise ProtocolViolation("the first packet is not CONNECT")
            self._on_connect(reader, events, now)
            return
        handler = _HANDLERS.get(first >> 4)
        if handler is None:
            raise ProtocolViolation(f"packet type {first >> 4} is not allowed here")
        self._check_flags(first)
        handler(self, reader, events, now)

    def _on_connect(self, reader: Reader, events: list[Event], now: float) -> None:
        request = decode_connect(reader)
        self._request = request
        self._state = _UNDECIDED
        self.level = request.level
        self._tells_reasons = request.properties.request_problem_information != 0
        self._outbox.speak(request.level, max_packet_bytes=request.properties.maximum_packet_size)
        refusal = admission.refusal_of_protocol(request)
        if refusal is not None:
            self.refuse(*refusal, now)
            events.append(Disconnected(*refusal, by_client=False))
            return
        events.append(request)

    def _on_acknowledgement(self, incoming: Incoming, kind: int, packet_id: int, reason: int, now: float) -> None:
        """Go on with an exchange (section 4.3); an answer to nothing, perhaps from before a reconnect, is let be."""
        if kind == _PUBREL:
            incoming.release(packet_id)
            return
        session = incoming.session
        qos = session.qos_in_flight(packet_id)
        if kind == _PUBREC and reason < reasons.UNSPECIFIED:
            code = reasons.SUCCESS if session.release(packet_id) else reasons.PACKET_IDENTIFIER_NOT_FOUND
            self._outbox.emit_acknowledgement(encode.PUBREL, packet_id, code)
        elif qos == (1 if kind == _PUBACK else 2):
            session.settle(packet_id, now)

    def _on_subscribe(self, reader: Reader, events: list[Event], now: float) -> None:
        del now
        packet_id, subscriptions, properties = decode_subscribe(reader, self.level)
        admission.check_filters(self.profile, [subscription.filter for subscription in subscriptions])
        if packet_id in self._subscribing:
            raise ProtocolViolation("packet identifier is in use", code=reasons.PACKET_IDENTIFIER_IN_USE)
        self._subscribing[packet_id] = subscriptions
        events.append(SubscribeRequested(packet_id, subscriptions, properties))

    def _on_unsubscribe(self, reader: Reader, events: list[Event], now: float) -> None:
        del now
        packet_id, filters = decode_unsubscribe(reader, self.level)
        admission.check_filters(self.profile, filters)
        session = self._session
        codes = bytearray()
        for text in filters:
            existed = session is not None and session.space.unsubscribe(session, text)
            codes.append(reasons.SUCCESS if existed else reasons.NO_SUBSCRIPTION_EXISTED)
        self._outbox.emit(encode.encode_unsuback(packet_id, bytes(codes), level=self.level))
        events.append(Unsubscribed(filters))

    def _on_pingreq(self, reader: Reader, events: list[Event], now: float) -> None:
        del events, now
        reader.finish()
        self._outbox.emit(encode.PINGRESP)

    def _on_disconnect(self, reader: Reader, events: list[Event], now: float) -> None:
        code, properties = decode_disconnect(reader, self.level)
        expiry_s = properties.session_expiry_s
        session = self._session
        if expiry_s is not None and session is not None:
            if expiry_s and not session.expiry_s:
                raise ProtocolViolation("a session that ends with its connection cannot be prolonged")
            session.expiry_s = min(expiry_s, self.profile.max_session_expiry_s)
        self._end(code, "client disconnected", now, with_will=code != reasons.SUCCESS)
        events.append(Disconnected(code, "client disconnected", by_client=True))

    # Decisions

    def accept(
        self,
        *,
        space: str,
        profile: Profile,
        now: float,
        holder: str = "",
        may_hear: Callable[[str], bool] | None = None,
    ) -> bool:
        """Let the client in under this profile; False when the profile refuses it, which has then been answered.

        `holder` says whom the session belongs to: the same client id of another holder is another session, so that
        nobody ends somebody else's connection or inherits what waits for it. `may_hear` decides on the filters of an
        earlier session: where one is not allowed any more, that session ends instead of being resumed.
        """
        request = self._request
        if self._state != _UNDECIDED or request is None:
            return False
        refusal = admission.refusal_of_profile(request, profile)
        if refusal is not None:
            self.refuse(*refusal, now)
            return False
        client_id = request.client_id or self._broker.new_client_id()
        entered = self._broker.enter(
            space,
            client_id,
            profile,
            holder=holder,
            clean_start=request.clean_start,
            may_hear=may_hear,
            now=now,
        )
        if entered is None:
            self.refuse(reasons.QUOTA_EXCEEDED, "too many sessions", now)
            return False
        session, is_resumed = entered
        terms = admission.settle_terms(request, profile, assigned_client_id=client_id)
        self._open(session, profile, terms, now)
        self._outbox.emit(
            encode.encode_connack(
                session_present=is_resumed and self.level != 3,
                code=reasons.SUCCESS,
                level=self.level,
                properties=terms.announced,
            )
        )
        if self._outbox.unsent_bytes > self._outbox.max_packet_bytes:
            self._outbox.clear()
            self._end(reasons.PACKET_TOO_LARGE, "CONNACK is larger than the client takes", now, with_will=False)
            return False
        self._broker.counters.connects += 1
        self.check_deadline(now)
        session.pump(now)
        return True

    def refuse(self, code: int, detail: str, now: float) -> None:
        """Send the client away with a CONNACK that says why."""
        if self._state != _UNDECIDED:
            return
        self._broker.counters.refusals += 1
        if self.level != 5:
            code_3 = reasons.connack_code_of_level_3_and_4(code)
            self._outbox.emit(
                encode.encode_connack(session_present=False, code=code_3, level=self.level, properties=None)
            )
        else:
            properties = Properties(reason_string=detail) if self._tells_reasons else None
            self._outbox.emit(encode.encode_connack(session_present=False, code=code, level=5, properties=properties))
        self._end(code, detail, now, with_will=False)

    def acknowledge(self, packet_id: int, reason: int = reasons.SUCCESS) -> None:
        """Tell the client that its message is stored; nothing to tell at QoS 0 or when the connection is over."""
        if self._incoming is not None:
            self._incoming.acknowledge(packet_id, reason, is_closed=self.closing)

    def deny(self, publish: PublishReceived, reason: int, now: float) -> None:
        """Tell the client that its message is not taken.

        MQTT 5 at QoS 1 and 2 carries the reason; without that, the connection closes (MQTT 3.1.1, section 3.3.5),
        except that a lenient profile drops a QoS 0 message of MQTT 5 in silence.
        """
        self._broker.counters.dropped_denied += 1
        if self._incoming is not None:
            self._incoming.forget(publish.packet_id, publish.qos)
        if self.closing:
            return
        if self.level == 5 and publish.qos:
            kind = encode.PUBACK if publish.qos == 1 else encode.PUBREC
            self._outbox.emit_acknowledgement(kind, publish.packet_id, reason)
        elif self.level != 5 or self.profile.is_strict:
            self.close(reason, f"publish is not allowed: {publish.topic}", now)

    def grant(self, packet_id: int, codes: Sequence[int] | None, now: float) -> None:
        """Answer a SUBSCRIBE with one code per filter: at most that QoS, or a failure; None grants all as asked."""
        subscriptions = self._subscribing.pop(packet_id, ())
        session = self._session
        if self.closing or session is None or not subscriptions:
            return
        answers = bytearray()
        added: list[tuple[Subscription, bool]] = []
        for place, subscription in enumerate(subscriptions):
            wish = subscription.qos if codes is None else codes[place]
            code = admission.grant_code(subscription, wish, self.profile, session.subscriptions, level=self.level)
            if code >= reasons.UNSPECIFIED:
                if self.level == 3 or (self.profile.is_strict and self.level != 5):
                    # MQTT 3.1 has no failure code, and clients of the strict profile's time rely on the close.
                    self.close(code, f"subscription is not allowed: {subscription.filter}", now)
                    return
                answers.append(code if self.level == 5 else reasons.UNSPECIFIED)
                continue
            subscription.qos = code
            answers.append(code)
            added.append((subscription, session.space.subscribe(session, subscription)))
        self._outbox.emit(encode.encode_suback(packet_id, bytes(answers), level=self.level))
        for subscription, is_new in added:
            if subscription.group is None and subscription.retain_handling <= is_new:
                for message in session.space.retained.find(subscription.topic_filter, now):
                    qos = min(message.qos, subscription.qos)
                    session.deliver(message, qos, True, subscription.identifiers, now)

    def close(self, code: int, detail: str, now: float) -> None:
        """End the connection from this side; MQTT 5 clients are told the reason, and the will is due."""
        if self.closing:
            return
        if self._state == _UNDECIDED:
            self.refuse(code, detail, now)
            return
        self._say_goodbye(code, detail)
        self._end(code, detail, now, with_will=True)

    def lost(self, now: float) -> None:
        """Take note that the transport is gone."""
        if not self.closing:
            self._end(reasons.UNSPECIFIED, "connection lost", now, with_will=True)
        self._outbox.clear()

    def check_deadline(self, now: float) -> None:
        """End the connection if its time has come; otherwise ask to be checked again when it may have."""
        if self._state != _OPEN:
            self.close(reasons.UNSPECIFIED, "no CONNECT in time", now)
            return
        if not self.wants_read:
            self._heard_at = now  # it is not the client who is silent: its packets wait here
        if self._grace_s is not None and now >= self._heard_at + self._grace_s:
            self._broker.counters.keep_alive_timeouts += 1
            self.close(reasons.KEEP_ALIVE_TIMEOUT, "keep alive timeout", now)
            return
        oldest_s = self.profile.max_connection_s
        if oldest_s is not None and now >= self.connected_at + oldest_s:
            self.close(reasons.MAXIMUM_CONNECT_TIME, "maximum connect time", now)
            return
        times = []
        if self._grace_s is not None:
            times.append(self._heard_at + self._grace_s)
        if oldest_s is not None:
            times.append(self.connected_at + oldest_s)
        if times:
            self._broker.watch(self, min(times))

    @property
    def subscriptions(self) -> Mapping[str, Subscription]:
        """The client's subscriptions by filter."""
        return MappingProxyType(self._session.subscriptions if self._session is not None else {})

    # Output

    def take_output(self) -> bytes:
        """Return everything that is to be written."""
        was_blocked = self._outbox.is_blocked
        data = self._outbox.take()
        if was_blocked:
            self._pump(self._broker.now)
        return data

    def set_writable(self, writable: bool, now: float) -> None:  # noqa: FBT001 - a state, not a switch
        """Tell whether the transport takes more; while it does not, nothing but answers is added."""
        self._outbox.set_writable(writable)
        self._pump(now)

    def _pump(self, now: float) -> None:
        if not self.closing and self._session is not None and not self._outbox.is_blocked:
            self._session.pump(now)

    # Beginning and end

    def _open(self, session: Session, profile: Profile, terms: admission.Terms, now: float) -> None:
        request = self._request
        self._request = None
        self._state = _OPEN
        self._session = session
        self.profile = profile
        self.space = session.space.name
        self.client_id = session.client_id
        self.session_key = session.key
        self.connected_at = self._heard_at = now
        self.keep_alive = terms.keep_alive_s
        self._grace_s = terms.keep_alive_s * _KEEP_ALIVE_GRACE if terms.keep_alive_s else profile.idle_timeout_s
        self._inbox.max_frame_bytes = profile.max_packet_bytes
        self._outbox.settle(max_unsent_bytes=profile.max_unsent_bytes, alias_maximum=terms.alias_maximum)
        session.expiry_s = terms.session_expiry_s
        session.will = request.will if request is not None else None
        self._incoming = Incoming(session, profile, self._outbox)
        session.attach(self, self._incoming, self._outbox, profile, window=terms.outbound_window)

    def _fail(self, failure: ProtocolFailure, now: float) -> None:
        if self._state == _NEW and failure.code == reasons.UNSUPPORTED_PROTOCOL_VERSION:
            # The version is unknown, so the answer takes the form that every client reads (3.1.1, section 3.1.2.2).
            self._outbox.emit(encode.encode_connack(session_present=False, code=1, level=4, properties=None))
        self._say_goodbye(failure.code, failure.detail)
        self._end(failure.code, failure.detail, now, with_will=True)

    def _say_goodbye(self, code: int, detail: str) -> None:
        if self._state != _OPEN or self.level != 5:
            return
        packet = encode.encode_disconnect(code, Properties(reason_string=detail) if self._tells_reasons else None)
        if len(packet) > self._outbox.max_packet_bytes:
            packet = encode.encode_disconnect(code, None)
        if len(packet) <= self._outbox.max_packet_bytes:
            self._outbox.emit(packet)

    def _end(self, code: int, detail: str, now: float, *, with_will: bool) -> None:
        self.closing = True
        self.close_code = code
        self.close_detail = detail
        self._state = _CLOSED
        self._request = None
        self._inbox.clear()
        self._subscribing.clear()
        self._broker.leave(self, self._session, with_will=with_will, now=now)


_HANDLERS: Final[dict[int, Callable[[Connection, Reader, list[Event], float], None]]] = {
    _SUBSCRIBE: Connection._on_subscribe,  # noqa: SLF001 - the table of this very class
    _UNSUBSCRIBE: Connection._on_unsubscribe,  # noqa: SLF001
    _PINGREQ: Connection._on_pingreq,  # noqa: SLF001
    _DISCONNECT: Connection._on_disconnect,  # noqa: SLF001
}
