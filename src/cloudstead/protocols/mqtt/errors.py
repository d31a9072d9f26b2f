"""What a peer can do wrong on the wire.

ProtocolFailure
    MalformedPacket       the bytes are no MQTT packet
    ProtocolViolation     a packet, but not allowed here or in this order
    LimitExceeded         a packet beyond what the profile of the connection allows
TopicInvalid              a topic name or filter that breaks MQTT's rules (also raised to callers of the broker)

A failure never leaves `Connection.receive`: it ends the connection with its reason code.
"""

from cloudstead.protocols.mqtt import reasons


class ProtocolFailure(Exception):
    """The peer broke MQTT; `code` is the MQTT 5 reason code to close with."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class MalformedPacket(ProtocolFailure):
    """The bytes cannot be a control packet of this protocol level."""

    def __init__(self, detail: str) -> None:
        super().__init__(reasons.MALFORMED_PACKET, detail)


class ProtocolViolation(ProtocolFailure):
    """The packet is well formed, but not allowed here."""

    def __init__(self, detail: str, *, code: int = reasons.PROTOCOL_ERROR) -> None:
        super().__init__(code, detail)


class LimitExceeded(ProtocolFailure):
    """The packet asks for more than the connection's profile allows."""


class TopicInvalid(ValueError):
    """A topic name or topic filter breaks the rules of MQTT 5, section 4.7."""
