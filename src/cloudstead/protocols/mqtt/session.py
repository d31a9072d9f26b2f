"""What outlives a network connection (MQTT 5, section 4.1): subscriptions, what is in flight, what waits."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from cloudstead.protocols.mqtt.backlog import Backlog
from cloudstead.protocols.mqtt.message import Delivery, Message

if TYPE_CHECKING:
    from cloudstead.protocols.mqtt.connection import Connection
    from cloudstead.protocols.mqtt.counters import Counters
    from cloudstead.protocols.mqtt.events import Subscription, Will
    from cloudstead.protocols.mqtt.incoming import Incoming
    from cloudstead.protocols.mqtt.outbox import Outbox
    from cloudstead.protocols.mqtt.profile import Profile
    from cloudstead.protocols.mqtt.space import Space

_LAST_PACKET_ID = 65_535
# Measured on CPython 3.11: what a session takes that nobody is connected to, without what waits for it.
_SESSION_BYTES = 1_000
_SUBSCRIPTION_BYTES = 300
_DELIVERY_BYTES = 200


def session_key(holder: str, client_id: str) -> str:
    """Return what names a session in its space: holders choose their client ids freely and never meet each other's.

    No client id holds a NUL (MQTT 5, section 1.5.4), so two pairs never make the same key.
    """
    return f"{client_id}\0{holder}"


def holder_of(key: str) -> str:
    """Return the holder of the session with this key."""
    return key.partition("\0")[2]


class Session:
    """Hands messages to the connection while there is one, in order and within its window; keeps them otherwise."""

    __slots__ = (
        "_backlog",
        "_counters",
        "_in_flight",
        "_next_packet_id",
        "_profile",
        "_resend",
        "_window",
        "client_id",
        "connection",
        "expires_at",
        "expiry_s",
        "inbound",
        "incoming",
        "key",
        "outbox",
        "space",
        "subscriptions",
        "will",
        "will_at",
        "will_owner",
    )

    def __init__(self, space: Space, client_id: str, profile: Profile, counters: Counters, *, key: str) -> None:
        self.space = space
        self.key = key
        self.client_id = client_id
        self.connection: Connection | None = None
        self.subscriptions: dict[str, Subscription] = {}
        # QoS 2 messages from the client, by packet id, until PUBREL; True once the message is stored.
        self.inbound: dict[int, bool] = {}
        self.incoming: Incoming | None = None
        self.expiry_s = 0
        self.expires_at: float | None = None
        self.will: Will | None = None
        self.will_at: float | None = None
        self.will_owner: object = None
        self.outbox: Outbox | None = None
        self._profile = profile
        self._counters = counters
        self._in_flight: dict[int, Delivery] = {}
        self._resend: deque[Delivery] | None = None  # an empty one would be a sixth of an idle session's memory
        self._backlog: Backlog | None = None  # most sessions never have one
        self._next_packet_id = 1
        self._window = 0

    def attach(
        self, connection: Connection, incoming: Incoming, outbox: Outbox, profile: Profile, *, window: int
    ) -> None:
        """Let the session speak through this connection; what was in flight will be repeated by `pump`."""
        self.connection = connection
        self.incoming = incoming
        self.outbox = outbox
        self.expires_at = None
        self.will_at = None
        self.will_owner = None
        self._profile = profile
        self._window = window
        self._resend = deque(self._in_flight.values()) if self._in_flight else None

    def detach(self) -> None:
        """Keep everything until another connection comes."""
        self.connection = None
        self.incoming = None
        self.outbox = None

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self.outbox is not None

    @property
    def is_ready(self) -> bool:
        """Whether a message would leave at once rather than wait."""
        return self.outbox is not None and not self.outbox.is_blocked and self._backlog is None

    @property
    def holder(self) -> str:
        """Whom the session belongs to."""
        return holder_of(self.key)

    @property
    def waiting_bytes(self) -> int:
        """What waits to be sent, in bytes."""
        return 0 if self._backlog is None else self._backlog.bytes

    def resting_bytes(self) -> int:
        """Return what the session takes while it is offline, in about bytes, without what waits."""
        in_flight = sum(_DELIVERY_BYTES + each.message.size for each in self._in_flight.values())
        return _SESSION_BYTES + _SUBSCRIPTION_BYTES * len(self.subscriptions) + in_flight

    def deliver(
        self,
        message: Message,
        qos: int,
        retain: bool,  # noqa: FBT001
        identifiers: tuple[int, ...],
        now: float,
    ) -> None:
        """Send the message now, or keep it, or drop and count it."""
        outbox = self.outbox
        if outbox is None:
            self._keep(Delivery(message, qos, retain, identifiers))
            return
        if not qos:
            if not outbox.is_blocked:
                outbox.send(message, retain, identifiers, now)
            elif retain:
                # The answer to a SUBSCRIBE may be larger than what can be unsent at once.
                self._keep(Delivery(message, qos, retain, identifiers))
            else:
                self._counters.dropped_unwritable += 1
            return
        delivery = Delivery(message, qos, retain, identifiers)
        if outbox.is_blocked or self._backlog is not None or self._resend or len(self._in_flight) >= self._window:
            self._keep(delivery)
        else:
            self._send(outbox, delivery, now)

    def pump(self, now: float) -> None:
        """Send what waits, as far as the connection and its window allow."""
        outbox = self.outbox
        if outbox is None:
            return
        while self._resend:
            if outbox.is_blocked or len(self._in_flight) - len(self._resend) >= self._window:
                return
            delivery = self._resend.popleft()
            if self._in_flight.get(delivery.packet_id) is delivery and not outbox.send_again(delivery, now):
                del self._in_flight[delivery.packet_id]
        backlog = self._backlog
        if backlog is None:
            return
        before = backlog.bytes
        self._drain(backlog, outbox, now)
        self.space.hold(backlog.bytes - before)
        if not backlog:
            self._backlog = None

    def _drain(self, backlog: Backlog, outbox: Outbox, now: float) -> None:
        while backlog and not outbox.is_blocked:
            delivery = backlog.peek()
            if delivery.message.is_expired(now):
                backlog.pop()
                self._counters.dropped_expired += 1
            elif not delivery.qos:
                backlog.pop()
                outbox.send(delivery.message, delivery.retain, delivery.identifiers, now)
            elif len(self._in_flight) < self._window:
                backlog.pop()
                self._send(outbox, delivery, now)
            else:
                return

    def settle(self, packet_id: int, now: float) -> None:
        """End an exchange: PUBACK, PUBCOMP, or PUBREC with a failure came."""
        if self._in_flight.pop(packet_id, None) is not None and (self._backlog is not None or self._resend):
            self.pump(now)

    def release(self, packet_id: int) -> bool:
        """Go on to the second half of a QoS 2 exchange: PUBREC came. Tell whether there is such an exchange."""
        delivery = self._in_flight.get(packet_id)
        if delivery is None or delivery.qos != 2:
            return False
        delivery.is_released = True
        return True

    def qos_in_flight(self, packet_id: int) -> int:
        """Return the QoS of the exchange with this packet id, 0 when there is none."""
        delivery = self._in_flight.get(packet_id)
        return 0 if delivery is None else delivery.qos

    def _send(self, outbox: Outbox, delivery: Delivery, now: float) -> None:
        packet_id = self._next_packet_id
        while packet_id in self._in_flight:
            packet_id = packet_id % _LAST_PACKET_ID + 1
        self._next_packet_id = packet_id % _LAST_PACKET_ID + 1
        delivery.packet_id = packet_id
        if outbox.send_acknowledged(delivery, now):
            self._in_flight[packet_id] = delivery

    def _keep(self, delivery: Delivery) -> None:
        if self._backlog is None:
            self._backlog = Backlog(
                max_messages=self._profile.max_queued_messages, max_bytes=self._profile.max_queued_bytes
            )
        before = self._backlog.bytes
        self._counters.dropped_queue_full += self._backlog.push(delivery, self.space.room())
        self.space.hold(self._backlog.bytes - before)
