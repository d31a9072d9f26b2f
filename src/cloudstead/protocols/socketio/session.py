"""One client, over polling or a WebSocket or on its way from one to the other (Engine.IO protocol 3)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import msgspec

from cloudstead.protocols.socketio.errors import BadPacket, SessionOver
from cloudstead.protocols.socketio.packets import (
    CONNECT,
    DISCONNECT,
    Event,
    decode_message,
    encode_ack,
    encode_error,
    encode_event,
    is_default,
)

# The packets of Engine.IO.
OPEN: Final = "0"
CLOSE: Final = "1"
PING: Final = "2"
PONG: Final = "3"
MESSAGE: Final = "4"
UPGRADE: Final = "5"
NOOP: Final = "6"

PROBE: Final = PING + "probe"
PROBED: Final = PONG + "probe"

MAX_WAITING_UNITS: Final = 1 << 20
"""What may wait for a client that does not come for it: a megabyte of text."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How often clients have to show that they are there; the values of Socket.IO's own servers."""

    ping_interval_s: float = 25.0
    ping_timeout_s: float = 60.0


class Session:
    """What one client has said and what waits for it. Time is an argument, in seconds of any steady clock."""

    def __init__(self, session_id: str, *, now: float, timing: Timing | None = None, may_upgrade: bool) -> None:
        """``may_upgrade`` tells whether the client came by polling and may take a WebSocket later."""
        self.id = session_id
        self._timing = timing or Timing()
        self._latest = now
        self._waiting: deque[str] = deque()
        self._waiting_units = 0
        self.is_over = False
        self.is_upgrading = False
        self.is_on_websocket = not may_upgrade
        self._send(OPEN + self._greeting(may_upgrade=may_upgrade))
        self._send(MESSAGE + CONNECT)

    @property
    def has_news(self) -> bool:
        """Whether something waits for the client, its end included."""
        return bool(self._waiting) or self.is_over

    def receive(self, packet: str, now: float) -> Event | None:
        """Take a packet; return the event, where it brings one. Raise ``BadPacket`` or ``SessionOver``."""
        if self.is_over:
            raise SessionOver
        self._latest = now
        kind, rest = packet[:1], packet[1:]
        if kind == MESSAGE:
            return self._receive_message(rest)
        if kind == PING:
            self._send(PONG + rest)
        elif kind == CLOSE:
            self.is_over = True
        elif kind != NOOP:
            raise BadPacket("a packet that clients do not send")
        return None

    def begin_upgrade(self, now: float) -> None:
        """Take the probe of a WebSocket; the request that is being held has to be answered, so that polling ends."""
        if self.is_over or self.is_on_websocket:
            raise SessionOver
        self._latest = now
        self.is_upgrading = True
        if not self._waiting:
            self._send(NOOP)

    def finish_upgrade(self, now: float) -> None:
        """Go over to the WebSocket, on which everything that still waits will be sent."""
        if self.is_over or not self.is_upgrading:
            raise SessionOver
        self._latest = now
        self.is_upgrading = False
        self.is_on_websocket = True

    def give_up_upgrade(self) -> None:
        """Stay with polling: the WebSocket has gone before it took over."""
        self.is_upgrading = False

    def emit(self, name: str, argument: object) -> None:
        """Send an event; a client that does not come for what waits loses its session."""
        self._send(MESSAGE + encode_event(name, argument))

    def acknowledge(self, event: Event, argument: object) -> None:
        """Answer an event, if its sender wants an answer."""
        if event.ack_id is not None:
            self._send(MESSAGE + encode_ack(event.ack_id, argument))

    def take(self) -> list[str]:
        """Return what waits for the client."""
        packets = [packet for packet in self._waiting if packet != NOOP] if self.is_on_websocket else self._waiting
        taken = list(packets)
        self._waiting.clear()
        self._waiting_units = 0
        return taken

    def close(self) -> None:
        """End the session; the client is told with what it takes last."""
        if not self.is_over:
            self._send(CLOSE)
            self.is_over = True

    def is_gone(self, now: float) -> bool:
        """Tell whether the client has been silent for longer than it may."""
        return now - self._latest > self._timing.ping_interval_s + self._timing.ping_timeout_s

    def _receive_message(self, text: str) -> Event | None:
        message = decode_message(text)
        if not is_default(message.namespace):
            if message.kind == CONNECT:
                self._send(MESSAGE + encode_error(message.namespace, "Invalid namespace"))
            return None
        if message.kind == DISCONNECT:
            self.is_over = True
        return message.event

    def _send(self, packet: str) -> None:
        if self.is_over:
            return
        self._waiting_units += len(packet)
        if self._waiting_units > MAX_WAITING_UNITS:
            self._waiting.clear()
            self._waiting.append(CLOSE)
            self.is_over = True
            return
        self._waiting.append(packet)

    def _greeting(self, *, may_upgrade: bool) -> str:
        return msgspec.json.encode(
            {
                "sid": self.id,
                "upgrades": ["websocket"] if may_upgrade else [],
                "pingInterval": round(self._timing.ping_interval_s * 1000),
                "pingTimeout": round(self._timing.ping_timeout_s * 1000),
            }
        ).decode()
