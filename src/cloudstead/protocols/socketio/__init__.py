"""Socket.IO as browsers of 2017 speak it: protocol 4 of its messages over Engine.IO 3, without any I/O.

``packets``  the messages of Socket.IO: connect, event, acknowledgement
``payloads`` several Engine.IO packets in one HTTP body
``session``  one client over both of its transports: what it may send when, what waits for it, when it is gone

Only what such clients send to a service of text messages is served: no binary events, further namespaces or JSONP.
"""

from cloudstead.protocols.socketio.errors import (
    BadPacket,
    BadPayload,
    SessionOver,
    SocketIOError,
)
from cloudstead.protocols.socketio.packets import Event, encode_ack, encode_event
from cloudstead.protocols.socketio.payloads import decode_binary_payload, decode_payload, encode_payload
from cloudstead.protocols.socketio.session import Session, Timing

__all__ = [
    "BadPacket",
    "BadPayload",
    "Event",
    "Session",
    "SessionOver",
    "SocketIOError",
    "Timing",
    "decode_binary_payload",
    "decode_payload",
    "encode_ack",
    "encode_event",
    "encode_payload",
]
