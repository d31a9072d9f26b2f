"""Several packets in one HTTP body (Engine.IO protocol 3, "Payload").

As text, each packet is preceded by its length and a colon; the length counts UTF-16 units, as JavaScript does. As
bytes, which clients of Socket.IO 1.x send, a byte says whether a packet is text, then come the digits of its length in
bytes, one a byte, and 255.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cloudstead.protocols.socketio.errors import BadPayload

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PACKETS: Final = 64
_MOST_DIGITS: Final = 9
_TEXT: Final = 0
_END_OF_LENGTH: Final = 255


def encode_payload(packets: Iterable[str]) -> str:
    """Return the body that carries the packets."""
    return "".join(f"{_units(packet)}:{packet}" for packet in packets)


def decode_payload(body: str) -> list[str]:
    """Return the packets of a body of text; raise ``BadPayload``."""
    packets: list[str] = []
    encoded = body.encode("utf-16-le", "surrogatepass")
    start = 0
    while start < len(encoded):
        if len(packets) == MAX_PACKETS:
            raise BadPayload("too many packets")
        colon = _colon(encoded, start)
        digits = encoded[start:colon].decode("utf-16-le", "replace")
        if not digits.isascii() or not digits.isdecimal() or len(digits) > _MOST_DIGITS:
            raise BadPayload("a packet without its length")
        start = colon + 2
        end = start + 2 * int(digits)
        if end > len(encoded):
            raise BadPayload("a packet is cut short")
        try:
            packets.append(encoded[start:end].decode("utf-16-le"))
        except UnicodeDecodeError:
            raise BadPayload("a length that ends within a character") from None
        start = end
    if not packets:
        raise BadPayload("no packet")
    return packets


def decode_binary_payload(body: bytes) -> list[str]:
    """Return the packets of a body of bytes; raise ``BadPayload``, also for one that is not text."""
    packets: list[str] = []
    start = 0
    while start < len(body):
        if len(packets) == MAX_PACKETS:
            raise BadPayload("too many packets")
        if body[start] != _TEXT:
            raise BadPayload("a packet that is not text")
        end_of_length = body.find(_END_OF_LENGTH, start + 1, start + _MOST_DIGITS + 2)
        digits = body[start + 1 : end_of_length]
        if end_of_length < 0 or not digits or max(digits) > 9:
            raise BadPayload("a packet without its length")
        start = end_of_length + 1
        end = start + int("".join(map(str, digits)))
        if end > len(body):
            raise BadPayload("a packet is cut short")
        try:
            packets.append(body[start:end].decode())
        except UnicodeDecodeError:
            raise BadPayload("a packet that is not UTF-8") from None
        start = end
    if not packets:
        raise BadPayload("no packet")
    return packets


def _units(packet: str) -> int:
    return len(packet) if packet.isascii() else len(packet.encode("utf-16-le", "surrogatepass")) // 2


def _colon(encoded: bytes, start: int) -> int:
    """Return where the length that begins at ``start`` ends."""
    for position in range(start, min(start + 2 * (_MOST_DIGITS + 1), len(encoded)), 2):
        if encoded[position : position + 2] == b":\x00":
            return position
    raise BadPayload("a packet without its length")
