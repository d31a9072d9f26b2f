"""The messages of Socket.IO, protocol 4 (clients 1.x and 2.x), inside of Engine.IO's message packets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from cloudstead.protocols.socketio.errors import BadPacket

CONNECT: Final = "0"
DISCONNECT: Final = "1"
EVENT: Final = "2"
ACK: Final = "3"
ERROR: Final = "4"

_PARTS: Final = re.compile(r"(?:(/[^,]*),?)?([0-9]{0,15})(.*)", re.DOTALL)
_DEFAULT_NAMESPACE: Final = "/"


@dataclass(frozen=True, slots=True)
class Event:
    """What a client emitted; ``ack_id`` is set when it wants an answer."""

    name: str
    arguments: tuple[Any, ...]
    ack_id: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its kind, the namespace that it belongs to, and the event where it is one."""

    kind: str
    namespace: str
    event: Event | None = None


def encode_event(name: str, argument: Any) -> str:
    """Return the message that emits an event with one argument."""
    return EVENT + msgspec.json.encode([name, argument]).decode()


def encode_ack(ack_id: int, argument: Any) -> str:
    """Return the message that answers an event."""
    return f"{ACK}{ack_id}{msgspec.json.encode([argument]).decode()}"


def encode_error(namespace: str, text: str) -> str:
    """Return the message that refuses a namespace."""
    return f"{ERROR}{namespace},{msgspec.json.encode(text).decode()}"


def decode_message(text: str) -> Message:
    """Read a message; raise ``BadPacket``."""
    kind = text[:1]
    if kind not in (CONNECT, DISCONNECT, EVENT, ACK):
        raise BadPacket("a kind of message that is not served")
    parts = _PARTS.fullmatch(text[1:])
    if parts is None:
        raise BadPacket("a message that cannot be read")
    namespace = (parts[1] or _DEFAULT_NAMESPACE).partition("?")[0]
    event = _event(parts[2], parts[3]) if kind == EVENT else None
    return Message(kind, namespace, event)


def is_default(namespace: str) -> bool:
    """Tell whether a namespace is the one that every client is in."""
    return namespace == _DEFAULT_NAMESPACE


def _event(ack_id: str, data: str) -> Event:
    try:
        read = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        raise BadPacket("an event that is not JSON") from None
    if not isinstance(read, list) or not read or not isinstance(read[0], str):
        raise BadPacket("an event without a name")
    return Event(read[0], tuple(read[1:]), int(ack_id) if ack_id else None)
