"""What a client can do wrong.

The tree::

SocketIOError
├── BadPayload   an HTTP body that holds no packets
├── BadPacket    a packet that is none, or that is not served here
└── SessionOver  anything at all after the end
"""

from __future__ import annotations


class SocketIOError(Exception):
    """A client does not keep to the protocol; its session ends."""


class BadPayload(SocketIOError):
    """An HTTP body that holds no packets."""


class BadPacket(SocketIOError):
    """A packet that is none, or that is not served here."""


class SessionOver(SocketIOError):
    """The session has ended."""
